"""Which cell of a row comes next? The pure step of a cascade (`tables.md` section 4, T8, T15, T20).

A cascade holds one row and runs every eligible workflow group of it in order, until nothing is eligible. Two
kinds of cell may be next: one that the dispatch asks for, stamped at hand-over or become eligible meanwhile, and a
dependant with auto_run on of a group that this very cascade has just rerun. And one that was parked, and whose run goes
on (T32): about that nothing is asked any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from tables.engine.eligibility import RUN, Condition, Verdict, classify_cell, condition_always_holds
from tables.engine.types import CellState, GroupSpec, Request, RowState, TableSpec
from tables.states import CellStatus, Mode


@dataclass(frozen=True, slots=True)
class Next:
    """The cell to claim: its group, on whose behalf, and the record it was judged by (``None``: there is none)."""

    row: RowState
    group: GroupSpec
    dispatch_id: UUID
    window_id: UUID
    verdict: Verdict
    cell: CellState | None


@dataclass(frozen=True, slots=True)
class Cascade:
    """What a worker holding a row knows beside the row itself: for whom it works, and in which window.

    ``reran`` names the groups this cascade has finished so far. Stamps of other windows are left alone: whoever
    holds the row looks for them after releasing it (T17). A cascade that ``resumes`` was begun for parked cells:
    whatever else the dispatch asked for it has got by then, so that only what reads from them follows.
    """

    request: Request
    window_id: UUID
    reran: frozenset[UUID] = frozenset()
    resumes: bool = False


def next_cell(
    spec: TableSpec, row: RowState, cascade: Cascade, condition: Condition = condition_always_holds
) -> Next | None:
    """The first eligible cell of the row in the order groups run, or ``None`` when the cascade is over."""
    for group in spec.groups:
        cell = row.cells.get(group.id)
        is_stamp = cell is not None and cell.status is CellStatus.PENDING
        if cell is not None and is_stamp and cell.window_id != cascade.window_id:
            continue
        if cell is not None and cell.goes_on:
            return Next(row, group, cascade.request.dispatch_id, cascade.window_id, RUN, cell)
        request = _request_for(spec, group, cascade, is_stamp=is_stamp)
        if request is None:
            continue
        verdict = classify_cell(spec, group, row, request, condition)
        if verdict.runs:
            return Next(row, group, request.dispatch_id, cascade.window_id, verdict, cell)
    return None


def leftover_stamps(row: RowState, window_id: UUID) -> tuple[CellState, ...]:
    """Pre-stamps of this window that the finished cascade could not run, as their dependencies no longer hold.

    They are cleared, so that nothing stays "queued" for ever.
    """
    return tuple(cell for cell in row.cells.values() if cell.is_pre_stamp and cell.window_id == window_id)


def following(group: GroupSpec, request: Request) -> Request | None:
    """On whose behalf a group reruns once what it reads was filled for ``request``; ``None``: it does not.

    One that runs by itself is rerun whatever it held, asked for or not, for what it held was made from the old input
    (T20, T28).
    """
    if group.id in request.stopped:
        return None
    if group.auto_run:
        return _carried_on(group, request)
    return replace(request, follows=True) if group.id in request.groups else None


def _request_for(spec: TableSpec, group: GroupSpec, cascade: Cascade, *, is_stamp: bool) -> Request | None:
    """On whose behalf the group could run; ``None`` when nobody asks for it. A stamp of this window was asked for."""
    request = cascade.request
    if group.id in request.stopped:
        return None
    if _reads_from(spec, group, cascade.reran) and (follows := following(group, request)):
        return follows
    if group.id in request.groups:
        return request if is_stamp or not cascade.resumes else None
    return _carried_on(group, request) if is_stamp else None


def _reads_from(spec: TableSpec, group: GroupSpec, reran: frozenset[UUID]) -> bool:
    return any(column.group_id in reran for column in spec.columns if column.key in group.depends_on)


def _carried_on(group: GroupSpec, current: Request) -> Request:
    """The request for that group alone, whatever it holds."""
    return Request(
        dispatch_id=current.dispatch_id,
        groups=frozenset({group.id}),
        mode=Mode.ALL,
        is_manual=True,
        sequence=current.sequence,
        follows=True,
    )
