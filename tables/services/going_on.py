"""Cells at rest that go on: parked ones that were woken, failed ones whose run is resumed (T23, T32, W21 to W23).

A cell at rest keeps its run and its ``execution_id``. It is handed over again as ``pending`` under that execution; a
worker takes the row's lock, makes itself the owner of the run, and afterwards goes on with the row's cascade. While the
cell's window is open it goes on in that. Otherwise a window that ``resumes`` is opened on the same dispatch, which may
have ended long ago: it runs the cell and what reads from it, and nothing else of what was asked.

Everything here is safe to repeat: a cell that was handed over once does not rest any more. Lock order: dispatch,
window, cell – and the run after them, by whoever claims or stops it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.window import pack_rows, packs
from tables.enqueue import rows_send, window_send
from tables.events import cell_event, emit
from tables.models import Dispatch, RowExecution, Window, parking_sql, sql
from tables.services.cells import cells_returned
from tables.services.dispatcher import row_milliseconds
from tables.services.group_limits import groups_look
from tables.services.progress import dispatch_announce
from tables.states import CellStatus
from workflows.errors import RunSuperseded
from workflows.models import Run
from workspaces.actors import Actor
from workspaces.ids import uuid7

Pairs = Sequence[tuple[UUID, UUID]]
"""``(run id, cell id)``."""

PARKED: Final = (CellStatus.PAUSED, CellStatus.QUEUED)
RESUMABLE: Final = (CellStatus.PAUSED, CellStatus.FAILED)

RESUMING_LANE: Final = 1_000
"""Windows that resume stand beside the lanes of the walk: together they count as one."""

OVERSLEPT_SECONDS: Final = 60.0
"""A back-off this much overdue was not woken, though its run's timer is looked at every two seconds."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A cell at rest, held; ``window_id`` is where it goes on, ``counted`` whether its dispatch counts it as paused."""

    id: UUID
    row_id: UUID
    dispatch_id: UUID
    window_id: UUID | None
    counted: bool


@dataclass(slots=True)
class HandOver:
    """What a hand-over came to: windows to send, rows to send in windows that are open, dispatches concerned."""

    windows: list[Window] = field(default_factory=list)
    rows: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    dispatches: set[UUID] = field(default_factory=set)
    cells: int = 0


def cells_wake(pairs: Pairs) -> None:
    """Have parked cells go on; called in a transaction, as often as one likes (W21). Others are left as they are."""
    with connection.cursor() as cursor:
        cells_hand_over(cursor, pairs, PARKED)


def cell_resume(run: Run, _actor: Actor) -> None:
    """Put the cell of a run that is about to be resumed back in flight, in the same transaction (W22, W23).

    Call it before the run is locked. A cell that is in flight already is left to whoever put it there. Raises
    ``RunSuperseded`` when the cell is about another run by now, was stopped (T26), or is gone.
    """
    if run.owner_id is None:
        raise RunSuperseded
    with connection.cursor() as cursor:
        if cells_hand_over(cursor, [(run.pk, run.owner_id)], RESUMABLE):
            return
    cell = RowExecution.objects.filter(id=run.owner_id, run_id=run.pk).first()
    if cell is None or cell.status in (CellStatus.CANCELLED, CellStatus.COMPLETED):
        raise RunSuperseded


def cells_oversleep() -> None:
    """Hand over what nobody woke – back-offs, cells that wait for a place – and would hold its window open for ever.

    From the reaper.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(parking_sql.OVERSLEPT, [OVERSLEPT_SECONDS])
        pairs = cursor.fetchall()
        if pairs:
            cells_hand_over(cursor, pairs, PARKED)
    groups_look()


def cells_hand_over(cursor: CursorWrapper, pairs: Pairs, statuses: Sequence[CellStatus]) -> int:
    """Hand over those of the cells that rest in one of these statuses; how many. Sent after the commit."""
    named: dict[str, Any] = {
        "cells": [cell for _, cell in pairs],
        "runs": [run for run, _ in pairs],
        "statuses": [status.value for status in statuses],
    }
    cursor.execute(parking_sql.FIND_RESTING, named)
    found = cursor.fetchall()
    if not found:
        return 0
    cursor.execute(parking_sql.LOCK_DISPATCHES, [sorted({row[1] for row in found if row[1]})])
    dispatches = {row[0]: (row[1], frozenset(row[2])) for row in cursor.fetchall()}
    looked = {row[2] for row in found if row[2]}
    opened = _windows_hold(cursor, looked)
    cursor.execute(parking_sql.LOCK_RESTING, named)
    done = HandOver()
    resting = []
    for cell, row, group, dispatch, window, counted, status, cost in cursor.fetchall():
        if dispatch not in dispatches or (window is not None and window not in looked):
            continue  # it went on and came to rest elsewhere meanwhile: it will be woken for that
        is_open = window in opened
        counts = not is_open and not counted and group in dispatches[dispatch][1]
        if counts and status == CellStatus.FAILED:
            _uncount_failed(dispatch, cost)
        resting.append(Resting(cell, row, dispatch, window if is_open else None, counted or counts))
    _open_windows(cursor, resting, done)
    _write(cursor, resting, done, {key: table for key, (table, _) in dispatches.items()})
    transaction.on_commit(partial(_send, done), robust=True)
    return done.cells


def cells_house(cursor: CursorWrapper, resting: Sequence[Resting]) -> dict[UUID, UUID]:
    """Where cells that begin anew do so, by cell: in their window while it is open, else in one opened here (T28).

    The caller holds their dispatches, windows and cells, and writes the cells; workers are woken after its commit.
    """
    done = HandOver(dispatches={cell.dispatch_id for cell in resting})
    _open_windows(cursor, resting, done)
    opened = {(window.dispatch_id, row): window.id for window in done.windows for row in window.row_ids}
    for cell in resting:
        if cell.window_id is not None:
            done.rows[cell.window_id].append(cell.row_id)
    transaction.on_commit(partial(_send, done), robust=True)
    return {cell.id: cell.window_id or opened[cell.dispatch_id, cell.row_id] for cell in resting}


def _windows_hold(cursor: CursorWrapper, window_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the windows that are open; none of them closes before this transaction ends."""
    cursor.execute(
        "SELECT w.id FROM tables_window w WHERE w.id = ANY(%s::uuid[]) ORDER BY w.id FOR SHARE",
        [sorted(window_ids)],
    )
    return {row[0] for row in cursor.fetchall()}


def _uncount_failed(dispatch_id: UUID, cost: Decimal | None) -> None:
    """A failed cell goes on: its dispatch, which is locked, counts it as paused until it ends again (T13).

    What it has cost so far is counted with that end: its run goes on counting.
    """
    dispatch = Dispatch.objects.only("id", "failed", "paused", "cost").get(id=dispatch_id)
    dispatch.failed, dispatch.paused = max(0, dispatch.failed - 1), dispatch.paused + 1
    if dispatch.cost is not None and cost is not None:
        dispatch.cost -= cost
    dispatch.save(update_fields=["failed", "paused", "cost"])


def _open_windows(cursor: CursorWrapper, resting: Sequence[Resting], done: HandOver) -> None:
    """Windows for the cells whose own is closed, in chunks of a window's rows."""
    homeless: dict[UUID, set[UUID]] = defaultdict(set)
    for cell in resting:
        if cell.window_id is None:
            homeless[cell.dispatch_id].add(cell.row_id)
    few = sum(map(len, homeless.values())) <= settings.RUNSHEET_WINDOW_ROWS
    for dispatch_id in sorted(homeless):
        for rows in packs(sorted(homeless[dispatch_id]), settings.RUNSHEET_WINDOW_ROWS):
            window = Window(
                id=uuid7(),
                dispatch_id=dispatch_id,
                lane=RESUMING_LANE,
                token=uuid7(),
                row_ids=rows,
                stamped=len(rows),
                interactive=few,
                resumes=True,
            )
            done.windows.append(window)
            cursor.execute(
                sql.INSERT_WINDOW,
                {
                    "window": window.id,
                    "dispatch": dispatch_id,
                    "lane": window.lane,
                    "token": window.token,
                    "rows": rows,
                    "stamped": window.stamped,
                    "interactive": few,
                    "resumes": True,
                    "seconds": settings.RUNSHEET_WINDOW_DEADLINE_SECONDS,
                },
            )


def _write(
    cursor: CursorWrapper, resting: Sequence[Resting], done: HandOver, tables: dict[UUID, UUID]
) -> None:
    """The cells themselves, in their windows; their events after the commit."""
    if not resting:
        return
    homes = {(window.dispatch_id, row): window.id for window in done.windows for row in window.row_ids}
    windows = [cell.window_id or homes[cell.dispatch_id, cell.row_id] for cell in resting]
    cursor.execute(
        parking_sql.HAND_OVER_CELLS,
        {
            "cells": [cell.id for cell in resting],
            "windows": windows,
            "counted": [cell.counted for cell in resting],
        },
    )
    shown = cells_returned(cursor.fetchall())
    for cell in resting:
        if cell.window_id is not None:
            done.rows[cell.window_id].append(cell.row_id)
    done.dispatches = {cell.dispatch_id for cell in resting}
    done.cells = len(shown)
    for table_id in sorted(set(tables.values())):
        events = [cell_event(cell) for cell in shown if tables[cell["dispatch_id"]] == table_id]
        transaction.on_commit(partial(emit, table_id, events), robust=True)


def _send(done: HandOver) -> None:
    """Wake workers. What cannot be sent is sent by the reaper; a row somebody holds is left to them (T17)."""
    for window in done.windows:
        size = pack_rows(row_milliseconds(list(window.dispatch.groups)), settings.RUNSHEET_WINDOW_ROWS)
        window_send(window, packs(window.row_ids, size))
    few = sum(map(len, done.rows.values())) <= settings.RUNSHEET_WINDOW_ROWS
    for window_id, rows in done.rows.items():
        rows_send(window_id, sorted(set(rows)), queue="interactive" if few else "rows")
    for dispatch_id in done.dispatches:
        dispatch_announce(dispatch_id, force=True)
