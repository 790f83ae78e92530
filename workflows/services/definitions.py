"""Workflows, their drafts, and the making of versions (W1, W2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now

from workflows.blocks.registry import block_types
from workflows.engine.meaning import content_hash
from workflows.engine.references import Names
from workflows.engine.types import Fault, Severity
from workflows.engine.validation import Checked, check_definition
from workflows.errors import DefinitionInvalid, WorkflowNameTaken, WorkflowNotFound, WorkflowStale
from workflows.models import Workflow, WorkflowRef, WorkflowVersion
from workflows.services.refs import name_check, ref_set, workflow_archived_tell, workflow_unused
from workflows.services.withdrawing import runs_withdraw
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.models import Workspace
from workspaces.selectors import secret_names
from workspaces.services.audit import audit_record

NEW_DRAFT: Mapping[str, Any] = {"blocks": [{"key": "start", "type": "start"}], "edges": []}
"""What a workflow begins with when nothing is given."""


def workflow_create(
    *,
    workspace: Workspace,
    name: str,
    actor: Actor,
    description: str = "",
    definition: Mapping[str, Any] | None = None,
) -> Workflow:
    """Make a workflow; its draft may be invalid. Raises ``Invalid`` (no name) and ``WorkflowNameTaken``."""
    workflow = Workflow(
        workspace=workspace,
        name=_name(name),
        description=description,
        draft=dict(NEW_DRAFT if definition is None else definition),
        created_by_id=actor.user_id,
    )
    with transaction.atomic():
        _save(workflow)
        _audit(workflow, actor, "workflow.created", after={"name": workflow.name})
    return workflow


def workflow_update(
    *, workflow: Workflow, actor: Actor, unchanged_since: datetime | None = None, **changes: Any
) -> Workflow:
    """Change ``name``, ``description`` and/or ``definition`` (the draft, which may be invalid).

    Raises ``Invalid``, ``WorkflowNameTaken``, ``WorkflowNotFound`` when it was archived meanwhile, and
    ``WorkflowStale`` when it is not as it was at ``unchanged_since``, its ``updated_at`` then.
    """
    fields = {"draft" if field == "definition" else field: value for field, value in changes.items()}
    if "name" in fields:
        fields["name"] = _name(fields["name"])
    with transaction.atomic():
        row = Workflow.objects.select_for_update(no_key=True).filter(pk=workflow.pk, archived_at=None).first()
        if row is None:
            raise WorkflowNotFound
        if unchanged_since not in (None, row.updated_at):
            raise WorkflowStale
        before = {field: getattr(row, field) for field in fields}
        for field, value in fields.items():
            setattr(row, field, value)
        _save(row)
        _audit(row, actor, "workflow.updated", before=before, after=fields)
    return row


def workflow_archive(*, workflow: Workflow, actor: Actor) -> None:
    """Put a workflow away; its runs stay readable, and those under way end quietly, cancelled (T5).

    Raises ``WorkflowInUse`` naming the groups that run it.
    """
    with transaction.atomic():
        if not Workflow.objects.filter(pk=workflow.pk, archived_at=None).update(archived_at=Now()):
            raise WorkflowNotFound
        workflow_unused(workflow.pk)
        runs_withdraw(workflow_id=workflow.pk, actor=actor)
        workflow_archived_tell(workflow.pk)
        _audit(workflow, actor, "workflow.archived", before={"name": workflow.name})


def definition_check(workspace: Workspace, definition: Any) -> Checked:
    """Parse and validate a definition with the block types and secrets at hand; every fault, none raised (W1)."""
    return check_definition(definition, block_types(), Names(secrets=frozenset(secret_names(workspace.pk))))


def draft_freeze(*, workflow: Workflow, actor: Actor, note: str = "") -> WorkflowVersion:
    """The version that means what the draft means now; a new one unless there is one already (W2).

    Raises ``DefinitionInvalid`` with every fault. The workflow's row is locked, so numbers have no gaps.
    """
    with transaction.atomic():
        row = Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
        checked = definition_check(workflow.workspace, row.draft)
        if not checked.runnable:
            raise definition_invalid(checked.faults)
        meaning = content_hash(checked.definition)
        known = WorkflowVersion.objects.filter(workflow=row, content_hash=meaning).first()
        if known is not None:
            return _noted(known, note)
        last = WorkflowVersion.objects.filter(workflow=row).aggregate(last=Max("number"))["last"] or 0
        return WorkflowVersion.objects.create(
            workflow=row,
            number=last + 1,
            content_hash=meaning,
            definition=row.draft,
            note=note,
            created_by_id=actor.user_id,
        )


def publish(*, workflow: Workflow, ref: str, actor: Actor, note: str = "") -> WorkflowRef:
    """Freeze the draft and point ``ref`` at it; runs under way keep their version (W2).

    Raises ``DefinitionInvalid`` and ``RefNameInvalid``; then nothing has changed.
    """
    name_check(ref)
    with transaction.atomic():
        version = draft_freeze(workflow=workflow, actor=actor, note=note)
        return ref_set(workflow=workflow, name=ref, version=version, actor=actor)


def definition_invalid(faults: Iterable[Fault]) -> DefinitionInvalid:
    """The refusal of a definition, with its errors by place and all faults in full."""
    listed = list(faults)
    errors: dict[str, list[str]] = {}
    for fault in listed:
        if fault.severity is Severity.ERROR:
            place = ".".join(part for part in (fault.block, fault.field) if part) or "definition"
            errors.setdefault(place, []).append(fault.message)
    return DefinitionInvalid(errors=errors, faults=[fault_json(fault) for fault in listed])


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault as clients see it."""
    return {
        "block": fault.block,
        "field": fault.field,
        "code": fault.code,
        "message": fault.message,
        "severity": str(fault.severity),
    }


def _noted(version: WorkflowVersion, note: str) -> WorkflowVersion:
    if note and note != version.note:
        version.note = note
        version.save(update_fields=["note"])
    return version


def _name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(errors={"name": ["Give the workflow a name."]})
    return name


def _save(workflow: Workflow) -> None:
    try:
        with transaction.atomic():
            workflow.save()
    except IntegrityError as error:
        if "workflows_workflow_name_once" in str(error):
            raise WorkflowNameTaken from None
        raise


def _audit(workflow: Workflow, actor: Actor, action: str, **change: dict[str, Any]) -> None:
    audit_record(workspace_id=workflow.workspace_id, actor=actor, action=action, target=workflow, **change)
