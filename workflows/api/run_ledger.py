"""`/runs/{run}/steps/`, `events/` and `diff/`: what a run did, in full, and beside another run (W29, W30)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from workflows import selectors
from workflows.api.ledger_serializers import (
    DiffFilterSerializer,
    DiffSerializer,
    EventSerializer,
    StepBriefSerializer,
    StepFilterSerializer,
    StepSerializer,
)
from workflows.engine.feed import Cursor, cursor_read
from workflows.models import PausePoint, Run, Step
from workflows.services.blobs import blob_values
from workflows.services.comparing import step_diff, steps_differing
from workflows.services.history import run_events
from workflows.states import PauseStatus
from workspaces.api.access import WorkspaceRequest
from workspaces.api.pagination import keyset_page, limit_of
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.errors import Invalid

LARGEST_STEPS_PAGE: Final = 100
"""Outputs may be large, so pages of steps are shorter than other pages; those of brief ones are not."""

DEFAULT_EVENTS: Final = 500
LARGEST_EVENTS: Final = 5_000


class RunStepsView(WorkspaceAPIView):
    """The ledger of one run."""

    @extend_schema(
        operation_id="runs_steps_list",
        responses=page_of(StepSerializer),
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("step", str, description="Only the step of this key."),
            OpenApiParameter("brief", bool, description="Without outputs and attempts; pages of up to 500."),
        ],
    )
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Steps in the order they finished, each with its attempts; those still open come first."""
        found = selectors.run_of(request.workspace.pk, run)
        query = request.query_params
        wanted = self.query(StepFilterSerializer)
        brief = wanted["brief"]
        steps = selectors.steps_of(found)
        if "step" in wanted:
            steps = steps.filter(step_key=wanted["step"])
        if brief:
            steps = steps.defer("output")
        limit = limit_of(query.get("limit"), **({} if brief else {"largest": LARGEST_STEPS_PAGE}))
        page = keyset_page(steps, order=["seq", "step_key"], limit=limit, after=query.get("after"))
        shape = StepBriefSerializer if brief else StepSerializer
        shown = _shown(found, page.rows, with_bodies=not brief)
        answer: dict[str, Any] = {"results": shape(shown, many=True).data, "next": page.next}
        if query.get("count") in {"1", "true"}:
            answer["count"] = steps.count()
        return Response(answer)


class RunEventsView(WorkspaceAPIView):
    """The history of one run."""

    @extend_schema(
        operation_id="runs_events_list",
        responses=page_of(EventSerializer),
        parameters=[
            OpenApiParameter("after", str, description="The `seq` of the last event seen."),
            OpenApiParameter(
                "limit", int, description=f"1 to {LARGEST_EVENTS} ({DEFAULT_EVENTS} by default)."
            ),
        ],
    )
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Its events in order. The last `seq` asks later for what has been recorded since."""
        found = selectors.run_of(request.workspace.pk, run)
        query = request.query_params
        limit = limit_of(query.get("limit"), default=DEFAULT_EVENTS, largest=LARGEST_EVENTS)
        events = run_events(found.pk, _cursor(query.get("after")))
        page = _whole_places(events, limit)
        return Response({"results": page, "next": page[-1]["seq"] if len(page) < len(events) else None})


class RunDiffView(WorkspaceAPIView):
    """One run beside another."""

    @extend_schema(
        responses=DiffSerializer,
        parameters=[
            OpenApiParameter("with", UUID, required=True, description="The other run, which came before."),
            OpenApiParameter("step", str, description="The step to compare; without it all are listed."),
        ],
    )
    def get(self, request: WorkspaceRequest, run: UUID) -> Response:
        """What came out differently in this run: of one step in full, else which steps differ."""
        wanted = self.query(DiffFilterSerializer)
        here = selectors.run_of(request.workspace.pk, run)
        other = selectors.run_of(request.workspace.pk, wanted["with"])
        if "step" not in wanted:
            return Response({"steps": steps_differing(other.pk, here.pk)})
        return Response({"step": wanted["step"], **step_diff(other.pk, here.pk, wanted["step"]).as_json()})


def _whole_places(events: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The first events, cut only where ``seq`` changes: those of one place come together."""
    end = min(limit, len(events))
    while 0 < end < len(events) and events[end]["seq"] == events[end - 1]["seq"]:
        end += 1
    return events[:end]


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        return cursor_read(text)
    except ValueError as fault:
        raise Invalid(errors={"after": ["Give the `seq` of an event of this run."]}) from fault


def _shown(run: Run, steps: list[Step], *, with_bodies: bool) -> list[dict[str, Any]]:
    """Steps as the serializers read them: what they wait for, and their bodies wherever those are kept."""
    keys = [step.step_key for step in steps]
    asked = PausePoint.objects.filter(run=run, status=PauseStatus.OPEN, step_key__in=keys)
    waits = {pause.step_key: pause for pause in asked.order_by("round")}
    attempts = selectors.attempts_of(run.pk, keys) if with_bodies else {}
    blobs = blob_values(step.blob_id for step in steps if step.blob_id) if with_bodies else {}
    return [
        {
            **vars(step),
            "attempts": attempts.get(step.step_key, []),
            "waits": waits.get(step.step_key),
            **({"output": blobs.get(step.blob_id)} if with_bodies and step.blob_id else {}),
        }
        for step in steps
    ]
