"""Cells that are stopped: those in flight, and tombstones for those still to come (T24, T25).

On the caller's cursor, in its transaction. The caller holds the table, then dispatches, then windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tables.events import cell_event, emit, resync, rows_event
from tables.models import stopping_sql
from tables.services.accounting import dispatches_settle_paused
from tables.services.cells import Event, cells_returned
from tables.states import CellStatus
from workflows.engine.types import BlockError
from workflows.services.ledger import CANCELLED, runs_stop
from workspaces.ids import uuid7

Pairs = Iterable[tuple[UUID, UUID]]
"""``(row id, group id)``."""

MOST_TOLD: Final = 2_000
"""More cells than this are not told one by one: who looks at the table reads it anew."""


def cells_stop(
    cursor: CursorWrapper, condition: str, params: Mapping[str, Any], error: BlockError = CANCELLED
) -> list[Event]:
    """Cancel the cells in flight that meet ``condition`` (fixed SQL over alias ``c``), and their runs (T27)."""
    cursor.execute(stopping_sql.STOP_CELLS.format(condition=condition), params)
    found = _as_cells(cursor)
    runs_stop(cursor, [cell["run_id"] for cell in found if cell["run_id"]], error)
    _settle_later(found)
    return [cell_event(cell) for cell in found]


def tombstones_write(cursor: CursorWrapper, table_id: UUID, pairs: Pairs, sequence: int) -> list[Event]:
    """Make what was requested so far skip these cells (T25), and stop what is in flight there all the same.

    A tombstone stops its own group only. The events tell which cells show as cancelled now and did not before; rows
    where a cell keeps what it shows are to be read anew, for it is not to run again as was foretold (T36).
    """
    written = _write(cursor, stopping_sql.WRITE_TOMBSTONES, table_id, pairs, sequence)
    found = _cancelled(written)
    runs_stop(cursor, [cell["run_id"] for cell in found if cell["run_id"]])
    _settle_later(found)
    kept = {cell["row_id"] for cell in written if cell["status"] != CellStatus.CANCELLED}
    if kept:
        transaction.on_commit(partial(emit, table_id, [rows_event(changed=sorted(kept))]), robust=True)
    return [cell_event(cell) for cell in found]


def tombstones_leave(
    cursor: CursorWrapper, table_id: UUID, pairs: Pairs, sequence: int
) -> tuple[int, list[Event]]:
    """The same on behalf of a stop of a while ago: what was asked for since is not stopped by it.

    Answers how many cells have learned of the stop by this, and the events of those that show as cancelled.
    """
    found = _write(cursor, stopping_sql.LEAVE_TOMBSTONES, table_id, pairs, sequence)
    return len(found), [cell_event(cell) for cell in _cancelled(found)]


def cells_tell(table_id: UUID, events: Sequence[Event]) -> None:
    """Tell of stopped cells after the commit."""
    if len(events) > MOST_TOLD:
        transaction.on_commit(partial(resync, [table_id]))
    elif events:
        transaction.on_commit(partial(emit, table_id, events))


def _write(
    cursor: CursorWrapper, statement: str, table_id: UUID, pairs: Pairs, sequence: int
) -> list[dict[str, Any]]:
    wanted = sorted(set(pairs))
    if not wanted:
        return []
    cursor.execute(
        statement,
        {
            "ids": [uuid7() for _ in wanted],
            "rows": [row for row, _ in wanted],
            "groups": [group for _, group in wanted],
            "table": table_id,
            "sequence": sequence,
        },
    )
    return _as_cells(cursor)


def _cancelled(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [cell for cell in cells if cell["status"] == CellStatus.CANCELLED]


def _settle_later(cells: Sequence[Mapping[str, Any]]) -> None:
    """After the commit, dispatches that counted these cells as paused count them as cancelled (T13)."""
    owing = {cell["dispatch_id"] for cell in cells if cell["counted_paused"]}
    if owing:
        transaction.on_commit(partial(dispatches_settle_paused, sorted(owing)), robust=True)


def _as_cells(cursor: CursorWrapper) -> list[dict[str, Any]]:
    return cells_returned(cursor.fetchall(), "counted_paused", "cancelled_sequence")
