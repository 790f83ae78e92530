"""A dispatch as clients see it: exact progress, broadcast at most a few times a second (T13)."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from tables.events import dispatch_event, emit
from tables.models import Dispatch
from tables.services.accounting import COUNTED
from tables.states import ACTIVE_DISPATCH, CellStatus
from tables.wire import instant

ANNOUNCE_SECONDS = 0.3
"""Least time between two announcements of one dispatch by one process."""

_LIVE = """
SELECT c.status, count(*) FROM tables_window w JOIN tables_rowexecution c ON c.window_id = w.id
 WHERE w.dispatch_id = %s AND c.group_id = ANY(%s) GROUP BY c.status
"""

_announced: dict[UUID, float] = {}


def dispatch_json(dispatch: Dispatch) -> dict[str, Any]:
    """The dispatch as REST and events show it (`api.md`)."""
    cursor = None
    if dispatch.cursor_id is not None:
        cursor = {"position": dispatch.cursor_position, "row": str(dispatch.cursor_id)}
    return {
        "id": str(dispatch.id),
        "table": str(dispatch.table_id),
        "groups": [str(group) for group in dispatch.groups],
        "mode": dispatch.mode,
        "scope": dispatch.scope,
        "status": dispatch.status,
        "is_manual": dispatch.is_manual,
        "requested_at": instant(dispatch.requested_at),
        "requested_by": str(dispatch.requested_by_id) if dispatch.requested_by_id else None,
        "cursor": cursor,
        "limit": dispatch.row_limit,
        "progress": progress(dispatch),
        "error": dispatch.error,
        "finished_at": instant(dispatch.finished_at),
    }


def progress(dispatch: Dispatch) -> dict[str, Any]:
    """Exact counts: what closed windows came to, plus the cells of windows in flight; rate and ETA in seconds."""
    live = _live_counts(dispatch)
    counts = {name: getattr(dispatch, name) + live.get(name, 0) for name in COUNTED.values()}
    done = counts["completed"] + counts["failed"] + counts["cancelled"]
    rate = _rate(dispatch, done)
    return {
        "rows_total": dispatch.rows_total,
        "rows_handed_over": dispatch.rows_handed_over,
        **counts,
        "skipped": dispatch.skipped,
        "running": live.get("running", 0),
        "queued": live.get("queued", 0),
        "rate_per_second": rate,
        "eta_seconds": _eta(dispatch, rate, done),
        "cost": None,
    }


def _live_counts(dispatch: Dispatch) -> dict[str, int]:
    if dispatch.status not in ACTIVE_DISPATCH:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [dispatch.id, list(dispatch.groups)])
        found = {CellStatus(status): count for status, count in cursor.fetchall()}
    named = {name: found.get(status, 0) for status, name in COUNTED.items()}
    waiting = found.get(CellStatus.PENDING, 0) + found.get(CellStatus.QUEUED, 0)
    return {**named, "running": found.get(CellStatus.RUNNING, 0), "queued": waiting}


def _rate(dispatch: Dispatch, done: int) -> float | None:
    if dispatch.started_at is None or not done:
        return None
    seconds = ((dispatch.finished_at or timezone.now()) - dispatch.started_at).total_seconds()
    return round(done / seconds, 2) if seconds > 0 else None


def _eta(dispatch: Dispatch, rate: float | None, done: int) -> float | None:
    if dispatch.status not in ACTIVE_DISPATCH or not rate or dispatch.rows_total is None:
        return None
    cells = dispatch.rows_total * len(dispatch.groups) - done - sum(dispatch.skipped.values())
    return float(round(max(0, cells) / rate, 1))


def dispatch_announce(dispatch_id: UUID, *, force: bool = False) -> None:
    """Tell every browser how a dispatch stands; call it after the commit. Throttled unless ``force``."""
    now = time.monotonic()
    if not force and now - _announced.get(dispatch_id, 0.0) < ANNOUNCE_SECONDS:
        return
    _announced[dispatch_id] = now
    dispatch = Dispatch.objects.filter(id=dispatch_id).first()
    if dispatch is None:
        return
    if dispatch.status not in ACTIVE_DISPATCH:
        _announced.pop(dispatch_id, None)
    emit(dispatch.table_id, [dispatch_event(dispatch_json(dispatch))])
