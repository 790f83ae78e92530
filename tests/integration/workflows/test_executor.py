"""The executor: what runs when, what is committed before what, how runs end (W7, W11, W13 to W17)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.bed.executing import MemorySink, live
from tests.bed.factories import probing, setting
from tests.bed.running import Probe, probe
from workflows.blocks.base import BlockContext, BlockFailed, BlockResult
from workflows.engine.types import ErrorClass
from workflows.services import instances, landing
from workflows.services.executor import execute
from workflows.states import RunStatus, StepStatus

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


# ---- what is committed before what -------------------------------------------------------------------------------


@pytest.mark.rule("W15")
def test_a_short_run_of_pure_blocks_is_one_commit(sink: MemorySink) -> None:
    execute(
        [
            live(
                [setting("a", "1"), setting("b", "{{ blocks.a.value }}"), setting("c", "3")],
                [("a", "b"), ("b", "c")],
            )
        ],
        sink,
    )
    assert [len(commit) for commit in sink.commits] == [1]
    assert list(sink.steps()) == ["a", "b", "c"]
    assert sink.end().result == {"value": "3"}


@pytest.mark.rule("W14")
def test_a_costly_step_is_committed_before_anything_else_starts(sink: MemorySink, probe: Probe) -> None:
    known: list[set[str]] = []
    probe.does = lambda tag, _context: known.append(set(sink.steps())) or tag
    execute([live([busy("a"), setting("p", "x"), busy("b")], [("a", "p"), ("p", "b")])], sink)
    assert known == [set(), {"a", "p"}]


@pytest.mark.rule("W15")
def test_an_unsafe_block_is_in_the_ledger_before_it_goes(sink: MemorySink, probe: Probe) -> None:
    known: list[StepStatus] = []
    probe.does = lambda tag, _context: known.append(sink.steps()["send"].status) or tag
    execute([live([busy("send", effect="unsafe")])], sink)
    assert known == [StepStatus.RUNNING]
    assert sink.steps()["send"].status is StepStatus.COMPLETED


@pytest.mark.rule("W13a")
def test_runs_of_a_batch_are_committed_together(sink: MemorySink) -> None:
    execute([live([setting("a", "1")]) for _ in range(20)], sink)
    assert [len(commit) for commit in sink.commits] == [20]


@pytest.mark.rule("W13")
@pytest.mark.parametrize("effect", ["repeatable", "unsafe"])
def test_a_run_that_is_refused_is_dropped_and_starts_nothing_more(
    effect: str, sink: MemorySink, probe: Probe
) -> None:
    mine, theirs = live([busy("a"), busy("b")], [("a", "b")]), live([busy(k, effect=effect) for k in "xyz"])
    sink.refuses = lambda write: write.run_id == theirs.run_id
    execute([theirs, mine], sink)
    assert theirs.cancelled.is_set()
    assert {write.run_id for write in sink.writes} == {mine.run_id}
    assert {"a", "b"} <= set(probe.counts())
    if effect == "unsafe":
        assert set(probe.counts()) == {"a", "b"}


@pytest.mark.rule("W13", "F9")
def test_a_sink_that_breaks_lets_go_of_what_is_under_way(
    sink: MemorySink, probe: Probe, release: threading.Event
) -> None:
    slow = live([busy("slow")])
    quick = live([busy("quick")])
    started = threading.Event()

    def does(tag: str, context: BlockContext) -> str:
        if tag == "slow":
            started.set()
            release.wait(10)
        else:
            started.wait(10)
            sink.breaks = ZeroDivisionError()
        return tag

    probe.does = does
    with pytest.raises(ZeroDivisionError):
        execute([slow, quick], sink)
    assert slow.cancelled.is_set()


# ---- in parallel -------------------------------------------------------------------------------------------------


@pytest.mark.rule("W7")
def test_eight_blocks_of_a_run_are_under_way_together_and_no_more(sink: MemorySink, probe: Probe) -> None:
    wave, guard, now, most = threading.Barrier(8), threading.Lock(), 0, 0

    def does(tag: str, _context: object) -> str:
        nonlocal now, most
        with guard:
            now += 1
            most = max(most, now)
        wave.wait(10)
        with guard:
            now -= 1
        return tag

    probe.does = does
    execute([live([busy(f"b{i}", retry=ONCE) for i in range(16)])], sink)
    assert sink.end().status is RunStatus.COMPLETED
    assert most == 8


@pytest.mark.rule("W7", "W8")
def test_a_join_runs_once_when_all_its_branches_are_through(sink: MemorySink, probe: Probe) -> None:
    execute([live([busy("a"), busy("b"), busy("join")], [("a", "join"), ("b", "join")])], sink)
    assert probe.counts() == {"a": 1, "b": 1, "join": 1}
    assert probe.calls[-1].key == "join"


@pytest.mark.rule("W8", "W10")
def test_only_the_branch_that_was_chosen_runs_and_the_join_still_fires(
    sink: MemorySink, probe: Probe
) -> None:
    ask = {"key": "ask", "type": "condition", "config": {"when": "input.n > 1"}}
    edges: list[tuple[str, str] | tuple[str, str, str]] = [
        ("ask", "true", "yes"),
        ("ask", "false", "no"),
        ("yes", "join"),
        ("no", "join"),
    ]
    execute([live([ask, busy("yes"), busy("no"), busy("join")], edges, given={"n": 2})], sink)
    assert probe.counts() == {"yes": 1, "join": 1}
    assert sink.steps()["no"].status is StepStatus.SKIPPED


@pytest.mark.rule("W11")
def test_a_failure_starts_nothing_new_and_waits_for_what_is_under_way(sink: MemorySink, probe: Probe) -> None:
    failed = threading.Event()

    def does(tag: str, _context: object) -> str:
        if tag == "bad":
            failed.set()
            raise upstream("bad news")
        failed.wait(10)
        return tag

    probe.does = does
    execute([live([busy("bad", retry=ONCE), busy("slow"), busy("after")], [("slow", "after")])], sink)
    assert sink.end().status is RunStatus.FAILED
    assert (sink.end().error or {})["message"] == "bad news"
    assert sink.steps()["slow"].status is StepStatus.COMPLETED
    assert "after" not in probe.counts()


@pytest.mark.rule("W8")
def test_an_error_edge_takes_an_exhausted_failure(sink: MemorySink, probe: Probe) -> None:
    probe.does = lambda tag, _context: (_ for _ in ()).throw(upstream()) if tag == "bad" else tag
    mend = setting("mend", "{{ blocks.bad.error.code }}")
    execute(
        [live([busy("bad", retry=ONCE), mend, busy("good")], [("bad", "error", "mend"), ("bad", "good")])],
        sink,
    )
    assert sink.end().status is RunStatus.COMPLETED
    assert sink.end().result == {"value": "upstream_down"}
    assert sink.steps()["good"].status is StepStatus.SKIPPED


@pytest.mark.rule("W11")
def test_respond_fixes_the_result(sink: MemorySink, probe: Probe) -> None:
    answer = {"key": "answer", "type": "respond", "config": {"value": 42}}
    execute([live([answer, busy("more")], [("answer", "more")])], sink)
    assert (sink.end().result, probe.counts()) == (42, {"more": 1})


# ---- retries -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("W16")
def test_a_block_is_tried_again_within_its_budget_with_one_idempotency_key(
    sink: MemorySink, probe: Probe
) -> None:
    def does(tag: str, context: BlockContext) -> str:
        if context.attempt < 3:
            raise upstream()
        return tag

    probe.does = does
    execute([live([busy("flaky", effect="idempotent", retry=THRICE)])], sink)
    assert sink.end().status is RunStatus.COMPLETED
    assert [call.attempt for call in probe.calls] == [1, 2, 3]
    assert len({call.idempotency_key for call in probe.calls}) == 1
    errors = [attempt.error and attempt.error["code"] for write in sink.writes for attempt in write.attempts]
    assert errors == ["upstream_down", "upstream_down", None]


@pytest.mark.rule("W16")
@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (upstream(), 3),
        (ZeroDivisionError("oops"), 1),
        (BlockFailed.because(ErrorClass.VALIDATION, "no", "no"), 1),
    ],
)
def test_only_faults_that_may_pass_are_tried_again(
    fault: Exception, tries: int, sink: MemorySink, probe: Probe
) -> None:
    def does(_tag: str, _context: object) -> str:
        raise fault

    probe.does = does
    execute([live([busy("bad", retry=THRICE)])], sink)
    assert (len(probe.calls), sink.end().status) == (tries, RunStatus.FAILED)


@pytest.mark.rule("W16")
def test_a_pure_block_is_retried_too(sink: MemorySink, probe: Probe) -> None:
    def does(tag: str, context: BlockContext) -> str:
        if context.attempt < 2:
            raise upstream()
        return tag

    probe.does = does
    execute([live([busy("flaky", effect="pure", retry=THRICE)])], sink)
    assert sink.end().status is RunStatus.COMPLETED


@pytest.mark.rule("W4", "W15")
def test_costs_add_up(sink: MemorySink, probe: Probe) -> None:
    probe.does = lambda tag, _context: BlockResult(tag, cost=Decimal("0.25"))
    execute([live([busy("a"), busy("b")], [("a", "b")])], sink)
    assert sum(write.cost or 0 for write in sink.writes) == Decimal("0.5")


# ---- what a block may do wrong -----------------------------------------------------------------------------------


@pytest.mark.rule("W16")
@pytest.mark.parametrize("fault", [RecursionError("deep"), MemoryError(), SystemExit(3), KeyboardInterrupt()])
def test_whatever_a_block_raises_is_its_own_failure(
    fault: BaseException, sink: MemorySink, probe: Probe
) -> None:
    def does(_tag: str, _context: object) -> str:
        raise fault

    probe.does = does
    execute([live([busy("bad", retry=ONCE)])], sink)
    assert (sink.end().error or {})["class"] == "internal"


@pytest.mark.rule("W16", "F21")
def test_an_output_above_the_limit_fails_its_step(sink: MemorySink, probe: Probe) -> None:
    probe.does = lambda _tag, _context: "x" * (landing.MAX_OUTPUT_BYTES + 1)
    execute([live([busy("big")])], sink)
    assert (sink.end().error or {})["code"] == "output_too_large"
