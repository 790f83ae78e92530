"""What a trigger starts, at which ref, over what, and as whom: looked up, held, judged (`scheduler.md` 1, 5, 6).

Lock order: workflow or table, its ref, the trigger, its invocations. Held rows cannot be archived or deleted before the
trigger that names them is committed, and whoever archives them then finds that trigger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from scheduler.errors import InvalidRef, RunAsForbidden, TriggerInvalid
from scheduler.models import Trigger
from scheduler.services.fields import TARGET_FIELDS
from scheduler.services.table_options import options_clean
from scheduler.states import TargetKind
from tables.errors import TableNotFound
from tables.models import Table
from workflows.engine.names import is_ref_name
from workflows.errors import WorkflowNotFound
from workflows.models import Workflow, WorkflowRef
from workflows.services.refs import DRAFT
from workspaces.actors import Actor
from workspaces.selectors import membership_for
from workspaces.states import Role

DEFAULT_REF = "live"


@dataclass(frozen=True, slots=True)
class Target:
    """What a trigger is to start, as asked for; nothing of it is checked yet."""

    workflow_id: UUID | None
    table_id: UUID | None
    ref: str | None

    @property
    def kind(self) -> TargetKind:
        """The kind that follows from what is named."""
        return TargetKind.WORKFLOW if self.workflow_id is not None else TargetKind.TABLE_RUN


def target_of(trigger: Trigger) -> Target:
    """The target a trigger has."""
    return Target(trigger.workflow_id, trigger.table_id, trigger.ref)


def target_merged(before: Target | None, given: Mapping[str, Any]) -> Target:
    """The target that a request leads to: its fields over those before. Raises ``TriggerInvalid``, ``InvalidRef``.

    ``workflow`` and ``table`` are ids. Going over from one kind to the other takes ``null`` for the one before.
    """
    workflow_id = given.get("workflow", before.workflow_id if before else None)
    table_id = given.get("table", before.table_id if before else None)
    if (workflow_id is None) == (table_id is None):
        told = "A trigger starts either a workflow or a table's workflow groups. Name one; the other is null."
        raise TriggerInvalid(errors={"workflow": [told], "table": [told]})
    kind = TargetKind.WORKFLOW if workflow_id is not None else TargetKind.TABLE_RUN
    if given.get("target_kind", kind) != kind:
        raise TriggerInvalid(errors={"target_kind": [f"With this target the kind is {kind}."]})
    if "ref" in given:
        ref = given["ref"]
    elif kind is TargetKind.WORKFLOW:
        ref = before.ref if before and before.ref else DEFAULT_REF
    else:
        ref = None
    if kind is TargetKind.TABLE_RUN and ref is not None:
        raise TriggerInvalid(errors={"ref": ["A table's workflow groups each have a ref of their own."]})
    if kind is TargetKind.WORKFLOW:
        ref_name_check(ref)
    return Target(workflow_id, table_id, ref)


def target_hold(workspace_id: UUID, target: Target) -> None:
    """Lock what the target names. Raises ``WorkflowNotFound``, ``TableNotFound`` (archived and foreign ones too), and
    ``InvalidRef`` for a ref that this very workflow does not have.
    """
    if target.table_id is not None:
        tables = Table.objects.select_for_update(no_key=True)
        if not tables.filter(pk=target.table_id, workspace_id=workspace_id, archived_at=None).exists():
            raise TableNotFound
        return
    assert target.workflow_id is not None  # one of the two is named
    workflows = Workflow.objects.select_for_update(no_key=True)
    if not workflows.filter(pk=target.workflow_id, workspace_id=workspace_id, archived_at=None).exists():
        raise WorkflowNotFound
    if target.ref == DRAFT:
        return
    refs = WorkflowRef.objects.select_for_update(no_key=True)
    if not refs.filter(workflow_id=target.workflow_id, name=target.ref).exists():
        raise ref_missing(target.ref)


def target_apply(trigger: Trigger, target: Target, given: Mapping[str, Any]) -> None:
    """Put a held target on ``trigger``, with its options where they are named or the target is another one."""
    moved = (trigger.workflow_id, trigger.table_id) != (target.workflow_id, target.table_id)
    trigger.target_kind = target.kind.value
    trigger.workflow_id, trigger.table_id, trigger.ref = target.workflow_id, target.table_id, target.ref
    if "target_options" in given or moved:
        trigger.target_options = options_clean(target.table_id, given.get("target_options", {}))


def names_target(given: Mapping[str, Any]) -> bool:
    """Whether a request says anything of the target."""
    return bool(TARGET_FIELDS & given.keys())


def ref_name_check(ref: Any) -> None:
    """Raise ``InvalidRef`` unless this could be the name of a ref; a blank one could not."""
    if not isinstance(ref, str) or not is_ref_name(ref):
        told = f"{ref!r} is no name of a ref." if ref else "Name a ref of the workflow, such as “live”."
        raise InvalidRef(told, errors={"ref": [told]})


def ref_missing(ref: str | None) -> InvalidRef:
    """The refusal of a ref that the workflow does not have, naming it."""
    told = f"This workflow has no ref {ref!r}. It may have been deleted."
    return InvalidRef(told, errors={"ref": [told]})


def person_apply(trigger: Trigger, given: Mapping[str, Any], actor: Actor, role: Role) -> None:
    """Put ``run_as_user`` (an id) on ``trigger``: oneself, or for admins anybody who may run it.

    Raises ``RunAsForbidden``, and what ``person_check`` does. Naming who it is already changes nothing.
    """
    if "run_as_user" not in given or given["run_as_user"] == trigger.run_as_user_id:
        return
    person: UUID | None = given["run_as_user"]
    if role != Role.ADMIN and person is not None and person != actor.user_id:
        raise RunAsForbidden
    trigger.run_as_user_id = person
    person_check(trigger)


def person_check(trigger: Trigger) -> None:
    """Raise ``TriggerInvalid`` unless whom the trigger runs as is an active member who may run it."""
    if trigger.run_as_user_id is None:
        told = "A trigger runs as somebody. Name a member of this workspace."
        raise TriggerInvalid(errors={"run_as_user": [told]})
    membership = membership_for(trigger.run_as_user_id, trigger.workspace_id)
    if membership is None:
        raise TriggerInvalid(errors={"run_as_user": ["This person is no active member of this workspace."]})
    if Role(membership.role).rank < Role.EDITOR.rank:
        told = f"This needs the role {Role.EDITOR}; theirs is {membership.role}."
        raise TriggerInvalid(errors={"run_as_user": [told]})
