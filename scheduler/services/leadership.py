"""Which beat leads, and how its ticks fare (`scheduler.md` section 4).

Correctness never depends on any of it: two leaders would send more ticks than needed, and no slot would fire twice.
The lease spares those ticks, the epoch ends what an earlier leader still sends, the record feeds health.
"""

from __future__ import annotations

import importlib.metadata
import logging
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import Error, connection, transaction

from scheduler import metrics
from scheduler.engine.health import FAILURES_DOWN
from scheduler.enqueue import sweep_send, tick_send
from scheduler.errors import TickUnsent
from scheduler.models import SchedulerState
from scheduler.models.leadership_sql import RECORD_TICK, RELEASE, RENEW
from scheduler.services.health import Health, health
from scheduler.services.tick_results import TickOutcome, TickResult
from workspaces.actors import Actor
from workspaces.services.audit import audit_record

__all__ = [
    "Health",
    "Lease",
    "Restarted",
    "health",
    "lease_holder",
    "lease_release",
    "lease_renew",
    "scheduler_restart",
    "tick_record",
]

log = logging.getLogger(__name__)

LONGEST_ERROR = 4_096
"""Characters of a tick's error that are kept."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Whether one leads, and the epoch one leads under (0 when somebody else does)."""

    held: bool
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Restarted:
    """What a restart changed. ``holder`` is blank until a beat leads again, which takes a second or two."""

    epoch: int
    previous_epoch: int
    holder: str
    previous_holder: str


def lease_renew(holder: str) -> Lease:
    """Take the lease if nobody has it, keep it if it is ours. Raises ``django.db.Error``."""
    seconds: int = settings.RUNSHEET_SCHEDULER_LEASE_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(RENEW, {"holder": holder, "seconds": seconds, "version": version()})
        found = cursor.fetchone()
    return Lease(held=False) if found is None else Lease(held=True, epoch=found[0])


def lease_holder() -> str:
    """Who leads; blank when nobody does. Raises ``django.db.Error``."""
    return SchedulerState.objects.values_list("holder", flat=True).first() or ""


def lease_release(holder: str) -> bool:
    """Let another lead at once; ``False``: this holder does not. Raises ``django.db.Error``."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"holder": holder})
        return bool(cursor.rowcount)


def scheduler_restart(actor: Actor, *, workspace_id: UUID | None = None) -> Restarted:
    """Begin a new epoch: what was sent under the old one ends unread, beats elect anew, a tick and a sweep go out now.

    Restarts at once queue for the row; each answers an epoch of its own. ``workspace_id`` is where the audit log
    notes it; a deploy belongs to none. Raises ``django.db.Error``, and ``TickUnsent`` when the new epoch stands but the
    broker took no message: beat's next tick, or another restart, makes up for it.
    """
    with transaction.atomic():
        SchedulerState.objects.get_or_create(pk=1)
        state = SchedulerState.objects.select_for_update().get(pk=1)
        done = Restarted(
            epoch=state.epoch + 1,
            previous_epoch=state.epoch,
            holder="",
            previous_holder=state.holder or state.previous_holder,
        )
        SchedulerState.objects.filter(pk=1).update(
            epoch=done.epoch,
            holder="",
            previous_holder=done.previous_holder,
            lease_until=None,
            consecutive_failures=0,
        )
        audit_record(
            workspace_id=workspace_id,
            actor=actor,
            action="scheduler.restarted",
            target=state,
            before={"epoch": done.previous_epoch, "holder": done.previous_holder},
            after={"epoch": done.epoch},
        )
    # Under no epoch: a beat that leads again before this tick is read must not make it a superseded one.
    if not (tick_send() and sweep_send()):
        raise TickUnsent
    return done


def tick_record(result: TickResult) -> None:
    """Note how a tick ended. After five failures in a row the lease is taken from whoever leads, so that a leader who
    only makes them cannot keep others out; health is down from then on.

    A tick that was superseded or met another proves nothing about this process and is only counted. Never raises for
    a database that does not answer: a tick that nobody recorded shows as silence.
    """
    metrics.tick_observed(
        result=result.outcome.value,
        claimed=result.claimed,
        seconds=result.claim_seconds,
        lateness_seconds=result.max_lateness_ms / 1_000,
        skipped=result.skipped,
        missed=result.missed,
        held=result.held,
        unsent=result.unsent,
    )
    if result.outcome not in {TickOutcome.DONE, TickOutcome.FAILED}:
        return
    try:
        failures, holder = _recorded(result)
        if failures and failures % FAILURES_DOWN == 0:
            log.critical("%d ticks in a row failed: %s", failures, result.error)
            lease_release(holder)
    except Error:
        log.warning("a tick could not be recorded", exc_info=True)


@cache
def version() -> str:
    """Of the installed Runsheet; blank in a checkout that is not installed."""
    try:
        return importlib.metadata.version("runsheet")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _recorded(result: TickResult) -> tuple[int, str]:
    """Failures in a row, and who leads."""
    failed = result.outcome is TickOutcome.FAILED
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(
            RECORD_TICK,
            {
                "started_at": result.started_at,
                "error": (result.error or "unknown")[:LONGEST_ERROR] if failed else "",
                "claimed": result.claimed,
                "backlog_due": result.backlog_due,
                "max_lateness_ms": result.max_lateness_ms,
            },
        )
        failures, holder = cursor.fetchone()
    return failures, holder
