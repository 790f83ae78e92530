"""Switching triggers off when something else demands it: their target is gone, their person, their luck."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from scheduler.models import Trigger
from scheduler.selectors import database_now
from scheduler.services.cancelling import invocations_take_back
from scheduler.services.passing import slots_give_up, slots_passed
from scheduler.states import DisabledReason

TRIGGER_DISABLED = "trigger_disabled"
"""Why a waiting invocation of a trigger that was switched off is cancelled, and a slot that was due never fires."""

INVALID = DisabledReason.INVALID_SCHEDULE.value
"""Why a slot never fires whose trigger has a schedule that cannot be used any more."""

UNREAD = ("payload", "message_template", "target_options")


def triggers_switch_off(trigger_ids: Collection[UUID], reason: DisabledReason, error: str = "") -> list[UUID]:
    """Switch off those that are on, in the caller's transaction if there is one; answers which they were.

    Waiting scheduled invocations of all of them are taken back: a single one-time trigger that has fired is off
    already, and its invocation may still wait. A slot that was due leaves a row saying why it never fired. Reasons of
    triggers that were off stay what they were.
    """
    ids = sorted(trigger_ids)
    if not ids:
        return []
    with transaction.atomic():
        held = Trigger.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("id")
        switched = [trigger for trigger in held.defer(*UNREAD) if trigger.enabled]
        now = database_now()
        passed = [slots_passed(trigger, now) for trigger in switched]
        on = [trigger.pk for trigger in switched]
        Trigger.objects.filter(pk__in=on, enabled=True).update(
            enabled=False,
            next_run_at=None,
            disabled_reason=reason.value,
            schedule_error=error,
            schedule_revision=F("schedule_revision") + 1,
            updated_at=Now(),
        )
        invocations_take_back(ids, TRIGGER_DISABLED)
        slots_give_up(passed, INVALID if reason is DisabledReason.INVALID_SCHEDULE else TRIGGER_DISABLED)
    return on
