"""Intervals that a cron expression can stand for, and those that none can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from scheduler.engine.cron import cron_normalise
from scheduler.engine.intervals import interval_cron
from scheduler.engine.next_run import Schedule, slots_after

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("every", "expression"),
    [
        (timedelta(minutes=1), "* * * * *"),
        (timedelta(seconds=300), "*/5 * * * *"),
        (timedelta(minutes=30), "*/30 * * * *"),
        (timedelta(minutes=60), "0 * * * *"),
        (timedelta(hours=6), "0 */6 * * *"),
        (timedelta(days=1), "0 0 * * *"),
    ],
)
def test_what_divides_the_hour_or_the_day(every: timedelta, expression: str) -> None:
    assert interval_cron(every) == expression


@pytest.mark.parametrize(
    "every",
    [
        timedelta(),
        timedelta(seconds=30),
        timedelta(seconds=90),
        timedelta(microseconds=5),
        timedelta(minutes=7),
        timedelta(minutes=59),
        timedelta(minutes=90),
        timedelta(hours=5),
        timedelta(hours=36),
        timedelta(days=2),
        timedelta(days=7),
    ],
)
def test_what_divides_neither(every: timedelta) -> None:
    assert interval_cron(every) is None


def test_whatever_is_expressed_keeps_its_distance() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    expressed = 0
    for minutes in range(1, 1500):
        every = timedelta(minutes=minutes)
        expression = interval_cron(every)
        if expression is None:
            continue
        expressed += 1
        slots = list(islice(slots_after(Schedule(cron_normalise(expression), "UTC", None), begin), 60))
        assert all(later - earlier == every for earlier, later in pairwise(slots)), expression
    # Twelve divisors of sixty below it, eight of twenty-four.
    assert expressed == 11 + 8
