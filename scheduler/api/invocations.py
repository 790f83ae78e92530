"""`/invocations/`: each firing, and starting or stopping one by hand (`scheduler.md` sections 6 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from scheduler import selectors
from scheduler.api.invocation_serializers import (
    BackfillBody,
    BackfilledSerializer,
    InvocationFilter,
    InvocationRerunBody,
    InvocationSerializer,
    InvocationSummarySerializer,
    RunNowBody,
    StartedSerializer,
)
from scheduler.api.triggers import TriggersAPIView
from scheduler.models import Invocation
from scheduler.services.backfilling import trigger_backfill
from scheduler.services.cancelling import invocation_cancel
from scheduler.services.starting import Started, invocation_rerun, trigger_run
from scheduler.states import InvocationStatus, OverlapPolicy, Source
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import HEADER, REPLAYED, idempotent
from workspaces.api.schema import IDEMPOTENCY_KEY
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.errors import Invalid
from workspaces.states import Access

LONGEST_KEY: Final = 128

PAGE: Final = page_of(InvocationSummarySerializer)

FILTERS: Final = [
    OpenApiParameter("status", str, enum=[str(status) for status in InvocationStatus]),
    OpenApiParameter("source", str, enum=[str(source) for source in Source]),
    OpenApiParameter("from", str, description="Slots from this instant on."),
    OpenApiParameter("to", str, description="Slots up to this instant."),
]


class TriggerInvocationsView(TriggersAPIView):
    """The invocations of one trigger."""

    @extend_schema(
        operation_id="triggers_invocations_list",
        responses=PAGE,
        parameters=[*PAGE_PARAMETERS, *FILTERS],
    )
    def get(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """The latest slot first."""
        found = self.trigger(trigger)
        invocations = selectors.invocations_of(request.workspace.pk).filter(trigger=found)
        narrowed = _narrowed(invocations, self.query(InvocationFilter))
        return self.page(narrowed, InvocationSummarySerializer, order=["-scheduled_for", "-id"])


class InvocationsView(TriggersAPIView):
    """All invocations of the workspace."""

    @extend_schema(
        operation_id="invocations_list",
        responses=PAGE,
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("trigger", UUID, description="Only those of this trigger."),
            *FILTERS,
        ],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """The newest first."""
        invocations = selectors.invocations_of(request.workspace.pk)
        narrowed = _narrowed(invocations, self.query(InvocationFilter))
        return self.page(narrowed, InvocationSummarySerializer, order=["-id"])


class InvocationView(TriggersAPIView):
    """One invocation."""

    @extend_schema(responses=InvocationSerializer)
    def get(self, request: WorkspaceRequest, invocation: UUID) -> Response:
        """Whole."""
        found = selectors.invocation_of(request.workspace.pk, invocation)
        return Response(InvocationSerializer(found).data)


class InvocationCancelView(TriggersAPIView):
    """Cancelling one invocation."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=None, responses=InvocationSerializer)
    def post(self, request: WorkspaceRequest, invocation: UUID) -> Response:
        """It and what it started; 200 also when it is cancelled already, 409 when it ended otherwise."""
        found = selectors.invocation_of(request.workspace.pk, invocation)
        invocation_cancel(invocation=found, actor=request.actor)
        shown = selectors.invocation_of(request.workspace.pk, invocation)
        return Response(InvocationSerializer(shown).data)


class InvocationRerunView(TriggersAPIView):
    """Doing one invocation once more."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        request=InvocationRerunBody,
        responses={200: StartedSerializer, 202: StartedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: WorkspaceRequest, invocation: UUID) -> Response:
        """For the same instant, as its trigger is now: 202, or 200 with what an earlier request started."""
        found = selectors.invocation_of(request.workspace.pk, invocation)
        started = invocation_rerun(
            invocation=found,
            actor=request.actor,
            membership_role=self.role(),
            idempotency_key=_key_of(request),
            **self.body(InvocationRerunBody),
        )
        return _started(request, started)


class TriggerRunView(TriggersAPIView):
    """Running a trigger now."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        request=RunNowBody,
        responses={200: StartedSerializer, 202: StartedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Its schedule stays as it is: 202, or 200 with what an earlier request or click started."""
        started = trigger_run(
            trigger=self.trigger(trigger),
            actor=request.actor,
            membership_role=self.role(),
            idempotency_key=_key_of(request),
            **self.body(RunNowBody),
        )
        return _started(request, started)


class TriggerBackfillView(TriggersAPIView):
    """Running slots that have passed."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=BackfillBody, responses={200: BackfilledSerializer, 202: BackfilledSerializer})
    @idempotent
    def post(self, request: WorkspaceRequest, trigger: UUID) -> Response:
        """Each slot once, whoever asks how often: 202, or 200 for a dry run, which starts nothing."""
        data = self.body(BackfillBody)
        overlap = OverlapPolicy(data.pop("overlap")) if "overlap" in data else None
        done = trigger_backfill(
            trigger=self.trigger(trigger),
            actor=request.actor,
            membership_role=self.role(),
            overlap=overlap,
            **data,
        )
        shown = {
            "count": done.count,
            "existing": done.existing,
            "on_schedule": done.on_schedule,
            "slots": done.slots,
            "invocations": [invocation.pk for invocation in done.made],
        }
        return Response(BackfilledSerializer(shown).data, status=200 if data["dry_run"] else 202)


def _narrowed(invocations: QuerySet[Invocation], wanted: Mapping[str, Any]) -> QuerySet[Invocation]:
    lookups = {"from": "scheduled_for__gte", "to": "scheduled_for__lte"}
    return invocations.filter(**{lookups.get(name, name): value for name, value in wanted.items()})


def _key_of(request: WorkspaceRequest) -> str | None:
    """The request's ``Idempotency-Key``: kept on the invocation, so a repetition gets it as it is now."""
    key = request.headers.get(HEADER)
    if key is not None and not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise Invalid(f"{HEADER} must have 1 to {LONGEST_KEY} printable ASCII characters.")
    return key


def _started(request: WorkspaceRequest, started: Started) -> Response:
    shown = selectors.invocation_of(request.workspace.pk, started.invocation.pk)
    body = {**InvocationSerializer(shown).data, "deduplicated": started.deduplicated}
    is_new = not (started.replayed or started.deduplicated)
    headers = {REPLAYED: "true"} if started.replayed else {}
    return Response(body, status=202 if is_new else 200, headers=headers)
