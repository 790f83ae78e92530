"""A dispatch before its first window: it supersedes what came earlier, and counts its rows (`tables.md` 3.3)."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.types import TableSpec
from tables.events import emit
from tables.models import Dispatch, Table, sql
from tables.selectors import table_spec_cached
from tables.services.scope import scope_rows_sql
from tables.services.stopping import cells_stop, dispatches_stop
from tables.states import ACTIVE_DISPATCH, DispatchStatus, Mode


@transaction.atomic
def dispatch_prepare(dispatch_id: UUID) -> None:
    """``pending -> dispatching``: supersede what came earlier, count the rows in scope."""
    head = Dispatch.objects.filter(id=dispatch_id, status=DispatchStatus.PENDING).only("table_id").first()
    if head is None:
        return
    table = Table.objects.select_for_update(no_key=True).get(id=head.table_id)  # rows may be added meanwhile
    dispatch = (
        Dispatch.objects.select_for_update().filter(id=dispatch_id, status=DispatchStatus.PENDING).first()
    )
    if dispatch is None:
        return
    spec = table_spec_cached(table.id, table.schema_version)
    with connection.cursor() as cursor:
        if (
            dispatch.is_manual and dispatch.mode != Mode.NEW
        ):  # which would stop what it then skips as attempted
            _supersede(cursor, spec, dispatch)
        dispatch.rows_total = _count_rows(cursor, spec, table, dispatch)
    dispatch.status = DispatchStatus.DISPATCHING
    dispatch.started_at = Now()
    dispatch.save()


def _supersede(cursor: CursorWrapper, spec: TableSpec, dispatch: Dispatch) -> None:
    """A manual run replaces earlier work on the same cells: whole dispatches, or only the rows in scope (step 3)."""
    sequence = dispatch.requested_sequence
    if not dispatch.scope:
        earlier = Dispatch.objects.filter(
            table_id=dispatch.table_id,
            status__in=ACTIVE_DISPATCH,
            requested_sequence__lt=sequence,
            groups__overlap=dispatch.groups,
        )
        if dispatch.trigger_id is not None:
            earlier = earlier.filter(trigger_id=dispatch.trigger_id)
        dispatches_stop(cursor, dispatch.table_id, list(earlier.values_list("id", flat=True)), sequence)
        if dispatch.mode == Mode.ALL:  # parked cells of dispatches that have ended are to be run again too
            events = cells_stop(
                cursor,
                "c.table_id = %(table)s AND c.group_id = ANY(%(groups)s) AND c.status = 'paused'",
                {"table": dispatch.table_id, "groups": dispatch.groups, "sequence": sequence},
            )
            transaction.on_commit(lambda: emit(dispatch.table_id, events))
    elif dispatch.trigger_id is None and (rows := _rows_held(cursor, spec, dispatch)):
        cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [rows])
        events = cells_stop(
            cursor,
            "c.row_id = ANY(%(rows)s) AND c.group_id = ANY(%(groups)s)"
            " AND (c.status <> 'pending' OR c.execution_id IS NOT NULL)",
            {"rows": rows, "groups": dispatch.groups, "sequence": sequence},
        )
        transaction.on_commit(lambda: emit(dispatch.table_id, events))


def _rows_held(cursor: CursorWrapper, spec: TableSpec, dispatch: Dispatch) -> list[UUID]:
    """Rows in scope on which one of the dispatch's groups is in somebody's hands; pre-stamps are simply taken over.

    A parked cell, and one that is about to go on, are in the hands of their run.
    """
    clause, params = scope_rows_sql(spec, dispatch.scope)
    cursor.execute(
        "SELECT r.id FROM tables_row r WHERE r.id IN (SELECT c.row_id FROM tables_rowexecution c"  # noqa: S608
        " WHERE c.table_id = %s AND c.group_id = ANY(%s) AND (c.status IN ('queued', 'running', 'paused')"
        " OR c.status = 'pending' AND c.execution_id IS NOT NULL))" + clause,
        [dispatch.table_id, dispatch.groups, *params],
    )
    return [found[0] for found in cursor.fetchall()]


def _count_rows(cursor: CursorWrapper, spec: TableSpec, table: Table, dispatch: Dispatch) -> int:
    """Rows in scope; the table's own count when the scope is the table."""
    if not dispatch.scope:
        return table.row_count
    clause, params = scope_rows_sql(spec, dispatch.scope)
    cursor.execute(
        f"SELECT count(*) FROM tables_row r WHERE r.table_id = %s AND r.seq <= %s {clause}",  # noqa: S608
        [table.id, dispatch.upper_seq, *params],
    )
    return int(cursor.fetchone()[0])
