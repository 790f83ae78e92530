"""Reading what a model answers: events, shapes, JSON, tokens and their price; secrets cut to pieces (W33, W6)."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.blocks.base import BlockFailed
from workflows.blocks.llm_answers import MOST_LINE_BYTES, ChatAnswer, EventLines, json_of, parsed, usage_of
from workflows.blocks.llm_limits import tokens_reckoned
from workflows.blocks.llm_providers import Limits, Price, Usage
from workflows.blocks.llm_redaction import Redactor

pytestmark = pytest.mark.rule("W33")

STREAM = 'data: {"a": "grün"}\n\n: a comment\nevent: x\ndata: one\ndata:two\r\n\r\ndata: [DONE]\n\n'.encode()
EVENTS = ['{"a": "grün"}', "one\ntwo", "[DONE]"]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_are_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    lines, places = EventLines(), [0, *sorted(cuts), len(STREAM)]
    found = [data for begin, end in pairwise(places) for data in lines.feed(STREAM[begin:end])]
    assert found == EVENTS


def test_a_line_without_end_is_given_up() -> None:
    lines = EventLines()
    assert list(lines.feed(b"x" * MOST_LINE_BYTES)) == []
    with pytest.raises(BlockFailed):
        list(lines.feed(b"x"))


def answered(*parts: Any) -> ChatAnswer:
    answer = ChatAnswer(show=lambda text: None)
    for part in parts:
        answer.take(part)
    return answer


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, **fields}]}


def code_of(*parts: Any) -> str:
    with pytest.raises(BlockFailed) as failure:
        answered(*parts).check()
    return failure.value.error.code


def test_an_answer_is_put_together_from_its_pieces() -> None:
    answer = answered(
        choice(delta={"role": "assistant", "content": ""}),
        choice(delta={"content": "Hel"}),
        {"choices": [{"index": 1, "delta": {"content": "another"}}]},
        choice(delta={"content": "lo", "tool_calls": [{"function": {"name": "rm"}}]}),
        choice(delta={}, finish_reason="stop"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "model": "m-2"},
    ).check()
    assert (answer.text, answer.finish_reason, answer.usage, answer.model) == (
        "Hello",
        "stop",
        Usage(3, 2),
        "m-2",
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, ""), (5, ""), ([{"type": "text", "text": "a"}, {"type": "image"}, 7], "a"), ("b", "b")],
)
def test_content_of_any_shape_is_a_text(content: Any, text: str) -> None:
    assert answered(choice(message={"content": content})).check().text == text


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({}, "no_choices"),
        ({"choices": "none"}, "no_choices"),
        ({"choices": [5]}, "answer_malformed"),
        (choice(message="text"), "answer_malformed"),
        (choice(message={"content": ""}, finish_reason="content_filter"), "content_filtered"),
        (choice(message={"refusal": "no"}), "model_refused"),
        ({"error": {"message": "slow down", "code": 429}}, "rate_limited"),
        ({"error": {"type": "rate_limit_exceeded"}}, "rate_limited"),
        ({"error": "overloaded"}, "upstream_error"),
        (choice(message={"content": "x" * 2_000_000}), "response_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "part",
)
def test_what_is_no_answer_says_so(part: dict[str, Any], code: str) -> None:
    assert code_of(part) == code


@pytest.mark.parametrize("index", [[], {}, "0", 1])
def test_a_choice_of_another_index_is_not_ours(index: Any) -> None:
    assert code_of({"choices": [{"index": index, "message": {"content": "x"}}]}) == "no_choices"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000])
def test_what_is_no_json_object_is_malformed(text: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        parsed(text)
    assert failure.value.error.code == "answer_malformed"


@pytest.mark.parametrize(
    "written", ['{"a": 1}', '\n {"a": 1}\n', '```json\n{"a": 1}\n```', '```\n{"a": 1}```'], ids=range(4)
)
def test_json_is_found_with_or_without_a_fence(written: str) -> None:
    assert json_of(written) == {"a": 1}


@pytest.mark.parametrize("written", ["", "prose", "```", "[" * 100_000], ids=range(4))
def test_what_is_no_json_does_not_fit_any_schema(written: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        json_of(written)
    assert failure.value.error.code == "schema_mismatch"
    assert len(json.dumps(failure.value.error.detail)) < 1_100


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, Usage(3, 4)),
        ({"prompt_tokens": 3, "total_tokens": 3}, Usage(3, 0)),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": "3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_tokens_are_what_the_provider_says(usage: Any, counted: Usage | None) -> None:
    assert usage_of({"usage": usage}) == counted


def test_a_price_is_per_million_and_exact() -> None:
    price = Price.model_validate({"input_per_million": 0.15, "output_per_million": 0.6})
    assert price.of(Usage(1_000_000, 1)) == Decimal("0.1500006")


def test_the_stricter_limit_holds() -> None:
    asked, offered = Limits(concurrency=9, tokens_per_minute=5), Limits(concurrency=2, requests_per_minute=7)
    assert asked.within(offered) == Limits(concurrency=2, requests_per_minute=7, tokens_per_minute=5)
    assert not Limits().bounded
    assert offered.bounded


@pytest.mark.parametrize(("characters", "most", "tokens"), [(0, 10, 11), (400, None, 601), (400, 0, 101)])
def test_tokens_are_reckoned_before_they_are_known(characters: int, most: int | None, tokens: int) -> None:
    assert tokens_reckoned(characters, most) == tokens


@pytest.mark.rule("W6", "S6")
@given(
    before=st.text("ab-", max_size=12),
    after=st.text("ab-", max_size=12),
    secret=st.text("ab-", min_size=4, max_size=7),
    cuts=st.lists(st.integers(0, 31), max_size=12),
)
def test_a_secret_in_pieces_never_shows(before: str, after: str, secret: str, cuts: list[int]) -> None:
    text = before + secret + after
    redactor, places = Redactor([secret]), [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    shown = [redactor.feed(text[begin:end]) for begin, end in pairwise(places)]
    whole = "".join(shown) + redactor.end()
    assert secret not in whole
    assert whole.replace("***", secret) == text


def test_texts_without_secrets_are_shown_at_once() -> None:
    redactor = Redactor(["sk-secret", "abc"])
    assert [redactor.feed(piece) for piece in ("abc", " sk", "-x")] == ["abc", " ", "sk-x"]
    assert Redactor([]).feed("sk") == "sk"
