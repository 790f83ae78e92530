"""`/workspaces/{id}/tokens/`: keys for programs."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workspaces import selectors
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.api.workspaces import WorkspaceInPathView
from workspaces.services.tokens import token_create, token_revoke
from workspaces.states import Access, Scope


class TokenSerializer(StrictSerializer):
    """A token as it may be shown: its first characters, never the whole."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100)
    scope = serializers.ChoiceField(choices=Scope.choices)
    prefix = serializers.CharField(read_only=True)
    user = serializers.UUIDField(source="user_id", read_only=True)
    username = serializers.CharField(source="user.username", read_only=True)
    created_at = UtcDateTimeField(read_only=True)
    last_used_at = UtcDateTimeField(read_only=True, allow_null=True)
    expires_at = UtcDateTimeField(required=False, allow_null=True)
    revoked_at = UtcDateTimeField(read_only=True, allow_null=True)

    def validate_expires_at(self, value: Any) -> Any:
        """A token that is born dead is a mistake."""
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Give an instant in the future.")
        return value


class FreshTokenSerializer(TokenSerializer):
    """The answer to making a token: the only time `token` is shown."""

    token = serializers.CharField(read_only=True)


class TokensView(WorkspaceInPathView):
    """All tokens of the workspace."""

    requires: ClassVar[dict[str, Access]] = {"GET": "admin", "POST": "admin"}

    @extend_schema(responses=page_of(TokenSerializer), parameters=PAGE_PARAMETERS)
    def get(self, request: WorkspaceRequest, workspace: str) -> Response:
        """Newest first, the revoked ones too."""
        return self.page(
            selectors.tokens_of(request.workspace), TokenSerializer, order=["-created_at", "-id"]
        )

    @extend_schema(request=TokenSerializer, responses={201: FreshTokenSerializer})
    def post(self, request: WorkspaceRequest, workspace: str) -> Response:
        """Make one in your own name. Not idempotent: the plaintext is kept nowhere to answer it again."""
        data = self.body(TokenSerializer)
        scope = Scope(data.pop("scope"))
        token, plaintext = token_create(
            membership=request.membership, scope=scope, actor=request.actor, **data
        )
        shown = {**TokenSerializer(token).data, "token": plaintext}
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})


class TokenView(WorkspaceInPathView):
    """One token."""

    requires: ClassVar[dict[str, Access]] = {"DELETE": "admin"}

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, workspace: str, token: UUID) -> Response:
        """Revoke it, for good; again is fine."""
        token_revoke(token=self.one(selectors.tokens_of(request.workspace), pk=token), actor=request.actor)
        return Response(status=204)
