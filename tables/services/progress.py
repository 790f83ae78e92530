"""A dispatch as clients see it: exact progress, broadcast at most a few times a second (T13)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from tables.engine.eligibility import Reason
from tables.engine.stopping import STOPPED
from tables.events import dispatch_event, emit
from tables.models import Dispatch
from tables.services.accounting import COUNTED, PAUSED, costs_add, skipped_take
from tables.services.scope import scope_asked
from tables.states import ACTIVE_DISPATCH, CellStatus
from tables.wire import instant

ANNOUNCE_SECONDS = 0.3
"""Least time between two announcements of one dispatch by one process."""

# Cells in open windows, and where those stand by now that were counted as paused: of several dispatches at once, their
# groups as they go on with. Indexes: the window's dispatch and tables_cell_window; tables_cell_paused.
_LIVE = """
SELECT w.dispatch_id, false, w.resumes, c.status, count(*), sum(c.cost)
  FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id JOIN tables_rowexecution c ON c.window_id = w.id
 WHERE w.dispatch_id = ANY(%s::uuid[]) AND c.group_id = ANY(d.groups) AND c.group_id <> ALL(d.stopped_groups)
   AND NOT c.counted_paused
 GROUP BY w.dispatch_id, w.resumes, c.status
UNION ALL
SELECT c.dispatch_id, true, false, c.status, count(*), sum(c.cost)
  FROM tables_rowexecution c WHERE c.dispatch_id = ANY(%s::uuid[]) AND c.counted_paused
 GROUP BY c.dispatch_id, c.status
"""

Live = tuple[bool, bool, str, int, Decimal | None]
"""``(counted as paused, in a window that resumes, status, cells, cost)``."""

_announced: dict[UUID, float] = {}


def dispatch_json(dispatch: Dispatch) -> dict[str, Any]:
    """The dispatch as REST and events show it (`api.md`)."""
    return dispatches_json([dispatch])[0]


def dispatches_json(dispatches: Sequence[Dispatch]) -> list[dict[str, Any]]:
    """The same for several, in one query more however many they are."""
    live = _live_of(dispatches)
    return [_shown(dispatch, live[dispatch.id]) for dispatch in dispatches]


def _shown(dispatch: Dispatch, live: Sequence[Live]) -> dict[str, Any]:
    cursor = None
    if dispatch.cursor_id is not None:
        cursor = {"position": dispatch.cursor_position, "row": str(dispatch.cursor_id)}
    return {
        "id": str(dispatch.id),
        "table": str(dispatch.table_id),
        "groups": [str(group) for group in dispatch.groups],
        "stopped_groups": [str(group) for group in dispatch.stopped_groups],
        "mode": dispatch.mode,
        "scope": scope_asked(dispatch.scope),
        "stopped_ahead": len(dispatch.scope.get(STOPPED, [])),
        "status": dispatch.status,
        "is_manual": dispatch.is_manual,
        "sequence": dispatch.requested_sequence,
        "requested_at": instant(dispatch.requested_at),
        "requested_by": str(dispatch.requested_by_id) if dispatch.requested_by_id else None,
        "cursor": cursor,
        "limit": dispatch.row_limit,
        "progress": _progress(dispatch, live),
        "error": dispatch.error,
        "finished_at": instant(dispatch.finished_at),
    }


def _progress(dispatch: Dispatch, cells: Sequence[Live]) -> dict[str, Any]:
    """Exact counts: what closed windows came to, plus the cells of windows in flight; rate and ETA in seconds.

    Cells that closed windows counted as paused stand where they are by now, with the dependants that ran since (T13).
    """
    stored = {name: getattr(dispatch, name) for name in COUNTED.values()}
    live, skipped, cost = _live_counts(dispatch, cells)
    counts = {name: stored[name] + live.get(name, 0) for name in COUNTED.values()}
    done = counts["completed"] + counts["failed"] + counts["cancelled"]
    rate = _rate(dispatch, done)
    return {
        "rows_total": dispatch.rows_total,
        "rows_handed_over": dispatch.rows_handed_over,
        **counts,
        "skipped": skipped,
        "running": live.get("running", 0),
        "queued": live.get("queued", 0),
        "rate_per_second": rate,
        "eta_seconds": _eta(dispatch, rate, done),
        "cost": None if cost is None else str(cost),
    }


def _live_of(dispatches: Sequence[Dispatch]) -> dict[UUID, list[Live]]:
    """What is in flight of each; nothing is asked of those that ended with nothing parked."""
    found: dict[UUID, list[Live]] = {dispatch.id: [] for dispatch in dispatches}
    asked = [each.id for each in dispatches if each.status in ACTIVE_DISPATCH or each.paused]
    parked = [each.id for each in dispatches if each.paused]
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(_LIVE, [asked, parked])
            for dispatch_id, *counted in cursor.fetchall():
                found[dispatch_id].append(tuple(counted))
    return found


def _live_counts(
    dispatch: Dispatch, cells: Sequence[Live]
) -> tuple[dict[str, int], dict[str, int], Decimal | None]:
    """What cells in flight add to the stored counters (``paused`` may be negative), the skipped by reason, the cost."""
    skipped: dict[str, int] = dict(dispatch.skipped)
    cost = dispatch.cost
    added: Counter[str] = Counter()
    gone = dispatch.paused
    for was_paused, resumes, status, count, spent in cells:
        added[_heading(status)] += count
        cost = costs_add(cost, spent)
        if was_paused:
            gone -= count
        elif resumes:  # counted as waiting for a parked cell before
            skipped_take(skipped, count)
    if dispatch.paused:
        added[PAUSED] -= dispatch.paused
    if gone > 0:
        skipped[Reason.SUPERSEDED.value] = skipped.get(Reason.SUPERSEDED.value, 0) + gone
    return dict(added), skipped, cost


def _heading(status: str) -> str:
    """The name of the figure that a cell of this status counts under."""
    named = {CellStatus.RUNNING: "running", CellStatus.PENDING: "queued", CellStatus.QUEUED: "queued"}
    return {**COUNTED, **named}[CellStatus(status)]


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
