"""The dispatcher: walks a table in row windows, several lanes at once (`tables.md` section 3, T9 to T13).

One step (``dispatch_advance``) closes the window it was called for, if its token still holds, and opens windows
until the dispatch has its share in flight. Each window is claimed by moving the cursor under the dispatch's row
lock, stamped in the same transaction, and sent as one Celery chord after the commit. Calling it twice, late, or for
nothing changes nothing: what is in flight is counted, not assumed.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.eligibility import Reason
from tables.engine.types import Request, TableSpec
from tables.engine.window import WindowPlan, pack_rows, packs, windows_wanted
from tables.enqueue import advance_send, window_send
from tables.errors import TableNotFound
from tables.events import emit
from tables.models import Dispatch, Window, sql
from tables.selectors import table_spec_cached
from tables.services.accounting import costs_add, counters_add, window_account, window_rejoin
from tables.services.budget import request_within
from tables.services.cells import Event, cells_clear, cells_stamp
from tables.services.dispatch_ends import dispatch_ended_tell
from tables.services.preparing import dispatch_fail, dispatch_prepare
from tables.services.progress import dispatch_announce
from tables.services.stopped_ahead import stopped_rows_meet
from tables.services.stopping import dispatch_stop
from tables.services.storms import storm_note
from tables.services.walking import SCAN_ROWS, Walk, rows_ahead, rows_moved
from tables.states import ACTIVE_DISPATCH, DispatchStatus, Mode
from workflows.services.patience import patiently
from workspaces.cursors import prepared_cursor
from workspaces.ids import uuid7

STEP_SECONDS = 2.0
"""A step that finds nothing to run passes windows for at most this long, then makes room for others."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Step:
    """What one transaction of a step came to: a window to send, events to tell, and whether to come back at once."""

    window: Window | None = None
    packs: list[list[UUID]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    more: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is going on.

    The table's schema and whether it is archived, lanes in flight, how many windows are this dispatch's share, and a
    row's time.
    """

    schema_version: int
    is_archived: bool
    lanes: frozenset[int]
    wanted: int
    row_ms: float | None


def dispatch_advance(dispatch_id: UUID, window_id: UUID | None = None, token: UUID | None = None) -> None:
    """One dispatcher step. Without a window: prepare, or fill up. Safe to repeat at any time.

    A dispatch that cannot go on – its filter names a column that is gone, say – ends ``failed`` and says why, instead
    of being woken for ever; what it has handed over ends by itself first.
    """
    closing = (window_id, token) if window_id is not None and token is not None else None
    try:
        _go_on(dispatch_id, closing, prepares=window_id is None)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the reaper wakes the dispatch again
    except (
        TableNotFound
    ):  # archived meanwhile: it ends quietly, as if it had been stopped with the table (T5)
        for dispatch in Dispatch.objects.filter(id=dispatch_id):
            patiently(partial(dispatch_stop, dispatch))
    except Exception as fault:
        log.exception("a dispatch cannot go on", extra={"dispatch": str(dispatch_id)})
        why = fault
        patiently(lambda: dispatch_fail(dispatch_id, why))
        _go_on(dispatch_id, closing, prepares=False)
    dispatch_announce(dispatch_id)


def _go_on(dispatch_id: UUID, closing: tuple[UUID, UUID] | None, *, prepares: bool) -> None:
    """Transaction after transaction, until there is nothing to do now or it is others' turn."""
    if prepares:
        patiently(lambda: dispatch_prepare(dispatch_id))
    until = monotonic() + STEP_SECONDS
    while True:
        step = patiently(lambda closing=closing: _step(dispatch_id, closing))  # type: ignore[misc]
        closing = None
        if step.window is not None:
            window_send(step.window, step.packs)
        if not step.more:
            return
        if monotonic() > until:
            advance_send(dispatch_id)
            return


def _step(dispatch_id: UUID, closing: tuple[UUID, UUID] | None) -> Step:
    """One transaction: close the window named, then open one if there is room; events go out after the commit."""
    with transaction.atomic(), prepared_cursor() as cursor:
        dispatch = _locked(dispatch_id)
        if dispatch is None or (closing is None and dispatch.status not in ACTIVE_DISPATCH):
            return Step()
        if closing is not None and not _close(cursor, dispatch, *closing):
            return Step()  # replaced, closed already, or its cells are still in flight: somebody else goes on
        step = _open(cursor, dispatch) if dispatch.status == DispatchStatus.DISPATCHING else Step()
        _save(cursor, dispatch)
    emit(dispatch.table_id, step.events)
    return step


def _locked(dispatch_id: UUID) -> Dispatch | None:
    """The dispatch under its row lock (raw: building this query took a tenth of a step).

    One that has ended may still have windows to close, in which its parked cells went on (T32).
    """
    found = list(Dispatch.objects.raw(sql.LOCK_DISPATCH, [dispatch_id]))
    return found[0] if found else None


def _save(cursor: CursorWrapper, dispatch: Dispatch) -> None:
    """Write what a step changes, in one statement."""
    cursor.execute(
        sql.SAVE_DISPATCH,
        {
            "id": dispatch.id,
            "position": dispatch.cursor_position,
            "row": dispatch.cursor_id,
            "exhausted": dispatch.exhausted,
            "seen": dispatch.rows_seen,
            "handed_over": dispatch.rows_handed_over,
            "completed": dispatch.completed,
            "failed": dispatch.failed,
            "cancelled": dispatch.cancelled,
            "paused": dispatch.paused,
            "skipped": json.dumps(dispatch.skipped),
            "failing": json.dumps(dispatch.failing),
            "cost": dispatch.cost,
        },
    )


# ---- closing ---------------------------------------------------------------------------------------------------


def _close(cursor: CursorWrapper, dispatch: Dispatch, window_id: UUID, token: UUID) -> bool:
    """Close the window if the token still holds and none of its cells is in flight; account for it (T11)."""
    named = {"window": window_id, "token": token}
    cursor.execute(
        sql.NOTE_BODY, named
    )  # first: it waits out who holds the window, and the next one sees what they did
    cursor.execute(sql.CLOSE_WINDOW, named)
    closed = cursor.fetchone()
    if closed is None:
        return False
    row_ids, resumes = closed
    if resumes:
        window_rejoin(cursor, dispatch, window_id, dispatch.groups_left)
        return True
    account = window_account(cursor, dispatch.table_id, window_id, row_ids, request_of(dispatch))
    counters_add(dispatch, account.counted, account.skipped)
    dispatch.cost = costs_add(dispatch.cost, account.cost)
    storm_note(cursor, dispatch, account)
    return True


# ---- opening ---------------------------------------------------------------------------------------------------


def _open(cursor: CursorWrapper, dispatch: Dispatch) -> Step:
    """Open one window if the dispatch has room for it, or end the dispatch when nothing is left."""
    around = _look_around(cursor, dispatch)
    if len(around.lanes) >= around.wanted or (dispatch.error and around.lanes):
        return Step()
    if dispatch.error:
        _end(dispatch, DispatchStatus.FAILED)
        return Step()
    if around.is_archived:
        raise TableNotFound
    spec = table_spec_cached(dispatch.table_id, around.schema_version)
    was_exhausted = dispatch.exhausted
    step = (_scan_moved if was_exhausted else _scan)(cursor, dispatch, spec, around)
    if step.window is not None:
        step.more = len(around.lanes) + 1 < around.wanted
    elif not was_exhausted:
        step.more = True
    elif not around.lanes:
        _end(dispatch, DispatchStatus.COMPLETE)
    return step


def _look_around(cursor: CursorWrapper, dispatch: Dispatch) -> Surroundings:
    """This dispatch's lanes and its share of what may be in flight (T9), in one query."""
    cursor.execute(
        sql.LOOK_AROUND,
        {"dispatch": dispatch.id, "groups": dispatch.groups},
    )
    schema_version, is_archived, lanes, slots, workspaces, dispatches, row_ms = cursor.fetchone()
    wanted = windows_wanted(max(1, slots), settings.RUNSHEET_WINDOW_ROWS, workspaces, dispatches)
    return Surroundings(schema_version, is_archived, frozenset(lanes), wanted, row_ms)


def _scan(cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, around: Surroundings) -> Step:
    """Look at rows after the cursor, stamp the first window of them that has work, and move the cursor past it."""
    wanted = _rows_wanted(dispatch)
    if wanted <= 0:
        dispatch.exhausted = True
        return Step()
    after = None
    if dispatch.cursor_position is not None and dispatch.cursor_id is not None:
        after = dispatch.cursor_position, dispatch.cursor_id
    is_dense = dispatch.rows_seen == dispatch.rows_handed_over
    ahead = rows_ahead(cursor, _walk(dispatch, spec), after, wanted, is_dense=is_dense)
    stopped = stopped_rows_meet(cursor, dispatch, spec, [row.id for row in ahead.plan.rows])
    if stopped is not None:  # judged anew in the next transaction
        return Step(events=stopped)
    if ahead.cursor is not None:
        dispatch.cursor_position, dispatch.cursor_id = ahead.cursor
    _rows_count(dispatch, ahead.seen)
    dispatch.exhausted = ahead.exhausted
    counters_add(dispatch, {}, ahead.plan.skipped)
    return _stamp(cursor, dispatch, ahead.plan, around)


def _walk(dispatch: Dispatch, spec: TableSpec) -> Walk:
    request = request_within(request_of(dispatch), spec.workspace_id)
    return Walk(spec, dispatch.scope, request, dispatch.upper_seq)


def _rows_wanted(dispatch: Dispatch) -> int:
    """Rows of the next window: what the limit leaves of it (T10)."""
    if dispatch.row_limit is None:
        return int(settings.RUNSHEET_WINDOW_ROWS)
    return min(settings.RUNSHEET_WINDOW_ROWS, dispatch.row_limit - dispatch.rows_handed_over)


def _stamp(cursor: CursorWrapper, dispatch: Dispatch, plan: WindowPlan, around: Surroundings) -> Step:
    """Clear what is to go, insert the window and pre-stamp its cells; what changed meanwhile is simply not stamped."""
    events = cells_clear(cursor, plan.clears)
    if not plan.rows:
        return Step(events=events)
    lane = next(n for n in range(len(around.lanes) + 1) if n not in around.lanes)
    row_ids = [row.id for row in plan.rows]
    small = dispatch.rows_total is not None and dispatch.rows_total <= settings.RUNSHEET_WINDOW_ROWS
    window = Window(
        id=uuid7(),
        dispatch_id=dispatch.id,
        lane=lane,
        token=uuid7(),
        row_ids=row_ids,
        interactive=small or (dispatch.row_limit or SCAN_ROWS) <= settings.RUNSHEET_WINDOW_ROWS,
    )
    stamped = cells_stamp(cursor, dispatch.table_id, dispatch.id, window.id, plan.stamps)
    window.stamped = len(stamped)
    cursor.execute(
        sql.INSERT_WINDOW,
        {
            "window": window.id,
            "dispatch": dispatch.id,
            "lane": lane,
            "token": window.token,
            "rows": row_ids,
            "stamped": window.stamped,
            "interactive": window.interactive,
            "resumes": False,
            "seconds": settings.RUNSHEET_WINDOW_DEADLINE_SECONDS,
        },
    )
    dispatch.rows_handed_over += len(row_ids)
    size = pack_rows(around.row_ms, settings.RUNSHEET_WINDOW_ROWS)
    return Step(window, packs(row_ids, size), events + stamped)


def row_milliseconds(groups: list[UUID]) -> float | None:
    """Measured milliseconds of a whole row, all groups together; ``None`` while any of them is unmeasured."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.ROW_MILLISECONDS, {"groups": groups})
        found: float | None = cursor.fetchone()[0]
    return found


def _end(dispatch: Dispatch, status: DispatchStatus) -> None:
    """``dispatching -> complete | failed``; whoever waits for it is told in the same transaction."""
    Dispatch.objects.filter(id=dispatch.id, status=DispatchStatus.DISPATCHING).update(
        status=status, finished_at=Now()
    )
    dispatch_ended_tell(dispatch, status)
    transaction.on_commit(lambda: dispatch_announce(dispatch.id, force=True))


def _scan_moved(cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, around: Surroundings) -> Step:
    """The last look before completion: rows that were moved behind the cursor and still have work (T10)."""
    wanted = _rows_wanted(dispatch)
    if dispatch.started_at is None or dispatch.cursor_id is None or wanted <= 0:
        return Step()
    events: list[Event] = []
    while True:
        plan = rows_moved(_walk(dispatch, spec), dispatch.started_at, wanted)
        stopped = stopped_rows_meet(cursor, dispatch, spec, [row.id for row in plan.rows])
        if stopped is None:
            break
        events += stopped
    _rows_count(dispatch, len(plan.rows))
    step = _stamp(cursor, dispatch, plan, around)
    step.events += events
    return step


def _rows_count(dispatch: Dispatch, rows: int) -> None:
    """Rows that were seen; what they would have been for groups that were stopped is accounted for with it (T13)."""
    dispatch.rows_seen += rows
    stopped = rows * (len(dispatch.groups) - len(dispatch.groups_left))
    if stopped:
        counters_add(dispatch, {}, {Reason.STOPPED.value: stopped})


def request_of(dispatch: Dispatch) -> Request:
    """What the dispatch asks of each cell."""
    return Request(
        dispatch_id=dispatch.id,
        groups=frozenset(dispatch.groups_left),
        mode=Mode(dispatch.mode),
        is_manual=dispatch.is_manual,
        sequence=dispatch.requested_sequence,
        stopped=frozenset(dispatch.stopped_groups),
        continues=frozenset(map(UUID, dispatch.scope.get("continues", ()))),
    )
