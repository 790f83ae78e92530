"""The tick: claim what is due in short transactions, then hand it to workers (`scheduler.md` section 3).

Correctness never depends on who ticks, or how many do: due-ness is read from the table by the database's clock, rows
are claimed by their locks, slots are unique by their keys. An idle tick is one look.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import Error, connection

from scheduler.models import sql
from scheduler.services.claiming import Claimed, due_claim
from scheduler.services.leadership import tick_record
from scheduler.services.publishing import invocations_publish
from scheduler.services.replacing import invocations_replace
from scheduler.services.tick_results import TickOutcome, TickResult
from workspaces.cursors import prepared_cursor

__all__ = ["TickOutcome", "TickResult", "due_claim", "tick"]

log = logging.getLogger(__name__)

BUDGET_SECONDS: Final = 20.0
BATCHES: Final = 40
"""After so much a tick ends, whatever is due still: the next one goes on."""

_single = threading.Lock()
"""One tick at a time in a process: those that pile up behind a slow one would take its threads from everybody else."""


def tick(*, epoch: int | None = None) -> TickResult:
    """Claim every due trigger, publish what waits, and record how it went; never raises.

    ``epoch`` is the one the message was sent under; an older one than the state's ends at once.
    """
    if not _single.acquire(blocking=False):
        return _recorded(TickResult(TickOutcome.BUSY))
    began = time.monotonic()
    try:
        result = _tick(epoch, began + BUDGET_SECONDS)
    except Exception as error:
        log.exception("a tick failed")
        told = f"{type(error).__name__}: {error}"
        result = TickResult(TickOutcome.FAILED, error=told, claim_seconds=time.monotonic() - began)
        if isinstance(error, Error) and not connection.in_atomic_block:
            connection.close()  # it may be what failed; the record of this tick gets another one
    finally:
        _single.release()
    return _recorded(result)


def _recorded(result: TickResult) -> TickResult:
    tick_record(result)
    return result


def _tick(epoch: int | None, until: float) -> TickResult:
    current, is_due, is_waiting, now = due_look()
    if epoch is not None and epoch < current:
        return TickResult(TickOutcome.SUPERSEDED, started_at=now)
    if not (is_due or is_waiting):
        return TickResult(TickOutcome.DONE, started_at=now)
    began = time.monotonic()
    claimed = due_drain(epoch=current, until=until) if is_due else Claimed()
    claim_seconds = time.monotonic() - began
    published = invocations_publish(until=until)
    # After what is ready to go: stopping what a slot replaces may take its time.
    if claimed.replaces and invocations_replace(claimed.replaces, until=until) and published.broker_answers:
        published += invocations_publish(until=until)
    return TickResult(
        TickOutcome.DONE,
        started_at=now,
        claimed=claimed.triggers,
        fired=claimed.fired,
        skipped=claimed.skipped,
        missed=claimed.missed,
        invalid=claimed.invalid,
        held=claimed.held,
        published=published.sent,
        unsent=not published.broker_answers,
        backlog_due=_backlog(),
        max_lateness_ms=claimed.max_lateness_ms,
        claim_seconds=claim_seconds,
    )


def due_drain(*, epoch: int = 0, until: float) -> Claimed:
    """Claim batch after batch until nothing is due, or the time (of ``time.monotonic()``) or the batches run out."""
    batch: int = settings.RUNSHEET_SCHEDULER_BATCH
    found = Claimed()
    for _ in range(BATCHES):
        claimed = due_claim(batch, epoch=epoch)
        found += claimed
        if claimed.triggers + claimed.held < batch or time.monotonic() > until:
            break
    return found


def due_look() -> tuple[int, bool, bool, datetime]:
    """The epoch, whether a trigger is due, whether an invocation waits, and the database's time."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.PROBE)
        current, is_due, is_waiting, now = cursor.fetchone()
    return current, is_due, is_waiting, now


def _backlog() -> int:
    with prepared_cursor() as cursor:
        cursor.execute(sql.BACKLOG)
        return int(cursor.fetchone()[0])
