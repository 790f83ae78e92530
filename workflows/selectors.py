"""Reads of workflows, runs and workers. Everything a person may see is reached through a workspace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch, QuerySet, Sum
from django.db.models.functions import Now

from workflows.errors import PauseNotFound, RefNotFound, RunNotFound, VersionNotFound, WorkflowNotFound
from workflows.models import Attempt, Instance, PausePoint, Run, Step, Workflow, WorkflowRef, WorkflowVersion
from workflows.states import PauseKind, PauseStatus


def workflows_of(workspace_id: UUID) -> QuerySet[Workflow]:
    """The living workflows of a workspace, each with its refs, to be ordered and paged by the caller."""
    refs = WorkflowRef.objects.select_related("version").order_by("name")
    living = Workflow.objects.filter(workspace_id=workspace_id, archived_at=None)
    return living.select_related("created_by").prefetch_related(Prefetch("refs", queryset=refs))


def workflow_of(workspace_id: UUID, workflow_id: UUID) -> Workflow:
    """One living workflow of the workspace. Raises ``WorkflowNotFound``."""
    found = workflows_of(workspace_id).select_related("workspace").filter(pk=workflow_id).first()
    if found is None:
        raise WorkflowNotFound
    return found


def versions_of(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """The versions of a workflow, each with the refs that point at it."""
    return workflow.versions.select_related("created_by").prefetch_related("refs")


def version_numbered(workflow: Workflow, number: int) -> WorkflowVersion:
    """One version by its number. Raises ``VersionNotFound``."""
    found = versions_of(workflow).filter(number=number).first()
    if found is None:
        raise VersionNotFound
    return found


def ref_named(workflow: Workflow, name: str) -> WorkflowRef:
    """One stored ref. Raises ``RefNotFound``."""
    found = WorkflowRef.objects.select_related("version").filter(workflow=workflow, name=name).first()
    if found is None:
        raise RefNotFound
    return found


def runs_of(workspace_id: UUID) -> QuerySet[Run]:
    """The runs of a workspace without their large fields, to be filtered, ordered and paged by the caller."""
    return (
        Run.objects.filter(workspace_id=workspace_id)
        .select_related("version", "workflow", "actor")
        .defer("input", "result", "row", "plan", "history", "version__definition", "workflow__draft")
    )


def run_of(workspace_id: UUID, run_id: UUID) -> Run:
    """One run of the workspace, whole. Raises ``RunNotFound``."""
    found = (
        Run.objects.filter(workspace_id=workspace_id, pk=run_id)
        .select_related("version", "workflow", "actor")
        .defer("row", "version__definition", "workflow__draft")
        .first()
    )
    if found is None:
        raise RunNotFound
    return found


def run_status(run_id: UUID) -> str:
    """A run's stored status, and nothing else of it."""
    return Run.objects.values_list("status", flat=True).get(pk=run_id)


def steps_of(run: Run) -> QuerySet[Step]:
    """The steps of a run, to be ordered and paged by the caller."""
    return Step.objects.filter(run=run)


def attempts_of(run_id: UUID, step_keys: Iterable[str]) -> dict[str, list[Attempt]]:
    """The attempts at some steps of a run, oldest first."""
    found: dict[str, list[Attempt]] = {}
    for attempt in Attempt.objects.filter(run_id=run_id, step_key__in=list(step_keys)).order_by("id"):
        found.setdefault(attempt.step_key, []).append(attempt)
    return found


def worker_slots(queue: str) -> int:
    """How many tasks of a queue the living workers can carry together; 1 at least, while none is up yet."""
    silent_since = Now() - timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    living = Instance.objects.filter(stopped_at=None, heartbeat_at__gt=silent_since, queues__contains=[queue])
    return max(1, living.aggregate(slots=Sum("slots"))["slots"] or 0)


def pauses_with_runs() -> QuerySet[PausePoint]:
    """Pauses, each with its run and workflow, without what these hold that is large."""
    return PausePoint.objects.select_related("run__workflow").defer(
        "run__input", "run__result", "run__row", "run__plan", "run__history", "run__workflow__draft"
    )


def approvals_of(workspace_id: UUID) -> QuerySet[PausePoint]:
    """What runs of the workspace ask people, or have asked, to be filtered, ordered and paged by the caller."""
    return pauses_with_runs().filter(workspace_id=workspace_id, kind=PauseKind.APPROVAL)


def pauses_of(run: Run) -> QuerySet[PausePoint]:
    """Everything a run waits or waited for, to be filtered, ordered and paged by the caller."""
    return pauses_with_runs().filter(run=run)


def approval_of(workspace_id: UUID, run_id: UUID, pause_id: UUID) -> PausePoint:
    """One question that this run of the workspace asks people. Raises ``PauseNotFound``."""
    found = approvals_of(workspace_id).filter(run_id=run_id, pk=pause_id).first()
    if found is None:
        raise PauseNotFound
    return found


def approvals_open_count(workspace_id: UUID, most: int) -> int:
    """How many open questions there are, counted up to ``most``: the partial index answers."""
    asked = PausePoint.objects.filter(
        workspace_id=workspace_id, kind=PauseKind.APPROVAL, status=PauseStatus.OPEN
    )
    return asked.order_by()[:most].count()
