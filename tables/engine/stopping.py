"""What a stop is about: which workflow groups a request would still run, and whose scope is the one named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from tables.engine.types import TableSpec

STOPPED: Final = "stopped"
"""Where a dispatch's stored scope keeps the selections that were stopped ahead of its walk (T25)."""


def groups_reached(
    spec: TableSpec, named: Collection[UUID], without: Collection[UUID] = ()
) -> frozenset[UUID]:
    """Groups that cascades begun for the groups ``named`` may run: those, and what follows them with auto_run (T20).

    ``without`` are groups that the dispatch goes on without, and so is what only they would have set off.
    """
    reached = {group for group in named if group not in without}
    for group in spec.groups:  # in the order they run: what sets one off stands before it
        if group.auto_run and group.id not in without:
            sources = {column.group_id for column in spec.columns if column.key in group.depends_on}
            if sources & reached:
                reached.add(group.id)
    return frozenset(reached)


def is_same_scope(scope: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two scopes, as they were asked for, name the same rows in the same words; ids come in any order.

    >>> is_same_scope({"rows": ["a", "b"]}, {"rows": ["b", "a"], "filter": None})
    True
    """
    return _comparable(scope) == _comparable(other)


def _comparable(scope: Mapping[str, Any]) -> dict[str, Any]:
    return {
        part: set(value) if isinstance(value, list) else value
        for part, value in scope.items()
        if value or (part == "rows" and value is not None)  # no rows at all are not the whole table
    }
