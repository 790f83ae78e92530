"""Runs that a block of another run starts and waits for (workflows.md section 9, `workflow`).

The sub-run is born in the commit in which its parent's step begins to wait, and answers that wait in the commit in
which it ends: neither a crash nor a doubled message can start it twice or lose its result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from workflows.engine.types import BlockError, ErrorClass
from workflows.models import PausePoint, Run, Workflow
from workflows.services.ledger import NewRun
from workflows.services.live import LiveRun
from workflows.services.owners import PARENT, Ended, on_owner_ended
from workflows.services.patience import patiently
from workflows.services.versions import input_complete, runnable_version
from workflows.services.waking import run_wake
from workflows.states import PauseStatus
from workspaces.errors import RunsheetError
from workspaces.ids import uuid7

MAX_DEPTH: Final = 10
"""Runs inside runs."""


def subrun_draft(live: LiveRun, request: Mapping[str, Any]) -> NewRun | BlockError:
    """The run that ``{workflow, ref, input}`` asks for, ready to be inserted; or why there can be none."""
    if live.depth >= MAX_DEPTH:
        return _refused("too_deep", f"Workflows call each other {MAX_DEPTH} deep at most.")
    try:
        return patiently(partial(_draft, live, request))
    except RunsheetError as error:
        return _refused(error.code, error.detail)


def _draft(live: LiveRun, request: Mapping[str, Any]) -> NewRun | BlockError:
    named = str(request["workflow"])
    found = Workflow.objects.filter(workspace_id=live.workspace_id, archived_at=None)
    workflow = found.filter(Q(name=named) | Q(id=_uuid(named))).first()
    if workflow is None:
        return _refused("workflow_not_found", f"There is no workflow {named!r} in this workspace.")
    version = runnable_version(workflow.pk, str(request["ref"]))
    run_id = uuid7()
    return NewRun(
        run_id=run_id,
        workspace_id=live.workspace_id,
        workflow_id=workflow.pk,
        version_id=version.id,
        input=input_complete(version.compiled, dict(request["input"])),
        lease_token=run_id,
        owner_kind=PARENT,
        owner_id=live.run_id,
        trigger_kind=PARENT,
        actor_id=live.actor_id,
        queued=True,
        depth=live.depth + 1,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _refused(code: str, message: str) -> BlockError:
    return BlockError(ErrorClass.VALIDATION, code, message)


def subruns_ended(ended: Sequence[Ended]) -> None:
    """Answer the waits of the runs that started these, and wake those runs once this is committed.

    Their rows are locked only after the commit: a Stop takes a parent before its sub-runs, and would meet us halfway.
    Should the process die in between, ``runs_wake`` finds the answer.
    """
    for end in ended:
        answer = {
            "run": str(end.run_id),
            "status": end.status,
            "result": end.result,
            "error": end.error,
            "cost": None if end.cost is None else str(end.cost),
        }
        PausePoint.objects.filter(child_id=end.run_id, status=PauseStatus.OPEN).update(
            status=PauseStatus.ANSWERED, answer=answer, answered_at=Now()
        )
        transaction.on_commit(partial(_wake, end.owner_id), robust=True)


def _wake(run_id: UUID) -> None:
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).filter(pk=run_id).first()
        if run is not None:
            run_wake(run)


on_owner_ended(PARENT, subruns_ended)
