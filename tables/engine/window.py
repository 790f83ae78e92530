"""Planning a window: which rows to hand over, how many to a message, how many windows at once (T9, performance.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from uuid import UUID

from tables.engine.eligibility import Condition, Reason, Verdict, condition_always_holds, runnable
from tables.engine.types import CellState, GroupSpec, Request, RowState, TableSpec
from tables.states import FINISHED, CellStatus, Mode

PACK_TARGET_MS = 100.0
"""A message should carry about this much work: beyond it a pack would delay a slow row, a Stop or a lease."""

WHOLE_WINDOW_MS = 5.0
"""Rows quicker than this travel a whole window to a message."""

WINDOWS_AHEAD = 6
"""Rows in flight aim at this many times the worker slots: with log-normal durations 0.9 of the slots stay busy."""


@dataclass(slots=True)
class WindowPlan:
    """What one scan of rows came to.

    ``rows`` are handed over in order; ``stamps`` the cells to stamp, ``clears`` the records to clear first, of rows
    passed by too; ``passed`` counts rows consumed in all, ``again`` those of them that the dispatch had handed over
    before, ``skipped`` the cells of rows passed by, per reason.
    """

    rows: list[RowState] = field(default_factory=list)
    stamps: list[tuple[RowState, GroupSpec, CellState | None]] = field(default_factory=list)
    clears: list[CellState] = field(default_factory=list)
    passed: int = 0
    again: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


def plan_window(
    spec: TableSpec,
    rows: Iterable[RowState],
    request: Request,
    window_rows: int,
    condition: Condition = condition_always_holds,
) -> WindowPlan:
    """Take rows in order until ``window_rows`` of them have work; rows without work are passed and accounted for.

    A row that this dispatch has handed over before was moved meanwhile: it is passed, and accounted for already (T10).
    """
    plan = WindowPlan()
    for row in rows:
        if len(plan.rows) >= window_rows:
            break
        plan.passed += 1
        if handed_over(row, request):
            plan.again += 1
            continue
        cleared = clears_for(row, request)
        judged = without(row, cleared)
        verdicts = runnable(spec, judged, request, condition)
        stamps = [group for group in spec.groups if group.id in verdicts and verdicts[group.id].runs]
        if not stamps:
            plan.clears += [cell for cell in cleared if _is_called_off(cell, verdicts[cell.group_id])]
            count_reasons(plan.skipped, (verdict.reason for verdict in verdicts.values()))
            continue
        stamped = {group.id for group in stamps}
        plan.rows.append(row)
        plan.clears += [cell for cell in cleared if cell.group_id not in stamped]
        plan.stamps += [(row, group, row.cells.get(group.id)) for group in stamps]
    return plan


def _is_called_off(cell: CellState, verdict: Verdict) -> bool:
    """Whether a stop is over though the cell cannot run yet: it was asked for since, and waits for its inputs (T25)."""
    return cell.status is CellStatus.CANCELLED and verdict.reason is Reason.DEPS_UNMET


def handed_over(row: RowState, request: Request) -> bool:
    """Whether the very same dispatch has handed this row over before: a cell of it tells."""
    return any(
        cell.dispatch_id == request.dispatch_id and cell.group_id in request.groups
        for cell in row.cells.values()
    )


def clears_for(row: RowState, request: Request) -> list[CellState]:
    """Finished records that the request sets aside before judging the row (`tables.md` section 3, step 4).

    ``all`` sets aside every targeted finished record, so that a dependant waits for the new value of its source;
    ``incomplete`` only failed and cancelled ones; ``new`` nothing. ``failed`` keeps its records until they run:
    they are what says that a cell failed. Never what this dispatch itself finished or one that it takes up has
    completed, never a later tombstone.
    """
    if request.mode not in (Mode.ALL, Mode.INCOMPLETE) or not request.is_manual:
        return []
    return [
        cell
        for cell in row.cells.values()
        if cell.group_id in request.groups
        and cell.status in FINISHED
        and cell.dispatch_id != request.dispatch_id
        and not request.left_done(cell)
        and max(cell.cancelled_sequence, cell.requested) <= request.sequence
        and (request.mode is Mode.ALL or cell.status is not CellStatus.COMPLETED)
    ]


def without(row: RowState, cleared: Sequence[CellState]) -> RowState:
    """The row as it stands once those cells' records are cleared."""
    if not cleared:
        return row
    gone = {cell.group_id for cell in cleared}
    kept = {group_id: cell for group_id, cell in row.cells.items() if group_id not in gone}
    return RowState(row.id, row.data, row.edited, kept)


def count_reasons(into: dict[str, int], reasons: Iterable[Reason]) -> None:
    """Add one per reason to ``into``, in place. What this dispatch has done already is accounted for already."""
    for reason in reasons:
        if reason is Reason.ALREADY_DONE_HERE:
            continue
        into[reason.value] = into.get(reason.value, 0) + 1


def pack_rows(row_ms: float | None, window_rows: int) -> int:
    """How many rows one message carries, from the measured milliseconds of a whole row (None: not measured yet).

    >>> [pack_rows(ms, 20) for ms in (None, 0.5, 10, 40, 100, 5000)]
    [1, 20, 10, 2, 1, 1]
    """
    if row_ms is None:
        return 1
    if row_ms <= WHOLE_WINDOW_MS:
        return window_rows
    return max(1, min(window_rows, int(PACK_TARGET_MS // row_ms)))


def packs(row_ids: Sequence[UUID], size: int) -> list[list[UUID]]:
    """The window's rows cut into messages of ``size`` rows, in order."""
    return [list(row_ids[start : start + size]) for start in range(0, len(row_ids), size)]


def windows_wanted(slots: int, window_rows: int, workspaces: int, dispatches_here: int) -> int:
    """Windows one dispatch may have in flight: its share of six times the slots, one at least (T9).

    Shared fairly among workspaces with active dispatches, then among the dispatches of this one.

    >>> windows_wanted(slots=16, window_rows=20, workspaces=1, dispatches_here=1)
    5
    """
    total = ceil(WINDOWS_AHEAD * slots / window_rows)
    return max(1, total // max(1, workspaces) // max(1, dispatches_here))
