"""Filters and sorts as SQL over ``tables_row r`` (T40): typed operators, nested with limits, never user text in SQL.

A filter is ``{"column": reference, "op": name, "value": any}``; or ``{"group": id, "status": name or [names]}`` and
``{"group": id, "error": code or [codes]}`` on a workflow group's cells; or ``{"all": […]}``, ``{"any": […]}``,
``{"not": …}`` of filters. Beside the statuses stored, ``none`` is a cell that never ran, ``outdated`` one that ended
under an earlier revision of its group, ``stale`` one whose values no standing run and no person vouches for (T7).

Column keys and values travel as parameters (trust.md 23). Every condition is true or false, never NULL, so that
``not`` means what people expect: rows without a value are among those that are not equal to something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.conditions import EVERYTHING, MAX_VALUES, Clause, condition, empty, invalid
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec
from tables.states import CellStatus

__all__ = ["EVERYTHING", "Clause", "compile_filter"]

MAX_DEPTH: Final = 5
MAX_CONDITIONS: Final = 50
NEVER_RUN: Final = "none"
OUTDATED: Final = "outdated"
STALE: Final = "stale"
DERIVED: Final = (NEVER_RUN, OUTDATED, STALE)
"""What can be asked for like a status and is not stored."""


def compile_filter(
    filter: Mapping[str, Any] | None,  # noqa: A002
    columns: Iterable[ColumnSpec],
    now: datetime | None = None,
) -> Clause:
    """The filter as one boolean expression over the alias ``r``; ``None`` and ``{}`` match everything.

    ``now`` is what days are counted from; without it the database's clock.
    Raises ``FilterInvalid`` whose ``errors`` name the place, e.g. ``filter.all[1].value``.
    """
    if not filter:
        if filter is None or filter == {}:
            return EVERYTHING
        raise invalid("filter", "Give an object such as {“column”: …, “op”: “eq”, “value”: …}.")
    return _Compiler(columns, now).compile(filter, "filter", 1)


class _Compiler:
    """One pass over one filter, counting its conditions."""

    def __init__(self, columns: Iterable[ColumnSpec], now: datetime | None) -> None:
        self.index = ColumnIndex(columns)
        self.now = now
        self.groups = {column.group_id for column in self.index.columns if column.group_id}
        self.conditions = 0

    def compile(self, node: Any, place: str, depth: int) -> Clause:
        if not isinstance(node, Mapping):
            raise invalid(place, "Give an object such as {“column”: …, “op”: “eq”, “value”: …}.")
        if depth > MAX_DEPTH:
            raise invalid(place, f"Filters nest at most {MAX_DEPTH} deep.")
        if "column" in node:
            return self._condition(node, place)
        if "group" in node:
            return self._status(node, place)
        if len(node) == 1 and next(iter(node)) in {"all", "any", "not"}:
            return self._nested(node, place, depth)
        raise invalid(place, "Give one of column, group, all, any or not.")

    def _nested(self, node: Mapping[str, Any], place: str, depth: int) -> Clause:
        word, inner = next(iter(node.items()))
        if word == "not":
            clause = self.compile(inner, f"{place}.not", depth + 1)
            return Clause(f"(NOT {clause.sql})", clause.params)
        if not isinstance(inner, list):
            raise invalid(f"{place}.{word}", "Give a list of filters.")
        parts = [self.compile(each, f"{place}.{word}[{i}]", depth + 1) for i, each in enumerate(inner)]
        if not parts:
            return Clause("TRUE" if word == "all" else "FALSE")
        joined = (" AND " if word == "all" else " OR ").join(part.sql for part in parts)
        return Clause(f"({joined})", [param for part in parts for param in part.params])

    def _count(self, node: Mapping[str, Any], place: str, allowed: set[str]) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise invalid(place, f"A filter has at most {MAX_CONDITIONS} conditions.")
        unknown = sorted(str(name) for name in set(node) - allowed)
        if unknown:
            raise invalid(f"{place}.{unknown[0]}", "Unknown field.")

    def _condition(self, node: Mapping[str, Any], place: str) -> Clause:
        self._count(node, place, {"column", "op", "value"})
        column = self.index.find(node["column"])
        if column is None:
            raise invalid(f"{place}.column", self.index.unknown(node["column"]))
        operators = COLUMN_TYPES[column.type].operators
        op = node.get("op", "eq")
        if op not in operators:
            raise invalid(
                f"{place}.op", f"“{column.name}” ({column.type}) takes one of: {', '.join(operators)}."
            )
        return condition(column, op, node.get("value"), f"{place}.value", self.now)

    def _status(self, node: Mapping[str, Any], place: str) -> Clause:
        self._count(node, place, {"group", "status", "error"})
        group = next((each for each in self.groups if str(each) == str(node["group"])), None)
        if group is None:
            raise invalid(f"{place}.group", "There is no such workflow group in this table.")
        if ("status" in node) == ("error" in node):
            raise invalid(place, "Give a status, or the code of an error.")
        if "error" in node:
            return _cell_error(group, _names(node["error"], f"{place}.error"))
        statuses = _names(node["status"], f"{place}.status")
        known = [*(status.value for status in CellStatus), *DERIVED]
        if any(each not in known for each in statuses):
            raise invalid(f"{place}.status", f"Give one or several of: {', '.join(known)}.")
        return self._cell_status(group, statuses)

    def _cell_status(self, group: UUID, statuses: list[str]) -> Clause:
        stored = [status for status in statuses if status not in DERIVED]
        parts = [Clause(f"EXISTS ({_RECORD} AND e.status = ANY(%s))", [group, stored])] if stored else []
        if NEVER_RUN in statuses:
            parts.append(Clause(f"NOT EXISTS ({_RECORD})", [group]))
        if OUTDATED in statuses:
            revision = "(SELECT g.revision FROM tables_workflowgroup g WHERE g.id = e.group_id)"
            clause = f"EXISTS ({_RECORD} AND e.status = 'completed' AND e.group_revision < {revision})"
            parts.append(Clause(clause, [group]))
        if STALE in statuses:
            parts.append(self._stale(group))
        return Clause(
            f"({' OR '.join(part.sql for part in parts)})", [param for part in parts for param in part.params]
        )

    def _stale(self, group: UUID) -> Clause:
        """Some value in a column of the group is neither of a completed run nor typed by a person (T7)."""
        shown = [column for column in self.index.columns if column.group_id == group]
        values = [empty(column) for column in shown]
        held = " OR ".join(f"(NOT {each.sql} AND NOT %s = ANY(r.edited))" for each in values)
        return Clause(
            f"(NOT EXISTS ({_RECORD} AND e.status = 'completed') AND ({held}))",
            [
                group,
                *(p for column, each in zip(shown, values, strict=True) for p in (*each.params, column.key)),
            ],
        )


_RECORD: Final = "SELECT 1 FROM tables_rowexecution e WHERE e.row_id = r.id AND e.group_id = %s"


def _cell_error(group: UUID, codes: list[str]) -> Clause:
    return Clause(
        f"EXISTS ({_RECORD} AND e.status = 'failed' AND e.error ->> 'code' = ANY(%s))", [group, codes]
    )


def _names(asked: Any, place: str) -> list[str]:
    names = [asked] if isinstance(asked, str) else asked
    if not isinstance(names, list) or not 0 < len(names) <= MAX_VALUES:
        raise invalid(place, "Give a name or a list of names.")
    if not all(isinstance(name, str) and "\x00" not in name for name in names):
        raise invalid(place, "Give a name or a list of names.")
    return names
