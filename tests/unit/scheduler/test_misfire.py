"""Catch-up: which passed slots fire, and that every other one is counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.engine.cron import cron_normalise
from scheduler.engine.misfire import CaughtUp, Fire, Missed, catch_up
from scheduler.engine.next_run import Schedule, next_slot, slots_between
from scheduler.states import CatchupPolicy, Source
from tests.bed.properties import cases
from tests.unit.scheduler.cron_expressions import expressions
from tests.unit.scheduler.cron_reference import utc

TRIGGER = UUID("01900000-0000-7000-8000-000000000001")
NOW = utc("2026-11-20T12:00") + timedelta(seconds=20)
MINUTELY = Schedule("* * * * *", "Europe/Berlin", None)
HOURLY = Schedule("0 * * * *", "Europe/Berlin", None)


def caught(
    schedule: Schedule,
    due: datetime,
    policy: CatchupPolicy,
    *,
    now: datetime = NOW,
    window: int = 3600,
    limit: int = 100,
) -> CaughtUp:
    return catch_up(TRIGGER, schedule, due=due, now=now, policy=policy, window_seconds=window, limit=limit)


@pytest.mark.parametrize("policy", CatchupPolicy)
def test_a_slot_on_time_fires_as_scheduled(policy: CatchupPolicy) -> None:
    due = utc("2026-11-20T12:00")
    result = caught(HOURLY, due, policy)
    assert result == CaughtUp((Fire(due, due, Source.SCHEDULE),), None, utc("2026-11-20T13:00"))


@pytest.mark.rule("outage_3h_minutely_single_run", "catchup_latest")
def test_three_hours_of_minutes_are_one_run_and_a_count() -> None:
    result = caught(MINUTELY, utc("2026-11-20T09:00"), CatchupPolicy.LATEST)
    newest = utc("2026-11-20T12:00")
    assert result.fires == (Fire(newest, newest, Source.CATCHUP),)
    assert result.missed == Missed(180, True, utc("2026-11-20T09:00"), utc("2026-11-20T11:59"))
    assert result.next_run_at == utc("2026-11-20T12:01")


@pytest.mark.rule("catchup_latest")
def test_latest_outside_its_window_is_missed() -> None:
    now = utc("2026-11-20T12:59")
    result = caught(HOURLY, utc("2026-11-20T10:00"), CatchupPolicy.LATEST, now=now, window=3000)
    assert result.fires == ()
    assert result.missed == Missed(3, True, utc("2026-11-20T10:00"), utc("2026-11-20T12:00"))
    assert result.next_run_at == utc("2026-11-20T13:00")


@pytest.mark.rule("catchup_skip")
def test_skip_records_one_summary_and_runs_what_is_on_time() -> None:
    late = caught(HOURLY, utc("2026-11-20T09:00"), CatchupPolicy.SKIP, now=utc("2026-11-20T11:30"))
    assert late.fires == ()
    assert late.missed == Missed(3, True, utc("2026-11-20T09:00"), utc("2026-11-20T11:00"))
    back_in_time = caught(MINUTELY, utc("2026-11-20T09:00"), CatchupPolicy.SKIP)
    assert [(fire.slot, fire.source) for fire in back_in_time.fires] == [
        (utc("2026-11-20T12:00"), Source.SCHEDULE)
    ]
    assert back_in_time.missed == Missed(180, True, utc("2026-11-20T09:00"), utc("2026-11-20T11:59"))


@pytest.mark.rule("catchup_skip")
@pytest.mark.parametrize(("seconds", "fires"), [(0, 1), (60, 1), (61, 0)])
def test_skip_bears_a_minute(seconds: int, fires: int) -> None:
    due = utc("2026-11-20T12:00")
    result = caught(HOURLY, due, CatchupPolicy.SKIP, now=due + timedelta(seconds=seconds))
    assert len(result.fires) == fires
    assert (result.missed is None) is bool(fires)


@pytest.mark.rule("catchup_all")
def test_all_runs_each_slot_oldest_first_a_second_apart() -> None:
    result = caught(HOURLY, utc("2026-11-20T09:00"), CatchupPolicy.ALL, window=86_400)
    assert [fire.slot for fire in result.fires] == [
        utc(f"2026-11-20T{hour:02}:00") for hour in (9, 10, 11, 12)
    ]
    assert {fire.source for fire in result.fires} == {Source.CATCHUP}
    starts = [fire.available_at for fire in result.fires]
    assert starts == [result.fires[0].slot, *(NOW + timedelta(seconds=n) for n in (1, 2, 3))]
    assert result.missed is None


@pytest.mark.rule("catchup_all")
def test_all_keeps_to_its_limit_and_its_window_and_counts_the_rest() -> None:
    result = caught(MINUTELY, utc("2026-11-20T09:00"), CatchupPolicy.ALL, limit=10)
    assert [fire.slot for fire in result.fires] == [
        utc("2026-11-20T11:01") + timedelta(minutes=n) for n in range(10)
    ]
    assert result.missed == Missed(171, True, utc("2026-11-20T09:00"), utc("2026-11-20T12:00"))
    just = caught(MINUTELY, utc("2026-11-20T11:01"), CatchupPolicy.ALL, limit=10)
    assert just.missed == Missed(50, True, utc("2026-11-20T11:11"), utc("2026-11-20T12:00"))


def test_a_year_of_minutes_is_never_gone_through() -> None:
    result = caught(MINUTELY, NOW.replace(second=0) - timedelta(days=365), CatchupPolicy.ALL, limit=5)
    assert len(result.fires) == 5
    assert result.missed is not None
    assert result.missed.count == 365 * 1440 + 1 - 5
    assert result.missed.exact
    ages = caught(MINUTELY, utc("2001-01-01T00:00"), CatchupPolicy.LATEST)
    assert ages.missed is not None
    assert not ages.missed.exact
    assert ages.missed.first == utc("2001-01-01T00:00")
    assert ages.missed.count > 3652 * 1440


def test_one_time_late_inside_its_window_fires_once_and_is_over() -> None:
    at = NOW - timedelta(minutes=30)
    late = caught(Schedule(None, "UTC", at), at, CatchupPolicy.LATEST)
    assert late == CaughtUp((Fire(at, at, Source.CATCHUP),), None, None)
    assert caught(Schedule(None, "UTC", at), at, CatchupPolicy.ALL) == late


@pytest.mark.parametrize("policy", CatchupPolicy)
def test_one_time_beyond_its_window_is_missed_and_over(policy: CatchupPolicy) -> None:
    at = NOW - timedelta(minutes=90)
    assert caught(Schedule(None, "UTC", at), at, policy) == CaughtUp((), Missed(1, True, at, at), None)


@pytest.mark.rule("start_end_bounds")
def test_the_last_slot_before_the_end_leaves_nothing_to_come() -> None:
    due = utc("2026-11-20T12:00")
    schedule = Schedule("0 * * * *", "UTC", None, end_at=due + timedelta(minutes=30))
    assert caught(schedule, due, CatchupPolicy.LATEST).next_run_at is None
    later = caught(schedule, due, CatchupPolicy.LATEST, now=due + timedelta(hours=5), window=86_400)
    assert [fire.slot for fire in later.fires] == [due]
    assert later.missed is None


def test_jitter_delays_the_start_but_not_the_slot() -> None:
    due = utc("2026-11-20T12:00")
    schedule = Schedule("0 * * * *", "UTC", None, jitter_seconds=3600)
    (fire,) = caught(schedule, due, CatchupPolicy.LATEST).fires
    assert fire.slot == due
    assert due < fire.available_at <= due + timedelta(hours=1)


def test_a_due_slot_that_a_new_law_has_moved_away_still_counts() -> None:
    due = utc("2026-11-20T11:30")
    result = caught(HOURLY, due, CatchupPolicy.LATEST)
    assert [fire.slot for fire in result.fires] == [utc("2026-11-20T12:00")]
    assert result.missed == Missed(1, True, due, due)


@given(
    expressions(),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca"]),
    st.integers(0, 31_000_000),
    st.integers(0, 200_000),
    st.sampled_from(CatchupPolicy),
    st.integers(10, 200_000),
    st.integers(1, 40),
)
@cases(400)
def test_every_passed_slot_fires_or_is_counted(
    expression: str, zone: str, since: int, lateness: int, policy: CatchupPolicy, window: int, limit: int
) -> None:
    schedule = Schedule(cron_normalise(expression), zone, None)
    base = utc("2026-01-01T00:00") + timedelta(seconds=since)
    due = next_slot(schedule, base, base)
    assert due is not None
    now = due + timedelta(seconds=lateness)
    passed = [due, *slots_between(schedule, due, now)]
    result = caught(schedule, due, policy, now=now, window=window, limit=limit)

    in_time = timedelta(seconds=60 if policy is CatchupPolicy.SKIP else window)
    allowed = [slot for slot in passed if now - slot <= in_time]
    wanted = allowed[:limit] if policy is CatchupPolicy.ALL else allowed[-1:]
    rest = [slot for slot in passed if slot not in wanted]
    assert [fire.slot for fire in result.fires] == wanted
    assert result.missed == (Missed(len(rest), True, rest[0], rest[-1]) if rest else None)
    assert result.next_run_at == next_slot(schedule, now, now)
    assert all(fire.available_at >= fire.slot for fire in result.fires)
