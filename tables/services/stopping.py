"""Stop, in every scope: write first, interrupt second (T24, T25, T26).

The cells are ``cancelled`` in the transaction that acknowledges the stop; their runs lose their lease in the same
transaction, so a worker that has not noticed finds every write refused. Windows of stopped dispatches are deleted,
so that no claim can start under them. Lock order: table, dispatch, window, cell, run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from tables.engine.types import TableSpec
from tables.errors import CellFinished, CellNotFound
from tables.models import Dispatch, RowExecution, Table, WorkflowGroup, sql
from tables.selectors import table_spec
from tables.services.expecting import rows_expect
from tables.services.scope import scope_of
from tables.services.stopping_cells import cells_stop as cells_stop  # noqa: PLC0414  handed on
from tables.services.stopping_cells import cells_tell
from tables.services.stopping_dispatches import StopOutcome as StopOutcome  # noqa: PLC0414  handed on
from tables.services.stopping_dispatches import dispatches_hold, groups_stop
from tables.services.stopping_dispatches import dispatches_stop as dispatches_stop  # noqa: PLC0414  handed on
from tables.services.stopping_rows import Selection, rows_stop
from tables.states import FINISHED, IN_FLIGHT, CellStatus
from workflows.engine.types import BlockError
from workflows.models import Run
from workflows.services.ledger import CANCELLED, TARGET_DELETED
from workflows.services.runs import runs_cancel
from workspaces.actors import Actor


@dataclass(frozen=True, slots=True)
class CellRef:
    """One cell, and the exact attempt meant (``None``: whatever is in flight)."""

    row: UUID
    group: UUID
    execution_id: UUID | None = None


@transaction.atomic
def stop(
    *,
    table: Table,
    rows: Sequence[UUID] | Mapping[str, Any] | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the API's word
    exclude_rows: Sequence[UUID] = (),
    groups: Sequence[UUID] | None = None,
    cell: CellRef | None = None,
    deleted: bool = False,
    expected: int | None = None,
) -> StopOutcome:
    """Stop a table (nothing named), rows, a filter, a selection, a table's groups, or one cell's exact attempt.

    ``rows`` are ids or ``{"from", "to", …}``, as ``dispatch_start`` takes them; ``groups`` narrows every scope but a
    cell. ``deleted``: what is named is being deleted, and its runs say so (T5). ``expected``: how many rows it was when
    a person looked.

    Raises:
        CellFinished: the attempt named has ended by itself (409); an attempt already cancelled is no error.
        CellNotFound: there is no such cell.
        FilterInvalid, ScopeInvalid: the selection names what is not there.
        RowsMoved: it has another number of rows than expected.
    """
    if expected is not None:
        known = table_spec(table.id)
        rows_expect(known, _scope(known, rows, filter, exclude_rows), expected)
    sequence = table_sequence_next(table.id)
    error = TARGET_DELETED if deleted else CANCELLED
    if cell is not None:
        return _stop_cell(table, cell, sequence)
    spec = table_spec(table.id)
    scope = _scope(spec, rows, filter, exclude_rows)
    every = frozenset(groups if groups is not None else (group.id for group in spec.groups))
    with connection.cursor() as cursor:
        if scope:
            return rows_stop(cursor, Selection(spec, scope, every, sequence, error, gone=deleted))
        return _stop_table(cursor, spec, every, sequence, error, whole=groups is None)


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


def table_sequence_next(table_id: UUID) -> int:
    """The table's next action number, under its lock: requests and stops are ordered by it (T25)."""
    Table.objects.filter(id=table_id).update(sequence=F("sequence") + 1)
    return Table.objects.values_list("sequence", flat=True).get(id=table_id)


def _scope(
    spec: TableSpec,
    rows: Sequence[UUID] | Mapping[str, Any] | None,
    filter_: Mapping[str, Any] | None,
    exclude_rows: Sequence[UUID],
) -> dict[str, Any]:
    """The selection in the stored form of a dispatch's scope; empty for the whole table. Any number of ids will do."""
    if rows is None or isinstance(rows, Mapping):
        return scope_of(spec, rows, filter_, exclude_rows)
    named = [str(row) for row in dict.fromkeys(rows)]
    return {"rows": named, **scope_of(spec, None, filter_, exclude_rows)}


def _stop_table(
    cursor: CursorWrapper,
    spec: TableSpec,
    groups: frozenset[UUID],
    sequence: int,
    error: BlockError,
    *,
    whole: bool,
) -> StopOutcome:
    active = dispatches_hold(spec.table_id)
    if whole:  # those that ask for groups deleted since, too
        outcome = dispatches_stop(cursor, spec.table_id, [each.id for each in active], sequence, error)
    else:
        outcome = groups_stop(cursor, spec, active, groups, sequence, error)
    events = cells_stop(
        cursor,
        "c.table_id = %(table)s AND c.group_id = ANY(%(groups)s)",
        {"table": spec.table_id, "groups": list(groups), "sequence": sequence},
        error,
    )
    outcome.cancelled += len(events)
    cells_tell(spec.table_id, events)
    return outcome


def _stop_cell(table: Table, ref: CellRef, sequence: int) -> StopOutcome:
    if ref.execution_id is None:
        return _stop_any_attempt(table, ref, sequence)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [[ref.row]])
    cell = _cell_of(table, ref)
    if cell is None and not WorkflowGroup.objects.filter(table=table, id=ref.group).exists():
        raise CellNotFound
    if cell is None or cell.execution_id != ref.execution_id:
        raise CellFinished
    if cell.status == CellStatus.CANCELLED:
        return StopOutcome()
    if cell.status not in IN_FLIGHT:
        raise CellFinished
    with connection.cursor() as cursor:
        events = cells_stop(cursor, "c.id = %(cell)s", {"cell": cell.id, "sequence": sequence})
    cells_tell(table.id, events)
    return StopOutcome(cancelled=len(events))


def _stop_any_attempt(table: Table, ref: CellRef, sequence: int) -> StopOutcome:
    """Whatever is in flight of this cell, or on its way to it; a finished one that nobody is about to run again is
    a conflict.
    """
    if not WorkflowGroup.objects.filter(table=table, id=ref.group).exists():
        raise CellNotFound
    spec = table_spec(table.id)
    selection = Selection(spec, {"rows": [str(ref.row)]}, frozenset([ref.group]), sequence, CANCELLED)
    with connection.cursor() as cursor:
        outcome = rows_stop(cursor, selection)
    cell = _cell_of(table, ref)
    is_untouched = cell is not None and cell.cancelled_sequence < sequence
    if cell is not None and is_untouched and cell.status in FINISHED - {CellStatus.CANCELLED}:
        raise CellFinished
    return outcome


def _cell_of(table: Table, ref: CellRef) -> RowExecution | None:
    """The cell's record, held."""
    cells = RowExecution.objects.select_for_update()
    return cells.filter(table=table, row_id=ref.row, group_id=ref.group).first()
