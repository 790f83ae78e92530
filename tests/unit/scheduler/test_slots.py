"""What becomes of a claimed trigger: rows to store, and where it goes from here (`scheduler.md` section 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from scheduler.engine.next_run import Schedule
from scheduler.errors import InvalidSchedule
from scheduler.services.slots import Due, Standing, step_of
from scheduler.states import DisabledReason, InvocationStatus, Source

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TRIGGER = UUID(int=7)
MINUTE = timedelta(minutes=1)
NOBODY = Standing()
ONE = Standing(0, ("a",))
ONE_AND_ONE_WAITING = Standing(1, ("a", "b"))


def due(
    slot: datetime = NOON,
    now: datetime = NOON + timedelta(milliseconds=300),
    cron: str | None = "* * * * *",
    *,
    run_at: datetime | None = None,
    end_at: datetime | None = None,
    **fields: Any,
) -> Due:
    return Due(
        TRIGGER,
        fields.pop("revision", 3),
        slot,
        Schedule(cron, fields.pop("zone", "UTC"), run_at, None, end_at, 0),
        fields.pop("overlap", "skip"),
        fields.pop("catchup", "latest"),
        fields.pop("window", 3600),
        fields.pop("limit", 100),
        now,
    )


def test_a_slot_on_time_fires_once_and_the_next_one_is_due() -> None:
    step = step_of(due(), NOBODY)
    (birth,) = step.births
    assert (birth.status, birth.source, birth.slot) == (InvocationStatus.PENDING, Source.SCHEDULE, NOON)
    assert birth.key == f"sched:{TRIGGER}:3:{int(NOON.timestamp())}"
    assert (step.next_run_at, step.reason) == (NOON + MINUTE, DisabledReason.NONE)


def test_lateness_is_from_the_slot_to_the_databases_now() -> None:
    assert due().lateness_ms == 300


@pytest.mark.parametrize(
    ("overlap", "standing", "status", "waits"),
    [
        ("skip", NOBODY, "pending", False),
        ("skip", ONE, "skipped", False),
        ("buffer_one", NOBODY, "pending", False),
        ("buffer_one", ONE, "pending", True),
        ("buffer_one", ONE_AND_ONE_WAITING, "skipped", False),
        ("cancel_other", NOBODY, "pending", False),
        ("cancel_other", ONE, "pending", True),
        ("allow", ONE_AND_ONE_WAITING, "pending", False),
    ],
)
def test_overlap_is_judged_by_what_is_in_flight(
    overlap: str, standing: Standing, status: str, waits: bool
) -> None:
    (birth,) = step_of(due(overlap=overlap), standing).births
    assert (birth.status, birth.waits) == (status, waits)
    assert birth.reason == ("overlap" if status == "skipped" else "")


def test_one_that_replaces_names_those_it_replaces() -> None:
    (birth,) = step_of(due(overlap="cancel_other"), ONE_AND_ONE_WAITING).births
    assert birth.details == {"replaces": ["a", "b"]}


@pytest.mark.rule("catchup_all")
@pytest.mark.parametrize(("overlap", "waits"), [("skip", True), ("buffer_one", True), ("allow", False)])
def test_slots_caught_up_at_once_do_not_overlap_each_other(overlap: str, waits: bool) -> None:
    late = NOON + 3 * MINUTE + timedelta(seconds=1)
    births = step_of(due(now=late, catchup="all", overlap=overlap), NOBODY).births
    assert [birth.slot for birth in births] == [NOON + n * MINUTE for n in range(4)]
    assert [birth.waits for birth in births] == [False, waits, waits, waits]
    assert {birth.status for birth in births} == {InvocationStatus.PENDING}


@pytest.mark.rule("catchup_latest")
def test_slots_passed_over_leave_one_row_that_counts_them() -> None:
    late = NOON + 10 * MINUTE + timedelta(seconds=1)
    step = step_of(due(now=late), NOBODY)
    missed, fired = step.births
    assert (fired.slot, fired.source) == (NOON + 10 * MINUTE, Source.CATCHUP)
    assert (missed.status, missed.reason, missed.slot) == (
        InvocationStatus.MISSED,
        "catchup_latest",
        NOON + 9 * MINUTE,
    )
    assert missed.details is not None
    assert (missed.details["count"], missed.details["first"]) == (10, NOON.isoformat())
    assert step.missed == 10
    assert missed.key != fired.key


def test_a_one_time_trigger_is_done_when_it_is_claimed() -> None:
    step = step_of(due(cron=None, run_at=NOON), NOBODY)
    assert [birth.status for birth in step.births] == [InvocationStatus.PENDING]
    assert (step.next_run_at, step.reason) == (None, DisabledReason.ONE_TIME_DONE)


def test_one_that_comes_too_late_is_missed_and_done() -> None:
    step = step_of(due(now=NOON + timedelta(hours=2), cron=None, run_at=NOON), NOBODY)
    assert [birth.status for birth in step.births] == [InvocationStatus.MISSED]
    assert step.reason is DisabledReason.ONE_TIME_DONE


def test_after_its_last_slot_a_trigger_has_ended() -> None:
    step = step_of(due(end_at=NOON + timedelta(seconds=30)), NOBODY)
    assert [birth.status for birth in step.births] == [InvocationStatus.PENDING]
    assert (step.next_run_at, step.reason) == (None, DisabledReason.ENDED)


@pytest.mark.rule("tzdata_removed_zone_disables")
def test_a_zone_that_is_gone_says_so() -> None:
    with pytest.raises(InvalidSchedule):
        step_of(due(zone="Mars/Phobos"), NOBODY)
