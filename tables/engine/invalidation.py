"""What an edit of a row makes of its cells: one pass over the groups with a growing dirty set (T28, T31). Pure."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tables.engine.eligibility import unmet_dependencies
from tables.engine.types import CellState, GroupSpec, RowState, TableSpec
from tables.states import IN_FLIGHT, CellStatus


class Change(StrEnum):
    """What becomes of one cell.

    ``clear``: its record goes, its values stay and are stale. ``restart``: it was in flight; its run ends and it is
    an ownerless pre-stamp of the same dispatch. ``tombstone``: as ``clear``, but an earlier dispatch has to skip the
    cell still, so its record stays, cancelled. ``keep``: its record stays as it is, or there is none.
    """

    CLEAR = "clear"
    RESTART = "restart"
    TOMBSTONE = "tombstone"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Invalidation:
    """One cell that an edit concerns. ``starts``: an automatic dispatch of the edit is to ask for its group."""

    group: GroupSpec
    cell: CellState | None
    change: Change
    starts: bool


def concerns(spec: TableSpec, keys: Collection[str], emptied: Collection[str] = ()) -> bool:
    """Whether writing these columns concerns any workflow group: what reads one of them, or fills one now emptied."""
    written, outputs = set(keys), set(emptied)
    return any(written & set(group.depends_on) or outputs & set(group.output_keys) for group in spec.groups)


def plan_invalidation(
    spec: TableSpec,
    row: RowState,
    dirty: AbstractSet[str],
    *,
    emptied: AbstractSet[str] = frozenset(),
    tombstone_floor: int | None = None,
) -> list[Invalidation]:
    """Judge the row as it is after the edit, with its cells as they were before; in the order groups run.

    ``dirty`` are the keys of columns whose value changed, ``emptied`` those of them that a person emptied (T31).
    ``tombstone_floor`` is the least requested sequence of an active dispatch: a cell stopped after it keeps its
    tombstone, as that dispatch has to skip it still (T25), unless the edit reruns it by itself.
    """
    stale = set(dirty)
    cells = dict(row.cells)
    plan: list[Invalidation] = []
    for group in spec.groups:
        cell = cells.get(group.id)
        is_read = not stale.isdisjoint(group.depends_on)
        is_emptied = not emptied.isdisjoint(group.output_keys)
        if not is_read and (not is_emptied or (cell is not None and cell.status in IN_FLIGHT)):
            continue  # what is in flight fills the emptied column again
        holds = not unmet_dependencies(spec, group, RowState(row.id, row.data, row.edited, cells))
        found = _judge(group, cell, holds=holds, floor=tombstone_floor)
        if found.change is Change.KEEP and not found.starts:
            continue
        plan.append(found)
        if found.change is not Change.KEEP:
            cells.pop(group.id, None)
        if is_read or cell is not None:
            stale |= set(group.output_keys) - row.edited
    return plan


def _judge(group: GroupSpec, cell: CellState | None, *, holds: bool, floor: int | None) -> Invalidation:
    """One cell, whose dependencies hold or not; ``starts`` is tried only, as its dispatch judges once more."""
    if cell is None:
        return Invalidation(group, None, Change.KEEP, group.auto_run)
    if cell.status in IN_FLIGHT and holds:
        return Invalidation(group, cell, Change.RESTART, starts=False)
    is_standing = floor is not None and cell.cancelled_sequence > floor
    if is_standing and not (holds and group.auto_run):
        change = Change.KEEP if cell.status is CellStatus.CANCELLED else Change.TOMBSTONE
        return Invalidation(group, cell, change, starts=False)
    return Invalidation(group, cell, Change.CLEAR, group.auto_run)


def starting_groups(plan: Collection[Invalidation]) -> set[UUID]:
    """The groups that an automatic dispatch of this edit asks for."""
    return {found.group.id for found in plan if found.starts}
