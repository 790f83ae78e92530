"""Filters on dates and times, which are ISO 8601 texts (or seconds since 1970) as everywhere in JSON.

There is no "now": an expression must mean the same on a retry. ``run.started_at`` and ``scheduled_for`` do.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation
from workflows.engine.expressions.limits import checked_number
from workflows.engine.expressions.registry import FILTERS
from workflows.engine.expressions.text import kind

_DIRECTIVES = re.compile(r"%(?![aAbBdHIjmMpSUwWyYfzZ%GuVF])")
"""Anything else after a ``%`` (padding widths among them, which can ask for gigabytes) is refused."""
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
_MAX_ISO_TEXT = 64
_MAX_FORMAT = 128
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}


@FILTERS.add("date_format")
def date_format(_: Evaluation, value: Any, pattern: str = "%Y-%m-%d", timezone: str | None = None) -> str:
    """The moment in `strftime` form, in ``timezone`` when given: ``date_format("%d.%m.%Y", "Europe/Prague")``."""
    if len(pattern) > _MAX_FORMAT or _DIRECTIVES.search(pattern):
        raise EvaluationError("bad_argument", "this date format holds a directive that is not allowed")
    return _moment(value, timezone).strftime(pattern)


@FILTERS.add("to_timezone")
def to_timezone(_: Evaluation, value: Any, timezone: str) -> str:
    """The same moment written in another time zone."""
    return _moment(value, timezone).isoformat()


@FILTERS.add("date_add")
def date_add(_: Evaluation, value: Any, **amounts: float) -> str:
    """The moment moved by ``weeks``, ``days``, ``hours``, ``minutes`` and ``seconds``; days stay days."""
    if set(amounts) - set(_UNITS):
        raise EvaluationError("bad_argument", f"date_add takes {', '.join(_UNITS)}")
    try:
        moved = _moment(value) + timedelta(**amounts)
    except OverflowError:
        raise EvaluationError("number_out_of_range", "that is beyond the calendar") from None
    is_date = isinstance(value, str) and len(value) == len("2026-01-31")
    return moved.date().isoformat() if is_date and moved.time() == time() else moved.isoformat()


@FILTERS.add("date_diff")
def date_diff(_: Evaluation, value: Any, other: Any, unit: str = "seconds") -> float:
    """How much later the value is than ``other``, in seconds, minutes, hours, days or weeks."""
    if unit not in _UNITS:
        raise EvaluationError("bad_argument", f"units are {', '.join(_UNITS)}")
    return (_moment(value) - _moment(other)).total_seconds() / _UNITS[unit]


@FILTERS.add("timestamp")
def timestamp(_: Evaluation, value: Any) -> float:
    """Seconds since 1970 in UTC."""
    return float(checked_number(_moment(value).timestamp()))


def _moment(value: Any, timezone: str | None = None) -> datetime:
    """An aware moment; what names no zone is taken as UTC."""
    moment = _parsed(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment if timezone is None else moment.astimezone(_zone(timezone))


def _parsed(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and len(value) <= _MAX_ISO_TEXT:
            return datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError, OSError):
        pass
    raise EvaluationError("bad_operand", f"{kind(value)} is not a date; write it as 2026-01-31T09:30:00Z")


def _zone(name: str) -> ZoneInfo:
    try:
        if _ZONE_NAME.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise EvaluationError("bad_argument", "there is no such time zone; use a name like Europe/Prague")
