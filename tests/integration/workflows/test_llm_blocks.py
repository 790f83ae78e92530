"""The blocks that ask models, against a real server: what they send, show, answer and count (W33, S26)."""

from __future__ import annotations

import urllib.request
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from config.local_llm.serving import Serving
from tests.bed.llm_server import Asker, llm_server
from workflows.blocks.base import BlockFailed
from workflows.blocks.llm_providers import Limits, Price, Provider
from workflows.engine.types import BlockError, ErrorClass

__all__ = ["llm_server"]

pytestmark = pytest.mark.rule("W33")

TICKET = """Subject: Charged twice

Hello, order A-1007 was charged twice, $49.90 each. I am disappointed: please refund one of them.

Regards,
Ada"""

PRICE = {"input_per_million": "2", "output_per_million": "10"}


@pytest.fixture
def asker() -> Asker:
    return Asker()


def asking(server: Serving, **config: Any) -> dict[str, Any]:
    return {"base_url": server.url, "model": "local-small", **config}


def failing(asker: Asker, type_name: str, config: dict[str, Any], seconds: float = 10.0) -> BlockError:
    with pytest.raises(BlockFailed) as failure:
        asker.ask(type_name, config, seconds=seconds)
    return failure.value.error


def test_an_answer_is_shown_piece_by_piece_in_order(asker: Asker, llm_server: Serving) -> None:
    result = asker.ask("llm", asking(llm_server, prompt=f"Draft a reply:\n{TICKET}"))
    assert len(asker.chunks) > 20
    assert "".join(asker.chunks) == result.output["text"]
    assert result.output["text"].startswith("Hello Ada,")
    assert result.output["finish_reason"] == "stop"


@pytest.mark.parametrize("stream", [True, False])
def test_usage_is_recorded_and_priced(asker: Asker, llm_server: Serving, stream: bool) -> None:
    result = asker.ask("llm", asking(llm_server, prompt="Say three words", price=PRICE, stream=stream))
    usage, counts = result.output["usage"], llm_server.of()
    assert usage == {"input_tokens": counts.input_tokens, "output_tokens": counts.output_tokens}
    assert result.cost == Decimal(2 * usage["input_tokens"] + 10 * usage["output_tokens"]) / 1_000_000
    assert bool(asker.chunks) is stream


def test_without_word_of_tokens_there_is_no_cost(asker: Asker, llm_server: Serving) -> None:
    result = asker.ask("llm", asking(llm_server, model="fault-no_usage", prompt="x", price=PRICE))
    assert (result.output["usage"], result.cost) == (None, None)


def test_a_server_that_streams_nothing_is_read_all_the_same(asker: Asker, llm_server: Serving) -> None:
    result = asker.ask("llm", asking(llm_server, model="fault-whole", prompt="Hello there"))
    assert result.output["text"] == "You said: Hello there"
    assert asker.chunks == ["You said: Hello there"]


def test_a_conversation_is_sent_as_it_is(asker: Asker, llm_server: Serving) -> None:
    turns = [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}]
    parts = [{"type": "text", "text": "Three"}]
    asker.ask(
        "llm",
        asking(
            llm_server,
            system="Be brief.",
            messages=[*turns, {"role": "user", "content": parts}],
            temperature=0,
            max_tokens=50,
            options={"seed": 7},
        ),
    )
    sent = llm_server.app.requests[-1]["body"]
    assert [turn["content"] for turn in sent["messages"]] == ["Be brief.", "One", "Two", parts]
    assert (sent["temperature"], sent["max_tokens"], sent["seed"]) == (0, 50, 7)


SCHEMA = {
    "type": "object",
    "properties": {"order_number": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["order_number", "amount"],
}


@pytest.mark.parametrize("mode", ["schema", "object", "prompt"])
def test_an_answer_by_schema_is_read_as_json(asker: Asker, llm_server: Serving, mode: str) -> None:
    result = asker.ask("llm", asking(llm_server, prompt=TICKET, response_schema=SCHEMA, json_mode=mode))
    assert result.output["json"] == {"order_number": "A-1007", "amount": 49.9}
    sent = llm_server.app.requests[-1]["body"].get("response_format", {})
    assert sent.get("type") == {"schema": "json_schema", "object": "json_object", "prompt": None}[mode]


@pytest.mark.parametrize("wish", ["not_json", "unknown"])
def test_an_answer_that_does_not_fit_the_schema_fails_and_is_not_asked_for_again(
    asker: Asker, llm_server: Serving, wish: str
) -> None:
    error = failing(
        asker, "llm", asking(llm_server, model=f"fault-{wish}", prompt="x", response_schema=SCHEMA)
    )
    assert (error.error_class, error.code) == (ErrorClass.VALIDATION, "schema_mismatch")
    assert llm_server.of().calls == 1


def test_an_answer_by_schema_that_was_cut_off_says_so(asker: Asker, llm_server: Serving) -> None:
    config = asking(llm_server, model="fault-length", prompt=TICKET)
    assert asker.ask("llm", config).output["finish_reason"] == "length"
    assert failing(asker, "llm", {**config, "response_schema": SCHEMA}).code == "max_tokens_reached"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (TICKET, "refund"),
        ("My invoice is wrong", "billing"),
        ("The app crashes: error 500", "technical"),
        ("Hi", "other"),
    ],
    ids=["refund", "billing", "technical", "other"],
)
def test_tickets_are_classified(asker: Asker, llm_server: Serving, text: str, label: str) -> None:
    labels = ["billing", "refund", {"label": "technical", "description": "something is broken"}, "other"]
    result = asker.ask("classify", asking(llm_server, text=text, labels=labels))
    assert result.output["label"] == label
    assert 0 <= result.output["confidence"] <= 1


def test_no_label_is_an_answer_only_where_it_is_allowed(asker: Asker, llm_server: Serving) -> None:
    config = asking(llm_server, text="Hm", labels=["billing", "refund"])
    assert asker.ask("classify", {**config, "allow_none": True}).output["label"] is None
    assert asker.ask("classify", config).output["label"] in {"billing", "refund"}
    error = failing(asker, "classify", {**config, "model": "fault-unknown"})
    assert error.code == "schema_mismatch"


def test_fields_are_extracted_by_their_types(asker: Asker, llm_server: Serving) -> None:
    fields = {
        "order_number": {"required": True},
        "amount": {"type": "number", "description": "what was charged"},
        "sentiment": {"choices": ["positive", "neutral", "negative"], "required": True},
        "email": {"type": "email"},
    }
    result = asker.ask("extract", asking(llm_server, text=TICKET, fields=fields))
    assert result.output["json"] == {
        "order_number": "A-1007",
        "amount": 49.9,
        "sentiment": "negative",
        "email": None,
    }


@pytest.mark.rule("W10")
@pytest.mark.parametrize(
    ("text", "model", "handle"),
    [
        (TICKET, "local-small", "route-refund"),
        ("It crashes with an error", "local-small", "route-technical"),
        ("Hm", "local-small", "else"),
        (TICKET, "fault-unknown", "else"),
        (TICKET, "fault-not_json", "else"),
    ],
    ids=["refund", "technical", "none", "unknown", "prose"],
)
def test_a_route_is_chosen_or_else(
    asker: Asker, llm_server: Serving, text: str, model: str, handle: str
) -> None:
    routes = [{"key": "refund", "description": "wants money back"}, {"key": "technical"}]
    result = asker.ask("router", asking(llm_server, model=model, text=text, routes=routes))
    assert result.handle == handle
    assert result.output["route"] == (None if handle == "else" else handle.removeprefix("route-"))


def test_a_router_whose_provider_fails_takes_no_way(asker: Asker, llm_server: Serving) -> None:
    config = asking(llm_server, model="fault-500", text="x", routes=[{"key": "a"}])
    assert failing(asker, "router", config).error_class is ErrorClass.UPSTREAM


def test_texts_become_vectors(asker: Asker, llm_server: Serving) -> None:
    one = asker.ask("embed", asking(llm_server, input="late refund", price=PRICE))
    several = asker.ask("embed", asking(llm_server, input=["late refund", "hello"], dimensions=16))
    assert one.output["dimensions"] == len(one.output["embedding"]) == 64
    assert one.cost == Decimal(4) / 1_000_000
    assert [len(vector) for vector in several.output["embeddings"]] == [16, 16]


def test_a_named_provider_gives_its_key_its_model_its_prices_and_its_limits(
    asker: Asker, llm_server: Serving, settings: Any
) -> None:
    settings.RUNSHEET_LLM_PROVIDERS = {
        "house": Provider(
            base_url=llm_server.url,
            model="local-small",
            limits=Limits(concurrency=5),
            prices={"local-small": Price(input_per_million=Decimal(1))},
        ).model_copy(update={"api_key": SecretStr("house-key-1")})
    }
    result = asker.ask("llm", {"provider": "house", "prompt": "One two three"})
    assert llm_server.of("house-key-1").calls == 1
    assert result.output["model"] == "local-small"
    assert result.cost == Decimal(result.output["usage"]["input_tokens"]) / 1_000_000


@pytest.mark.rule("S6")
@pytest.mark.parametrize("stream", [True, False])
def test_a_key_that_comes_back_is_shown_to_nobody(asker: Asker, llm_server: Serving, stream: bool) -> None:
    key = "sk-canary-81f2"
    asker.secrets = {"OTHER": "canary-of-another"}
    config = asking(llm_server, prompt="x", api_key=key, stream=stream)
    result = asker.ask("llm", {**config, "model": "fault-echo"})
    refused = failing(asker, "llm", {**config, "model": "fault-401,echo=1"})
    assert refused.code == "unauthorized"
    assert result.output["text"] == "***"
    assert key not in str(refused)
    assert "canary" not in "".join(asker.chunks)
    assert "".join(asker.chunks) == ("***" if stream else "")


@pytest.mark.rule("S26")
@pytest.mark.parametrize("stream", [True, False])
def test_what_a_model_wants_called_is_called_by_nobody(
    asker: Asker, llm_server: Serving, stream: bool
) -> None:
    wish = f"[[tool_call url={llm_server.root}/sink/tool]]"
    result = asker.ask("llm", asking(llm_server, prompt=wish, stream=stream))
    assert result.output["finish_reason"] == "tool_calls"
    assert "{{ secrets.KEY }}" in result.output["text"]
    assert not {"tools", "functions", "tool_choice"} & set(llm_server.app.requests[-1]["body"])
    assert llm_server.app.sinks["tool"] == 0
    urllib.request.urlopen(f"{llm_server.root}/sink/tool").read()
    assert llm_server.app.sinks["tool"] == 1


@pytest.mark.rule("S1", "W32")
def test_a_private_address_is_called_only_where_the_install_allows_it(
    asker: Asker, llm_server: Serving, settings: Any
) -> None:
    settings.RUNSHEET_HTTP_ALLOW = []
    assert failing(asker, "llm", asking(llm_server, prompt="x")).code == "blocked_address"
    assert llm_server.of().calls == 0
