"""Slots that a change takes away: due, unclaimed, and not to fire any more (`scheduler.md` 0.10).

A trigger that is edited or switched off while nothing ticks has slots that no tick will meet. They leave one row, like
those that a tick misses, under the revision they belonged to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, Value
from django.db.models.functions import Greatest

from scheduler.engine.keys import slot_key
from scheduler.engine.misfire import Missed, missed_all
from scheduler.errors import InvalidSchedule
from scheduler.models import Invocation, Trigger
from scheduler.selectors import schedule_of
from scheduler.states import InvocationStatus, Source


def slots_passed(trigger: Trigger, now: datetime) -> Invocation | None:
    """The row, not stored yet, of the slots of ``trigger`` that are due at ``now``; ``None``: none is.

    ``trigger`` is locked, and still as it was before the change.
    """
    due = trigger.next_run_at
    if not trigger.enabled or due is None or due > now:
        return None
    try:
        missed = missed_all(schedule_of(trigger), due=due, now=now)
    except (InvalidSchedule, OverflowError, ValueError):
        # Whatever its schedule means by now: this slot was due.
        missed = Missed(count=1, exact=True, first=due, last=due)
    return Invocation(
        workspace_id=trigger.workspace_id,
        trigger_id=trigger.pk,
        source=Source.CATCHUP,
        status=InvocationStatus.MISSED,
        scheduled_for=missed.last,
        available_at=missed.last,
        completed_at=now,
        idempotency_key=slot_key(trigger.pk, trigger.schedule_revision, missed.last),
        max_retries=trigger.max_retries,
        timeout_seconds=trigger.timeout_seconds,
        ref=trigger.ref,
        run_as_user_id=trigger.run_as_user_id,
        details=missed.details,
    )


def slots_give_up(rows: Iterable[Invocation | None], reason: str) -> None:
    """Store such rows and have their triggers remember them, in the transaction of the change that is their reason."""
    for row in rows:
        if row is None:
            continue
        row.reason = reason
        Invocation.objects.bulk_create([row], ignore_conflicts=True)
        assert row.details is not None
        Trigger.objects.filter(pk=row.trigger_id).update(
            missed_count=F("missed_count") + row.details["count"],
            last_status=InvocationStatus.MISSED,
            last_scheduled_for=Greatest(F("last_scheduled_for"), Value(row.scheduled_for)),
        )
