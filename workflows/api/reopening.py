"""`/runs/{r}/resume/` and `/runs/{r}/decide/`: taking a run up again that stands still (W15, W22)."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workflows import selectors
from workflows.api.serializers import RunSerializer
from workflows.services.decisions import Decision, run_decide
from workflows.services.resuming import MOST_TOGETHER, run_resume, runs_resume
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer
from workspaces.api.views import WorkspaceAPIView
from workspaces.states import Access

LONGEST_EXTENSION_SECONDS = 366 * 86_400
LONGEST_NOTE = 1_000


class ResumeSerializer(StrictSerializer):
    """How a run is resumed: with how much more time, counted from now, and why."""

    extend_deadline_seconds = serializers.FloatField(
        min_value=1, max_value=LONGEST_EXTENSION_SECONDS, required=False
    )
    note = serializers.CharField(max_length=LONGEST_NOTE, default="", allow_blank=True)


class ResumeManySerializer(StrictSerializer):
    """Which runs are resumed together, and why."""

    runs = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_TOGETHER)
    note = serializers.CharField(max_length=LONGEST_NOTE, default="", allow_blank=True)


class ResumedSerializer(serializers.Serializer[object]):
    """What became of each run: `resumed`, or the code of what stood in the way."""

    results = serializers.DictField(child=serializers.CharField())


class DecideSerializer(StrictSerializer):
    """What became of a step whose outcome nobody knows. ``output`` is taken with `done` only."""

    step_key = serializers.CharField(max_length=512)
    decision = serializers.ChoiceField([str(decision) for decision in Decision])
    output = serializers.JSONField(required=False, allow_null=True, default=None)
    note = serializers.CharField(max_length=LONGEST_NOTE, default="", allow_blank=True)


class RunResumeView(WorkspaceAPIView):
    """Resuming one run."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=ResumeSerializer, responses={202: RunSerializer})
    def post(self, request: WorkspaceRequest, run: UUID) -> Response:
        """Take it up at its first unfinished step; finished ones are not executed again."""
        found = selectors.run_of(request.workspace.pk, run)
        data = self.body(ResumeSerializer)
        resumed = run_resume(
            run_id=found.pk,
            actor=request.actor,
            extend_deadline_seconds=data.get("extend_deadline_seconds"),
            note=data["note"],
        )
        return Response(RunSerializer(resumed).data, status=202)


class RunsResumeView(WorkspaceAPIView):
    """Resuming many runs."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        operation_id="runs_resume_many", request=ResumeManySerializer, responses={200: ResumedSerializer}
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Resume each by itself; the answer says of each what became of it. Unknown ones are `run_not_found`."""
        data = self.body(ResumeManySerializer)
        mine = set(
            selectors.runs_of(request.workspace.pk)
            .filter(pk__in=data["runs"])
            .order_by()
            .values_list("pk", flat=True)
        )
        outcomes = runs_resume(
            run_ids=[run for run in data["runs"] if run in mine], actor=request.actor, note=data["note"]
        )
        shown = {str(run): outcomes.get(run, "run_not_found") for run in data["runs"]}
        return Response({"results": shown})


class RunDecideView(WorkspaceAPIView):
    """Deciding what became of an interrupted step."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=DecideSerializer, responses={200: RunSerializer})
    def post(self, request: WorkspaceRequest, run: UUID) -> Response:
        """`done` with an output, `retry`, or `fail`; the run goes on once nothing is undecided."""
        found = selectors.run_of(request.workspace.pk, run)
        data = self.body(DecideSerializer)
        decided = run_decide(
            run_id=found.pk,
            step_key=data["step_key"],
            decision=Decision(data["decision"]),
            output=data["output"],
            note=data["note"],
            actor=request.actor,
        )
        return Response(RunSerializer(decided).data)
