"""What a request would do to a row if it were made now (T14). Pure: the very verdicts of the walk and of the cascade.

A cell that waits only for columns which the same run is about to fill counts among those that run: it follows in the
row's cascade, provided that it gets a value. Nothing else is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from tables.engine.cascade import following
from tables.engine.eligibility import (
    RUN,
    Condition,
    Reason,
    Verdict,
    classify_cell,
    condition_always_holds,
)
from tables.engine.types import CellState, GroupSpec, Request, RowState, TableSpec
from tables.engine.window import clears_for, without
from tables.states import IN_FLIGHT, CellStatus, Mode


@dataclass(frozen=True, slots=True)
class Foresight:
    """Verdicts by group in the order they run; ``follows`` those that run on what others of this run fill.

    ``carried_on`` are groups that nobody asked for and that rerun by auto_run on what this run writes (T20).
    """

    verdicts: Mapping[UUID, Verdict]
    follows: frozenset[UUID] = frozenset()
    carried_on: frozenset[UUID] = frozenset()

    @property
    def hands_over(self) -> bool:
        """Whether the row would be handed over."""
        return any(verdict.runs for group, verdict in self.verdicts.items() if group not in self.follows)


@dataclass(slots=True)
class _Coming:
    """What the run is about to fill, as far as it has been foreseen."""

    groups: set[UUID] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)

    def add(self, group: GroupSpec) -> None:
        self.groups.add(group.id)
        self.columns.update(group.output_keys)


def foresee(
    spec: TableSpec, row: RowState, request: Request, condition: Condition = condition_always_holds
) -> Foresight:
    """What would become of each group of the row. The row is given as it would be found: see ``superseded``."""
    judged = without(row, clears_for(row, request))
    coming = _Coming()
    verdicts: dict[UUID, Verdict] = {}
    follows: set[UUID] = set()
    carried_on: set[UUID] = set()
    for group in spec.groups:
        is_named = group.id in request.groups
        if is_named:
            verdicts[group.id] = classify_cell(spec, group, judged, request, condition)
        if is_named and verdicts[group.id].runs:
            if verdicts[group.id].reason is Reason.RUN:
                coming.add(group)
        elif _follows(spec, group, row, request, coming, condition):
            coming.add(group)
            if is_named:
                verdicts[group.id] = RUN
            (follows if is_named else carried_on).add(group.id)
    return Foresight(verdicts, frozenset(follows), frozenset(carried_on))


def _follows(
    spec: TableSpec, group: GroupSpec, row: RowState, request: Request, coming: _Coming, condition: Condition
) -> bool:
    """Whether a group that would not run as the row stands is rerun because it reads what this run fills."""
    asked = following(group, request)
    if asked is None or coming.columns.isdisjoint(group.depends_on):
        return False
    verdict = classify_cell(spec, group, without(row, clears_for(row, asked)), asked, condition)
    waits = verdict.reason is Reason.DEPS_UNMET and coming.columns.issuperset(verdict.columns)
    return verdict.runs or waits


def superseded(row: RowState, request: Request, *, is_table_wide: bool, active: Collection[UUID]) -> RowState:
    """The row as a manual run finds it once it has stopped what it replaces (`tables.md` section 3, step 3).

    ``active`` are the dispatches under way that ask for one of the request's groups.
    """
    if not request.is_manual or request.mode is Mode.NEW:
        return row
    cells = {
        group: _stopped(cell)
        if group in request.groups
        and cell.status in IN_FLIGHT
        and _is_stopped(cell, request, is_table_wide=is_table_wide, active=active)
        else cell
        for group, cell in row.cells.items()
    }
    return replace(row, cells=cells)


def _is_stopped(cell: CellState, request: Request, *, is_table_wide: bool, active: Collection[UUID]) -> bool:
    if not is_table_wide:
        return not cell.is_pre_stamp
    is_parked = cell.status is CellStatus.PAUSED and request.mode is Mode.ALL
    return is_parked or cell.dispatch_id in active


def _stopped(cell: CellState) -> CellState:
    return replace(cell, status=CellStatus.CANCELLED)
