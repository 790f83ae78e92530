"""`/runs/`: starting, watching and stopping runs."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import connection
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from workflows import selectors
from workflows.api.serializers import (
    RunFilterSerializer,
    RunSerializer,
    RunStartSerializer,
    RunSummarySerializer,
)
from workflows.engine.canonical import digest
from workflows.engine.planner import PlanMode
from workflows.models import Run, Workflow
from workflows.run_filters import runs_filtered
from workflows.services.reruns import SOURCE_VERSION, Asked, Rerun, rerun_plan, rerun_start, source_of
from workflows.services.runs import run_cancel, run_known, run_start
from workflows.services.versions import version_for_ref
from workflows.states import TERMINAL, RunStatus
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import HEADER, LONGEST_KEY
from workspaces.api.schema import IDEMPOTENCY_KEY
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.errors import Invalid
from workspaces.states import Access

SETTLED: Final = TERMINAL | {RunStatus.PAUSED, RunStatus.NEEDS_DECISION}
"""Nothing more will come of waiting: the run has ended, or waits for a person."""


FORKS: Final = frozenset({"start_block", "source_run", "stop_after"})
"""Any of these makes a request a rerun."""

RERUN_FIELDS: Final = ("ref", "start_block", "source_run", "mode", "stop_after")
"""What a repetition of a rerun must say again."""


class WorkflowRunsView(WorkspaceAPIView):
    """Runs of one workflow."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        request=RunStartSerializer,
        responses={200: RunSerializer, 202: RunSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Start one: 202, or 200 when it finished within `wait_seconds`. A key seen before answers its run.

        With `start_block`, `source_run` or `stop_after` it is a rerun; with `dry_run` nothing starts, and the plan is
        the answer.
        """
        found = selectors.workflow_of(request.workspace.pk, workflow)
        data = self.body(RunStartSerializer)
        if data["dry_run"] or FORKS & data.keys():
            run = _rerun(request, found, data)
            if run is None:
                return Response(_plan(request, found, data).plan.as_json())
        else:
            run, _ = run_start(
                workflow=found,
                version=version_for_ref(found, data["ref"], request.actor),
                input=data.get("input", {}),
                row=data.get("row"),
                actor=request.actor,
                idempotency_key=_key_of(request),
            )
        finished = _wait(run.pk, data["wait_seconds"])
        shown = RunSerializer(selectors.run_of(request.workspace.pk, run.pk)).data
        return Response(shown, status=200 if finished else 202)


class RunsView(WorkspaceAPIView):
    """All runs of the workspace."""

    @extend_schema(
        operation_id="runs_list",
        responses=page_of(RunSummarySerializer),
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("workflow", UUID, description="Only runs of this workflow."),
            OpenApiParameter("table", UUID, description="Only runs of cells of this table."),
            OpenApiParameter("dispatch", UUID, description="Only the last runs of cells that it ran."),
            OpenApiParameter("status", str, enum=[str(status) for status in RunStatus]),
        ],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Newest first, without input and result."""
        runs = runs_filtered(selectors.runs_of(request.workspace.pk), self.query(RunFilterSerializer))
        return self.page(runs, RunSummarySerializer, order=["-id"])


class RunView(WorkspaceAPIView):
    """One run."""

    @extend_schema(responses=RunSerializer)
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Whole."""
        return Response(RunSerializer(selectors.run_of(request.workspace.pk, run)).data)


class RunCancelView(WorkspaceAPIView):
    """Stopping one run."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=None, responses=RunSerializer)
    def post(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Cancel it; 200 also when it is cancelled already, 409 when it ended otherwise."""
        found = selectors.run_of(request.workspace.pk, run)
        run_cancel(run=found, actor=request.actor)
        return Response(RunSerializer(selectors.run_of(request.workspace.pk, run)).data)


def _rerun(request: WorkspaceRequest, workflow: Workflow, data: dict[str, Any]) -> Run | None:
    """The forked run, or the one that this key has started; None for a dry run."""
    key = _key_of(request)
    asked: dict[str, Any] = {name: str(data[name]) for name in RERUN_FIELDS if name in data}
    asked["input"] = data.get("input")
    if "row" in data:
        asked["row"] = data["row"]
    if (known := run_known(workflow, key, digest(asked))) is not None:
        return known
    if data["dry_run"]:
        return None
    return rerun_start(
        rerun=_plan(request, workflow, data),
        actor=request.actor,
        idempotency_key=key,
        input_hash=digest(asked),
    )


def _plan(request: WorkspaceRequest, workflow: Workflow, data: dict[str, Any]) -> Rerun:
    """What a rerun as asked for would do, in the version asked for."""
    asked = Asked(
        start=data.get("start_block"),
        mode=PlanMode(data["mode"]),
        stop_after=data.get("stop_after"),
        plan_hash=data.get("plan_hash"),
    )
    forks = asked.start is not None or "source_run" in data
    source = source_of(workflow, data.get("source_run")) if forks else None
    if data["ref"] == SOURCE_VERSION and source is not None:
        version = source.version
    else:
        version = version_for_ref(workflow, data["ref"], request.actor)
    given = {name: data.get(name) for name in ("input", "row")}
    return rerun_plan(workflow=workflow, version=version, source=source, asked=asked, **given)


def _key_of(request: WorkspaceRequest) -> str | None:
    """The request's ``Idempotency-Key``: kept on the run itself, so a repetition gets the run as it is now."""
    key = request.headers.get(HEADER)
    if key is not None and (not key.isprintable() or not 0 < len(key) <= LONGEST_KEY):
        raise Invalid(f"{HEADER} must have 1 to {LONGEST_KEY} printable characters.")
    return key


def _wait(run_id: UUID, seconds: float) -> bool:
    """Whether a run settles within ``seconds`` (25 at most). The connection is given back between two looks."""
    until = time.monotonic() + seconds
    pause = 0.01
    while selectors.run_status(run_id) not in SETTLED:
        left = until - time.monotonic()
        if left <= 0:
            return False
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.25)
    return True
