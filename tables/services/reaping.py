"""The reaper: the periodic return of abandoned work to claimable (T11, T12, T15). From beat, and at worker start.

Each part is idempotent and steps over what another reaper holds. Nothing here decides that work is lost by guessing:
an owner is dead by its instance row, a message is lost when its window's deadline passed while cells still wait.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from tables.engine.window import pack_rows, packs
from tables.enqueue import advance_send, window_send
from tables.events import cell_event, emit
from tables.lease import client
from tables.models import Dispatch, Window, sql
from tables.services.counts import counts_fold
from tables.services.dispatcher import row_milliseconds
from tables.services.frozen_rows import frozen_forget_ended
from tables.services.going_on import cells_oversleep
from tables.services.jobs import jobs_reap, uploads_forget
from tables.services.recovery import cells_of_the_dead, dead_locks_free
from tables.states import ACTIVE_DISPATCH, CellStatus
from workflows.services.instances import instances_bury
from workflows.services.jsonb import to_json
from workflows.services.recovery import runs_recover
from workspaces.ids import uuid7

GIVE_UP_SENDING = timedelta(minutes=5)
"""After failing for so long a window's pre-stamps turn ``failed``, visibly (T12)."""

MAX_DEADLINE_SECONDS = 300.0
"""Cells that merely wait in a long queue are sent again ever more rarely, down to this."""

ENQUEUE_FAILED = {
    "code": "enqueue_failed",
    "message": "This cell could not be handed to a worker for five minutes because the message broker was away.",
}

EPOCH_KEY = "runsheet:epoch"

_FAIL_STAMPS = """
UPDATE tables_rowexecution c
   SET status = 'failed', error = %s::jsonb, finished_at = clock_timestamp(), version = nextval('tables_cell_version')
 WHERE c.window_id = %s AND c.status = 'pending' AND c.execution_id IS NULL
RETURNING c.row_id, c.group_id, c.version
"""


def reap() -> None:
    """One round: bury the dead, recover what they held, send again what got lost, finish what only waits for it."""
    messages_lost = instances_bury() > 0  # what a killed worker had fetched and not begun is lost with it
    while cells_of_the_dead():
        pass
    runs_recover()
    jobs_reap()
    uploads_forget()
    frozen_forget_ended()
    if broker_was_emptied() or messages_lost:
        Window.objects.update(deadline_at=Now())
    cells_oversleep()
    windows_redrive()
    dispatches_continue()
    counts_fold()


def broker_was_emptied() -> bool:
    """Whether Redis lost its data since the last round (a flush, a restart without its file): messages are gone."""
    try:
        return bool(client().set(EPOCH_KEY, uuid4().hex, nx=True))
    except redis.RedisError:
        return False  # away: nothing can be sent now anyway


def windows_redrive() -> None:
    """Windows whose deadline passed: alive ones get time, lost ones are sent again, finished ones closed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.STALE_WINDOWS)
        found = cursor.fetchall()
        todo = [_judge(*row) for row in found]
    for window_id, dispatch_id, rows in filter(None, todo):
        window = Window.objects.filter(id=window_id).first()
        if window is None:
            continue
        if not rows:
            advance_send(dispatch_id, window.id, window.token)
            continue
        dead_locks_free(rows)
        size = pack_rows(row_milliseconds(list(window.dispatch.groups)), settings.RUNSHEET_WINDOW_ROWS)
        sent = window_send(window, packs(rows, size))
        if _given_up(window):
            _fail_stamps(window)
        if not sent:
            break  # the others would fail too, after the same long wait; their turn comes


def _judge(
    window_id: UUID,
    dispatch_id: UUID,
    _lane: int,
    redrives: int,
    _interactive: object,
    _failing_since: object,
    waiting: list[UUID],
    alive: bool,  # noqa: FBT001 - a row of the query, unpacked
) -> tuple[UUID, UUID, list[UUID]] | None:
    """Under the window's lock: renew it while its rows live, else swap its token, so that a late body stops (T11)."""
    if alive and not waiting:
        _extend(window_id, settings.RUNSHEET_WINDOW_DEADLINE_SECONDS)
        return None
    patience = min(MAX_DEADLINE_SECONDS, settings.RUNSHEET_WINDOW_DEADLINE_SECONDS * 2**redrives)
    deadline = Now() + timedelta(seconds=patience)
    Window.objects.filter(id=window_id).update(token=uuid7(), redrives=redrives + 1, deadline_at=deadline)
    return window_id, dispatch_id, waiting


def _extend(window_id: UUID, seconds: float) -> None:
    Window.objects.filter(id=window_id).update(deadline_at=Now() + timedelta(seconds=seconds))


def _given_up(window: Window) -> bool:
    """Whether sending failed again just now, and has failed for so long."""
    return Window.objects.filter(id=window.id, send_failures_since__lt=Now() - GIVE_UP_SENDING).exists()


def _fail_stamps(window: Window) -> None:
    """T12: what could not be sent for five minutes fails, visibly; then the window can be closed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FAIL_STAMPS, [to_json(ENQUEUE_FAILED), window.id])
        failed = cursor.fetchall()
    emit(window.dispatch.table_id, [_enqueue_failed(*row) for row in failed])
    advance_send(window.dispatch_id, window.id, window.token)


def _enqueue_failed(row_id: UUID, group_id: UUID, version: int) -> dict[str, object]:
    return cell_event(
        {
            "row_id": row_id,
            "group_id": group_id,
            "status": CellStatus.FAILED,
            "version": version,
            "execution_id": None,
            "attempt": 0,
            "error": ENQUEUE_FAILED,
            "started_at": None,
            "finished_at": None,
        }
    )


def dispatches_continue() -> None:
    """Active dispatches with nothing in flight lost their next step's message: send it. Doubled steps are harmless."""
    windows = Window.objects.filter(dispatch_id=OuterRef("id"))
    stuck = Dispatch.objects.filter(status__in=ACTIVE_DISPATCH).exclude(Exists(windows))
    for dispatch_id in stuck.values_list("id", flat=True)[:500]:
        advance_send(dispatch_id)
