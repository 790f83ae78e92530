"""Slots: strictly later, inside their bounds, the same forwards and backwards; and the jitter of their start."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from random import Random
from uuid import UUID
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.cron import cron_normalise
from scheduler.engine.next_run import (
    Schedule,
    jitter_of,
    newest_slot,
    next_runs,
    next_slot,
    slots_after,
    slots_between,
    slots_count,
)
from scheduler.errors import InvalidSchedule
from tests.bed.properties import cases
from tests.unit.scheduler.cron_expressions import KNOWN, expressions, random_expression
from tests.unit.scheduler.cron_reference import Job, utc

TRIGGER = UUID("01900000-0000-7000-8000-000000000001")
NOW = utc("2026-11-20T12:00")
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@pytest.mark.rule("next_strictly_after", "ten_thousand_schedules")
def test_ten_thousand_random_schedules_go_forward_and_only_forward() -> None:
    draw = Random(20_261_120)
    for _ in range(10_000):
        expression = cron_normalise(random_expression(draw))
        schedule = Schedule(expression, draw.choice(ZONES), None)
        base = utc(f"{draw.choice((1985, 2011, 2026, 2040))}-01-01T00:00") + timedelta(
            seconds=draw.randrange(30_000_000)
        )
        slots = list(islice(slots_after(schedule, base), 2))
        where = (schedule, base, slots)
        assert slots[0] > base, where
        assert slots[1] > slots[0], where
        assert slots[0].tzinfo is UTC, where


@pytest.mark.rule("next_strictly_after")
def test_a_base_on_or_just_before_a_slot() -> None:
    schedule = Schedule("*/5 * * * *", "UTC", None)
    slot = utc("2026-11-20T12:05")
    moment = timedelta(microseconds=1)
    assert next_slot(schedule, slot, slot) == slot + timedelta(minutes=5)
    assert next_slot(schedule, slot - moment, slot - moment) == slot
    assert next_slot(schedule, slot + moment, slot + moment) == slot + timedelta(minutes=5)


def test_the_next_slot_is_later_than_now_whatever_was_missed() -> None:
    schedule = Schedule("* * * * *", "Europe/Berlin", None)
    stale = NOW - timedelta(days=400)
    assert next_slot(schedule, stale, NOW) == NOW + timedelta(minutes=1)
    ahead = NOW + timedelta(hours=1)
    assert next_slot(schedule, ahead, NOW) == ahead + timedelta(minutes=1)


@pytest.mark.parametrize(
    "expression", [e for e in KNOWN if " * *" in e or "29 2" in e or "L" in e or "#" in e]
)
def test_days_and_months_over_nine_years(expression: str) -> None:
    # No zone here: the calendar alone, day by day, across a leap year.
    begin, end = date(2023, 6, 1), date(2032, 6, 1)
    schedule = Schedule(cron_normalise(f"17 4 {' '.join(expression.split()[2:])}"), "UTC", None)
    expected = [
        datetime(d.year, d.month, d.day, 4, 17, tzinfo=UTC)
        for d in Job(schedule.cron_expression or "").days(begin, end)
    ]
    assert list(slots_between(schedule, utc(f"{begin}T00:00"), utc(f"{end}T00:00"))) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("2096-03-01", "2104-02-29"),
        ("2026-01-01", "2028-02-29"),
        ("2028-02-29", "2032-02-29"),
        ("2000-02-28", "2000-02-29"),
        ("1896-02-29", "1904-02-29"),
    ],
)
def test_leap_days(base: str, expected: str) -> None:
    schedule = Schedule("0 0 29 2 *", "UTC", None)
    assert next_runs(schedule, utc(f"{base}T00:00"), 1) == [utc(f"{expected}T00:00")]
    five_fridays = Schedule("0 0 * 2 5#5", "UTC", None)
    assert next_runs(five_fridays, utc("2188-03-01T00:00"), 1) == [utc("2228-02-29T00:00")]


@given(expressions(), st.sampled_from(ZONES), st.integers(0, 1_800_000_000), st.integers(1, 40_000_000))
@cases(250)
def test_counting_and_going_back_agree_with_going_forward(
    expression: str, zone: str, since: int, seconds: int
) -> None:
    schedule = Schedule(cron_normalise(expression), zone, None)
    begin = utc("1973-01-01T00:00") + timedelta(seconds=since)
    slots = list(islice(slots_after(schedule, begin), 400))
    end = min(begin + timedelta(seconds=seconds), slots[-1])
    inside = [slot for slot in slots if slot <= end]
    assert slots_count(schedule, begin, end) == len(inside)
    moment = timedelta(microseconds=1)
    assert newest_slot(schedule, begin + moment, end) == (inside[-1] if inside else None)
    assert all(earlier < later for earlier, later in pairwise(slots))


@pytest.mark.rule("start_end_bounds")
def test_no_slot_before_the_start_or_after_the_end() -> None:
    start, end = utc("2026-11-20T13:00"), utc("2026-11-20T15:00")
    schedule = Schedule("0 * * * *", "UTC", None, start_at=start, end_at=end)
    hours = [start, utc("2026-11-20T14:00"), end]
    assert next_runs(schedule, NOW, 9) == hours
    assert list(slots_between(schedule, NOW - timedelta(days=9), NOW + timedelta(days=9))) == hours
    assert next_slot(schedule, end, end) is None
    assert slots_count(schedule, NOW, end + timedelta(days=3)) == 3
    assert newest_slot(schedule, NOW, end + timedelta(days=3)) == end
    assert newest_slot(schedule, NOW, start - timedelta(seconds=1)) is None
    assert slots_count(schedule, NOW, start - timedelta(seconds=1)) == 0


@pytest.mark.rule("start_end_bounds")
def test_bounds_between_two_slots_and_bounds_that_leave_nothing() -> None:
    start = utc("2026-11-20T13:00") + timedelta(microseconds=1)
    schedule = Schedule("0 * * * *", "UTC", None, start_at=start, end_at=utc("2026-11-20T13:59"))
    assert next_runs(schedule, NOW, 3) == []
    assert next_slot(schedule, NOW, NOW) is None
    assert slots_count(schedule, NOW, NOW + timedelta(days=1)) == 0
    assert newest_slot(schedule, NOW, NOW + timedelta(days=1)) is None


def test_one_time_stays_due_until_it_is_claimed() -> None:
    at = utc("2026-11-20T11:00")
    schedule = Schedule(None, "UTC", at)
    assert next_slot(schedule, at - timedelta(seconds=1), NOW) == at
    assert next_slot(schedule, at, NOW) is None
    assert next_runs(schedule, NOW, 5) == []
    assert next_runs(schedule, at - timedelta(days=1), 5) == [at]
    assert slots_count(schedule, at - timedelta(days=1), NOW) == 1
    assert slots_count(schedule, at, NOW) == 0
    assert newest_slot(schedule, at, NOW) == at
    assert newest_slot(schedule, at + timedelta(seconds=1), NOW) is None


def test_one_time_keeps_to_its_bounds() -> None:
    at = utc("2026-11-20T13:00")
    assert next_slot(Schedule(None, "UTC", at, end_at=NOW), NOW, NOW) is None
    assert next_slot(Schedule(None, "UTC", at, start_at=at + timedelta(days=1)), NOW, NOW) is None
    assert next_slot(Schedule(None, "UTC", at, start_at=at, end_at=at), NOW, NOW) == at


def test_neither_an_expression_nor_an_instant_is_no_schedule() -> None:
    for asked in (
        lambda empty: next_slot(empty, NOW, NOW),
        lambda empty: newest_slot(empty, NOW, NOW),
        lambda empty: slots_count(empty, NOW, NOW),
    ):
        with pytest.raises(InvalidSchedule):
            asked(Schedule(None, "UTC", None))


def test_the_end_of_the_calendar_is_the_end_of_the_schedule() -> None:
    last = datetime(9997, 12, 31, 23, 59, tzinfo=UTC)
    assert next_slot(Schedule("0 0 1 * *", "Europe/Berlin", None), last, last) is None


@pytest.mark.rule("jitter_stable_and_bounded")
@given(st.uuids(), st.integers(0, 2_000_000), st.integers(0, 3600))
@cases(300)
def test_jitter_is_stable_and_bounded(trigger_id: UUID, minutes: int, seconds: int) -> None:
    slot = utc("2000-01-01T00:00") + timedelta(minutes=minutes)
    jitter = jitter_of(trigger_id, slot, seconds)
    assert timedelta() <= jitter <= timedelta(seconds=seconds)
    assert jitter == jitter_of(trigger_id, slot, seconds)


@pytest.mark.rule("jitter_stable_and_bounded")
def test_jitter_spreads_over_slots_and_triggers_and_moves_no_slot() -> None:
    days = [NOW + timedelta(days=day) for day in range(400)]
    drawn = sorted(jitter_of(TRIGGER, day, 600).total_seconds() for day in days)
    assert drawn[0] < 30
    assert drawn[-1] > 570
    assert 250 < drawn[200] < 350
    others = {jitter_of(UUID(int=n), NOW, 600) for n in range(100)}
    assert len(others) > 95
    jittered = Schedule("0 9 * * *", "UTC", None, jitter_seconds=600)
    assert next_runs(jittered, NOW, 3) == next_runs(Schedule("0 9 * * *", "UTC", None), NOW, 3)
    # The very same everywhere: workers of two versions must not disagree about a slot.
    assert jitter_of(TRIGGER, NOW, 600) == timedelta(seconds=424.82)
