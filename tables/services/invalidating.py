"""Invalidation of cells by writes to their rows, in the writer's own transaction (T28, T31).

    held = rows_hold(cursor, table_id, row_ids)       # before the rows are written: the locks, in their order
    …                                                 # write the rows
    wanted = rows_invalidate(cursor, spec, held, touched)
    if wanted.rows:                                   # unless what writes must start nothing (T20)
        rows_auto_run(table, wanted.rows, wanted.groups, user)

A worker reads a row and claims its cells under the row's window; a dispatcher's step reads rows and stamps them under
its dispatch; a dispatch is born under its table. With all of these held, whatever runs on the rows has either been
seen here, or reads them after this transaction's commit. Lock order: table, dispatch, window, cell, run, row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.eligibility import is_fresh
from tables.engine.invalidation import Change, Invalidation, plan_invalidation, starting_groups
from tables.engine.types import CellState, RowState, TableSpec
from tables.enqueue import advance_send
from tables.errors import TableNotFound
from tables.events import cell_event, emit
from tables.models import Table, editing_sql
from tables.services.accounting import dispatches_settle_paused
from tables.services.cells import Event, cells_clear, cells_returned, rows_load
from tables.services.going_on import Resting, cells_house
from tables.states import IN_FLIGHT
from workflows.services.ledger import runs_stop


@dataclass(frozen=True, slots=True)
class Touched:
    """What a write changed of one row: keys of columns whose value differs now.

    ``emptied`` are those of them that a person emptied (T31); ``edited_before`` the columns that were marked edited
    (``None``: the marks are what they were): a stale value that a person types again is relied on from now on.
    """

    keys: frozenset[str]
    emptied: frozenset[str] = frozenset()
    edited_before: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window of a row's cells, held; ``body_fired``: nobody comes any more who would close it by himself."""

    dispatch_id: UUID
    token: UUID
    body_fired: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Rows whose cells nobody but the holder writes until the transaction ends.

    ``floor`` is the least requested sequence of an active dispatch of the table (T25), ``counted`` the cells that
    their dispatch counts as paused (T13). ``own`` are cells for which the writer itself works: a run does not
    invalidate the cell it is about to fill.
    """

    table: Table
    row_ids: frozenset[UUID]
    floor: int | None
    windows: Mapping[UUID, OpenWindow]
    counted: AbstractSet[UUID]
    own: frozenset[UUID] = frozenset()


@dataclass(slots=True)
class Wanted:
    """Rows and workflow groups that an automatic dispatch is to run, if it finds them eligible (T29)."""

    rows: list[UUID] = field(default_factory=list)
    groups: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class _Changes:
    """Cells by what becomes of them."""

    clear: list[CellState] = field(default_factory=list)
    restart: list[CellState] = field(default_factory=list)
    set_aside: list[CellState] = field(default_factory=list)

    @property
    def ended(self) -> list[CellState]:
        """Those that are in flight no more."""
        return [cell for cell in (*self.clear, *self.set_aside) if cell.status in IN_FLIGHT]


def rows_hold(
    cursor: CursorWrapper,
    table_id: UUID,
    row_ids: Sequence[UUID],
    *,
    own: AbstractSet[UUID] = frozenset(),
    own_windows: AbstractSet[UUID] = frozenset(),
) -> Held:
    """Lock the table, its active dispatches, the rows' windows and cells; call it before the rows are written.

    Needed only where ``concerns`` of ``tables.engine.invalidation`` says so. ``own`` and ``own_windows``: the cells
    and windows that the writer holds as a run; it must not wait for a dispatcher's step that waits for those. Raises
    ``TableNotFound`` (gone or archived).
    """
    table = Table.objects.select_for_update(no_key=True).filter(pk=table_id, archived_at=None).first()
    if table is None:
        raise TableNotFound
    ids = list(row_ids)
    found = editing_sql.FIND_DISPATCHES if own_windows else editing_sql.HOLD_DISPATCHES
    cursor.execute(found, {"table": table_id, "rows": ids})
    active = {dispatch: sequence for dispatch, sequence, is_active in cursor.fetchall() if is_active}
    named = {"rows": ids, "dispatches": list(active), "mine": sorted(own_windows)}
    cursor.execute(editing_sql.HOLD_WINDOWS, named)
    windows = {found[0]: OpenWindow(*found[1:]) for found in cursor.fetchall()}
    cursor.execute(editing_sql.HOLD_CELLS, [ids])
    counted = {cell for cell, is_counted in cursor.fetchall() if is_counted}
    return Held(table, frozenset(ids), min(active.values(), default=None), windows, counted, frozenset(own))


def rows_invalidate(
    cursor: CursorWrapper,
    spec: TableSpec,
    held: Held,
    touched: Mapping[UUID, Touched],
    *,
    restarts: bool = True,
) -> Wanted:
    """Clear, restart or leave the cells of rows that were just written; what is to start by itself (T28).

    ``restarts=False``: what is in flight is cleared instead, for writers that could be called by what they restart.
    Events, and the messages for restarted cells, go out after the commit.
    """
    changes, wanted = _Changes(), Wanted()
    concerned = sorted(row for row, each in touched.items() if each.keys or each.edited_before is not None)
    for row in rows_load(cursor, spec.table_id, concerned).rows if concerned else ():
        plan = _plan(spec, row, touched[row.id], held)
        for found in plan:
            _sort(found, changes, restarts=restarts)
        if groups := starting_groups(plan):
            wanted.rows.append(row.id)
            wanted.groups |= groups
    _apply(cursor, held, changes)
    return wanted


def _plan(spec: TableSpec, row: RowState, touched: Touched, held: Held) -> list[Invalidation]:
    if held.own & {cell.id for cell in row.cells.values() if cell.status in IN_FLIGHT}:
        kept = tuple(g for g in spec.groups if (c := row.cells.get(g.id)) is None or c.id not in held.own)
        spec = TableSpec(spec.table_id, spec.workspace_id, spec.columns, kept)
    return plan_invalidation(
        spec, row, _dirty(spec, row, touched), emptied=touched.emptied, tombstone_floor=held.floor
    )


def _dirty(spec: TableSpec, row: RowState, touched: Touched) -> frozenset[str]:
    """The columns whose value differs, and those whose value may be relied on only now that a person typed it."""
    if touched.edited_before is None:
        return touched.keys
    before = RowState(row.id, row.data, touched.edited_before, row.cells)
    typed = row.edited - touched.edited_before
    return touched.keys | {key for key in typed if not is_fresh(spec, before, key)}


def _sort(found: Invalidation, changes: _Changes, *, restarts: bool) -> None:
    cell = found.cell
    if cell is None or found.change is Change.KEEP:
        return
    if found.change is Change.TOMBSTONE:
        changes.set_aside.append(cell)
    elif found.change is Change.CLEAR:
        changes.clear.append(cell)
    elif cell.is_pre_stamp and cell.run_id is None:
        pass  # nothing has begun: whoever claims it reads the row as it is then
    else:
        (changes.restart if restarts else changes.clear).append(cell)


def _apply(cursor: CursorWrapper, held: Held, changes: _Changes) -> None:
    """Write what was decided, tell the runs; events and messages follow the commit."""
    events = cells_clear(cursor, changes.clear)
    events += _set_aside(cursor, changes.set_aside)
    events += _restart(cursor, held, changes.restart)
    left = [cell.run_id for cell in (*changes.restart, *changes.ended) if cell.run_id]
    runs_stop(cursor, sorted(left))
    _account_later(held, changes.ended)
    if events:
        transaction.on_commit(partial(emit, held.table.pk, events), robust=True)


def _set_aside(cursor: CursorWrapper, cells: Sequence[CellState]) -> list[Event]:
    if not cells:
        return []
    cursor.execute(
        editing_sql.SET_ASIDE_CELLS,
        {"ids": [cell.id for cell in cells], "versions": [cell.version for cell in cells]},
    )
    return _shown(cursor)


def _restart(cursor: CursorWrapper, held: Held, cells: Sequence[CellState]) -> list[Event]:
    """In their window while it is open, else in one that resumes (T17, T32)."""
    if not cells:
        return []
    resting = [_resting(cell, held) for cell in cells]
    homes = cells_house(cursor, resting)
    cursor.execute(
        editing_sql.RESTART_CELLS,
        {
            "ids": [cell.id for cell in cells],
            "versions": [cell.version for cell in cells],
            "windows": [homes[cell.id] for cell in cells],
        },
    )
    return _shown(cursor)


def _resting(cell: CellState, held: Held) -> Resting:
    assert cell.dispatch_id is not None
    window = cell.window_id if cell.window_id in held.windows else None
    return Resting(cell.id, cell.row_id, cell.dispatch_id, window, cell.id in held.counted)


def _account_later(held: Held, ended: Sequence[CellState]) -> None:
    """Of what was in flight and is gone: dispatches counted it as paused, windows may have waited for it alone."""
    owing: dict[UUID, None] = {}
    windows: dict[UUID, OpenWindow] = {}
    for cell in ended:
        if cell.id in held.counted and cell.dispatch_id is not None:
            owing[cell.dispatch_id] = None
        if cell.window_id is not None and (window := held.windows.get(cell.window_id)) and window.body_fired:
            windows[cell.window_id] = window
    if owing:
        transaction.on_commit(partial(dispatches_settle_paused, sorted(owing)), robust=True)
    for window_id, window in windows.items():
        close = partial(advance_send, window.dispatch_id, window_id, window.token)
        transaction.on_commit(close, robust=True)


def _shown(cursor: CursorWrapper) -> list[Event]:
    return [cell_event(cell) for cell in cells_returned(cursor.fetchall())]
