"""The row task: a pack of rows under their locks, from the first eligible cell to the last (T15 to T21)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tables.enqueue import advance_send, rows_send
from tables.errors import LocksUnavailable
from tables.lease import RowLocks
from tables.models import sql
from tables.services.measure import cells_measured
from tables.services.pack import PackSink
from tables.services.progress import dispatch_announce
from tables.services.recovery import dead_locks_free
from tables.services.requests import WindowRequest, window_request
from workflows.services.executor import execute
from workflows.services.instances import current_instance, instance_renounce, is_draining
from workflows.services.patience import patiently
from workspaces.cursors import prepared_cursor

log = logging.getLogger(__name__)


def rows_run(window_id: UUID, row_ids: Sequence[UUID], *, redriven: bool = False) -> None:
    """Run the cascade of these rows for their window; then of whatever was handed over to them meanwhile (T17).

    A row that somebody else holds is left to them: its pre-stamp is the hand-over. A window that is gone was
    closed, replaced or stopped: nothing starts. Where the window's body may have come and gone (``redriven`` by the
    reaper, handed over, or noted on the window) the task asks for the window to be closed itself (T11).
    """
    todo: list[tuple[UUID, list[UUID]]] = [(window_id, list(row_ids))]
    with RowLocks(current_instance()) as locks:
        while todo and not is_draining():
            current, wanted = todo.pop()
            window = patiently(lambda current=current: window_request(current))  # type: ignore[misc]
            if window is None:
                continue
            try:
                held = rows_take(locks, wanted)
            except LocksUnavailable:
                log.warning("row locks are unavailable; the reaper sends these rows again")
                return
            ran = Ran(window.token)
            if held:
                ran = pack_run(window, held)
                locks.release(held)
                dispatch_announce(window.request.dispatch_id)
                todo += alone(handed_over(held)) if ran.broke_off else handed_over(held)
            if redriven or current != window_id or ran.body_fired:
                advance_send(window.request.dispatch_id, window.window_id, ran.token)
    for current, waiting in todo:  # told to stop: whoever lives on goes on with them at once (W17)
        rows_send(current, waiting)


def rows_take(locks: RowLocks, wanted: Sequence[UUID]) -> list[UUID]:
    """Lock what is free, and what only the dead hold; the rows now held. Raises ``LocksUnavailable``."""
    held = locks.take(wanted)
    missed = set(wanted).difference(held)
    if missed and dead_locks_free(sorted(missed)):
        held += locks.take(sorted(missed))
    return held


@dataclass(frozen=True, slots=True)
class Ran:
    """How a pack ran: the window's token by then, and whether its body has come and gone meanwhile (T11)."""

    token: UUID
    body_fired: bool = False
    broke_off: bool = False


def pack_run(window: WindowRequest, row_ids: Sequence[UUID]) -> Ran:
    """Execute the rows' cascades. Whatever goes wrong with the code itself gives the cells back, counted (T11)."""
    sink = PackSink(window, current_instance())
    try:
        execute(patiently(lambda: sink.start(row_ids)), sink)
        patiently(lambda: cells_measured(sink.measured))
    except Exception:
        log.exception("a pack broke off; its cells are given back")
        abandon(sink)
        return Ran(sink.token, sink.body_fired, broke_off=True)
    return Ran(sink.token, sink.body_fired)


def abandon(sink: PackSink) -> None:
    """Give the pack's cells back; a process that cannot even do that gives itself up, and is recovered as dead."""
    try:
        patiently(sink.abandon)
    except Exception:
        instance_renounce()
        raise


def alone(todo: Sequence[tuple[UUID, list[UUID]]]) -> list[tuple[UUID, list[UUID]]]:
    """Each row by itself: one that breaks its pack must not take its neighbours along (T11)."""
    return [(window_id, [row]) for window_id, rows in todo for row in rows]


def handed_over(row_ids: Sequence[UUID]) -> list[tuple[UUID, list[UUID]]]:
    """Pre-stamps that others left on rows just released, by window: no wake-up is lost (T17)."""

    def look() -> list[tuple[UUID, list[UUID]]]:
        with prepared_cursor() as cursor:
            cursor.execute(sql.HANDED_OVER, [list(row_ids)])
            return list(cursor.fetchall())

    return patiently(look)
