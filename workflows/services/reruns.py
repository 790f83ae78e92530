"""Running again from a block: a new run forked from an earlier one (W24 to W29).

The plan is pure (`workflows.engine.planner`) and is the dry run itself; here it is given what it reads, and carried
out: the steps it reuses are copied into the new run, marked with where they are from, and the executor goes on from
that ledger as it would after a crash. The source is never touched (W27).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from workflows.engine.planner import Plan, PlanMode, PlanRefused, SourceRun, SourceStep, plan_rerun
from workflows.engine.types import Opening
from workflows.enqueue import run_enqueue
from workflows.errors import BlockMissing, PlanChanged, RerunRefused, RunNotFound
from workflows.models import PausePoint, Run, Step, Workflow, WorkflowVersion
from workflows.services.ledger import steps_copy
from workflows.services.live import run_roots
from workflows.services.loading import steps_load, stored_error
from workflows.services.versions import compiled_version, input_complete
from workflows.states import PauseKind, StepStatus
from workspaces.actors import Actor
from workspaces.cursors import prepared_cursor
from workspaces.errors import RunsheetError
from workspaces.ids import uuid7
from workspaces.selectors import secret_values
from workspaces.services.audit import audit_record

SOURCE_VERSION: Final = "@source"
"""The ref that means: the version of the source run. No ref can have this name (W2)."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """A rerun ready to begin: what it runs on, and its plan. ``asked`` is what was asked for, as the run keeps it."""

    workflow_id: UUID
    workspace_id: UUID
    version_id: UUID
    source: Run | None
    input: dict[str, Any]
    row: Mapping[str, Any] | None
    plan: Plan
    asked: Mapping[str, Any]

    def plan_json(self) -> dict[str, Any]:
        """The plan as the run stores it (W29): the dry run's answer, and what was asked for."""
        return {**self.plan.as_json(), "asked": dict(self.asked)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a rerun starts and ends: ``start`` is ``block`` or ``block@scope``, None for everything (W26, W28)."""

    start: str | None = None
    mode: PlanMode = PlanMode.STRICT
    stop_after: str | None = None
    plan_hash: str | None = None


def source_of(workflow: Workflow, source_run: UUID | None, trigger_kind: str = "api") -> Run | None:
    """The run to fork from: the one named, or the latest of that trigger kind; None when there is no earlier run (W27).

    Raises ``RunNotFound`` when the named run is not one of this workflow's.
    """
    runs = Run.objects.filter(workflow=workflow, workspace_id=workflow.workspace_id)
    if source_run is None:
        return runs.filter(trigger_kind=trigger_kind).order_by("-id").first()
    found = runs.filter(pk=source_run).first()
    if found is None:
        raise RunNotFound("The source run is not a run of this workflow.")
    return found


def rerun_plan(
    *,
    workflow: Workflow,
    version: WorkflowVersion,
    source: Run | None,
    asked: Asked,
    input: dict[str, Any] | None = None,  # noqa: A002  the word of the API
    row: Mapping[str, Any] | None = None,
) -> Rerun:
    """Plan a rerun; nothing is written. Without ``input`` or ``row`` those of the source are read again.

    Raises ``BlockMissing``, ``RerunRefused``, ``RunInputInvalid``, and ``PlanChanged`` when ``asked.plan_hash`` is not
    this plan's (W27).
    """
    compiled = compiled_version(version.pk)
    given = source.input if input is None and source is not None else input or {}
    given = input_complete(compiled, given)
    read = source.row if row is None and source is not None else row
    names = compiled.uses_secrets
    secrets = secret_values(workflow.workspace_id, names) if names else {}
    # ``run.id`` differs in every run: for comparing inputs it is the source's, or nothing would ever be reused.
    roots = {**run_roots(source.pk if source else workflow.pk, given, read, secrets), "blocks": {}}
    try:
        plan = plan_rerun(
            None if source is None else source_run_of(source),
            compiled,
            roots,
            asked.start,
            asked.mode,
            asked.stop_after,
            single=asked.start is not None
            and asked.mode is PlanMode.PINNED
            and asked.stop_after == asked.start,
        )
    except PlanRefused as error:
        refused = BlockMissing if error.code == "block_missing" else RerunRefused
        raise refused(error.message, block=error.block, reason=error.code) from None
    if asked.plan_hash is not None and asked.plan_hash != plan.plan_hash:
        raise PlanChanged(plan=plan.as_json())
    return Rerun(
        workflow_id=workflow.pk,
        workspace_id=workflow.workspace_id,
        version_id=version.pk,
        source=source,
        input=given,
        row=read,
        plan=plan,
        asked={"start": asked.start, "mode": str(asked.mode), "stop_after": asked.stop_after},
    )


def rerun_start(
    *,
    rerun: Rerun,
    actor: Actor,
    trigger_kind: str = "api",
    idempotency_key: str | None = None,
    input_hash: str = "",
) -> Run:
    """Store the forked run with the steps it reuses, queued, and wake a worker at commit (W27)."""
    run = Run(
        id=uuid7(),
        workspace_id=rerun.workspace_id,
        workflow_id=rerun.workflow_id,
        version_id=rerun.version_id,
        kind="full" if rerun.source is None else "rerun",
        input=rerun.input,
        row=rerun.row,
        trigger_kind=trigger_kind,
        actor_id=actor.user_id,
        forked_from=rerun.source,
        plan=rerun.plan_json(),
        idempotency_key=idempotency_key,
        input_hash=input_hash,
    )
    with transaction.atomic():
        run.save(force_insert=True)
        if rerun.source is not None:
            with prepared_cursor() as cursor:
                steps_copy(cursor, run.pk, rerun.source.pk, rerun.plan_json())
        after = {"workflow": str(run.workflow_id), "forked_from": str(run.forked_from_id), **rerun.asked}
        audit_record(workspace_id=run.workspace_id, actor=actor, action="run.rerun", target=run, after=after)
        run_enqueue(run.pk)
    run.refresh_from_db()
    return run


def source_run_of(source: Run) -> SourceRun:
    """A run's ledger as the planner reads it."""
    answered = set(
        PausePoint.objects.filter(run_id=source.pk, kind=PauseKind.APPROVAL, consumed_at__isnull=False)
        .values_list("step_key", flat=True)
        .distinct()
    )
    steps = steps_load([source.pk])
    return SourceRun(
        run_id=str(source.pk),
        steps={step.step_key: _source_step(step, step.step_key in answered) for step in steps},
        openings={
            step.step_key: Opening.from_json(step.opening) for step in steps if step.opening is not None
        },
        blocks=_blocks_of(source.version_id),
        roots={"input": source.input, "row": source.row or {}, "vars": {}},
    )


def _source_step(step: Step, answered: bool) -> SourceStep:  # noqa: FBT001
    return SourceStep(
        status=StepStatus(step.status),
        fingerprint=step.fingerprint,
        input_hash=step.input_hash,
        handle=step.handle or None,
        output=step.output,
        error=stored_error(step.error),
        answered=answered,
    )


def _blocks_of(version_id: UUID) -> frozenset[str] | None:
    """The keys of a version's blocks; None when it needs something that is not installed here any more."""
    try:
        return frozenset(compiled_version(version_id).blocks)
    except RunsheetError:
        return None
