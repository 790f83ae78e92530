"""`/me/` and `/workspaces/{id}/`."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workspaces import selectors
from workspaces.api.access import WorkspaceRequest, membership_of_request, person_of, workspace_named_by
from workspaces.api.authentication import token_of
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import SignedInAPIView, WorkspaceAPIView
from workspaces.models import Membership
from workspaces.models.people import SLUG_LENGTH
from workspaces.services.workspaces import workspace_update
from workspaces.states import Access, Role, Scope


class WorkspaceSerializer(StrictSerializer):
    """A workspace; name and slug may be changed."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=200)
    slug = serializers.CharField(max_length=SLUG_LENGTH)
    created_at = UtcDateTimeField(read_only=True)


class MyWorkspaceSerializer(StrictSerializer):
    """A workspace of the caller, and their role in it."""

    id = serializers.UUIDField(source="workspace.id")
    name = serializers.CharField(source="workspace.name")
    slug = serializers.CharField(source="workspace.slug")
    role = serializers.ChoiceField(choices=Role.choices)


class MeSerializer(StrictSerializer):
    """The caller: who they are, where they are, and where else they could be."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    is_superuser = serializers.BooleanField()
    workspace = MyWorkspaceSerializer(allow_null=True, help_text="The one that requests mean by default.")
    workspaces = MyWorkspaceSerializer(many=True)
    token_scope = serializers.ChoiceField(choices=Scope.choices, allow_null=True)


class MeView(SignedInAPIView):
    """Who am I."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The caller. A token sees its own workspace only; a person without any sees none."""
        user = person_of(request)
        places = selectors.memberships_of(user.pk)
        token = token_of(request)
        if token is not None:
            places = [place for place in places if place.workspace_id == token.workspace_id]
        answer = {
            "id": user.pk,
            "username": user.get_username(),
            "name": user.label,
            "email": user.email,
            "is_superuser": user.is_superuser,
            "workspace": _current(request) if places else None,
            "workspaces": places,
            "token_scope": token.scope if token else None,
        }
        return Response(MeSerializer(answer).data)


def _current(request: Request) -> Membership:
    return membership_of_request(request, workspace_named_by(request))


class WorkspaceInPathView(WorkspaceAPIView):
    """A view whose path names the workspace, by id or slug."""

    def workspace_named(self, request: Request) -> str | None:
        """The path's, whatever header or query say."""
        named: str = self.kwargs["workspace"]
        return named


class WorkspaceView(WorkspaceInPathView):
    """One workspace."""

    requires: ClassVar[dict[str, Access]] = {"PATCH": "admin"}

    @extend_schema(responses=WorkspaceSerializer)
    def get(self, request: WorkspaceRequest, workspace: str) -> Response:
        """The workspace."""
        return Response(WorkspaceSerializer(request.workspace).data)

    @extend_schema(request=WorkspaceSerializer(partial=True), responses=WorkspaceSerializer)
    def patch(self, request: WorkspaceRequest, workspace: str) -> Response:
        """Rename it, or give it another slug."""
        changes: dict[str, Any] = self.body(WorkspaceSerializer, partial=True)
        row = workspace_update(workspace=request.workspace, actor=request.actor, **changes)
        return Response(WorkspaceSerializer(row).data)
