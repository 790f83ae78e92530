"""An independent, slow cron: it walks every minute, as Debian's daemon does, and shares nothing with the engine.

It keeps a virtual clock of walls it has dealt with. In every minute of real time the wall clock is looked at:

- a *real-time* job runs when this wall matches;
- any other job runs when one of the walls that the virtual clock reaches now matches: none while the clock repeats
  itself, several where it leaps, and then once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()


@dataclass(frozen=True)
class Walk:
    """Every minute of a stretch: the walls shown, and the walls reached for the first time; (instant, day, minute)."""

    shown: tuple[tuple[datetime, date, int], ...]
    reached: tuple[tuple[datetime, date, int], ...]


def walk(zone: str, begin: datetime, end: datetime) -> Walk:
    """Walk from ``begin`` to ``end``, both whole minutes of UTC, the ends included."""
    info = ZoneInfo(zone)
    shown, reached = [], []
    # Two days earlier, so that the virtual clock knows what an hour that comes again has shown before.
    at = begin - timedelta(days=2)
    virtual = at.astimezone(info).replace(tzinfo=None) - MINUTE
    while at <= end:
        wall = at.astimezone(info).replace(tzinfo=None)
        if at >= begin:
            shown.append((at, wall.date(), wall.hour * 60 + wall.minute))
        while virtual < wall:
            virtual += MINUTE
            if at >= begin:
                reached.append((at, virtual.date(), virtual.hour * 60 + virtual.minute))
        at += MINUTE
    return Walk(tuple(shown), tuple(reached))


class Job:
    """Five fields, read in the plainest way."""

    def __init__(self, expression: str) -> None:
        minute, hour, self.dom, month, self.dow = expression.split()
        self.real_time = minute[0] == "*" or hour[0] == "*"
        minutes, hours = _numbers(minute, 0, 59), _numbers(hour, 0, 23)
        self.minutes_of_day = frozenset(h * 60 + m for h in hours for m in minutes)
        self.months = _numbers(month, 1, 12, MONTHS, 1)
        self.on_day = cache(self._on_day)

    def runs(self, steps: Walk) -> list[datetime]:
        """The instants at which it runs during the walk."""
        found: list[datetime] = []
        for at, day, minute in steps.shown if self.real_time else steps.reached:
            if minute in self.minutes_of_day and self.on_day(day) and (not found or found[-1] != at):
                found.append(at)
        return found

    def days(self, begin: date, end: date) -> Iterator[date]:
        """The days on which it runs, from ``begin`` on, before ``end``."""
        while begin < end:
            if self.on_day(begin):
                yield begin
            begin += timedelta(days=1)

    def _on_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date = any(_date_matches(item, day) for item in self.dom.split(","))
        by_weekday = any(_weekday_matches(item, day) for item in self.dow.split(","))
        if self.dom[0] == "*" or self.dow[0] == "*":
            return by_date and by_weekday
        return by_date or by_weekday


def utc(text: str) -> datetime:
    """``2026-03-08T07:00`` as an aware instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _numbers(
    field: str, low: int, high: int, names: list[str] | None = None, first: int = 0
) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        begin, _, end = span.partition("-")
        if span == "*":
            numbers = range(low, high + 1)
        elif end:
            numbers = range(_number(begin, names, first), _number(end, names, first) + 1)
        else:
            only = _number(begin, names, first)
            numbers = range(only, high + 1 if step else only + 1)
        found.update(numbers[:: int(step or 1)])
    return frozenset(found)


def _number(text: str, names: list[str] | None, first: int) -> int:
    return names.index(text) + first if names and text in names else int(text)


def _date_matches(item: str, day: date) -> bool:
    if item == "L":
        return (day + timedelta(days=1)).day == 1
    return day.day in _numbers(item, 1, 31)


def _weekday_matches(item: str, day: date) -> bool:
    weekday = day.isoweekday() % 7
    if item.endswith("L"):
        last = (day + timedelta(days=7)).month != day.month
        return last and weekday == _number(item[:-1], DAYS, 0) % 7
    if "#" in item:
        name, nth = item.split("#")
        return weekday == _number(name, DAYS, 0) % 7 and (day.day - 1) // 7 + 1 == int(nth)
    return weekday in {number % 7 for number in _numbers(item, 0, 7, DAYS)}
