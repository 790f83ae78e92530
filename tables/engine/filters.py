"""Filters and sorts as SQL over ``tables_row r`` (T40): typed operators, nested with limits, never user text in SQL.

A filter is ``{"column": reference, "op": name, "value": any}``, or ``{"group": id, "status": name or [names]}`` on a
workflow group's cells (``"none"``: never run), or ``{"all": […]}``, ``{"any": […]}``, ``{"not": …}`` of filters.
Column keys and values travel as parameters (trust.md 23). Every condition is true or false, never NULL, so that
``not`` means what people expect: rows without a value are among those that are not equal to something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tables.engine.coercion import COLUMN_TYPES, coerce
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec
from tables.errors import FilterInvalid, ValueInvalid
from tables.states import CellStatus

MAX_DEPTH: Final = 5
MAX_CONDITIONS: Final = 50
MAX_VALUES: Final = 1_000
NEVER_RUN: Final = "none"


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of SQL with its ``%s`` parameters in order."""

    sql: str
    params: list[Any] = field(default_factory=list)

    def __and__(self, other: Clause) -> Clause:
        return Clause(f"({self.sql} AND {other.sql})", [*self.params, *other.params])


EVERYTHING: Final = Clause("TRUE")
_COMPARE: Final = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_NEGATED: Final = {"ne": "eq", "not_in": "in", "not_contains": "contains", "not_empty": "is_empty"}


def compile_filter(filter: Mapping[str, Any] | None, columns: Iterable[ColumnSpec]) -> Clause:  # noqa: A002
    """The filter as one boolean expression over the alias ``r``; ``None`` and ``{}`` match everything.

    Raises ``FilterInvalid`` whose ``errors`` name the place, e.g. ``filter.all[1].value``.
    """
    if not filter:
        if filter is None or filter == {}:
            return EVERYTHING
        raise _invalid("filter", "Give an object such as {“column”: …, “op”: “eq”, “value”: …}.")
    return _Compiler(columns).compile(filter, "filter", 1)


class _Compiler:
    """One pass over one filter, counting its conditions."""

    def __init__(self, columns: Iterable[ColumnSpec]) -> None:
        self.index = ColumnIndex(columns)
        self.groups = {column.group_id for column in self.index.columns if column.group_id}
        self.conditions = 0

    def compile(self, node: Any, place: str, depth: int) -> Clause:
        if not isinstance(node, Mapping):
            raise _invalid(place, "Give an object such as {“column”: …, “op”: “eq”, “value”: …}.")
        if depth > MAX_DEPTH:
            raise _invalid(place, f"Filters nest at most {MAX_DEPTH} deep.")
        if "column" in node:
            return self._condition(node, place)
        if "group" in node:
            return self._status(node, place)
        if len(node) == 1 and next(iter(node)) in {"all", "any", "not"}:
            return self._nested(node, place, depth)
        raise _invalid(place, "Give one of column, group, all, any or not.")

    def _nested(self, node: Mapping[str, Any], place: str, depth: int) -> Clause:
        word, inner = next(iter(node.items()))
        if word == "not":
            clause = self.compile(inner, f"{place}.not", depth + 1)
            return Clause(f"(NOT {clause.sql})", clause.params)
        if not isinstance(inner, list):
            raise _invalid(f"{place}.{word}", "Give a list of filters.")
        parts = [self.compile(each, f"{place}.{word}[{i}]", depth + 1) for i, each in enumerate(inner)]
        if not parts:
            return Clause("TRUE" if word == "all" else "FALSE")
        joined = (" AND " if word == "all" else " OR ").join(part.sql for part in parts)
        return Clause(f"({joined})", [param for part in parts for param in part.params])

    def _count(self, node: Mapping[str, Any], place: str, allowed: set[str]) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise _invalid(place, f"A filter has at most {MAX_CONDITIONS} conditions.")
        unknown = sorted(str(name) for name in set(node) - allowed)
        if unknown:
            raise _invalid(f"{place}.{unknown[0]}", "Unknown field.")

    def _condition(self, node: Mapping[str, Any], place: str) -> Clause:
        self._count(node, place, {"column", "op", "value"})
        column = self.index.find(node["column"])
        if column is None:
            raise _invalid(f"{place}.column", self.index.unknown(node["column"]))
        operators = COLUMN_TYPES[column.type].operators
        op = node.get("op", "eq")
        if op not in operators:
            raise _invalid(
                f"{place}.op", f"“{column.name}” ({column.type}) takes one of: {', '.join(operators)}."
            )
        return condition(column, op, node.get("value"), f"{place}.value")

    def _status(self, node: Mapping[str, Any], place: str) -> Clause:
        self._count(node, place, {"group", "status"})
        group = next((each for each in self.groups if str(each) == str(node["group"])), None)
        if group is None:
            raise _invalid(f"{place}.group", "There is no such workflow group in this table.")
        asked = node.get("status")
        statuses = [asked] if isinstance(asked, str) else asked
        known = [*(status.value for status in CellStatus), NEVER_RUN]
        if not isinstance(statuses, list) or not statuses or any(each not in known for each in statuses):
            raise _invalid(f"{place}.status", f"Give one or several of: {', '.join(known)}.")
        return _cell_status(group, statuses)


def _cell_status(group: UUID, statuses: list[str]) -> Clause:
    record = "SELECT 1 FROM tables_rowexecution e WHERE e.row_id = r.id AND e.group_id = %s"
    parts = [
        Clause(f"EXISTS ({record} AND e.status = ANY(%s))", [group, [s for s in statuses if s != NEVER_RUN]])
    ]
    if NEVER_RUN in statuses:
        parts.append(Clause(f"NOT EXISTS ({record})", [group]))
    return Clause(
        f"({' OR '.join(part.sql for part in parts)})", [param for part in parts for param in part.params]
    )


def condition(column: ColumnSpec, op: str, value: Any, place: str) -> Clause:
    """One typed condition; raises ``FilterInvalid`` when the value does not fit the column and operator."""
    if op in _NEGATED:
        clause = condition(column, _NEGATED[op], value, place)
        return Clause(f"(NOT {clause.sql})", clause.params)
    if op == "is_empty":
        return _empty(column)
    subject = subject_of(column)
    if op == "in":
        values = [_comparand(column, each, place) for each in _list(value, place)]
        return _two_valued(f"{subject.sql} = ANY(%s{_cast(column, many=True)})", [*subject.params, values])
    if op == "between":
        ends = _list(value, place)
        if len(ends) != 2:
            raise _invalid(place, "Give a list of two values, the lower one first.")
        low, high = (_comparand(column, end, place) for end in ends)
        cast = _cast(column)
        return _two_valued(f"{subject.sql} BETWEEN %s{cast} AND %s{cast}", [*subject.params, low, high])
    if op in _COMPARE:
        wanted = _comparand(column, value, place)
        return _two_valued(f"{subject.sql} {_COMPARE[op]} %s{_cast(column)}", [*subject.params, wanted])
    return _substring(column, op, value, place)


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


def _empty(column: ColumnSpec) -> Clause:
    """As ``coercion.is_empty`` judges (T7)."""
    if column.type == "boolean":
        return Clause("((r.data -> %s) IS DISTINCT FROM 'true'::jsonb)", [column.key])
    return Clause(
        "(coalesce(r.data -> %s, 'null') = ANY(ARRAY['null', '\"\"', '[]']::jsonb[]))",
        [column.key],
    )


def _substring(column: ColumnSpec, op: str, value: Any, place: str) -> Clause:
    if COLUMN_TYPES[column.type].family == "list" and op == "contains":
        choices = _coerced(column, value if isinstance(value, list) else [value], place)
        return _two_valued("jsonb_exists_any(r.data -> %s, %s)", [column.key, choices or []])
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _invalid(place, "Give the text to look for.")
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    before, after = ("" if op == "starts_with" else "%"), ("" if op == "ends_with" else "%")
    return _two_valued("(r.data ->> %s) ILIKE %s", [column.key, f"{before}{escaped}{after}"])


def _comparand(column: ColumnSpec, value: Any, place: str) -> Any:
    """The value as the subject compares it: coerced like a cell, so that a filter finds what was typed."""
    coerced = _coerced(column, value, place)
    if coerced is None:
        raise _invalid(place, "Give a value, or use the operator is_empty.")
    return str(coerced) if COLUMN_TYPES[column.type].family == "number" else coerced


def _coerced(column: ColumnSpec, value: Any, place: str) -> Any:
    try:
        return coerce(column, value)
    except ValueInvalid as fault:
        raise _invalid(place, fault.detail) from None


def _cast(column: ColumnSpec, *, many: bool = False) -> str:
    names = {"number": "numeric", "boolean": "boolean"}
    return f"::{names.get(COLUMN_TYPES[column.type].family, 'text')}{'[]' if many else ''}"


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
        raise _invalid(place, f"Give a list of 1 to {MAX_VALUES:,} values.")
    return value


def _two_valued(sql: str, params: list[Any]) -> Clause:
    return Clause(f"coalesce({sql}, FALSE)", params)


def _invalid(place: str, message: str) -> FilterInvalid:
    return FilterInvalid(f"{place}: {message}", errors={place: [message]})
