"""The sweep: what a process left behind that died, or a broker that forgot (`scheduler.md` section 3).

Every part is idempotent, steps over what others hold, and repairs one invocation at a time where the repair is more
than a message: one that cannot be repaired does not keep the others waiting. From beat, and at every worker's start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from scheduler.models import sql
from scheduler.services.ending import CHILDLESS_SECONDS, invocation_look, invocation_time_out
from scheduler.services.publishing import invocations_publish, messages_send
from scheduler.services.replacing import replaced_sweep
from tables.states import ACTIVE_DISPATCH, DispatchStatus
from workflows.models import Instance
from workflows.states import TERMINAL as RUN_TERMINAL
from workspaces.cursors import prepared_cursor

log = logging.getLogger(__name__)

BATCH: Final = 500
UNREAD_SECONDS: Final = 60.0
"""A message that nobody has begun for so long is sent again."""

_DISPATCH_OVER: Final = frozenset(DispatchStatus) - ACTIVE_DISPATCH


@dataclass(frozen=True, slots=True)
class Swept:
    """How many invocations each part found."""

    published: int = 0
    sent_again: int = 0
    timed_out: int = 0
    settled: int = 0
    replaced: int = 0


def sweep() -> Swept:
    """One round. Raises ``django.db.Error`` when the database does not answer; a silent broker is borne."""
    return Swept(
        published=invocations_publish().sent,
        sent_again=queued_resend(),
        timed_out=_each(_found(sql.PAST_DEADLINE, [BATCH]), invocation_time_out),
        settled=_each(_found(sql.STRAGGLERS, _of_stragglers()), invocation_look),
        replaced=replaced_sweep(BATCH),
    )


def queued_resend() -> int:
    """Send invocations again whose message nobody has begun for a minute; how many.

    While no worker is there to begin one, messages merely wait; a worker that comes up looks by itself.
    """
    if not _workers_there():
        return 0
    with transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute(sql.OVERDUE_QUEUED, [UNREAD_SECONDS, BATCH])
        overdue = [row[0] for row in cursor.fetchall()]
        cursor.execute(sql.MARK_SENT_AGAIN, [overdue])
    return messages_send(overdue)


def _workers_there() -> bool:
    """Whether a live process serves the queue that invocations travel on."""
    heard = Now() - timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    live = Instance.objects.filter(stopped_at=None, heartbeat_at__gt=heard)
    return live.filter(queues__contains=["interactive"]).exists()


def _of_stragglers() -> dict[str, Any]:
    return {
        "run_over": [str(status) for status in RUN_TERMINAL],
        "dispatch_over": [str(status) for status in _DISPATCH_OVER],
        "seconds": CHILDLESS_SECONDS,
        "limit": BATCH,
    }


def _found(question: str, params: Any) -> list[UUID]:
    with prepared_cursor() as cursor:
        cursor.execute(question, params)
        return [row[0] for row in cursor.fetchall()]


def _each(invocation_ids: Sequence[UUID], repair: Callable[[UUID], bool]) -> int:
    """Repair one after the other; how many were. A fault of one is logged, and met again at the next round."""
    repaired = 0
    for invocation_id in invocation_ids:
        try:
            repaired += repair(invocation_id)
        except Exception:
            if not connection.is_usable():
                raise
            log.exception("could not repair an invocation", extra={"invocation": str(invocation_id)})
    return repaired
