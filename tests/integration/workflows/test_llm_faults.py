"""Every way in which a provider fails, each with its class and code; and runs that live through them (W16, W33)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from config.local_llm.serving import Serving
from tests.bed.executing import MemorySink, live
from tests.bed.llm_server import Asker, llm_server
from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass
from workflows.services.executor import execute
from workflows.states import RunStatus

__all__ = ["llm_server"]

pytestmark = pytest.mark.rule("W33")

VALIDATION, UPSTREAM = ErrorClass.VALIDATION, ErrorClass.UPSTREAM


@pytest.mark.rule("W16")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("wish", "error_class", "code"),
    [
        ("429", ErrorClass.RATE_LIMITED, "rate_limited"),
        ("500", UPSTREAM, "upstream_error"),
        ("503", UPSTREAM, "upstream_error"),
        ("400", VALIDATION, "request_refused"),
        ("401", VALIDATION, "unauthorized"),
        ("403", VALIDATION, "forbidden"),
        ("404", VALIDATION, "not_found"),
        ("302", VALIDATION, "request_refused"),
        ("drop", UPSTREAM, "answer_cut"),
        ("malformed", UPSTREAM, "answer_malformed"),
        ("no_choices", UPSTREAM, "no_choices"),
        ("filter", VALIDATION, "content_filtered"),
        ("refusal", VALIDATION, "model_refused"),
        ("huge", VALIDATION, "response_too_large"),
        ("slow,seconds=3", ErrorClass.TIMEOUT, "timeout"),
    ],
)
def test_a_fault_fails_by_its_class(
    llm_server: Serving, wish: str, error_class: ErrorClass, code: str, stream: bool
) -> None:
    config = {"base_url": llm_server.url, "model": f"fault-{wish}", "prompt": "Draft", "stream": stream}
    with pytest.raises(BlockFailed) as failure:
        Asker().ask("llm", config, seconds=0.5 if "slow" in wish else 20)
    assert (failure.value.error.error_class, failure.value.error.code) == (error_class, code)


@pytest.mark.parametrize(
    ("stream", "code"), [(True, "answer_cut"), (False, "answer_malformed")], ids=["stream", "whole"]
)
def test_an_answer_that_stops_in_the_middle_is_no_answer(
    llm_server: Serving, stream: bool, code: str
) -> None:
    config = {"base_url": llm_server.url, "model": "fault-truncated", "prompt": "Draft", "stream": stream}
    with pytest.raises(BlockFailed) as failure:
        Asker().ask("llm", config)
    assert (failure.value.error.error_class, failure.value.error.code) == (UPSTREAM, code)


def test_an_error_in_the_middle_of_a_stream_is_the_providers(llm_server: Serving) -> None:
    asker = Asker()
    with pytest.raises(BlockFailed) as failure:
        asker.ask("llm", {"base_url": llm_server.url, "model": "fault-error", "prompt": "Draft"})
    assert failure.value.error.code == "upstream_error"
    assert len(asker.chunks) == 1


@pytest.mark.rule("W17")
def test_a_stream_that_drips_ends_at_the_deadline(llm_server: Serving) -> None:
    started = time.monotonic()
    with pytest.raises(BlockFailed) as failure:
        Asker().ask(
            "llm",
            {"base_url": llm_server.url, "model": "fault-drip,each=0.2", "prompt": "Draft"},
            seconds=0.6,
        )
    assert failure.value.error.code == "timeout"
    assert time.monotonic() - started < 5


@pytest.mark.rule("W16", "F34")
@pytest.mark.parametrize("as_date", ["0", "1"], ids=["seconds", "date"])
def test_the_time_a_provider_asks_for_is_understood(llm_server: Serving, as_date: str) -> None:
    config = {
        "base_url": llm_server.url,
        "model": f"fault-429,retry_after=20,as_date={as_date}",
        "prompt": "x",
    }
    with pytest.raises(BlockFailed) as failure:
        Asker().ask("llm", config)
    assert 15 < (failure.value.error.retry_after_seconds or 0) <= 20


def test_a_provider_that_is_not_there_is_the_upstreams_fault(settings: Any) -> None:
    settings.RUNSHEET_HTTP_ALLOW = ["127.0.0.1:9"]
    with pytest.raises(BlockFailed) as failure:
        Asker().ask("llm", {"base_url": "http://127.0.0.1:9/v1", "model": "m", "prompt": "x"})
    assert (failure.value.error.error_class, failure.value.error.code) == (UPSTREAM, "unreachable")


def asking(server: Serving, key: str, wish: str, **more: Any) -> dict[str, Any]:
    config = {
        "base_url": server.url,
        "model": f"fault-{wish}",
        "prompt": "Draft a reply",
        "stream": False,
        **more,
    }
    quick = {"max_attempts": 3, "delay_seconds": 0, "kind": "fixed"}
    return {"key": key, "type": "llm", "config": config, "retry": quick}


@pytest.mark.rule("W16")
@pytest.mark.parametrize("wish", ["500", "drop", "truncated", "malformed"])
def test_a_run_tries_again_after_a_passing_fault(llm_server: Serving, wish: str) -> None:
    sink = MemorySink()
    execute([live([asking(llm_server, "ask", f"{wish},times=2")])], sink)
    assert sink.end().status is RunStatus.COMPLETED
    assert llm_server.of().calls == 3


@pytest.mark.rule("W16", "F34")
def test_a_run_waits_out_retry_after(llm_server: Serving) -> None:
    sink, began = MemorySink(), time.monotonic()
    execute([live([asking(llm_server, "ask", "429,retry_after=1,times=1")])], sink)
    assert sink.end().status is RunStatus.COMPLETED
    assert time.monotonic() - began >= 1
    assert llm_server.of().calls == 2


@pytest.mark.rule("W16", "F34")
def test_a_run_that_must_wait_longer_gives_its_worker_back(llm_server: Serving) -> None:
    sink = MemorySink()
    execute([live([asking(llm_server, "ask", "429,retry_after=60")])], sink)
    assert sink.end().status is RunStatus.WAITING
    (attempt,) = [note for write in sink.writes for note in write.attempts]
    assert attempt.error["code"] == "rate_limited"


@pytest.mark.rule("W16", "F34")
def test_a_run_that_met_a_limit_has_used_no_attempt(llm_server: Serving) -> None:
    sink, later = MemorySink(), MemorySink()
    limits = {"requests_per_minute": 1}
    execute([live([asking(llm_server, "ask", "", limits=limits)])], sink)
    execute([live([asking(llm_server, "ask", "", limits=limits)])], later)
    assert sink.end().status is RunStatus.COMPLETED
    assert later.end().status is RunStatus.WAITING
    assert [note for write in later.writes for note in write.attempts] == []
    assert llm_server.of().calls == 1


@pytest.mark.rule("W8", "W10")
def test_a_router_fires_what_it_chose_and_nothing_else(llm_server: Serving) -> None:
    sink = MemorySink()
    config = {
        "base_url": llm_server.url,
        "model": "local-small",
        "text": "please refund me",
        "routes": [{"key": "refund"}, {"key": "technical"}],
    }
    blocks: list[dict[str, Any]] = [{"key": "choose", "type": "router", "config": config}]
    ways = ("route-refund", "route-technical", "else")
    blocks += [
        {"key": f"b{n}", "type": "set", "config": {"fields": {"way": way}}} for n, way in enumerate(ways)
    ]
    execute([live(blocks, [("choose", way, f"b{n}") for n, way in enumerate(ways)])], sink)
    assert {key: str(step.status) for key, step in sink.steps().items()} == {
        "choose": "completed",
        "b0": "completed",
        "b1": "skipped",
        "b2": "skipped",
    }
