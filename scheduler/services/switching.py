"""Switching triggers off when something else demands it: their target is gone, their person, their luck."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from scheduler.models import Trigger
from scheduler.services.cancelling import invocations_take_back
from scheduler.states import DisabledReason

TRIGGER_DISABLED = "trigger_disabled"
"""Why a waiting invocation of a trigger that was switched off is cancelled."""


def triggers_switch_off(trigger_ids: Collection[UUID], reason: DisabledReason, error: str = "") -> list[UUID]:
    """Switch off those that are on, in the caller's transaction if there is one; answers which they were.

    Waiting scheduled invocations of all of them are taken back: a single one-time trigger that has fired is off
    already, and its invocation may still wait. Reasons of triggers that were off stay what they were.
    """
    ids = sorted(trigger_ids)
    if not ids:
        return []
    with transaction.atomic():
        held = Trigger.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("id")
        on = [trigger.pk for trigger in held.only("id", "enabled") if trigger.enabled]
        Trigger.objects.filter(pk__in=on, enabled=True).update(
            enabled=False,
            next_run_at=None,
            disabled_reason=reason.value,
            schedule_error=error,
            schedule_revision=F("schedule_revision") + 1,
            updated_at=Now(),
        )
        invocations_take_back(ids, TRIGGER_DISABLED)
    return on
