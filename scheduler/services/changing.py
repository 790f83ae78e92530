"""Changes of a trigger, its switch included, under one row lock (`scheduler.md` sections 5 and 6).

The lock decides between two edits, and between an edit and the tick: the last commit wins, and each leaves at most one
slot to come. A schedule that changed, or was switched, starts a new revision; what waited under the one before is taken
back in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from scheduler.errors import NoFields, RevisionStale, TriggerForbidden, TriggerNotFound
from scheduler.models import Trigger
from scheduler.selectors import database_now
from scheduler.services.cancelling import invocations_take_back, running_cancel, running_hold
from scheduler.services.fields import INSTANTS, PLAIN, fields_clean
from scheduler.services.passing import slots_give_up, slots_passed
from scheduler.services.rights import may_change
from scheduler.services.schedules import schedule_apply, slot_first
from scheduler.services.switching import TRIGGER_DISABLED
from scheduler.services.targets import (
    names_target,
    person_apply,
    person_check,
    target_apply,
    target_hold,
    target_merged,
    target_of,
)
from scheduler.states import DisabledReason
from workspaces.actors import Actor
from workspaces.services.audit import audit_record
from workspaces.states import Role

SUPERSEDED: Final = "superseded_by_edit"
"""Why a waiting invocation of a schedule that changed is cancelled."""

OWN_FIELDS: Final = (
    *PLAIN,
    *INSTANTS,
    "target_kind",
    "workflow_id",
    "table_id",
    "target_options",
    "ref",
    "run_as_user_id",
)
"""What people set on a trigger, but for its switch."""

SWITCH_FIELDS: Final = (
    "enabled",
    "next_run_at",
    "disabled_reason",
    "schedule_error",
    "schedule_revision",
    "consecutive_failures",
    "held_until",
    "hold_count",
    "updated_at",
)
"""What follows from a change of the schedule or of the switch. ``last_status`` and its like are the runner's."""


def trigger_update(
    *,
    trigger: Trigger,
    actor: Actor,
    membership_role: Role,
    revision: int | None = None,
    cancel_running: bool = False,
    **changes: Any,
) -> Trigger:
    """Change the fields named, and only they; what they lead to is checked together with what stays.

    ``revision`` is the ``schedule_revision`` that the caller has seen. Running invocations go on unless
    ``cancel_running``. Another ``run_at`` arms a one-time trigger again that has fired.

    Raises ``NoFields``, ``TriggerForbidden``, ``RevisionStale``, ``TriggerNotFound`` (deleted meanwhile), and what
    ``trigger_create`` does; then nothing has changed.
    """
    if not changes:
        raise NoFields
    with transaction.atomic():
        return _change(trigger, actor, membership_role, revision, changes, cancel_running=cancel_running)


def trigger_enable(*, trigger: Trigger, actor: Actor, membership_role: Role) -> Trigger:
    """Switch a trigger on; its next slot lies ahead, whatever passed meanwhile. Raises as ``trigger_update``."""
    return trigger_update(trigger=trigger, actor=actor, membership_role=membership_role, enabled=True)


def trigger_disable(*, trigger: Trigger, actor: Actor, membership_role: Role) -> Trigger:
    """Switch a trigger off; what waits of its schedule is taken back, what runs goes on."""
    return trigger_update(trigger=trigger, actor=actor, membership_role=membership_role, enabled=False)


def change_require(trigger: Trigger, actor: Actor, membership_role: Role) -> None:
    """Raise ``TriggerForbidden`` unless the actor is an admin, made the trigger, or is whom it runs as."""
    if not may_change(trigger, actor.user_id, membership_role):
        raise TriggerForbidden


def _change(
    trigger: Trigger,
    actor: Actor,
    role: Role,
    revision: int | None,
    changes: Mapping[str, Any],
    *,
    cancel_running: bool,
) -> Trigger:
    """The change itself, under the locks of target, of what is to be cancelled, and of the trigger, in this order."""
    change_require(trigger, actor, role)  # what somebody may not change tells them nothing more
    plain = fields_clean(changes)
    target = target_merged(target_of(trigger), changes) if names_target(changes) else target_of(trigger)
    holds_target = names_target(changes) or _may_turn_on(trigger, changes)
    if holds_target:
        target_hold(trigger.workspace_id, target)
    stopping = running_hold([trigger.pk]) if cancel_running else ()
    row = Trigger.objects.select_for_update(no_key=True).filter(pk=trigger.pk).first()
    if row is None:
        raise TriggerNotFound
    change_require(row, actor, role)
    turns_on = _turns_on(row, changes)
    held_another = holds_target and target_of(row) != target_of(trigger)
    held_none = turns_on and not holds_target
    if held_another or held_none or revision not in {None, row.schedule_revision}:
        raise RevisionStale
    before = fields_told(row, changes)
    now = database_now()
    due, passed = row.next_run_at, slots_passed(row, now)
    was_on, is_on = row.enabled, turns_on or (row.enabled and changes.get("enabled") is not False)
    for field in plain.keys() - {"enabled"}:
        setattr(row, field, plain[field])
    if names_target(changes):
        target_apply(row, target, changes)
    schedule_changed = schedule_apply(row, changes, now)
    person_apply(row, changes, actor, role)
    _switch(row, now, is_on=is_on, schedule_changed=schedule_changed)
    row.save(update_fields=[*OWN_FIELDS, *SWITCH_FIELDS])
    why = SUPERSEDED if is_on else TRIGGER_DISABLED
    if schedule_changed or was_on != is_on or changes.get("enabled") is False:
        # A one-time trigger that has fired is off already, and its invocation may still wait.
        invocations_take_back([row.pk], why)
    if row.next_run_at != due:
        slots_give_up([passed], why)
    after = fields_told(row, changes)
    if cancel_running:
        after["cancelled_running"] = running_cancel(row.pk, stopping, SUPERSEDED)
    trigger_audit(row, actor, _action(changes), before=before, after=after)
    return row


def _may_turn_on(trigger: Trigger, changes: Mapping[str, Any]) -> bool:
    """Whether a request could switch the trigger on, whatever becomes of it until it is locked."""
    if "enabled" in changes:
        return changes["enabled"] is True
    may_be_armed = trigger.enabled or trigger.disabled_reason == DisabledReason.ONE_TIME_DONE
    return may_be_armed and changes.get("run_at") not in {None, trigger.run_at}


def _turns_on(row: Trigger, changes: Mapping[str, Any]) -> bool:
    """Whether a request switches a trigger on that is off: by saying so, or by arming a one-time one again."""
    if row.enabled or "enabled" in changes:
        return not row.enabled and changes["enabled"] is True
    armed = changes.get("run_at") not in {None, row.run_at}
    return armed and row.disabled_reason == DisabledReason.ONE_TIME_DONE


def _switch(row: Trigger, now: datetime, *, is_on: bool, schedule_changed: bool) -> None:
    """Bring the next slot, the switch and the revision to what the change leads to."""
    if row.enabled == is_on and not schedule_changed:
        return
    row.schedule_revision += 1
    row.schedule_error = ""
    if not is_on:
        if row.enabled:
            turn_off(row)
        return
    if not row.enabled:
        person_check(row)
        row.consecutive_failures = 0
    row.next_run_at = slot_first(row, now)
    row.enabled, row.disabled_reason = True, DisabledReason.NONE.value
    row.held_until, row.hold_count = None, 0


def turn_off(trigger: Trigger) -> None:
    """Mark a trigger, not yet saved, as switched off by a person."""
    trigger.enabled, trigger.next_run_at = False, None
    trigger.disabled_reason = DisabledReason.USER.value


def _action(changes: Mapping[str, Any]) -> str:
    if changes.keys() == {"enabled"}:
        return "trigger.enabled" if changes["enabled"] else "trigger.disabled"
    return "trigger.updated"


def fields_told(trigger: Trigger, fields: Iterable[str]) -> dict[str, Any]:
    """These fields as the audit log keeps them."""
    ids = {"workflow", "table", "run_as_user"}
    values = {field: getattr(trigger, f"{field}_id" if field in ids else field) for field in fields}
    return {field: _plain(value) for field, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def trigger_audit(trigger: Trigger, actor: Actor, action: str, **change: dict[str, Any]) -> None:
    """The one audit record of a change: ``before`` and/or ``after``, plain JSON."""
    audit_record(workspace_id=trigger.workspace_id, actor=actor, action=action, target=trigger, **change)
