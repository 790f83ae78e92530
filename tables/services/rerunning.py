"""Running one cell again, from a block perhaps: a new run forked from an earlier one (W24 to W27).

The run is stored with the steps that it reuses, queued, and the cell is handed over with it, as one that lost its
worker would be. Whoever claims the cell goes on from that ledger under a new execution: a new attempt. What reads from
the cell and runs by itself follows, as after every rerun.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.mapping import row_snapshot, run_input
from tables.engine.types import GroupSpec, RowState
from tables.enqueue import window_send
from tables.errors import CellChanged, GroupNotFound, RowNotFound
from tables.events import emit
from tables.models import Dispatch, RowExecution, Table, Window, sql
from tables.selectors import table_spec
from tables.services.cells import cells_stamp, rows_load
from tables.services.progress import dispatch_announce
from tables.services.stopping import cells_stop, table_sequence_next
from tables.states import DispatchStatus, Mode
from workflows.engine.expressions import ExpressionError
from workflows.errors import RunInputInvalid, RunNotFound
from workflows.models import Run, Workflow, WorkflowVersion
from workflows.services.ledger import NewRun, runs_insert
from workflows.services.owners import CELL
from workflows.services.reruns import Asked, Rerun, rerun_plan
from workflows.services.versions import runnable_version
from workspaces.ids import uuid7
from workspaces.models import User

_NOBODY: Final = UUID(int=0)
"""The run is queued: no process owns it."""


@dataclass(frozen=True, slots=True)
class CellAsked:
    """Which cell is to be run again, and how; without ``source_run`` its latest run is the source."""

    row_id: UUID
    group_id: UUID
    asked: Asked
    source_run: UUID | None = None


def cell_rerun_plan(*, table: Table, wish: CellAsked) -> Rerun:
    """What a rerun of the cell would do, over the row as it is now; changes nothing.

    Raises ``RowNotFound``, ``GroupNotFound``, ``RunNotFound`` (not a run of this cell), ``RunInputInvalid``, and what
    ``rerun_plan`` and ``runnable_version`` do.
    """
    with connection.cursor() as cursor:
        return _planned(cursor, table, wish)[2]


@transaction.atomic
def cell_rerun(*, table: Table, wish: CellAsked, actor: User | None) -> tuple[Dispatch, UUID]:
    """Run the cell again in a dispatch of its own; that, and the new run's id. What is in flight there is stopped.

    Raises what ``cell_rerun_plan`` does, and ``CellChanged`` when somebody else was quicker.
    """
    sequence = table_sequence_next(table.pk)
    with connection.cursor() as cursor:
        _, group, rerun = _planned(cursor, table, wish)
        dispatch = _dispatch(table, wish, actor, sequence)
        cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [[wish.row_id]])
        events = cells_stop(
            cursor,
            "c.row_id = %(row)s AND c.group_id = %(group)s AND (c.status <> 'pending' OR c.execution_id IS NOT NULL)",
            {"row": wish.row_id, "group": group.id, "sequence": sequence},
        )
        window = _window(cursor, dispatch, wish.row_id)
        row = rows_load(cursor, table.pk, [wish.row_id]).rows[0]
        stamp = (row, group, row.cells.get(group.id))
        stamped = cells_stamp(cursor, table.pk, dispatch.pk, window.pk, [stamp])
        if not stamped:
            raise CellChanged
        run_id = _run(cursor, wish, rerun, actor)
    transaction.on_commit(partial(emit, table.pk, events + stamped))
    transaction.on_commit(partial(window_send, window, [[wish.row_id]]))
    transaction.on_commit(partial(dispatch_announce, dispatch.pk, force=True))
    return dispatch, run_id


def _planned(cursor: CursorWrapper, table: Table, wish: CellAsked) -> tuple[RowState, GroupSpec, Rerun]:
    spec = table_spec(table.pk)
    group = spec.group(wish.group_id)
    if group is None:
        raise GroupNotFound
    rows = rows_load(cursor, table.pk, [wish.row_id]).rows
    if not rows:
        raise RowNotFound
    version = runnable_version(group.workflow_id, group.ref)
    try:
        given = run_input(group, rows[0].data)
    except ExpressionError as error:
        raise RunInputInvalid(str(error)) from error
    rerun = rerun_plan(
        workflow=Workflow.objects.get(pk=group.workflow_id),
        version=WorkflowVersion.objects.get(pk=version.id),
        source=_source(rows[0], group, wish.source_run),
        asked=wish.asked,
        input=given,
        row=row_snapshot(version.references, spec, rows[0].data),
    )
    return rows[0], group, rerun


def _source(row: RowState, group: GroupSpec, named: UUID | None) -> Run | None:
    """The run to fork from: a named one of this very cell, or its latest; ``None`` when it has none (W27)."""
    cell = row.cells.get(group.id)
    runs = Run.objects.filter(
        owner_kind=CELL, owner_id=cell.id if cell else None, workflow_id=group.workflow_id
    )
    if named is None:
        return runs.order_by("-id").first()
    found = runs.filter(pk=named).first()
    if found is None:
        raise RunNotFound("The source run is not a run of this cell.")
    return found


def _dispatch(table: Table, wish: CellAsked, actor: User | None, sequence: int) -> Dispatch:
    """A dispatch that has walked already: its one row is handed over with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('tables_row_seq')")
        upper = cursor.fetchone()[0]
    return Dispatch.objects.create(
        table=table,
        status=DispatchStatus.DISPATCHING,
        mode=Mode.ALL,
        groups=[wish.group_id],
        scope={"rows": [str(wish.row_id)]},
        requested_by=actor,
        requested_sequence=sequence,
        upper_seq=upper,
        exhausted=True,
        rows_total=1,
        rows_seen=1,
        rows_handed_over=1,
        started_at=Now(),
    )


def _window(cursor: CursorWrapper, dispatch: Dispatch, row_id: UUID) -> Window:
    window = Window(
        id=uuid7(),
        dispatch_id=dispatch.pk,
        lane=0,
        token=uuid7(),
        row_ids=[row_id],
        stamped=1,
        interactive=True,
    )
    cursor.execute(
        sql.INSERT_WINDOW,
        {
            "window": window.id,
            "dispatch": dispatch.pk,
            "lane": 0,
            "token": window.token,
            "rows": [row_id],
            "stamped": 1,
            "interactive": True,
            "resumes": False,
            "seconds": settings.RUNSHEET_WINDOW_DEADLINE_SECONDS,
        },
    )
    return window


def _run(cursor: CursorWrapper, wish: CellAsked, rerun: Rerun, actor: User | None) -> UUID:
    """The forked run, queued, and named by the cell that was just handed over."""
    cell = RowExecution.objects.only("id").get(row_id=wish.row_id, group_id=wish.group_id)
    run = NewRun(
        run_id=uuid7(),
        workspace_id=rerun.workspace_id,
        workflow_id=rerun.workflow_id,
        version_id=rerun.version_id,
        input=rerun.input,
        lease_token=cell.pk,
        owner_kind=CELL,
        owner_id=cell.pk,
        actor_id=actor.pk if actor else None,
        row=rerun.row,
        queued=True,
        forked_from=rerun.source.pk if rerun.source else None,
        plan=rerun.plan_json(),
    )
    runs_insert(cursor, [(run, None)], _NOBODY)
    RowExecution.objects.filter(pk=cell.pk).update(run_id=run.run_id)
    return run.run_id


def plan_json(rerun: Rerun) -> dict[str, Any]:
    """The dry run's answer (`workflows.md` section 7), with the run it would fork from."""
    return {**rerun.plan.as_json(), "source": str(rerun.source.pk) if rerun.source else None}
