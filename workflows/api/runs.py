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
    StepSerializer,
)
from workflows.services.runs import run_cancel, run_start
from workflows.services.versions import version_for_ref
from workflows.states import TERMINAL, RunStatus
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import HEADER, LONGEST_KEY
from workspaces.api.pagination import keyset_page, limit_of
from workspaces.api.schema import IDEMPOTENCY_KEY
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.errors import Invalid
from workspaces.states import Access

SETTLED: Final = TERMINAL | {RunStatus.PAUSED, RunStatus.NEEDS_DECISION}
"""Nothing more will come of waiting: the run has ended, or waits for a person."""

LARGEST_STEPS_PAGE: Final = 100
"""Outputs may be large, so pages of steps are shorter than other pages."""


class WorkflowRunsView(WorkspaceAPIView):
    """Runs of one workflow."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        request=RunStartSerializer,
        responses={200: RunSerializer, 202: RunSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Start one: 202, or 200 when it finished within `wait_seconds`. A key seen before answers its run."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        data = self.body(RunStartSerializer)
        run, _ = run_start(
            workflow=found,
            version=version_for_ref(found, data["ref"], request.actor),
            input=data["input"],
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
            OpenApiParameter("status", str, enum=[str(status) for status in RunStatus]),
        ],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Newest first, without input and result."""
        wanted = {"workflow": "workflow_id"}
        filters = self.query(RunFilterSerializer)
        runs = selectors.runs_of(request.workspace.pk).filter(
            **{wanted.get(name, name): value for name, value in filters.items()}
        )
        return self.page(runs, RunSummarySerializer, order=["-id"])


class RunView(WorkspaceAPIView):
    """One run."""

    @extend_schema(responses=RunSerializer)
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Whole."""
        return Response(RunSerializer(selectors.run_of(request.workspace.pk, run)).data)


class RunStepsView(WorkspaceAPIView):
    """The ledger of one run."""

    @extend_schema(
        operation_id="runs_steps_list", responses=page_of(StepSerializer), parameters=PAGE_PARAMETERS
    )
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Steps in the order they finished, each with its attempts."""
        found = selectors.run_of(request.workspace.pk, run)
        query = request.query_params
        limit = limit_of(query.get("limit"), largest=LARGEST_STEPS_PAGE)
        steps = selectors.steps_of(found)
        page = keyset_page(steps, order=["seq", "step_key"], limit=limit, after=query.get("after"))
        attempts = selectors.attempts_of(found.pk, [step.step_key for step in page.rows])
        shown = [{**vars(step), "attempts": attempts.get(step.step_key, [])} for step in page.rows]
        answer: dict[str, Any] = {"results": StepSerializer(shown, many=True).data, "next": page.next}
        if query.get("count") in {"1", "true"}:
            answer["count"] = steps.count()
        return Response(answer)


class RunCancelView(WorkspaceAPIView):
    """Stopping one run."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=None, responses=RunSerializer)
    def post(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Cancel it; 200 also when it is cancelled already, 409 when it ended otherwise."""
        found = selectors.run_of(request.workspace.pk, run)
        run_cancel(run=found, actor=request.actor)
        return Response(RunSerializer(selectors.run_of(request.workspace.pk, run)).data)


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
