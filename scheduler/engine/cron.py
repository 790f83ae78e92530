"""Cron expressions as people write them: checked, brought into one form, and put into words (`scheduler.md` 2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cron_descriptor import DescriptionTypeEnum, ExpressionDescriptor
from cron_descriptor.Exception import FormatException

from scheduler.engine.fields import Cron, cron_parse
from scheduler.engine.zones import zone_names
from scheduler.errors import InvalidSchedule

ALIASES: Final = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
FIVE: Final = "minute, hour, day of the month, month, day of the week"
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
UNSUPPORTED: Final = (
    (re.compile(r"\?"), "“?” is not one of cron's signs; write * for any"),
    (re.compile(r"\bH\b"), "“H” is not supported; write the minute or hour you mean"),
    (re.compile(r"\bR\b"), "“R” is not supported; write the minute or hour you mean"),
    (re.compile(r"W$"), "“W” is not supported; name the days you mean"),
)
"""Signs that other crons know, and what to write instead."""
LONGEST: Final = 256
DESCRIBED: Final = (
    DescriptionTypeEnum.TIMEOFDAY,
    DescriptionTypeEnum.DAYOFMONTH,
    DescriptionTypeEnum.MONTH,
    DescriptionTypeEnum.DAYOFWEEK,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One of the five fields: its name for people, its numbers, its names, and what only this field may say."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    special: str = ""

    def numbers(self) -> int:
        """How many values it has; a step cannot be longer."""
        return min(self.high, 6 if self.names == WEEKDAYS else self.high) - self.low + 1


PARTS: Final = (
    Part("minute", 0, 59),
    Part("hour", 0, 23),
    Part("day of the month", 1, 31, special="L for the last one"),
    Part("month", 1, 12, MONTHS),
    Part("day of the week", 0, 7, WEEKDAYS, special="5L for the last Friday, 1#2 for the second Monday"),
)
ITEM: Final = re.compile(
    r"(?:(?P<any>\*)|(?P<first>[0-9]{1,4}|[A-Z]{3})(?:-(?P<last>[0-9]{1,4}|[A-Z]{3}))?)(?:/(?P<step>[0-9]{1,4}))?"
)
PLACED: Final = re.compile(r"(?P<day>[0-9]{1,4}|[A-Z]{3})(?P<place>L|#[1-5])")


def cron_normalise(expression: str) -> str:
    """The one form that is stored: five fields in capitals, plain numbers, single spaces; aliases written out.

    Raises `InvalidSchedule` with words for ``cron_expression``: for anything but five fields, for signs that only other
    crons know, for numbers out of range, and for dates that never come.
    """
    words = " ".join(expression.upper().split())
    if words.startswith("@"):
        return _alias(words)
    fields = words.split(" ") if words else []
    if len(fields) != len(PARTS):
        raise _refused(f"Give five fields ({FIVE}), not {len(fields)}.")
    if len(words) > LONGEST:
        raise _refused(f"An expression has at most {LONGEST} characters.")
    normal = " ".join(_field(part, text) for part, text in zip(PARTS, fields, strict=True))
    cron = cron_parse(normal)
    # The calendar repeats itself every 28 years within a century; none in those is none at all.
    if not any(cron.days_of(year, month) for year in range(2000, 2028) for month in range(1, 13)):
        raise _refused("This day never comes: no such month and day of the week go together.")
    return normal


@lru_cache(maxsize=2048)
def cron_describe(expression: str) -> str:
    """A normalised expression in English words: “At 02:30, Monday through Friday”. Raises `InvalidSchedule`."""
    cron = cron_parse(expression)
    # Without a locale of its own it would ask the machine's.
    descriptor = ExpressionDescriptor(_plain(cron), use_24hour_time_format=True, locale_code="en_US")
    try:
        if not cron.days.either:
            return str(descriptor.get_full_description())
        time, date, month, weekday = (str(descriptor.get_description(kind)) for kind in DESCRIBED)
    except (FormatException, LookupError, ValueError):
        # The library does not know every mixture that cron allows; the expression itself is then the best there is.
        return expression
    # It says "on day 13, only on Friday", which is not what cron does when both are restricted.
    return f"{time}{date}, or {weekday.removeprefix(', ').removeprefix('only ')}{month}"


def cron_words(expression: str) -> str:
    """The same; one that an older version stored and this one does not understand is told as it was written."""
    try:
        return cron_describe(expression)
    except InvalidSchedule:
        return expression


def _plain(cron: Cron) -> str:
    """The expression with lists that hold steps, which the library cannot read, written out as numbers."""
    numbers = (
        cron.minutes,
        cron.hours,
        tuple(sorted(cron.days.dates)),
        tuple(sorted(cron.months)),
        tuple(sorted(cron.days.weekdays)),
    )
    return " ".join(
        _written_out(part, text, values)
        for part, text, values in zip(PARTS, cron.expression.split(" "), numbers, strict=True)
    )


def _written_out(part: Part, text: str, values: tuple[int, ...]) -> str:
    if "," not in text or not set(text) & set("/*") or set(text) & set("L#"):
        return text
    return "*" if len(values) == part.numbers() else ",".join(str(value) for value in values)


def zone_check(name: str) -> str:
    """The zone's name as `tzdata` writes it. Raises `InvalidSchedule` with words for ``cron_timezone``."""
    wanted = name.strip()
    found = wanted if wanted in zone_names() else _spelled().get(wanted.lower())
    if found is None:
        words = f"There is no time zone “{wanted}”. Write it like Europe/Berlin."
        raise InvalidSchedule(words, errors={"cron_timezone": [words]})
    return found


@lru_cache(maxsize=1)
def _spelled() -> dict[str, str]:
    return {name.lower(): name for name in zone_names()}


def _alias(words: str) -> str:
    if words in ALIASES:
        return ALIASES[words]
    if words == "@REBOOT":
        raise _refused("@reboot names no time. Give five fields, or an instant.")
    if words.startswith("@EVERY"):
        raise _refused("@every is not supported. Write */15 * * * * for every 15 minutes.")
    raise _refused(f"“{words.lower()}” is not known. Use {', '.join(alias.lower() for alias in ALIASES)}.")


def _field(part: Part, text: str) -> str:
    return ",".join(_item(part, item) for item in text.split(","))


def _item(part: Part, item: str) -> str:
    """One member of a list, in its normal form."""
    if item == "L" and part.name == "day of the month":
        return item
    if part.names == WEEKDAYS and (placed := PLACED.fullmatch(item)):
        return f"{_number(part, placed['day'], item)}{placed['place']}"
    found = ITEM.fullmatch(item)
    if found is None:
        raise _misread(part, item)
    step = _step(part, found, item)
    span = _range(part, found, item)
    # cronsim reads `5-5/2` as if it were `5/2`, which goes on to the end of the field.
    return span if found["last"] and "-" not in span else span + step


def _range(part: Part, found: re.Match[str], item: str) -> str:
    if found["any"]:
        return "*"
    first = _number(part, found["first"], item)
    if found["last"] is None:
        return _kept(found["first"], first)
    last = _number(part, found["last"], item)
    if part.names == WEEKDAYS and last == 0 < first:
        # A range may end on a Sunday; the number for that is 7.
        return f"{_kept(found['first'], first)}-7"
    if last == first:
        return _kept(found["first"], first)
    if last < first:
        raise _refused(f"In the {part.name} field, “{item}” runs backwards.")
    return f"{_kept(found['first'], first)}-{_kept(found['last'], last)}"


def _step(part: Part, found: re.Match[str], item: str) -> str:
    if found["step"] is None:
        return ""
    step = int(found["step"])
    if not 1 <= step <= part.numbers():
        raise _refused(f"In the {part.name} field, “{item}” needs a step from 1 to {part.numbers()}.")
    return f"/{step}"


def _number(part: Part, text: str, item: str) -> int:
    if text in part.names:
        return part.names.index(text) + part.low
    if not text.isdigit() or not part.low <= int(text) <= part.high:
        raise _misread(part, item)
    return int(text)


def _kept(text: str, number: int) -> str:
    """Names stay names, which are easier to read; numbers lose their leading zeros."""
    return str(number) if text.isdigit() else text


def _misread(part: Part, item: str) -> InvalidSchedule:
    for sign, words in UNSUPPORTED:
        if sign.search(item):
            return _refused(f"In the {part.name} field, {words}.")
    more = f", {part.names[0]} to {part.names[-1]}" if part.names else ""
    special = f", {part.special}" if part.special else ""
    return _refused(
        f"In the {part.name} field, “{item}” is not understood. It takes numbers from {part.low} to {part.high}{more}, "
        f"* for any, lists (1,2), ranges (1-5) and steps (*/5){special}."
    )


def _refused(words: str) -> InvalidSchedule:
    return InvalidSchedule(words, errors={"cron_expression": [words]})
