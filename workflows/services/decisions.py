"""What becomes of a step whose outcome nobody knows (W15): done, tried again, or failed, as a person says."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from workflows.engine.outputs import clean_output
from workflows.engine.types import BlockError
from workflows.errors import DecisionNotAsked, RunNotFound
from workflows.models import Run, Step
from workflows.services.landing import INTERRUPTED, MAX_OUTPUT_BYTES
from workflows.services.owners import owner_resume
from workflows.services.resuming import run_requeue
from workflows.states import RunStatus, StepStatus
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.services.audit import audit_record


class Decision(StrEnum):
    """What a person says of a step that was under way when its worker was lost."""

    DONE = "done"
    RETRY = "retry"
    FAIL = "fail"


def run_decide(
    *, run_id: UUID, step_key: str, decision: Decision, actor: Actor, output: Any = None, note: str = ""
) -> Run:
    """Settle one unknown step; once none is left the run goes on. The first decision counts.

    ``done`` takes ``output`` for the step's, ``retry`` sends it again, ``fail`` lets it go by its error edge. Raises
    ``DecisionNotAsked`` (409), ``Invalid`` for an output that cannot be stored, ``RunNotFound``, ``RunSuperseded``.
    """
    given = clean_output(output, MAX_OUTPUT_BYTES)
    if isinstance(given, BlockError):
        raise Invalid(errors={"output": [given.message]})
    with transaction.atomic():
        seen = Run.objects.filter(pk=run_id).first()
        if seen is None:
            raise RunNotFound
        _require_asked(seen, step_key)
        unknown = Step.objects.filter(run_id=run_id, status=StepStatus.UNKNOWN)
        prepare = owner_resume(seen.owner_kind)
        if prepare is not None and not unknown.exclude(step_key=step_key).exists():
            prepare(seen, actor)
        run = Run.objects.select_for_update(no_key=True).get(pk=run_id)
        _require_asked(run, step_key)
        _settle(run, step_key, decision, given)
        if unknown.exists():
            waits = [wait for wait in run.waits_for or [] if wait["step_key"] != step_key]
            Run.objects.filter(pk=run_id).update(waits_for=waits)
        else:
            run_requeue(run, actor, note or f"{step_key}: {decision}", next_epoch=False)
        audit_record(
            workspace_id=run.workspace_id,
            actor=actor,
            action="run.decided",
            target=run,
            after={"step_key": step_key, "decision": str(decision), "note": note},
        )
    return Run.objects.select_related("version", "workflow", "actor").get(pk=run_id)


def _require_asked(run: Run, step_key: str) -> None:
    asked = Step.objects.filter(run_id=run.pk, step_key=step_key, status=StepStatus.UNKNOWN)
    if run.status != RunStatus.NEEDS_DECISION or not asked.exists():
        raise DecisionNotAsked(run_status=run.status)


def _settle(run: Run, step_key: str, decision: Decision, output: Any) -> None:
    step = Step.objects.filter(run_id=run.pk, step_key=step_key, status=StepStatus.UNKNOWN)
    if decision is Decision.RETRY:
        step.update(status=StepStatus.PENDING, error=None)
        return
    last = Step.objects.filter(run_id=run.pk).aggregate(last=Max("seq"))["last"] or 0
    if decision is Decision.DONE:
        step.update(status=StepStatus.COMPLETED, output=output, error=None, seq=last + 1, finished_at=Now())
    else:
        step.update(status=StepStatus.FAILED, error=INTERRUPTED.as_json(), seq=last + 1, finished_at=Now())
