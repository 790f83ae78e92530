"""`/workflows/{w}/hooks/` for members, and `/hooks/{h}/` for whoever holds a hook's secret (trust.md 12)."""

from __future__ import annotations

import io
import time
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows import selectors
from workflows.api.hook_throttling import HookThrottle, hook_spend
from workflows.engine.canonical import json_fault
from workflows.engine.webhook_signature import SignedDelivery
from workflows.models import Hook
from workflows.services import hooks
from workspaces.actors import Actor
from workspaces.api.access import WorkspaceRequest
from workspaces.api.parsers import StrictJSONParser
from workspaces.api.schema import ProblemSchema
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.errors import TooLarge
from workspaces.origin import client_ip, request_id

LARGEST_BODY: Final = 1_048_576
LONGEST_OVERLAP: Final = 7 * 86_400
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


class HookSerializer(StrictSerializer):
    """A hook without its secret, which is shown when it is made and never again."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100)
    ref = serializers.CharField(max_length=256, default="live", trim_whitespace=False)
    enabled = serializers.BooleanField(read_only=True)
    path = serializers.SerializerMethodField(help_text="Where senders post to, on this host.")
    created_by = serializers.CharField(source="created_by.label", default=None, read_only=True)
    created_at = UtcDateTimeField(read_only=True)
    last_used_at = UtcDateTimeField(read_only=True, allow_null=True)
    previous_secret_valid_until = UtcDateTimeField(
        source="previous_valid_until", read_only=True, allow_null=True
    )

    def get_path(self, hook: Hook) -> str:
        """The address without its host."""
        return reverse("hook-receive", kwargs={"hook": hook.pk})


class FreshHookSerializer(HookSerializer):
    """The answer to making or rotating a hook: the only time `secret` is shown."""

    secret = serializers.CharField(read_only=True)


class HookChangeSerializer(StrictSerializer):
    """What may change on a hook. One that is not enabled answers 404."""

    name = serializers.CharField(max_length=100, required=False)
    enabled = serializers.BooleanField(required=False)


class HookRotateSerializer(StrictSerializer):
    """How long the secret before stays valid; 0 ends it at once."""

    previous_seconds = serializers.IntegerField(
        min_value=0, max_value=LONGEST_OVERLAP, default=hooks.PREVIOUS_SECONDS
    )


class HookRunSerializer(serializers.Serializer[Any]):
    """The run that the message started."""

    run = serializers.UUIDField()


class HooksView(WorkspaceAPIView):
    """The hooks of a workflow."""

    @extend_schema(
        operation_id="workflows_hooks_list", responses=page_of(HookSerializer), parameters=PAGE_PARAMETERS
    )
    def get(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Newest first, without secrets."""
        return self.page(_hooks(request, workflow), HookSerializer, order=["-id"])

    @extend_schema(request=HookSerializer, responses={201: FreshHookSerializer})
    def post(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Make one. Not idempotent: the secret is kept nowhere to answer it again."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        hook, secret = hooks.hook_create(workflow=found, actor=request.actor, **self.body(HookSerializer))
        return _with_secret(hook, secret, 201)


class HookView(WorkspaceAPIView):
    """One hook."""

    @extend_schema(request=HookChangeSerializer, responses=HookSerializer)
    def patch(self, request: WorkspaceRequest, workflow: UUID, hook: UUID) -> Response:
        """Rename it, close it or open it again."""
        found = self.one(_hooks(request, workflow), pk=hook)
        changed = hooks.hook_update(hook=found, actor=request.actor, **self.body(HookChangeSerializer))
        return Response(HookSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, workflow: UUID, hook: UUID) -> Response:
        """Delete it for good; senders find nothing from now on."""
        hooks.hook_delete(hook=self.one(_hooks(request, workflow), pk=hook), actor=request.actor)
        return Response(status=204)


class HookRotateView(WorkspaceAPIView):
    """A new secret for a hook."""

    @extend_schema(request=HookRotateSerializer, responses=FreshHookSerializer)
    def post(self, request: WorkspaceRequest, workflow: UUID, hook: UUID) -> Response:
        """The secret before stays valid for a while, so that senders change over without a gap."""
        found = self.one(_hooks(request, workflow), pk=hook)
        rotated, secret = hooks.hook_rotate(
            hook=found, actor=request.actor, now=timezone.now(), **self.body(HookRotateSerializer)
        )
        return _with_secret(rotated, secret, 200)


class HookReceiveView(APIView):
    """Where other systems post. No login, no session and so no CSRF: the signature is all that counts."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (HookThrottle,)
    schema = ProblemSchema()

    @extend_schema(
        operation_id="hooks_receive",
        auth=[],
        request={"application/json": OpenApiTypes.ANY, "text/plain": OpenApiTypes.STR},
        responses={200: HookRunSerializer, 202: HookRunSerializer},
        parameters=[OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True) for name in HEADERS],
    )
    def post(self, request: Request, hook: UUID) -> Response:
        """Start a run with the body as `input.payload`: 202, or 200 when this message came before.

        JSON arrives as what it says, anything else as text. Signed as Standard Webhooks has it; 401 otherwise.
        """
        found = hooks.hook_open(hook)
        delivery = _delivery(request)
        hooks.delivery_verify(found, delivery, now=timezone.now())
        hook_spend(found.pk, now=time.monotonic())
        taken = hooks.delivery_take(
            hook=found,
            delivery=delivery,
            payload=_payload(request.content_type or "", delivery.body),
            actor=Actor(
                user_id=None, label=f"hook {found.name}", ip=client_ip(request), request_id=request_id()
            ),
        )
        return Response({"run": taken.run_id}, status=202 if taken.first else 200)


def _hooks(request: WorkspaceRequest, workflow: UUID) -> QuerySet[Hook]:
    found = selectors.workflow_of(request.workspace.pk, workflow)
    return Hook.objects.filter(workflow=found).select_related("created_by")


def _with_secret(hook: Hook, secret: str, status: int) -> Response:
    shown = {**HookSerializer(hook).data, "secret": secret}
    return Response(shown, status=status, headers={"Cache-Control": "no-store"})


def _delivery(request: Request) -> SignedDelivery:
    """Byte by byte as it was signed. Read from Django's request: DRF's stream ignores bodies sent in chunks."""
    body: bytes = request._request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"A delivery may have at most {LARGEST_BODY:,} bytes.", max_bytes=LARGEST_BODY)
    message_id, timestamp, signatures = (request.headers.get(name, "") for name in HEADERS)
    return SignedDelivery(message_id, timestamp, signatures, body)


def _payload(content_type: str, body: bytes) -> Any:
    """JSON for JSON types, text for any other. Raises ``ParseError`` for what could not be stored."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return StrictJSONParser().parse(io.BytesIO(body))
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise ParseError(f"The body is neither JSON nor UTF-8 text: byte {fault.start}.") from fault
    if (refused := json_fault(text)) is not None:
        raise ParseError(f"The body cannot be stored: {refused[1]}.")
    return text
