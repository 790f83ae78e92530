"""The last word on an invocation, and what its trigger remembers of it: one place, whoever ends it.

The caller holds the trigger's row, then the invocation's (`services.children` says in which order all is locked).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db.models.functions import Now

from scheduler.models import Invocation, Trigger
from scheduler.states import IN_FLIGHT, SCHEDULED_SOURCES, InvocationStatus

MESSAGE_CHARACTERS: Final = 4096
"""Of an error's sentence; what is longer is cut."""


def invocation_close(
    invocation: Invocation,
    status: InvocationStatus,
    *,
    reason: str = "",
    code: str = "",
    message: str = "",
    expected: Collection[InvocationStatus] = IN_FLIGHT,
) -> bool:
    """End an invocation for good and have its trigger remember it; ``False``: it was over already, nothing is written.

    Of a failure, ``code`` and ``message`` say why; of a cancellation, ``reason`` does. ``invocation.trigger`` is locked
    and up to date, and its counters are changed in memory too.
    """
    moved = Invocation.objects.move(
        invocation.pk,
        expected,
        status,
        reason=reason,
        error_code=code,
        error_message=message[:MESSAGE_CHARACTERS],
        completed_at=Now(),
        deadline_at=None,
    )
    if moved:
        _remember(invocation, status)
    return moved


def trigger_note(invocation: Invocation, status: InvocationStatus) -> None:
    """Show on the trigger how its newest attempt stands; an older one that goes on beside it changes nothing there."""
    began = invocation.attempt_started_at
    if began is None:
        return
    trigger = invocation.trigger
    if trigger.last_run_at is None or trigger.last_run_at <= began:
        trigger.last_run_at, trigger.last_status = began, status
        Trigger.objects.filter(pk=trigger.pk).update(last_run_at=began, last_status=status)


def _remember(invocation: Invocation, status: InvocationStatus) -> None:
    """The last status, and how many scheduled invocations in a row have failed."""
    trigger_note(invocation, status)
    trigger = invocation.trigger
    if status is InvocationStatus.COMPLETED:
        failures = 0
    elif status is InvocationStatus.FAILED and invocation.source in SCHEDULED_SOURCES:
        failures = trigger.consecutive_failures + 1
    else:
        return
    if failures != trigger.consecutive_failures:
        trigger.consecutive_failures = failures
        Trigger.objects.filter(pk=trigger.pk).update(consecutive_failures=failures)
