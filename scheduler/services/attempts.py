"""What one attempt of an invocation starts: a run of a workflow, or a dispatch of a table (`scheduler.md` section 5).

Both through their services' front doors, under the attempt's key, as the person the trigger runs as. Whoever calls
holds neither trigger nor invocation: a table is locked before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from scheduler.engine.keys import child_key
from scheduler.models import Invocation
from scheduler.services.ending import OWNER
from scheduler.services.messages import MessageInvalid, message_render, payload_of
from scheduler.states import TargetKind
from tables.errors import TableNotFound
from tables.models import Dispatch, Table
from tables.services.dispatches import dispatch_start
from tables.states import DispatchStatus, Mode
from workflows.errors import RefNotFound, WorkflowNotFound
from workflows.models import Workflow, WorkflowVersion
from workflows.services.runs import Owner, run_start
from workflows.services.versions import compiled_version, declared_inputs, version_for_ref
from workspaces.actors import Actor
from workspaces.errors import RunsheetError, Unavailable
from workspaces.models import Membership
from workspaces.selectors import membership_for
from workspaces.states import REQUIREMENTS, Role

TRIGGERED: Final = "trigger"
"""What a run that a trigger started says it was started by."""


class CannotStart(Exception):
    """An attempt that fails before anything is started: whom it runs as, its target, its message, its input."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    @classmethod
    def because(cls, error: RunsheetError) -> CannotStart:
        """What a service refused, in its words with the faults it lists; one that was not to be had may be later."""
        faults = [f"{place}: {fault}" for place, found in (error.errors or {}).items() for fault in found]
        code = "unavailable" if isinstance(error, Unavailable) else error.code
        return cls(code, " ".join([error.detail, *faults[:5]]))


@dataclass(frozen=True, slots=True)
class Begun:
    """What an attempt started: the id of its run or dispatch (null: there was nothing to do), and from what.

    ``payload``, ``message`` and ``resolved_ref`` (``{name, version, number, content_hash}``) are as they were used.
    """

    child_id: UUID | None
    payload: dict[str, Any]
    message: str | None = None
    resolved_ref: dict[str, Any] | None = None


def attempt_begin(invocation: Invocation) -> Begun:
    """Start what the invocation is for, in the caller's transaction. Raises ``CannotStart``."""
    person = _person(invocation)
    try:
        if invocation.trigger.target_kind == TargetKind.WORKFLOW:
            return _run_begin(invocation, person)
        return _dispatch_begin(invocation, person)
    except MessageInvalid as error:
        raise CannotStart("template_error", str(error)) from error
    except RunsheetError as error:
        raise CannotStart.because(error) from error


def _person(invocation: Invocation) -> Membership:
    """The place of whom it runs as, provided that they are active, still a member, and may run things."""
    user_id = invocation.run_as_user_id
    place = None if user_id is None else membership_for(user_id, invocation.workspace_id)
    if place is None:
        told = "Whom this trigger runs as has no account or no place in this workspace any more."
        raise CannotStart("run_as_forbidden", told)
    if Role(place.role).rank < REQUIREMENTS["run"].role.rank:
        told = f"Whom this trigger runs as is {place.role} by now and may not run anything."
        raise CannotStart("run_as_forbidden", told)
    return place


def _run_begin(invocation: Invocation, person: Membership) -> Begun:
    trigger = invocation.trigger
    assert trigger.workflow_id is not None, "the database checks that a trigger has its target"
    living = Workflow.objects.select_related("workspace").filter(pk=trigger.workflow_id, archived_at=None)
    workflow = living.first()
    if workflow is None:
        raise WorkflowNotFound("The workflow is archived.")
    actor = Actor(user_id=person.user_id, label=f"trigger {trigger.name}")
    version = _version(workflow, invocation.ref or trigger.ref or "", actor)
    payload = payload_of(invocation)
    message = message_render(invocation, payload)
    run, _ = run_start(
        workflow=workflow,
        version=version,
        input=_input(version, {"payload": payload, "message": message}),
        actor=actor,
        trigger_kind=TRIGGERED,
        idempotency_key=child_key(invocation.pk, invocation.attempt),
        owner=Owner(OWNER, invocation.pk),
    )
    resolved = {
        "name": invocation.ref or trigger.ref,
        "version": str(version.pk),
        "number": version.number,
        "content_hash": version.content_hash,
    }
    return Begun(run.pk, payload, message, resolved)


def _version(workflow: Workflow, ref: str, actor: Actor) -> WorkflowVersion:
    """What the ref means now; never another ref's version."""
    try:
        return version_for_ref(workflow, ref, actor)
    except RefNotFound as error:
        told = f"The workflow has no ref {ref!r}. It may have been deleted."
        raise CannotStart("ref_unresolvable", told) from error


def _input(version: WorkflowVersion, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a trigger has to give, the inputs that the version declares; all of it when it declares none."""
    declared = declared_inputs(compiled_version(version.pk))
    return {name: value for name, value in given.items() if declared is None or name in declared}


def _dispatch_begin(invocation: Invocation, person: Membership) -> Begun:
    trigger = invocation.trigger
    assert trigger.table_id is not None, "the database checks that a trigger has its target"
    table = Table.objects.filter(pk=trigger.table_id, archived_at=None).first()
    if table is None:
        raise TableNotFound("The table is archived.")
    options = trigger.target_options
    groups = options.get("groups")
    share = _share(invocation)
    if share["limit"] == 0:
        return Begun(None, payload_of(invocation))
    outcome = dispatch_start(
        table=table,
        groups=None if groups is None else [UUID(group) for group in groups],
        filter=options.get("filter"),
        **share,
        actor=person.user,
        trigger_id=trigger.pk,
        idempotency_key=child_key(invocation.pk, invocation.attempt),
    )
    child_id = None if outcome.dispatch is None else outcome.dispatch.pk
    return Begun(child_id, payload_of(invocation))


def _share(invocation: Invocation) -> dict[str, Any]:
    """What is left for this attempt: ``mode``, ``limit`` (0: no row is left), and the dispatches it ``continues``.

    A retry runs what failed. Where the attempt before was cut off amid its rows, by its time or by a storm of failures,
    it runs what the trigger asks for without what the attempts before completed: nothing is paid for twice, and no row
    is left out that was to be run again. An attempt over another table says nothing of this one.
    """
    trigger = invocation.trigger
    assert trigger.table_id is not None, "the database checks that a trigger has its target"
    asked = Mode(trigger.target_options.get("mode", Mode.INCOMPLETE))
    limit = trigger.target_options.get("limit")
    earlier = Dispatch.objects.filter(pk__in=invocation.children, table_id=trigger.table_id).in_bulk()
    before = earlier.get(UUID(invocation.children[-1])) if invocation.children else None
    if before is None:
        return {"mode": asked, "limit": limit}
    if before.status == DispatchStatus.COMPLETE:
        return {"mode": Mode.FAILED, "limit": limit}
    if limit is not None:
        done = sum(dispatch.completed // len(dispatch.groups) for dispatch in earlier.values())
        limit = max(0, limit - done)
    return {"mode": asked, "limit": limit, "continues": sorted(earlier)}
