"""Stop, in every scope: write first, interrupt second (T24, T25, T26).

The cells are ``cancelled`` in the transaction that acknowledges the stop; their runs lose their lease in the same
transaction, so a worker that has not noticed finds every write refused. Windows of stopped dispatches are deleted,
so that no claim can start under them. Lock order: table, dispatch, window, cell, run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, F, OuterRef, Q

from tables.errors import CellFinished, CellNotFound
from tables.events import cell_event, emit
from tables.models import Dispatch, RowExecution, Table, Window, WorkflowGroup, sql
from tables.services.accounting import dispatch_settle, dispatches_settle_paused, windows_settle
from tables.services.cells import Event
from tables.services.progress import dispatch_announce
from tables.states import ACTIVE_DISPATCH, IN_FLIGHT, CellStatus, DispatchStatus
from workflows.models import Run
from workflows.services.ledger import runs_stop
from workflows.services.runs import runs_cancel
from workspaces.actors import Actor
from workspaces.ids import uuid7


@dataclass(frozen=True, slots=True)
class CellRef:
    """One cell, and the exact attempt meant (``None``: whatever is in flight)."""

    row: UUID
    group: UUID
    execution_id: UUID | None = None


@dataclass(slots=True)
class StopOutcome:
    """``cancelled`` counts cells stopped, ``dispatches`` names those ended."""

    cancelled: int = 0
    dispatches: list[UUID] = field(default_factory=list)


@transaction.atomic
def stop(
    *,
    table: Table,
    rows: Sequence[UUID] | None = None,
    groups: Sequence[UUID] | None = None,
    cell: CellRef | None = None,
) -> StopOutcome:
    """Stop a table (nothing named), rows, rows x groups, a table's groups, or one cell's exact attempt.

    Raises:
        CellFinished: the attempt named has ended by itself (409); an attempt already cancelled is no error.
        CellNotFound: there is no such cell.
    """
    sequence = table_sequence_next(table.id)
    if cell is not None:
        return _stop_cell(table, cell, sequence)
    if rows is not None:
        return _stop_rows(table, rows, groups, sequence)
    return _stop_table(table, groups, sequence)


@transaction.atomic
def dispatch_stop(dispatch: Dispatch) -> StopOutcome:
    """Stop one dispatch and its own cells in flight; a dispatch that has ended is left as it is."""
    sequence = table_sequence_next(dispatch.table_id)
    with connection.cursor() as cursor:
        return dispatches_stop(cursor, dispatch.table_id, [dispatch.id], sequence)


def run_of_cell_stop(run: Run, _actor: Actor) -> None:
    """Stop a cell's run by stopping its cell; a run that its cell has left behind is cancelled by itself (W13a)."""
    cells = RowExecution.objects.select_related("table").filter(run_id=run.pk)
    cell = cells.filter(id=run.owner_id).first() if run.owner_id is not None else None
    if cell is not None and cell.status in IN_FLIGHT:
        stop(table=cell.table, cell=CellRef(cell.row_id, cell.group_id, cell.execution_id))
        return
    with transaction.atomic():
        runs_cancel([run.pk])


_UNDER_WAY = Q(status__in=ACTIVE_DISPATCH) | Q(Exists(Window.objects.filter(dispatch=OuterRef("pk"))))
"""Active, or ended with parked cells that are just going on (T32)."""


def table_sequence_next(table_id: UUID) -> int:
    """The table's next action number, under its lock: requests and stops are ordered by it (T25)."""
    Table.objects.filter(id=table_id).update(sequence=F("sequence") + 1)
    return Table.objects.values_list("sequence", flat=True).get(id=table_id)


def dispatches_stop(
    cursor: CursorWrapper, table_id: UUID, dispatch_ids: Sequence[UUID], sequence: int
) -> StopOutcome:
    """End dispatches: cells in flight cancelled, windows accounted for and deleted, status ``cancelled``.

    Of one that has ended by itself the parked cells are cancelled, and what goes on of them; the rest stays as it is.
    """
    found = dict(
        Dispatch.objects.select_for_update()
        .filter(id__in=dispatch_ids)
        .order_by("id")
        .values_list("id", "status")
    )
    if not found:
        return StopOutcome()
    windows = windows_lock(cursor, list(found))
    events = cells_stop(
        cursor,
        "(c.window_id = ANY(%(windows)s) OR c.table_id = %(table)s AND c.status = 'paused'"
        " AND c.group_id IN (SELECT id FROM tables_workflowgroup WHERE table_id = %(table)s)"
        " AND c.dispatch_id = ANY(%(dispatches)s))",
        {"windows": windows, "table": table_id, "dispatches": list(found), "sequence": sequence},
    )
    for dispatch_id in found:
        dispatch_settle(cursor, dispatch_id, DispatchStatus.CANCELLED)
    transaction.on_commit(partial(emit, table_id, events))
    for dispatch_id in found:
        transaction.on_commit(partial(dispatch_announce, dispatch_id, force=True))
    ended = [dispatch_id for dispatch_id, status in found.items() if status in ACTIVE_DISPATCH]
    return StopOutcome(cancelled=len(events), dispatches=ended)


def windows_lock(cursor: CursorWrapper, dispatch_ids: Sequence[UUID]) -> list[UUID]:
    """Hold the windows of these dispatches alone until the transaction ends: nobody claims or finishes under them."""
    cursor.execute(
        "SELECT id FROM tables_window WHERE dispatch_id = ANY(%s) ORDER BY id FOR UPDATE",
        [list(dispatch_ids)],
    )
    return [found[0] for found in cursor.fetchall()]


def cells_stop(cursor: CursorWrapper, condition: str, params: Mapping[str, Any]) -> list[Event]:
    """Cancel the cells in flight that meet ``condition`` (fixed SQL over alias ``c``), and their runs (T27)."""
    cursor.execute(sql.STOP_CELLS.format(condition=condition), params)
    found = _as_cells(cursor)
    runs_stop(cursor, [cell["run_id"] for cell in found if cell["run_id"]])
    _settle_later(found)
    return [cell_event(cell) for cell in found]


def _settle_later(cells: Sequence[Mapping[str, Any]]) -> None:
    """After the commit, dispatches that counted these cells as paused count them as cancelled (T13)."""
    owing = {cell["dispatch_id"] for cell in cells if cell["counted_paused"]}
    if owing:
        transaction.on_commit(partial(dispatches_settle_paused, sorted(owing)), robust=True)


def _stop_table(table: Table, groups: Sequence[UUID] | None, sequence: int) -> StopOutcome:
    every = list(groups) if groups is not None else list(table.groups.values_list("id", flat=True))
    found = Dispatch.objects.select_for_update().filter(_UNDER_WAY, table=table).order_by("id")
    active = [dispatch for dispatch in found if groups is None or set(dispatch.groups) & set(every)]
    whole = [dispatch.id for dispatch in active if groups is None or set(dispatch.groups) <= set(every)]
    with connection.cursor() as cursor:
        windows_lock(cursor, [dispatch.id for dispatch in active])
        outcome = dispatches_stop(cursor, table.id, whole, sequence)
        for dispatch in active:
            if dispatch.id not in whole:
                outcome.cancelled += _groups_leave(cursor, table, dispatch, every, sequence)
        events = cells_stop(
            cursor,
            "c.table_id = %(table)s AND c.group_id = ANY(%(groups)s)",
            {"table": table.id, "groups": every, "sequence": sequence},
        )
    outcome.cancelled += len(events)
    transaction.on_commit(partial(emit, table.id, events))
    return outcome


def _groups_leave(
    cursor: CursorWrapper, table: Table, dispatch: Dispatch, groups: Sequence[UUID], sequence: int
) -> int:
    """A dispatch that asks for other groups too goes on without these; how many cells that stopped.

    Rows in somebody's hands get tombstones, as their cascade was asked for the groups before (T25).
    """
    leaving = [group for group in dispatch.groups if group in groups]
    windows = list(dispatch.windows.values_list("id", "row_ids"))
    events = cells_stop(
        cursor,
        "c.window_id = ANY(%(windows)s) AND c.group_id = ANY(%(groups)s)",
        {"windows": [window for window, _ in windows], "groups": leaving, "sequence": sequence},
    )
    count = len(events)
    events += _tombstones(cursor, table, [row for _, rows in windows for row in rows], leaving, sequence)
    if dispatch.status in ACTIVE_DISPATCH:
        windows_settle(cursor, dispatch, leaving)
        dispatch.groups = [group for group in dispatch.groups if group not in groups]
    dispatch.save()
    transaction.on_commit(partial(emit, table.id, events))
    transaction.on_commit(partial(dispatch_announce, dispatch.id, force=True))
    return count


def _stop_rows(
    table: Table, rows: Sequence[UUID], groups: Sequence[UUID] | None, sequence: int
) -> StopOutcome:
    every = list(groups) if groups is not None else list(table.groups.values_list("id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [list(rows)])
        events = cells_stop(
            cursor,
            "c.row_id = ANY(%(rows)s) AND c.group_id = ANY(%(groups)s) AND c.table_id = %(table)s",
            {"rows": list(rows), "groups": every, "table": table.id, "sequence": sequence},
        )
        count = len(events)
        events += _tombstones(cursor, table, rows, every, sequence)
    transaction.on_commit(partial(emit, table.id, events))
    return StopOutcome(cancelled=count)


def _tombstones(
    cursor: CursorWrapper, table: Table, rows: Sequence[UUID], groups: Sequence[UUID], sequence: int
) -> list[Event]:
    """Make the active dispatches' groups skip these rows, reached or not (T25). A tombstone stops its group only."""
    asked = Dispatch.objects.filter(_UNDER_WAY, table=table).values_list("groups", flat=True)
    wanted = [group for group in groups if any(group in named for named in asked)]
    pairs = [(row, group) for row in sorted(rows) for group in wanted]
    if not pairs:
        return []
    cursor.execute(
        sql.WRITE_TOMBSTONES,
        {
            "ids": [uuid7() for _ in pairs],
            "rows": [row for row, _ in pairs],
            "groups": [group for _, group in pairs],
            "table": table.id,
            "sequence": sequence,
        },
    )
    found = [cell for cell in _as_cells(cursor) if cell["status"] == CellStatus.CANCELLED]
    runs_stop(cursor, [cell["run_id"] for cell in found if cell["run_id"]])
    _settle_later(found)
    return [cell_event(cell) for cell in found]


def _stop_cell(table: Table, ref: CellRef, sequence: int) -> StopOutcome:
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [[ref.row]])
    cell = (
        RowExecution.objects.select_for_update()
        .filter(table=table, row_id=ref.row, group_id=ref.group)
        .first()
    )
    if cell is None:
        if not WorkflowGroup.objects.filter(table=table, id=ref.group).exists():
            raise CellNotFound
        return _stop_rows(table, [ref.row], [ref.group], sequence)
    same = ref.execution_id is None or cell.execution_id == ref.execution_id
    if (
        same and cell.status == CellStatus.CANCELLED
    ):  # once more, as a dispatch asked for since may be on its way
        return (
            _stop_rows(table, [ref.row], [ref.group], sequence) if ref.execution_id is None else StopOutcome()
        )
    if not same or cell.status not in IN_FLIGHT:
        raise CellFinished
    with connection.cursor() as cursor:
        events = cells_stop(cursor, "c.id = %(cell)s", {"cell": cell.id, "sequence": sequence})
    transaction.on_commit(partial(emit, table.id, events))
    return StopOutcome(cancelled=len(events))


_STOPPED = (
    "row_id",
    "group_id",
    "status",
    "version",
    "execution_id",
    "dispatch_id",
    "run_id",
    "attempt",
    "started_at",
    "finished_at",
    "counted_paused",
)


def _as_cells(cursor: CursorWrapper) -> list[dict[str, Any]]:
    return [dict(zip(_STOPPED, found, strict=True)) for found in cursor.fetchall()]
