"""A run's events, worked out of its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from workflows.engine.feed import Cursor, cursor_read, feed_of, skip_reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


@dataclass
class RunRow:
    status: str = "completed"
    epoch: int = 0
    error: Any = None
    history: Any = None
    waits_for: Any = None
    wake_at: datetime | None = None
    created_at: datetime = NOON
    started_at: datetime | None = field(default_factory=lambda: at(1))
    resumed_at: datetime | None = None
    finished_at: datetime | None = field(default_factory=lambda: at(100))
    forked_from_id: UUID | None = None


@dataclass
class StepRow:
    step_key: str
    seq: int
    ended: float | None = None
    status: str = "completed"
    handle: str = "source"
    error: Any = None
    cached_from: UUID | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.ended is not None:
            self.started_at, self.finished_at = at(self.ended - 1), at(self.ended)


@dataclass
class AttemptRow:
    id: int
    step_key: str
    ended: float
    n: int = 1
    epoch: int = 0
    error: Any = field(default_factory=lambda: {"code": "timeout"})
    started_at: datetime = NOON
    finished_at: datetime | None = None

    def __post_init__(self) -> None:
        self.started_at, self.finished_at = at(self.ended - 1), at(self.ended)


@dataclass
class PauseRow:
    step_key: str
    created_at: datetime
    answered_at: datetime | None = None
    status: str = "open"
    kind: str = "approval"
    round: int = 0
    wake_at: datetime | None = None
    answered_by: Any = None
    id: UUID = field(default_factory=uuid4)


def told(events: list[dict[str, Any]]) -> list[str]:
    """Kinds, with the step or the status they are about."""
    return [
        " ".join((event["kind"], event.get("step_key") or event.get("status", ""))).strip()
        for event in events
    ]


@pytest.mark.rule("W30")
def test_a_plain_run_reads_as_it_went() -> None:
    steps = [StepRow("b", 2, 5), StepRow("a", 1, 3), StepRow("c", 3, status="skipped")]
    events = feed_of(RunRow(), steps, [], [], edges=[("a", "else", "c")])
    assert told(events) == [
        "run_status queued", "run_status running", "block_started a", "block_completed a", "block_started b",
        "block_completed b", "block_skipped c", "run_status completed",
    ]  # fmt: skip
    assert events[3]["duration_ms"] == 1000.0
    assert events[6]["why"] == {"code": "not_chosen", "block": "a", "handle": "source"}


@pytest.mark.rule("W30")
def test_retries_and_the_failure_after_the_last_of_them_are_told_apart() -> None:
    steps = [StepRow("a", 1, 9, status="failed", error={"code": "timeout"})]
    attempts = [AttemptRow(1, "a", 3), AttemptRow(2, "a", 6, n=2), AttemptRow(3, "a", 9, n=3)]
    events = feed_of(RunRow("failed", error={"code": "timeout"}), steps, attempts, [])
    assert told(events)[2:] == [
        "block_retried a", "block_retried a", "block_started a", "block_failed a", "run_status failed",
    ]  # fmt: skip


@pytest.mark.rule("W22", "W30")
def test_what_failed_before_a_resume_is_still_told() -> None:
    times = {"finished_at": at(10).isoformat(), "resumed_at": at(20).isoformat()}
    end = {"status": "failed", "error": {"code": "x"}, **times}
    run = RunRow(epoch=1, history=[end], resumed_at=at(20))
    attempts = [AttemptRow(1, "a", 9), AttemptRow(2, "a", 30, epoch=1, error=None)]
    events = feed_of(run, [StepRow("a", 2, 30)], attempts, [])
    assert told(events) == [
        "run_status queued", "run_status running", "block_failed a", "run_status failed", "run_status queued",
        "block_started a", "block_completed a", "run_status completed",
    ]  # fmt: skip


@pytest.mark.rule("W29")
def test_reused_steps_are_one_line() -> None:
    source = uuid4()
    steps = [
        StepRow("a", 1, -50, cached_from=source),
        StepRow("b", 2, -49, cached_from=source),
        StepRow("c", 3, 4),
    ]
    events = feed_of(RunRow(forked_from_id=source), steps, [], [])
    assert told(events)[:2] == ["run_status queued", "reused"]
    assert events[1]["steps"] == ["a", "b"]
    assert events[1]["source"] == str(source)
    assert [event["step_key"] for event in events if event["kind"] == "block_completed"] == ["c"]


@pytest.mark.rule("W30")
def test_pauses_and_their_answers_are_told_with_who_answered() -> None:
    pause = PauseRow("ask", at(4), at(9), "answered", answered_by={"name": "Ada"})
    events = feed_of(RunRow(), [StepRow("ask", 1, 10)], [], [pause])
    assert told(events)[2:4] == ["block_paused ask", "block_answered ask"]
    assert (events[3]["outcome"], events[3]["by"]) == ("answered", {"name": "Ada"})


@pytest.mark.rule("W30")
def test_how_a_parked_run_stands_comes_last_and_moves_no_place() -> None:
    run = RunRow("paused", finished_at=None, waits_for=[{"step_key": "ask"}])
    steps = [StepRow("send", 0, status="running", started_at=at(3))]
    pauses = [PauseRow("ask", at(4))]
    events = feed_of(run, steps, [], pauses)
    assert told(events)[-2:] == ["block_started send", "run_status paused"]
    assert len({event["seq"] for event in events[-3:]}) == 1
    assert feed_of(run, steps, [], pauses, after=cursor_read(events[-1]["seq"])) == []


@pytest.mark.rule("W30")
def test_a_late_record_with_an_early_time_is_still_told_after_a_place() -> None:
    """A pure step's record rides with a later commit: an answer stood in the ledger before it (W15)."""
    pause = PauseRow("ask", at(4), at(9), "answered")
    run = RunRow("running", finished_at=None)
    place = cursor_read(feed_of(run, [], [], [pause])[-1]["seq"])
    later = feed_of(run, [StepRow("pure", 1, 6)], [], [pause], after=place)
    assert told(later) == ["block_started pure", "block_completed pure"]


@pytest.mark.rule("W30")
def test_reading_on_from_every_place_gives_the_whole_feed() -> None:
    steps = [StepRow("a", 1, 3), StepRow("b", 2, 5), StepRow("c", 3, 7)]
    attempts = [AttemptRow(7, "b", 4)]
    pauses = [PauseRow("c", at(6), at(6.5), "expired")]
    whole = feed_of(RunRow(), steps, attempts, pauses)
    for number, event in enumerate(whole):
        if number + 1 < len(whole) and whole[number + 1]["seq"] == event["seq"]:
            continue
        rest = feed_of(RunRow(), steps, attempts, pauses, after=cursor_read(event["seq"]))
        assert [one["id"] for one in rest] == [one["id"] for one in whole[number + 1 :]]


@pytest.mark.parametrize(
    ("source", "edge", "code"),
    [
        (StepRow("a", 1, status="skipped"), "source", "skipped"),
        (StepRow("a", 1, status="failed"), "source", "failed"),
        (StepRow("a", 1), "error", "succeeded"),
        (StepRow("a", 1, handle="else"), "case-1", "not_chosen"),
        (StepRow("b", 1), "source", "not_reached"),
    ],
    ids=["skipped", "failed", "succeeded", "not_chosen", "not_reached"],
)
def test_why_a_block_was_skipped(source: StepRow, edge: str, code: str) -> None:
    why, words = skip_reason("each[2]/z", [("a", edge, "z")], {f"each[2]/{source.step_key}": source})
    assert why["code"] == code
    assert words


@pytest.mark.parametrize(
    "text", ["", "1.2", "1.2.3.4", "a.b.c", "1.-2.3", "1.2.9999999999999999999", "1.2.³"]
)
def test_a_place_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        cursor_read(text)


def test_a_place_reads_back() -> None:
    assert cursor_read(Cursor(1, 2, 3).text()) == Cursor(1, 2, 3)
