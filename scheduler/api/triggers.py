"""`/triggers/`: making, changing, switching and deleting triggers (`scheduler.md` sections 6 and 8)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from scheduler import selectors
from scheduler.api.serializers import (
    TriggerBody,
    TriggerChange,
    TriggerCopyBody,
    TriggerFilter,
    TriggerSerializer,
    TriggerSummarySerializer,
)
from scheduler.errors import RevisionStale
from scheduler.models import Trigger
from scheduler.services.triggers import (
    trigger_create,
    trigger_delete,
    trigger_disable,
    trigger_duplicate,
    trigger_enable,
    trigger_update,
)
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.states import Role

LARGEST_PAGE: Final = 100

IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `schedule_revision` last seen; 412 when the schedule has changed since.",
)


class TriggersAPIView(WorkspaceAPIView):
    """The base of every view below a trigger."""

    def trigger(self, trigger: UUID) -> Trigger:
        """The trigger of this workspace. Raises ``TriggerNotFound``."""
        return selectors.trigger_of(self.request.workspace.pk, trigger)

    def role(self) -> Role:
        """The caller's role here; services judge by it whose trigger may be changed or started."""
        return Role(self.request.membership.role)

    def shown(self, trigger: Trigger, status: int = 200) -> Response:
        """The trigger, whole, as it is now."""
        return Response(TriggerSerializer(self.trigger(trigger.pk)).data, status=status)


class TriggersView(TriggersAPIView):
    """The triggers of the workspace."""

    @extend_schema(
        operation_id="triggers_list",
        responses=page_of(TriggerSummarySerializer),
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("table", UUID, description="Only triggers of this table."),
            OpenApiParameter("workflow", UUID, description="Only triggers of this workflow."),
            OpenApiParameter("enabled", bool, description="Only those that are on, or off."),
            OpenApiParameter("ref", str, description="Only triggers that run this ref."),
            OpenApiParameter("q", str, description="Only those whose name or description has these words."),
        ],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Newest first, at most 100 a page, without payloads. Looks at no invocation."""
        wanted = self.query(TriggerFilter)
        triggers = selectors.triggers_of(request.workspace.pk).defer("payload", "message_template")
        if (words := wanted.pop("q", None)) is not None:
            triggers = triggers.filter(Q(name__icontains=words) | Q(description__icontains=words))
        return self.page(
            triggers.filter(**wanted), TriggerSummarySerializer, order=["-id"], largest=LARGEST_PAGE
        )

    @extend_schema(request=TriggerBody, responses={201: TriggerSerializer})
    @idempotent
    def post(self, request: WorkspaceRequest) -> Response:
        """Make one; it is on unless `enabled` is false, and runs as the caller unless an admin says otherwise."""
        data = self.body(TriggerBody)
        made = trigger_create(
            workspace=request.workspace, actor=request.actor, membership_role=self.role(), **data
        )
        return self.shown(made, status=201)


class TriggerView(TriggersAPIView):
    """One trigger."""

    @extend_schema(responses=TriggerSerializer)
    def get(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Whole, with its next runs."""
        return Response(TriggerSerializer(self.trigger(trigger)).data)

    @extend_schema(request=TriggerChange, responses=TriggerSerializer, parameters=[IF_MATCH])
    def patch(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Change what is named. A changed schedule begins anew from now, and what waited of it is taken back."""
        found = self.trigger(trigger)
        changes = self.body(TriggerChange, partial=True)
        changed = trigger_update(
            trigger=found,
            actor=request.actor,
            membership_role=self.role(),
            revision=_revision(request.headers.get("If-Match")),
            **changes,
        )
        return self.shown(changed)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Delete it with its invocations; what runs is cancelled."""
        trigger_delete(trigger=self.trigger(trigger), actor=request.actor, membership_role=self.role())
        return Response(status=204)


class TriggerEnableView(TriggersAPIView):
    """Switching on."""

    @extend_schema(request=None, responses=TriggerSerializer)
    def post(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Its next slot lies ahead; those that passed meanwhile stay passed."""
        found = self.trigger(trigger)
        return self.shown(trigger_enable(trigger=found, actor=request.actor, membership_role=self.role()))


class TriggerDisableView(TriggersAPIView):
    """Switching off."""

    @extend_schema(request=None, responses=TriggerSerializer)
    def post(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """What waits of its schedule is taken back, what runs goes on."""
        found = self.trigger(trigger)
        return self.shown(trigger_disable(trigger=found, actor=request.actor, membership_role=self.role()))


class TriggerDuplicateView(TriggersAPIView):
    """Copying."""

    @extend_schema(request=TriggerCopyBody, responses={201: TriggerSerializer})
    @idempotent
    def post(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """A copy of the caller's own, switched off."""
        copy = trigger_duplicate(
            trigger=self.trigger(trigger),
            actor=request.actor,
            membership_role=self.role(),
            **self.body(TriggerCopyBody),
        )
        return self.shown(copy, status=201)


def _revision(header: str | None) -> int | None:
    """The revision of an `If-Match` header, bare or quoted; None for none and for ``*``. Raises ``RevisionStale``."""
    if header is None or header.strip() == "*":
        return None
    written = header.strip().removeprefix("W/").strip('"')
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        raise RevisionStale("If-Match names no revision of a trigger.")
    return int(written)
