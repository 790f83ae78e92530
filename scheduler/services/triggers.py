"""Triggers made, copied and deleted by people (`scheduler.md` section 1); `changing` has what changes them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from scheduler.errors import TriggerNotFound
from scheduler.models import Trigger
from scheduler.selectors import database_now
from scheduler.services.cancelling import children_cancel
from scheduler.services.changing import OWN_FIELDS, change_require, fields_told, trigger_audit, turn_off
from scheduler.services.changing import trigger_disable as trigger_disable  # noqa: PLC0414  handed on
from scheduler.services.changing import trigger_enable as trigger_enable  # noqa: PLC0414  handed on
from scheduler.services.changing import trigger_update as trigger_update  # noqa: PLC0414  handed on
from scheduler.services.fields import DEFAULT_TIMEOUT_SECONDS, LONGEST_NAME, fields_clean
from scheduler.services.removing import triggers_remove
from scheduler.services.schedules import schedule_apply, slot_first
from scheduler.services.targets import (
    person_apply,
    person_check,
    target_apply,
    target_hold,
    target_merged,
    target_of,
)
from scheduler.states import TargetKind
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.states import Role

TRIGGER_DELETED = "trigger_deleted"
"""Why an invocation is cancelled whose trigger is about to go."""


def trigger_create(
    *,
    workspace: Workspace,
    actor: Actor,
    membership_role: Role,
    import_key: str | None = None,
    **fields: Any,
) -> Trigger:
    """Make a trigger of the fields of `scheduler.md` 1; it runs as the actor unless ``run_as_user`` says otherwise.

    ``workflow``, ``table`` and ``run_as_user`` are ids; instants are aware. ``import_key`` names what it was imported
    from, once. Raises ``TriggerInvalid``, ``InvalidSchedule``, ``InvalidRef``, ``RunAsForbidden``,
    ``WorkflowNotFound``, ``TableNotFound``.
    """
    plain = {"name": "", "enabled": True, **fields}
    target = target_merged(None, fields)
    if target.kind is TargetKind.WORKFLOW:
        plain.setdefault("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
    trigger = Trigger(
        workspace=workspace,
        created_by_id=actor.user_id,
        run_as_user_id=actor.user_id,
        import_key=import_key,
    )
    for field, value in fields_clean(plain).items():
        setattr(trigger, field, value)
    with transaction.atomic():
        now = database_now()
        target_hold(workspace.pk, target)
        target_apply(trigger, target, fields)
        schedule_apply(trigger, fields, now)
        person_apply(trigger, fields, actor, membership_role)
        person_check(trigger)
        trigger.next_run_at = slot_first(trigger, now)
        if not trigger.enabled:
            turn_off(trigger)
        trigger.save(force_insert=True)
        trigger_audit(trigger, actor, "trigger.created", after=fields_told(trigger, fields))
    trigger.refresh_from_db(fields=["created_at"])
    return trigger


def trigger_delete(*, trigger: Trigger, actor: Actor, membership_role: Role) -> None:
    """Delete a trigger with its invocations; those running are cancelled. Raises ``TriggerForbidden``."""
    change_require(trigger, actor, membership_role)
    children_cancel([trigger.pk], TRIGGER_DELETED)
    with transaction.atomic():
        removed = triggers_remove([trigger.pk])
        if not removed.triggers:
            raise TriggerNotFound
        before = {"name": trigger.name, "invocations": removed.invocations}
        trigger_audit(trigger, actor, "trigger.deleted", before=before)


def trigger_duplicate(
    *, trigger: Trigger, actor: Actor, membership_role: Role, name: str | None = None
) -> Trigger:
    """A copy that is switched off, so that nothing fires twice before somebody has looked at it.

    It belongs to the actor, and runs as them unless they are an admin. Raises ``TriggerInvalid`` (a bad name),
    ``WorkflowNotFound``, ``TableNotFound``, ``InvalidRef``.
    """
    wanted = f"{trigger.name[: LONGEST_NAME - 7]} (copy)" if name is None else name
    copy = Trigger(
        workspace_id=trigger.workspace_id,
        created_by_id=actor.user_id,
        **{field: getattr(trigger, field) for field in OWN_FIELDS},
    )
    copy.name = fields_clean({"name": wanted})["name"]
    if membership_role != Role.ADMIN or copy.run_as_user_id is None:
        copy.run_as_user_id = actor.user_id
    turn_off(copy)
    with transaction.atomic():
        target_hold(copy.workspace_id, target_of(copy))
        copy.save(force_insert=True)
        trigger_audit(copy, actor, "trigger.created", after={"name": copy.name, "copy_of": str(trigger.pk)})
    return copy
