"""A dispatch before its first window: it supersedes what came earlier, and counts its rows (`tables.md` 3.3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.types import TableSpec
from tables.errors import TableNotFound
from tables.events import emit
from tables.models import Dispatch, Table, sql, walking_sql
from tables.selectors import table_spec_cached
from tables.services.progress import dispatch_announce
from tables.services.scope import scope_asked, scope_rows_sql
from tables.services.stopping import cells_stop, dispatches_stop
from tables.states import ACTIVE_DISPATCH, DispatchStatus, Mode
from workflows.services.jsonb import to_json
from workspaces.errors import RunsheetError

_ASKED_BEFORE = """
   AND NOT EXISTS (SELECT 1 FROM tables_dispatch d
                    WHERE d.id = c.dispatch_id AND d.requested_sequence > %(sequence)s)
"""


@transaction.atomic
def dispatch_prepare(dispatch_id: UUID) -> None:
    """``pending -> dispatching``: count the rows in scope, supersede what came earlier.

    Rows are counted before anything is locked: a filter over a million rows takes its time, and a Stop must not wait
    for it. Raises ``TableNotFound`` and what a scope raises whose columns are gone.
    """
    head = Dispatch.objects.filter(id=dispatch_id, status=DispatchStatus.PENDING).first()
    if head is None:
        return
    with connection.cursor() as cursor:
        rows_total = _count_rows(cursor, head)
    table = Table.objects.select_for_update(no_key=True).get(id=head.table_id)  # rows may be added meanwhile
    if table.archived_at is not None:
        raise TableNotFound
    dispatch = (
        Dispatch.objects.select_for_update().filter(id=dispatch_id, status=DispatchStatus.PENDING).first()
    )
    if dispatch is None:
        return
    dispatch.rows_total = rows_total
    spec = table_spec_cached(table.id, table.schema_version)
    if dispatch.is_manual and dispatch.mode != Mode.NEW:  # which would stop what it then skips as attempted
        with connection.cursor() as cursor:
            _supersede(cursor, spec, dispatch)
    dispatch.status = DispatchStatus.DISPATCHING
    dispatch.started_at = Now()
    dispatch.save()


@transaction.atomic
def dispatch_fail(dispatch_id: UUID, fault: Exception) -> None:
    """Say why a dispatch cannot go on; the dispatcher ends it ``failed`` once its windows in flight are closed."""
    if isinstance(fault, RunsheetError):
        error = {"code": fault.code, "message": str(fault.detail)}
    else:
        told = f"This run cannot go on ({type(fault).__name__}). The server's log says more."
        error = {"code": "dispatcher_failed", "message": told}
    with connection.cursor() as cursor:
        cursor.execute(walking_sql.FAIL_DISPATCH, [to_json(error), dispatch_id])
    transaction.on_commit(lambda: dispatch_announce(dispatch_id, force=True))


def _supersede(cursor: CursorWrapper, spec: TableSpec, dispatch: Dispatch) -> None:
    """A manual run replaces earlier work on the same cells: whole dispatches, or only the rows in scope (step 3).

    A trigger's dispatch replaces only what earlier firings of that trigger left.
    """
    sequence = dispatch.requested_sequence
    earlier = Dispatch.objects.filter(
        table_id=dispatch.table_id,
        status__in=ACTIVE_DISPATCH,
        requested_sequence__lt=sequence,
        groups__overlap=dispatch.groups,
    )
    if dispatch.trigger_id is not None:
        earlier = earlier.filter(trigger_id=dispatch.trigger_id)
    named = set(dispatch.groups_left)
    found = [each for each in earlier.order_by("id") if named.intersection(each.groups_left)]
    replaced = [each.id for each in found if _replaces(dispatch, each)]
    dispatches_stop(cursor, dispatch.table_id, replaced, sequence)
    if scope_asked(dispatch.scope):
        _stop_held(cursor, spec, dispatch, [each.id for each in found if each.id not in replaced])
    elif dispatch.mode == Mode.ALL and dispatch.trigger_id is None:
        # parked cells of dispatches that have ended are to be run again too
        _stop(
            cursor,
            dispatch,
            "c.table_id = %(table)s AND c.group_id = ANY(%(groups)s) AND c.status = 'paused'",
        )


def _replaces(dispatch: Dispatch, earlier: Dispatch) -> bool:
    """Whether nothing of the earlier dispatch is left to do beside this one: the whole table, or just what it asked.

    Of one that named its rows by id only the rows' cells are stopped: it ends by itself.
    """
    asked = scope_asked(dispatch.scope)
    if not asked:
        return True
    is_same = asked == scope_asked(earlier.scope)
    by_id = isinstance(asked.get("rows"), list)
    covers = set(earlier.groups_left) <= set(dispatch.groups_left) and dispatch.row_limit is None
    return is_same and not by_id and covers and dispatch.mode in (Mode.ALL, earlier.mode)


def _stop_held(cursor: CursorWrapper, spec: TableSpec, dispatch: Dispatch, earlier: list[UUID]) -> None:
    """Stop what somebody has in hand on the rows in scope; of a trigger only what it began itself."""
    rows = _rows_held(cursor, spec, dispatch)
    if not rows:
        return
    cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [rows])
    mine = " AND c.dispatch_id = ANY(%(earlier)s)" if dispatch.trigger_id is not None else ""
    _stop(
        cursor,
        dispatch,
        "c.row_id = ANY(%(rows)s) AND c.group_id = ANY(%(groups)s)"
        " AND (c.status <> 'pending' OR c.execution_id IS NOT NULL)" + mine,
        rows=rows,
        earlier=earlier,
    )


def _stop(cursor: CursorWrapper, dispatch: Dispatch, condition: str, **named: Any) -> None:
    """Stop the cells of this condition, in the request's name; told after the commit.

    This may come late: what was asked for after the request is not stopped by it (T11).
    """
    given = {
        "table": dispatch.table_id,
        "groups": dispatch.groups_left,
        "sequence": dispatch.requested_sequence,
        **named,
    }
    events = cells_stop(cursor, condition + _ASKED_BEFORE, given)
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
        [dispatch.table_id, dispatch.groups_left, *params],
    )
    return [found[0] for found in cursor.fetchall()]


def _count_rows(cursor: CursorWrapper, dispatch: Dispatch) -> int:
    """Rows in scope; the table's own count when the scope is the table."""
    table = Table.objects.only("id", "row_count", "schema_version").get(id=dispatch.table_id)
    if not scope_asked(dispatch.scope):
        return table.row_count
    clause, params = scope_rows_sql(table_spec_cached(table.id, table.schema_version), dispatch.scope)
    cursor.execute(
        f"SELECT count(*) FROM tables_row r WHERE r.table_id = %s AND r.seq <= %s {clause}",  # noqa: S608
        [table.id, dispatch.upper_seq, *params],
    )
    return int(cursor.fetchone()[0])
