"""Typed conditions on one column, as SQL over ``tables_row r`` (T40): what an operator means for a type.

Column keys and values travel as parameters. Every condition is true or false, never NULL. Days (``today``,
``last_days`` …) are days in UTC, counted from the database's clock at the time of asking, unless the caller names
another moment. A date alone, compared with an instant, means that whole day.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tables.engine.coercion import COLUMN_TYPES, coerce
from tables.engine.types import ColumnSpec
from tables.errors import FilterInvalid, ValueInvalid

MAX_VALUES: Final = 1_000
MAX_DAYS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of SQL with its ``%s`` parameters in order."""

    sql: str
    params: list[Any] = field(default_factory=list)

    def __and__(self, other: Clause) -> Clause:
        return Clause(f"({self.sql} AND {other.sql})", [*self.params, *other.params])


EVERYTHING: Final = Clause("TRUE")
_COMPARE: Final = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "after": ">", "before": "<"}
_NEGATED: Final = {
    "ne": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_empty": "is_empty",
    "none_of": "any_of",
}
_ONE_DAY: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def condition(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None = None) -> Clause:
    """One typed condition; raises ``FilterInvalid`` when the value does not fit the column and operator."""
    if op in _NEGATED:
        clause = condition(column, _NEGATED[op], value, place, now)
        return Clause(f"(NOT {clause.sql})", clause.params)
    if op == "is_empty":
        return empty(column)
    return _reader_of(column, op)(column, op, value, place, now)


def _reader_of(column: ColumnSpec, op: str) -> Callable[..., Clause]:
    """What turns this operator and its value into SQL."""
    if COLUMN_TYPES[column.type].family == "list":
        return _choices
    found = {"in": _among, "between": _between, "last_days": _days, "next_days": _days}
    found |= dict.fromkeys(_ONE_DAY, _days) | dict.fromkeys(_COMPARE, _compared)
    return found.get(op, _substring)


def _among(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    wanted = [_comparand(column, each, place) for each in _list(value, place)]
    subject = subject_of(column)
    return _two_valued(f"{subject.sql} = ANY(%s{_cast(column, many=True)})", [*subject.params, wanted])


def _between(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    ends = _list(value, place)
    if len(ends) != 2:
        raise invalid(place, "Give a list of two values, the lower one first.")
    low, high = ends
    return _compared(column, "gte", low, place, now) & _compared(column, "lte", high, place, now)


def _compared(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    """One comparison. A date alone means the whole day of an instant; a box that was never touched is unchecked."""
    subject, wanted = subject_of(column), _comparand(column, value, place)
    if column.type == "boolean":
        subject = _two_valued(subject.sql, subject.params)
    if column.type == "datetime" and isinstance(value, str) and _DAY.fullmatch(value.strip()):
        return _two_valued(f"left({subject.sql}, 10) {_COMPARE[op]} %s", [*subject.params, value.strip()])
    return _two_valued(f"{subject.sql} {_COMPARE[op]} %s{_cast(column)}", [*subject.params, wanted])


def _days(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    """A span of whole days in UTC; ``last_days`` ends with today, ``next_days`` begins with tomorrow."""
    first = last = _ONE_DAY.get(op, 0)
    if op not in _ONE_DAY:
        if type(value) is not int or not 0 < value <= MAX_DAYS:
            raise invalid(place, f"Give a whole number of days, 1 to {MAX_DAYS:,}.")
        first, last = (1 - value, 0) if op == "last_days" else (1, value)
    elif value is not None:
        raise invalid(place, f"The operator {op} takes no value.")
    subject = subject_of(column)
    day = "(to_char(({moment} AT TIME ZONE 'UTC')::date + %s::int, 'YYYY-MM-DD') COLLATE \"C\")"
    day = day.format(moment="now()" if now is None else "%s::timestamptz")
    moment = [] if now is None else [now.astimezone(UTC)]
    return _two_valued(
        f"left({subject.sql}, 10) BETWEEN {day} AND {day}", [*subject.params, *moment, first, *moment, last]
    )


def _choices(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    """Whether a list holds any, or all, of some choices."""
    asked = value if isinstance(value, list) else [value]
    wanted = _coerced(column, _list(asked, place), place)
    if not wanted:
        raise invalid(place, "Give one or several choices.")
    holds = "jsonb_exists_all" if op == "all_of" else "jsonb_exists_any"
    is_list = "jsonb_typeof(r.data -> %s) = 'array'"
    return _two_valued(f"({is_list} AND {holds}(r.data -> %s, %s))", [column.key, column.key, wanted])


def subject_of(column: ColumnSpec) -> Clause:
    """The column's value in a form that compares as its family does; NULL where a row holds something else.

    A column's type can change while rows still hold values of the old one, so nothing is cast that could fail.
    """
    if COLUMN_TYPES[column.type].family == "number":
        return Clause(
            "(CASE WHEN jsonb_typeof(r.data -> %s) = 'number' THEN (r.data ->> %s)::numeric END)",
            [column.key] * 2,
        )
    if column.type == "boolean":
        return Clause("((r.data -> %s) = 'true'::jsonb)", [column.key])
    if COLUMN_TYPES[column.type].family == "instant":
        return Clause('((r.data ->> %s) COLLATE "C")', [column.key])
    return Clause("(r.data ->> %s)", [column.key])


def empty(column: ColumnSpec) -> Clause:
    """As ``coercion.is_empty`` judges (T7)."""
    if column.type == "boolean":
        return Clause("((r.data -> %s) IS DISTINCT FROM 'true'::jsonb)", [column.key])
    return Clause(
        "(coalesce(r.data -> %s, 'null') = ANY(ARRAY['null', '\"\"', '[]']::jsonb[]))",
        [column.key],
    )


def _substring(column: ColumnSpec, op: str, value: Any, place: str, now: datetime | None) -> Clause:
    if not isinstance(value, str) or not value or "\x00" in value:
        raise invalid(place, "Give the text to look for.")
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    before, after = ("" if op == "starts_with" else "%"), ("" if op == "ends_with" else "%")
    return _two_valued("(r.data ->> %s) ILIKE %s", [column.key, f"{before}{escaped}{after}"])


def _comparand(column: ColumnSpec, value: Any, place: str) -> Any:
    """The value as the subject compares it: coerced like a cell, so that a filter finds what was typed."""
    coerced = _coerced(column, value, place)
    if coerced is None:
        raise invalid(place, "Give a value, or use the operator is_empty.")
    return str(coerced) if COLUMN_TYPES[column.type].family == "number" else coerced


def _coerced(column: ColumnSpec, value: Any, place: str) -> Any:
    try:
        return coerce(column, value)
    except ValueInvalid as fault:
        raise invalid(place, fault.detail) from None


def _cast(column: ColumnSpec, *, many: bool = False) -> str:
    names = {"number": "numeric", "boolean": "boolean"}
    return f"::{names.get(COLUMN_TYPES[column.type].family, 'text')}{'[]' if many else ''}"


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
        raise invalid(place, f"Give a list of 1 to {MAX_VALUES:,} values.")
    return value


def _two_valued(sql: str, params: list[Any]) -> Clause:
    return Clause(f"coalesce({sql}, FALSE)", params)


def invalid(place: str, message: str) -> FilterInvalid:
    """The fault at this place of a filter."""
    return FilterInvalid(f"{place}: {message}", errors={place: [message]})
