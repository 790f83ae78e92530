"""What active dispatches are still to do about the cells of a row (T36). Pure: the same verdicts as the walk's own.

A cell ahead of a dispatch is foretold as *queued* when the dispatch would run it, as things stand, and as *waiting*
with the columns it waits for when it would skip it only for those. Nothing is promised: the walk judges again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tables.engine.eligibility import (
    Condition,
    Reason,
    Verdict,
    condition_always_holds,
    runnable,
    unmet_dependencies,
)
from tables.engine.types import Request, RowState, TableSpec
from tables.engine.window import clears_for, without
from tables.states import IN_FLIGHT, CellStatus

HOLDS_BACK: Final = frozenset({Reason.DEPS_UNMET, Reason.CONDITION_FALSE, Reason.BUDGET_EXCEEDED})
"""Reasons worth showing on a cell that has no record: the others say that nobody asked for it."""


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row with its cells, its place in the table's order, and the number it was created under."""

    state: RowState
    position: str
    seq: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """An active dispatch, and those rows of a page that its walk is still to come by and that are in its scope."""

    request: Request
    rows: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is to be shown on a cell: ``QUEUED``, or no status and why not; ``dispatch_id`` says on whose behalf."""

    status: CellStatus | None
    reason: Reason
    columns: tuple[str, ...] = ()
    dispatch_id: UUID | None = None


def foretell(
    spec: TableSpec,
    row: RowState,
    dispatches: Sequence[Ahead],
    condition: Condition = condition_always_holds,
) -> dict[UUID, Foretold]:
    """What to show beside the records of a row, by workflow group; what is in flight speaks for itself.

    ``dispatches`` in the order they were requested; the first that would run a cell is named. Beyond dispatches, a
    group with auto_run on that has no record and waits for columns says so.
    """
    found: dict[UUID, Foretold] = {}
    for dispatch in dispatches:
        for group_id, verdict in _verdicts(spec, row, dispatch, condition).items():
            if not _is_open(row, group_id) or _is_queued(found, group_id):
                continue
            if verdict.runs:
                found[group_id] = Foretold(
                    CellStatus.QUEUED, Reason.RUN, dispatch_id=dispatch.request.dispatch_id
                )
            elif verdict.reason in HOLDS_BACK and group_id not in found:
                found[group_id] = Foretold(
                    None, verdict.reason, verdict.columns, dispatch.request.dispatch_id
                )
    for group in spec.groups:
        if group.auto_run and group.id not in row.cells and group.id not in found:
            unmet = unmet_dependencies(spec, group, row)
            if unmet:
                found[group.id] = Foretold(None, Reason.DEPS_UNMET, unmet)
    return found


def _verdicts(
    spec: TableSpec, row: RowState, dispatch: Ahead, condition: Condition
) -> Mapping[UUID, Verdict]:
    """The walk's verdicts on a row it is to reach; on one it is working on, those of cells that wait for others."""
    if row.id in dispatch.rows:
        judged = without(row, clears_for(row, dispatch.request))
        return runnable(spec, judged, dispatch.request, condition)
    if any(
        cell.status in IN_FLIGHT and cell.dispatch_id == dispatch.request.dispatch_id
        for cell in row.cells.values()
    ):
        verdicts = runnable(spec, row, dispatch.request, condition)
        return {group: each for group, each in verdicts.items() if each.reason is Reason.DEPS_UNMET}
    return {}


def _is_open(row: RowState, group_id: UUID) -> bool:
    cell = row.cells.get(group_id)
    return cell is None or cell.status not in IN_FLIGHT


def _is_queued(found: Mapping[UUID, Foretold], group_id: UUID) -> bool:
    return group_id in found and found[group_id].status is CellStatus.QUEUED
