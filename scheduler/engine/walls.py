"""Where an expression's times stand on a wall clock that knows no zone and never shifts. Datetimes here are naive."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from typing import Final

from scheduler.engine.fields import Cron

YEARS_SOUGHT: Final = 50
"""Whatever can happen at all happens within forty years: 29 February on one weekday, across a year like 2100."""
FIRST_YEAR: Final = 2
LAST_YEAR: Final = 9997
MINUTE: Final = timedelta(minutes=1)


def wall_next(cron: Cron, wall: datetime) -> datetime | None:
    """The first matching minute later than ``wall``; ``None``: it never comes."""
    days = cron.days_of(wall.year, wall.month)
    if wall.day in days:
        hour_minute = _later(cron, wall.hour, wall.minute)
        if hour_minute is not None:
            return wall.replace(hour=hour_minute[0], minute=hour_minute[1], second=0, microsecond=0)
    day = _day_after(cron, days, wall)
    return None if day is None else datetime(*day, cron.hours[0], cron.minutes[0])  # noqa: DTZ001


def wall_previous(cron: Cron, wall: datetime) -> datetime | None:
    """The last matching minute not later than ``wall``; ``None``: there is none in fifty years."""
    days = cron.days_of(wall.year, wall.month)
    if wall.day in days:
        hour_minute = _not_later(cron, wall.hour, wall.minute)
        if hour_minute is not None:
            return wall.replace(hour=hour_minute[0], minute=hour_minute[1], second=0, microsecond=0)
    day = _day_before(cron, days, wall)
    return None if day is None else datetime(*day, cron.hours[-1], cron.minutes[-1])  # noqa: DTZ001


def walls_count(cron: Cron, begin: datetime, end: datetime) -> int:
    """How many minutes match from ``begin`` on, before ``end``."""
    if end <= begin:
        return 0
    first, last = _whole_minute(begin), _whole_minute(end)
    days = _days_count(cron, first.date(), last.date())
    return days * len(cron.hours) * len(cron.minutes) + _of_day(cron, last) - _of_day(cron, first)


def _later(cron: Cron, hour: int, minute: int) -> tuple[int, int] | None:
    if hour in cron.hours:
        place = bisect_right(cron.minutes, minute)
        if place < len(cron.minutes):
            return hour, cron.minutes[place]
    place = bisect_right(cron.hours, hour)
    return (cron.hours[place], cron.minutes[0]) if place < len(cron.hours) else None


def _not_later(cron: Cron, hour: int, minute: int) -> tuple[int, int] | None:
    if hour in cron.hours:
        place = bisect_right(cron.minutes, minute)
        if place:
            return hour, cron.minutes[place - 1]
    place = bisect_left(cron.hours, hour)
    return (cron.hours[place - 1], cron.minutes[-1]) if place else None


def _day_after(cron: Cron, days: tuple[int, ...], wall: datetime) -> tuple[int, int, int] | None:
    year, month = wall.year, wall.month
    place = bisect_right(days, wall.day)
    if place < len(days):
        return year, month, days[place]
    for _ in range(12 * YEARS_SOUGHT):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        if year > LAST_YEAR:
            return None
        if days := cron.days_of(year, month):
            return year, month, days[0]
    return None


def _day_before(cron: Cron, days: tuple[int, ...], wall: datetime) -> tuple[int, int, int] | None:
    year, month = wall.year, wall.month
    place = bisect_left(days, wall.day)
    if place:
        return year, month, days[place - 1]
    for _ in range(12 * YEARS_SOUGHT):
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        if year < FIRST_YEAR:
            return None
        if days := cron.days_of(year, month):
            return year, month, days[-1]
    return None


def _whole_minute(wall: datetime) -> datetime:
    """The first whole minute not before it."""
    floor = wall.replace(second=0, microsecond=0)
    return floor if floor == wall else floor + MINUTE


def _days_count(cron: Cron, begin: date, end: date) -> int:
    """How many days it runs on from ``begin`` on, before ``end``."""
    if (begin.year, begin.month) == (end.year, end.month):
        days = cron.days_of(begin.year, begin.month)
        return bisect_left(days, end.day) - bisect_left(days, begin.day)
    days = cron.days_of(begin.year, begin.month)
    count = len(days) - bisect_left(days, begin.day)
    year, month = begin.year, begin.month + 1
    while (year, month) < (end.year, end.month):
        if month > 12:
            year, month = year + 1, 1
            continue
        count += len(cron.days_of(year, month))
        month += 1
    return count + bisect_left(cron.days_of(end.year, end.month), end.day)


def _of_day(cron: Cron, wall: datetime) -> int:
    """How many minutes of its day match before it."""
    if wall.day not in cron.days_of(wall.year, wall.month):
        return 0
    count = bisect_left(cron.hours, wall.hour) * len(cron.minutes)
    return count + (bisect_left(cron.minutes, wall.minute) if wall.hour in cron.hours else 0)
