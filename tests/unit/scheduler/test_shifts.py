"""Shifts of the clock all over the world: the engine against the slow reference that walks every minute.

Half-hour and two-hour shifts, gaps at midnight, negative summer time, laws that changed, and days that were left out.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from os import environ
from random import Random
from zoneinfo import ZoneInfo

import pytest

from scheduler.engine.cron import cron_normalise
from scheduler.engine.next_run import Schedule, newest_slot, next_slot, slots_between, slots_count
from tests.unit.scheduler.cron_expressions import KNOWN, random_expression
from tests.unit.scheduler.cron_reference import Job, Walk, walk

RANDOM = [random_expression(Random(seed)) for seed in range(150)]
EVERY_ONE = "EXPLORE" in environ
"""Each shift meets a half of the known expressions and a tenth of the others; ``EXPLORE=1`` has it meet them all."""

SHIFTS = [
    ("America/New_York", 2026),
    ("America/Chicago", 2026),
    ("America/Denver", 2026),
    ("America/Los_Angeles", 2026),
    ("America/Halifax", 2026),
    ("America/St_Johns", 2010),  # one minute past midnight
    ("America/Havana", 2026),  # midnight leaps to one, one falls back to midnight
    ("America/Sao_Paulo", 2018),  # days without a midnight
    ("America/Asuncion", 2023),
    ("America/Santiago", 2026),
    ("America/Mexico_City", 2022),  # the last summer time
    ("America/Nuuk", 2023),
    ("America/Scoresbysund", 2024),  # changed its offset and its summer time on one day
    ("America/Miquelon", 2026),
    ("America/Caracas", 2016),  # half an hour, for good
    ("America/Bogota", 1993),
    ("America/Recife", 2000),  # there and back in a week
    ("Europe/London", 2026),
    ("Europe/Berlin", 2026),
    ("Europe/Dublin", 2026),  # winter is the exception there
    ("Europe/Lisbon", 1992),
    ("Europe/Athens", 2026),
    ("Europe/Chisinau", 2021),
    ("Europe/Istanbul", 2015),
    ("Europe/Moscow", 2014),
    ("Europe/Samara", 2010),
    ("Europe/Volgograd", 2020),
    ("Africa/Casablanca", 2026),  # back for Ramadan
    ("Africa/Cairo", 2026),  # from midnight, back to the eve
    ("Africa/Windhoek", 2016),
    ("Africa/Juba", 2021),
    ("Africa/Sao_Tome", 2018),
    ("Asia/Beirut", 2026),  # days without a midnight
    ("Asia/Damascus", 2021),
    ("Asia/Gaza", 2040),  # thrice in autumn: Ramadan
    ("Asia/Jerusalem", 2026),
    ("Asia/Tehran", 2022),  # half-hour offset, at midnight
    ("Asia/Kathmandu", 1985),  # a quarter of an hour on new year's eve
    ("Asia/Pyongyang", 2018),  # half an hour, five minutes before midnight
    ("Asia/Dhaka", 2009),  # an hour before midnight, back at midnight
    ("Asia/Almaty", 2024),
    ("Asia/Singapore", 1981),  # half an hour on new year's eve
    ("Australia/Lord_Howe", 2026),  # half an hour
    ("Australia/Adelaide", 2026),
    ("Australia/Sydney", 2026),
    ("Antarctica/Troll", 2026),  # two hours
    ("Antarctica/Casey", 2018),  # three hours
    ("Pacific/Apia", 2011),  # left out 30 December
    ("Pacific/Fakaofo", 2011),
    ("Pacific/Kwajalein", 1993),  # left out 21 August
    ("Pacific/Chatham", 2026),  # a quarter to three
    ("Pacific/Easter", 2026),
    ("Pacific/Norfolk", 2019),
    ("Pacific/Fiji", 2020),
    ("Pacific/Tongatapu", 2016),
]

AROUND = timedelta(hours=15)


@cache
def job(expression: str) -> Job:
    return Job(expression)


def shifts_of(zone: str, year: int) -> list[datetime]:
    """When its offset changed that year, to the hour; found by looking at every hour."""
    info = ZoneInfo(zone)
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(-1, 8785)]
    offsets = [at.astimezone(info).utcoffset() for at in hours]
    return [at for at, was, now in zip(hours[1:], offsets, offsets[1:], strict=False) if was != now]


def stretches(zone: str, year: int) -> list[tuple[datetime, datetime, Walk]]:
    return [
        (shift - AROUND, shift + AROUND, walk(zone, shift - AROUND, shift + AROUND))
        for shift in shifts_of(zone, year)
    ]


def meeting(draw: Random) -> list[str]:
    """The expressions that one shift meets."""
    if EVERY_ONE:
        return [*KNOWN, *RANDOM]
    return [*KNOWN[draw.randrange(2) :: 2], *RANDOM[draw.randrange(10) :: 10]]


def check(expression: str, zone: str, begin: datetime, end: datetime, steps: Walk, draw: Random) -> None:
    """Forwards, backwards, counted, and from any base: all of it as the reference has it."""
    expected = job(expression).runs(steps)
    schedule = Schedule(cron_normalise(expression), zone, None)
    where = f"{expression} in {zone} around {begin}"
    assert list(slots_between(schedule, begin - timedelta(seconds=1), end)) == expected, where
    base = begin + (end - begin) * draw.random()
    later = bisect_right(expected, base)
    assert slots_count(schedule, base, end) == len(expected) - later, f"{where}, counted from {base}"
    assert newest_slot(schedule, begin, base) == (expected[later - 1] if later else None), (
        f"{where}, before {base}"
    )
    following = next_slot(schedule, base, base)
    if later < len(expected):
        assert following == expected[later], f"{where}, after {base}"
    else:
        assert following is None or following > end, f"{where}, after {base}"


@pytest.mark.rule("shifts_against_reference")
@pytest.mark.parametrize(("zone", "year"), SHIFTS, ids=[f"{zone}-{year}" for zone, year in SHIFTS])
def test_every_expression_at_every_shift(zone: str, year: int) -> None:
    found = stretches(zone, year)
    assert found, f"{zone} did not shift in {year}"
    draw = Random(zone)
    for begin, end, steps in found:
        for expression in meeting(draw):
            check(expression, zone, begin, end, steps, draw)


@pytest.mark.rule("fold_base_guard")
@pytest.mark.parametrize(
    "zone", ["America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana"]
)
def test_a_base_inside_the_overlap_never_gives_itself_or_the_past(zone: str) -> None:
    draw = Random(7)
    for shift in shifts_of(zone, 2026):
        steps = walk(zone, shift - AROUND, shift + AROUND)
        for expression in KNOWN:
            expected = job(expression).runs(steps)
            schedule = Schedule(cron_normalise(expression), zone, None)
            for _ in range(6):
                base = shift + timedelta(seconds=draw.randint(-7200, 10800))
                following = next_slot(schedule, base, base)
                assert following is not None
                assert following > base
                assert following >= (shift + AROUND) or following in expected


def test_a_day_that_was_left_out_runs_its_times_once_when_the_next_one_begins() -> None:
    # Samoa went from 29 to 31 December 2011 at midnight, which was 10:00 UTC on the 30th.
    landing = datetime(2011, 12, 30, 10, tzinfo=UTC)
    nine = Schedule("0 9 * * *", "Pacific/Apia", None)
    slots = list(slots_between(nine, landing - timedelta(days=1), landing + timedelta(days=1)))
    assert slots == [datetime(2011, 12, 29, 19, tzinfo=UTC), landing, datetime(2011, 12, 30, 19, tzinfo=UTC)]
    hourly = Schedule("0 */6 * * *", "Pacific/Apia", None)
    assert slots_count(hourly, landing - timedelta(hours=1), landing) == 1


def test_offsets_with_seconds_keep_whole_minutes_on_the_wall() -> None:
    # Liberia was 44 minutes and 30 seconds behind until 1972.
    schedule = Schedule("0 9 * * *", "Africa/Monrovia", None)
    at = datetime(1971, 6, 1, tzinfo=UTC)
    assert next_slot(schedule, at, at) == datetime(1971, 6, 1, 9, 44, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expression", "expected"),
    [
        # A day without a midnight: the nightly run comes when the clock lands at one.
        ("Asia/Beirut", "0 0 29 3 *", "2026-03-28T22:00"),
        ("America/Havana", "30 0 8 3 *", "2026-03-08T05:00"),
        # Twice midnight: the first one.
        ("America/Havana", "30 0 1 11 *", "2026-11-01T04:30"),
        # Half an hour: 02:15 is leapt over, 01:45 comes twice.
        ("Australia/Lord_Howe", "15 2 4 10 *", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "45 1 5 4 *", "2026-04-04T14:45"),
        # Two hours: all that was leapt over comes at once, at three.
        ("Antarctica/Troll", "10,50 1,2 29 3 *", "2026-03-29T01:00"),
        # Negative summer time is a shift like any other.
        ("Europe/Dublin", "30 1 29 3 *", "2026-03-29T01:00"),
        ("Europe/Dublin", "30 1 25 10 *", "2026-10-25T00:30"),
    ],
)
def test_shifts_worked_out_by_hand(zone: str, expression: str, expected: str) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    slots = list(slots_between(Schedule(expression, zone, None), begin, begin + timedelta(days=365)))
    assert slots == [datetime.fromisoformat(expected).replace(tzinfo=UTC)]
