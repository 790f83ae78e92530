"""`/pauses/`: what runs ask people, and answering it with an account (W20)."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from workflows import selectors
from workflows.api.pause_serializers import AnswerSerializer, PauseFilterSerializer, PauseSerializer
from workflows.services.pauses import pause_answer
from workflows.states import PauseStatus
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.states import Access


class PausesView(WorkspaceAPIView):
    """The workspace's inbox, or all pauses of one run."""

    @extend_schema(
        operation_id="pauses_list",
        responses=page_of(PauseSerializer),
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter(
                "run",
                UUID,
                description="Every pause of this run: timers, sub-runs and approvals, open or not.",
            ),
            OpenApiParameter(
                "status", str, enum=[str(status) for status in PauseStatus], description="By default `open`."
            ),
        ],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Open approvals, newest first; with `run`, everything that run waits or waited for."""
        filters = self.query(PauseFilterSerializer)
        if "run" in filters:
            found = selectors.pauses_of(selectors.run_of(request.workspace.pk, filters["run"]))
        else:
            found = selectors.approvals_of(request.workspace.pk)
            filters.setdefault("status", PauseStatus.OPEN)
        if "status" in filters:
            found = found.filter(status=filters["status"])
        return self.page(found, PauseSerializer, order=["-id"])


class PauseAnswerView(WorkspaceAPIView):
    """Answering one question of a run."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=AnswerSerializer, responses=PauseSerializer)
    def post(self, request: WorkspaceRequest, run: UUID, pause: UUID) -> Response:
        """Approve or reject, once: 409 with the first answer for whoever comes second, 410 when it is over."""
        asked = selectors.approval_of(request.workspace.pk, run, pause)
        answer = self.body(AnswerSerializer)
        by = {"user": str(request.user.pk), "name": request.user.label}
        pause_answer(pause_id=asked.pk, data=answer, by=by, actor=request.actor)
        return Response(PauseSerializer(selectors.approval_of(request.workspace.pk, run, pause)).data)
