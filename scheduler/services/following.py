"""What becomes of triggers when what they name goes: a table, a workflow, a ref, a person (`scheduler.md` section 7).

Each is called in the transaction of the change it follows, after that has locked and stopped what is its own: triggers
and invocations come last in the lock order (see `children`). What is brought back brings no trigger back: a person
switches it on again, and slots that passed meanwhile stay passed.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from scheduler.models import Invocation, Trigger
from scheduler.selectors import triggers_of_ref
from scheduler.services.cancelling import children_cancel
from scheduler.services.removing import triggers_remove
from scheduler.services.switching import triggers_switch_off
from scheduler.states import DisabledReason

REF_DELETED: Final = "ref_deleted"
"""Why an invocation is cancelled whose trigger goes with its ref."""


def table_archived(table_id: UUID) -> None:
    """Switch off what runs the workflow groups of a table that was put away."""
    ids = Trigger.objects.filter(table_id=table_id).values_list("pk", flat=True)
    triggers_switch_off(list(ids), DisabledReason.TARGET_ARCHIVED)


def workflow_archived(workflow_id: UUID) -> None:
    """Switch off what runs a workflow that was put away, at whichever ref."""
    ids = Trigger.objects.filter(workflow_id=workflow_id).values_list("pk", flat=True)
    triggers_switch_off(list(ids), DisabledReason.TARGET_ARCHIVED)


def ref_counts(workflow_id: UUID, ref: str) -> dict[str, int]:
    """What would go with a ref: ``{"triggers", "invocations"}``."""
    triggers = triggers_of_ref(workflow_id, ref)
    return {
        "triggers": triggers.count(),
        "invocations": Invocation.objects.filter(trigger__in=triggers).count(),
    }


def ref_deleted(workflow_id: UUID, ref: str) -> dict[str, int]:
    """Delete the triggers of this ref of this workflow, cancelling what runs; how many rows went, as ``ref_counts``."""
    ids = list(triggers_of_ref(workflow_id, ref).values_list("pk", flat=True))
    children_cancel(ids, REF_DELETED)
    removed = triggers_remove(ids)
    return {"triggers": removed.triggers, "invocations": removed.invocations}


def person_left(user_id: UUID, workspace_id: UUID | None = None) -> None:
    """Switch off what runs as somebody whose account closes or goes, or who leaves one workspace."""
    theirs = Trigger.objects.filter(run_as_user_id=user_id)
    if workspace_id is not None:
        theirs = theirs.filter(workspace_id=workspace_id)
    triggers_switch_off(list(theirs.values_list("pk", flat=True)), DisabledReason.NO_RUN_AS_USER)
