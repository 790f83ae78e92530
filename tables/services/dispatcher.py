"""The dispatcher: walks a table in row windows, several lanes at once (`tables.md` section 3, T9 to T13).

One step (``dispatch_advance``) closes the window it was called for, if its token still holds, and opens windows
until the dispatch has its share in flight. Each window is claimed by moving the cursor under the dispatch's row
lock, stamped in the same transaction, and sent as one Celery chord after the commit. Calling it twice, late, or for
nothing changes nothing: what is in flight is counted, not assumed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.mapping import judge_condition
from tables.engine.types import Request, TableSpec
from tables.engine.window import WindowPlan, pack_rows, packs, plan_window, windows_wanted
from tables.enqueue import advance_send, window_send
from tables.events import emit
from tables.models import Dispatch, Window, sql
from tables.selectors import table_spec_cached
from tables.services.accounting import counters_add, window_account, window_rejoin
from tables.services.cells import Event, cells_clear, cells_stamp, row_state
from tables.services.preparing import dispatch_prepare
from tables.services.progress import dispatch_announce
from tables.services.scope import scope_rows_sql
from tables.states import ACTIVE_DISPATCH, DispatchStatus, Mode
from workflows.services.patience import patiently
from workspaces.cursors import prepared_cursor
from workspaces.ids import uuid7

STEP_SECONDS = 2.0
"""A step that finds nothing to run passes windows for at most this long, then makes room for others."""

SCAN_ROWS = 500
"""Rows read at once while nothing in them is to run."""

MOVE_TAKES = timedelta(minutes=1)
"""No transaction that moves a row takes longer."""


@dataclass(slots=True)
class Step:
    """What one transaction of a step came to: a window to send, events to tell, and whether to come back at once."""

    window: Window | None = None
    packs: list[list[UUID]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    more: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is going on: the schema, lanes in flight, how many windows are this dispatch's share, a row's time."""

    schema_version: int
    lanes: frozenset[int]
    wanted: int
    row_ms: float | None


def dispatch_advance(dispatch_id: UUID, window_id: UUID | None = None, token: UUID | None = None) -> None:
    """One dispatcher step. Without a window: prepare, or fill up. Safe to repeat at any time."""
    if window_id is None:
        patiently(lambda: dispatch_prepare(dispatch_id))
    closing = (window_id, token) if window_id is not None and token is not None else None
    until = monotonic() + STEP_SECONDS
    while True:
        step = patiently(lambda closing=closing: _step(dispatch_id, closing))  # type: ignore[misc]
        closing = None
        if step.window is not None:
            window_send(step.window, step.packs)
        if not step.more:
            break
        if monotonic() > until:
            advance_send(dispatch_id)
            break
    dispatch_announce(dispatch_id)


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
        window_rejoin(cursor, dispatch, window_id, dispatch.groups)
        return True
    counted, skipped = window_account(cursor, dispatch.table_id, window_id, row_ids, request_of(dispatch))
    counters_add(dispatch, counted, skipped)
    return True


# ---- opening ---------------------------------------------------------------------------------------------------


def _open(cursor: CursorWrapper, dispatch: Dispatch) -> Step:
    """Open one window if the dispatch has room for it, or complete the dispatch when nothing is left."""
    around = _look_around(cursor, dispatch)
    if (dispatch.exhausted and around.lanes) or len(around.lanes) >= around.wanted:
        return Step()
    spec = table_spec_cached(dispatch.table_id, around.schema_version)
    was_exhausted = dispatch.exhausted
    if was_exhausted:
        step = _scan_moved(cursor, dispatch, spec, around)
        if step.window is None:
            _complete(dispatch)
    else:
        step = _scan(cursor, dispatch, spec, around)
    opened = step.window is not None
    if opened:
        step.more = len(around.lanes) + 1 < around.wanted
    else:
        step.more = not was_exhausted
    return step


def _look_around(cursor: CursorWrapper, dispatch: Dispatch) -> Surroundings:
    """This dispatch's lanes and its share of what may be in flight (T9), in one query."""
    cursor.execute(
        sql.LOOK_AROUND,
        {"dispatch": dispatch.id, "groups": dispatch.groups},
    )
    schema_version, lanes, slots, workspaces, dispatches, row_ms = cursor.fetchone()
    wanted = windows_wanted(max(1, slots), settings.RUNSHEET_WINDOW_ROWS, workspaces, dispatches)
    return Surroundings(schema_version, frozenset(lanes), wanted, row_ms)


def _scan(cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, around: Surroundings) -> Step:
    """Read rows after the cursor, stamp the first window of them that has work, and move the cursor past it."""
    wanted = _rows_wanted(dispatch)
    if wanted <= 0:
        dispatch.exhausted = True
        return Step()
    asked = wanted if dispatch.rows_seen == dispatch.rows_handed_over else SCAN_ROWS
    found = _rows_after(cursor, dispatch, spec, asked)
    rows = [row_state(*fields[:4]) for fields in found]
    plan = plan_window(spec, rows, request_of(dispatch), wanted, judge_condition)
    if plan.passed:
        last = found[plan.passed - 1]
        dispatch.cursor_position, dispatch.cursor_id = last[4], last[0]
    dispatch.rows_seen += plan.passed
    dispatch.exhausted = plan.passed == len(found) and len(found) < asked
    counters_add(dispatch, {}, plan.skipped)
    lane = next(n for n in range(len(around.lanes) + 1) if n not in around.lanes)
    return _stamp(cursor, dispatch, lane, plan, around.row_ms) if plan.rows else Step()


def _rows_wanted(dispatch: Dispatch) -> int:
    """Rows of the next window: what the limit leaves of it (T10)."""
    if dispatch.row_limit is None:
        return int(settings.RUNSHEET_WINDOW_ROWS)
    return min(settings.RUNSHEET_WINDOW_ROWS, dispatch.row_limit - dispatch.rows_handed_over)


def _rows_after(
    cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, limit: int
) -> list[tuple[Any, ...]]:
    """The next rows by keyset: exclusive of the cursor, which starts before the first row (T10)."""
    clause, params = scope_rows_sql(spec, dispatch.scope)
    if dispatch.cursor_id is not None:
        clause += " AND (r.position, r.id) > (%s::text, %s::uuid)"
        params += [dispatch.cursor_position, dispatch.cursor_id]
    cursor.execute(
        sql.SCAN_ROWS.format(scope=clause), [dispatch.table_id, dispatch.upper_seq, *params, limit]
    )
    return list(cursor.fetchall())


def _stamp(
    cursor: CursorWrapper, dispatch: Dispatch, lane: int, plan: WindowPlan, row_ms: float | None
) -> Step:
    """Insert the window, clear and pre-stamp its cells; what changed meanwhile is simply not stamped."""
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
    events = cells_clear(cursor, plan.clears)
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
    size = pack_rows(row_ms, settings.RUNSHEET_WINDOW_ROWS)
    return Step(window, packs(row_ids, size), events + stamped)


def row_milliseconds(groups: list[UUID]) -> float | None:
    """Measured milliseconds of a whole row, all groups together; ``None`` while any of them is unmeasured."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.ROW_MILLISECONDS, {"groups": groups})
        found: float | None = cursor.fetchone()[0]
    return found


def _complete(dispatch: Dispatch) -> None:
    """``dispatching -> complete``."""
    Dispatch.objects.filter(id=dispatch.id, status=DispatchStatus.DISPATCHING).update(
        status=DispatchStatus.COMPLETE, finished_at=Now()
    )
    transaction.on_commit(lambda: dispatch_announce(dispatch.id, force=True))


def _scan_moved(cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, around: Surroundings) -> Step:
    """The last look before completion: rows that were moved behind the cursor and still have work (T10).

    What this dispatch has already finished is not run again, so a row that was merely moved costs nothing; and a
    move that began before this dispatch and was committed after it had passed is found by looking back a little.
    """
    wanted = _rows_wanted(dispatch)
    if dispatch.started_at is None or dispatch.cursor_id is None or wanted <= 0:
        return Step()
    clause, params = scope_rows_sql(spec, dispatch.scope)
    clause += " AND r.moved_at >= %s::timestamptz"
    since = dispatch.started_at - MOVE_TAKES
    cursor.execute(
        sql.SCAN_ROWS.format(scope=clause), [dispatch.table_id, dispatch.upper_seq, *params, since, SCAN_ROWS]
    )
    rows = [row_state(*fields[:4]) for fields in cursor.fetchall()]
    plan = plan_window(spec, rows, request_of(dispatch), wanted, judge_condition)
    return _stamp(cursor, dispatch, 0, plan, around.row_ms) if plan.rows else Step()


def request_of(dispatch: Dispatch) -> Request:
    """What the dispatch asks of each cell."""
    return Request(
        dispatch_id=dispatch.id,
        groups=frozenset(dispatch.groups),
        mode=Mode(dispatch.mode),
        is_manual=dispatch.is_manual,
        sequence=dispatch.requested_sequence,
    )
