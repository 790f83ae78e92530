"""Carrying out one invocation (`scheduler.md` section 5): claim it, start what it is for, and be gone.

Nothing waits here. The claim is one guarded update; what is started is stored on the invocation in the transaction that
starts it, guarded by the attempt: an invocation that was cancelled in between starts nothing. Its end comes by itself
(`services.ending`). A worker that dies between the two leaves an attempt without a child, which the sweep finds.
"""

from __future__ import annotations

import logging
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from scheduler.engine.child_ends import ChildEnd
from scheduler.models import Invocation, Trigger
from scheduler.services.attempts import Begun, CannotStart, attempt_begin
from scheduler.services.children import invocation_held
from scheduler.services.closing import invocation_close, trigger_note
from scheduler.services.ending import attempt_end
from scheduler.services.switching import TRIGGER_DISABLED
from scheduler.states import SCHEDULED_SOURCES, DisabledReason, InvocationStatus
from workspaces.cursors import prepared_cursor

log = logging.getLogger(__name__)

NOTHING_TO_DO: Final = "nothing_to_do"

RUN_OUT: Final = frozenset({DisabledReason.ONE_TIME_DONE, DisabledReason.ENDED})
"""A trigger that is off for one of these fired its last slot properly."""

_RUNNING: Final = frozenset({InvocationStatus.RUNNING})

# Make an invocation this worker's. Guard: it waits to be started, its time has come, and it need not wait for another;
# so a message that comes twice, late or early starts nothing. Index: the primary key.
_CLAIM: Final = """
UPDATE scheduler_invocation
   SET status = 'running', attempt = attempt + 1, started_at = coalesce(started_at, statement_timestamp()),
       attempt_started_at = statement_timestamp(), enqueued_at = coalesce(enqueued_at, statement_timestamp()),
       deadline_at = statement_timestamp() + timeout_seconds * interval '1 second', celery_id = %s::text,
       waits = false, reason = '', error_code = '', error_message = ''
 WHERE id = %s::uuid AND available_at <= statement_timestamp()
   AND (status = 'queued' OR status = 'pending' AND NOT waits)
"""


class _Overtaken(Exception):
    """The attempt was ended while its child was being started: the start is undone."""


def invocation_run(invocation_id: UUID, celery_id: str = "") -> None:
    """Start what an invocation is for, once. Safe to call at any time, any number of times, anywhere.

    A database that is away is raised; whatever else goes wrong ends the attempt and says why.
    """
    with prepared_cursor() as cursor:
        cursor.execute(_CLAIM, [celery_id[:64], invocation_id])
        if cursor.rowcount != 1:
            return
    invocation = Invocation.objects.select_related("trigger").filter(pk=invocation_id).first()
    if invocation is None:  # its trigger was deleted just now, and it with it
        return
    if _is_off(invocation):
        _end(invocation, ChildEnd(InvocationStatus.CANCELLED), TRIGGER_DISABLED)
        return
    try:
        _start(invocation)
    except CannotStart as error:
        _end(invocation, ChildEnd(InvocationStatus.FAILED, error.code, error.message))
    except _Overtaken:
        log.info(
            "an invocation was ended while it was being started", extra={"invocation": str(invocation_id)}
        )
    except (OperationalError, InterfaceError):
        raise  # nothing can be written now: the sweep finds an attempt without a child
    except Exception as fault:
        log.exception("an invocation cannot be started", extra={"invocation": str(invocation_id)})
        told = f"It could not be started ({type(fault).__name__}). The server's log says more."
        _end(invocation, ChildEnd(InvocationStatus.FAILED, "start_failed", told))


def _is_off(invocation: Invocation) -> bool:
    """Whether its trigger was switched off since it fired; what somebody asked for by hand runs all the same."""
    trigger = invocation.trigger
    by_schedule = invocation.source in SCHEDULED_SOURCES
    return by_schedule and not trigger.enabled and trigger.disabled_reason not in RUN_OUT


@transaction.atomic
def _start(invocation: Invocation) -> None:
    """The child and the record of it, or neither. Raises ``CannotStart``, ``_Overtaken``."""
    begun = attempt_begin(invocation)
    trigger = Trigger.objects.select_for_update(no_key=True).filter(pk=invocation.trigger_id).first()
    if trigger is None:
        raise _Overtaken
    invocation.trigger = trigger
    if not _record(invocation, begun):
        raise _Overtaken
    if begun.child_id is None:
        invocation_close(invocation, InvocationStatus.COMPLETED, reason=NOTHING_TO_DO, expected=_RUNNING)
    else:
        trigger_note(invocation, InvocationStatus.RUNNING)


def _record(invocation: Invocation, begun: Begun) -> bool:
    """Store what this attempt started and from what; ``False``: the attempt is not this worker's any more."""
    changes: dict[str, Any] = {
        "resolved_payload": begun.payload,
        "rendered_message": begun.message,
        "resolved_ref": begun.resolved_ref,
    }
    if begun.child_id is not None:
        changes["children"] = [*invocation.children, str(begun.child_id)]
    mine = Invocation.objects.filter(pk=invocation.pk, status__in=_RUNNING, attempt=invocation.attempt)
    return bool(mine.update(**changes))


def _end(invocation: Invocation, end: ChildEnd, reason: str = "") -> None:
    """End the attempt that started nothing, unless somebody was quicker."""
    with invocation_held(invocation.pk) as held:
        if held is None or held.invocation.attempt != invocation.attempt:
            return
        if end.status is InvocationStatus.CANCELLED:
            invocation_close(held.invocation, end.status, reason=reason, expected=_RUNNING)
        else:
            attempt_end(held.invocation, end)
