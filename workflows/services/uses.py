"""Who uses workflows, as apps above tell it: ``workflows`` knows of none of them by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Use:
    """One place that runs a ref of a workflow. ``inputs`` says what it passes on, in its own words."""

    workflow_id: UUID
    ref: str
    table: UUID
    table_name: str
    name: str
    inputs: Any

    def as_json(self) -> dict[str, Any]:
        """As pages read it."""
        return {**asdict(self), "workflow_id": str(self.workflow_id), "table": str(self.table)}


FindUses = Callable[[Collection[UUID]], Iterable[Use]]
"""Ids of workflows → who uses them, in a number of queries that does not depend on how many there are."""

_finders: list[FindUses] = []


def tell_uses(finder: FindUses) -> None:
    """Have ``finder`` asked who uses workflows; registered once, when the app starts."""
    if finder not in _finders:
        _finders.append(finder)


def uses_of(workflow_ids: Collection[UUID]) -> dict[UUID, list[Use]]:
    """The uses of each of these workflows; those that nobody uses are left out."""
    found: dict[UUID, list[Use]] = {}
    for finder in _finders:
        for use in finder(workflow_ids):
            found.setdefault(use.workflow_id, []).append(use)
    return found
