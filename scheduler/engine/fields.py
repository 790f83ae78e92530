"""The five fields of a cron expression, read into sets of numbers. `cronsim` says what they mean; zones come later."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cronsim import CronSim, CronSimError

from scheduler.errors import InvalidSchedule

LAST = -1
"""As the occurrence of a weekday: the last one of its month."""


@dataclass(frozen=True, slots=True)
class DayRule:
    """On which days of a month: by date, by weekday (0 is Sunday), by the n-th weekday.

    ``either``: a day of the month *or* a weekday is enough, as cron has it when both are restricted.
    """

    dates: frozenset[int]
    last_date: bool
    weekdays: frozenset[int]
    occurrences: frozenset[tuple[int, int]]
    either: bool

    def holds(self, day: int, weekday: int, length: int) -> bool:
        """Whether it holds for that date, being that weekday, of a month of ``length`` days."""
        by_date = day in self.dates or (self.last_date and day == length)
        by_weekday = (
            weekday in self.weekdays
            or (weekday, (day + 6) // 7) in self.occurrences
            or (day + 7 > length and (weekday, LAST) in self.occurrences)
        )
        return (by_date or by_weekday) if self.either else (by_date and by_weekday)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. Two are equal when their expressions are.

    ``real_time``: the minute or the hour begins with ``*``, so it follows the clock's real time through every shift,
    as Debian's cron does; otherwise it names times of day, each of which comes once a day (`scheduler.md` 2.5).
    """

    expression: str
    minutes: tuple[int, ...] = field(compare=False)
    hours: tuple[int, ...] = field(compare=False)
    months: frozenset[int] = field(compare=False)
    days: DayRule = field(compare=False)
    real_time: bool = field(compare=False)

    def days_of(self, year: int, month: int) -> tuple[int, ...]:
        """The dates of that month on which it runs, ascending."""
        if month not in self.months:
            return ()
        first, length = monthrange(year, month)
        return _dates(self.days, first, length)


@lru_cache(maxsize=8192)
def cron_parse(expression: str) -> Cron:
    """Read a normalised expression (see `cron_normalise`). Raises `InvalidSchedule` for what never happens, too."""
    fields = expression.split(" ")
    try:
        if len(fields) != 5:
            raise CronSimError("Wrong number of fields")
        # The instant only tells cronsim that no zone is meant.
        read = CronSim(expression, datetime(2000, 1, 1))  # noqa: DTZ001
        if CronSim.LAST_WEEKDAY in read.days:
            raise CronSimError("LW is not supported")
    except CronSimError as unread:
        words = _words(str(unread))
        raise InvalidSchedule(words, errors={"cron_expression": [words]}) from unread
    minute, hour, date, _, weekday = fields
    either = not (date.startswith("*") or weekday.startswith("*"))
    return Cron(
        expression=expression,
        minutes=tuple(sorted(read.minutes)),
        hours=tuple(sorted(read.hours)),
        months=frozenset(read.months),
        days=_day_rule(read, either=either),
        real_time=minute.startswith("*") or hour.startswith("*"),
    )


def _day_rule(read: CronSim, *, either: bool) -> DayRule:
    plain = {day for day in read.weekdays if isinstance(day, int)}
    placed = {day for day in read.weekdays if not isinstance(day, int)}
    return DayRule(
        dates=frozenset(day for day in read.days if day > 0),
        last_date=CronSim.LAST in read.days,
        weekdays=frozenset(day % 7 for day in plain),
        occurrences=frozenset((day % 7, LAST if nth == CronSim.LAST else nth) for day, nth in placed),
        either=either,
    )


@lru_cache(maxsize=16384)
def _dates(rule: DayRule, first: int, length: int) -> tuple[int, ...]:
    """The dates of a month of ``length`` days whose first is the weekday ``first`` (0 is Monday, as in `calendar`)."""
    return tuple(day for day in range(1, length + 1) if rule.holds(day, (first + day) % 7, length))


def _words(unread: str) -> str:
    if unread == "Bad day-of-month":
        return "This day of the month never comes in the months named."
    return f"This is not a cron expression in its stored form: {unread}."
