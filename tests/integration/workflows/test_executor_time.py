"""The executor and time: timeouts, deadlines, Stop, and being told to stop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bed.executing import MemorySink, live
from tests.bed.factories import probing
from tests.bed.running import Probe, probe
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.engine.types import ErrorClass
from workflows.services import instances
from workflows.services.executor import execute
from workflows.states import RunStatus

__all__ = ["probe"]

ONCE = {"max_attempts": 1}
THRICE = {"max_attempts": 3, "delay_seconds": 0, "kind": "fixed", "retry_on": ["upstream", "timeout"]}


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    """No test leaves the process draining."""
    yield
    instances._draining.clear()


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Blocks that wait for it end with the test, whatever becomes of it."""
    event = threading.Event()
    yield event
    event.set()


def busy(key: str, **more: Any) -> dict[str, Any]:
    """A block that calls a probe with its own key."""
    return probing(key, key, **more)


def upstream(message: str = "try later") -> BlockFailed:
    return BlockFailed.because(ErrorClass.UPSTREAM, "upstream_down", message)


# ---- time --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("W17")
@pytest.mark.parametrize("effect", ["async", "repeatable"])
def test_a_block_that_takes_too_long_ends_as_timeout(
    effect: str, sink: MemorySink, probe: Probe, release: threading.Event
) -> None:
    _wait_for_ever(probe, release, effect)
    execute([live([busy("slow", effect=effect, timeout_seconds=0.2, retry=ONCE)])], sink)
    assert sink.end().status is RunStatus.FAILED
    error = sink.end().error or {}
    assert (error["class"], error["code"]) == ("timeout", "timeout")
    assert "0.2 s" in error["message"]


@pytest.mark.rule("W17")
@pytest.mark.parametrize("effect", ["async", "repeatable"])
def test_a_run_whose_deadline_passes_ends_as_timeout_and_its_blocks_are_told(
    effect: str, sink: MemorySink, probe: Probe, release: threading.Event
) -> None:
    _wait_for_ever(probe, release, effect)
    run = live([busy("slow", effect=effect)], deadline_seconds=0.2)
    execute([run], sink)
    error = sink.end().error or {}
    assert (error["class"], error["code"]) == ("timeout", "deadline_passed")
    assert run.cancelled.is_set()


@pytest.mark.rule("W16", "W17")
def test_a_deadline_that_passes_during_a_back_off_ends_the_run_and_no_other(
    sink: MemorySink, probe: Probe
) -> None:
    def does(tag: str, _context: object) -> str:
        if tag == "flaky":
            raise upstream()
        return tag

    probe.does = does
    patient = {**THRICE, "delay_seconds": 0.4}
    short = live([busy("flaky", retry=patient)], deadline_seconds=0.2)
    other = live([busy("flaky", retry={**patient, "max_attempts": 2})])
    execute([short, other], sink)
    ends = {write.run_id: write.end.error["code"] for write in sink.writes if write.end and write.end.error}
    assert ends == {short.run_id: "deadline_passed", other.run_id: "upstream_down"}


def _wait_for_ever(probe: Probe, release: threading.Event, effect: str) -> None:
    async def for_ever(_tag: str, _context: object) -> None:
        await asyncio.sleep(3600)

    if effect == "async":
        probe.async_does = for_ever
    else:
        probe.does = lambda tag, _context: release.wait(20) and tag


@pytest.mark.rule("W17")
def test_a_stopped_run_is_noticed_within_two_seconds_and_an_async_block_really_ends(
    sink: MemorySink, probe: Probe
) -> None:
    run, ended = live([busy("slow", effect="async")]), threading.Event()

    async def stopped(_tag: str, _context: object) -> None:
        sink.loses.add(run.run_id)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    probe.async_does = stopped
    began = time.monotonic()
    execute([run], sink)
    assert ended.wait(2)
    assert time.monotonic() - began < 2
    assert sink.writes == []


@pytest.mark.rule("W17")
def test_a_python_function_sees_a_stop_when_it_asks(
    sink: MemorySink, probe: Probe, release: threading.Event
) -> None:
    run, told = live([busy("slow")]), threading.Event()

    def does(_tag: str, context: BlockContext) -> str:
        sink.loses.add(run.run_id)
        assert context.cancelled.wait(5)
        try:
            context.check_cancelled()
        except BlockFailed:
            told.set()
            raise
        return "never"

    probe.does = does
    execute([run], sink)
    assert told.wait(2)


# ---- told to stop ------------------------------------------------------------------------------------------------


@pytest.mark.rule("W17", "F3")
def test_a_draining_process_hands_its_runs_back_at_the_next_step(sink: MemorySink, probe: Probe) -> None:
    probe.does = lambda tag, _context: instances.drain() or tag
    execute([live([busy("a"), busy("b")], [("a", "b")])], sink)
    assert sink.end().status is RunStatus.QUEUED
    assert (probe.counts(), set(sink.steps())) == ({"a": 1}, {"a"})


@pytest.mark.rule("W17", "F3")
def test_a_draining_process_does_not_sit_out_a_back_off(sink: MemorySink, probe: Probe) -> None:
    def does(_tag: str, _context: object) -> str:
        instances.drain()
        raise upstream()

    probe.does = does
    execute([live([busy("flaky", retry={**THRICE, "delay_seconds": 600})])], sink)
    assert sink.end().status is RunStatus.WAITING


@pytest.mark.rule("W17")
def test_a_run_whose_last_step_is_through_ends_even_so(sink: MemorySink, probe: Probe) -> None:
    probe.does = lambda tag, _context: instances.drain() or tag
    execute([live([busy("a")])], sink)
    assert sink.end().status is RunStatus.COMPLETED
