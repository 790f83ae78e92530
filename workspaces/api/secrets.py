"""`/secrets/`: values go in; names, versions and dates come out."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workspaces import selectors
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.services.secrets import LONGEST_VALUE, secret_delete, secret_set
from workspaces.states import Access


class SecretSerializer(StrictSerializer):
    """A secret without its value, which can only be written."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100)
    value = serializers.CharField(write_only=True, max_length=LONGEST_VALUE, trim_whitespace=False)
    version = serializers.IntegerField(read_only=True)
    created_at = UtcDateTimeField(read_only=True)
    updated_at = UtcDateTimeField(read_only=True)


class SecretsView(WorkspaceAPIView):
    """All secrets of the workspace."""

    requires: ClassVar[dict[str, Access]] = {"POST": "admin"}

    @extend_schema(responses=page_of(SecretSerializer), parameters=PAGE_PARAMETERS)
    def get(self, request: WorkspaceRequest) -> Response:
        """By name."""
        return self.page(selectors.secrets_of(request.workspace), SecretSerializer, order=["name"])

    @extend_schema(request=SecretSerializer, responses={200: SecretSerializer, 201: SecretSerializer})
    def post(self, request: WorkspaceRequest) -> Response:
        """Store a value: 201 under a new name, 200 in place of the old one."""
        data = self.body(SecretSerializer)
        secret, created = secret_set(workspace=request.workspace, actor=request.actor, **data)
        return Response(SecretSerializer(secret).data, status=201 if created else 200)


class SecretView(WorkspaceAPIView):
    """One secret, by name."""

    requires: ClassVar[dict[str, Access]] = {"DELETE": "admin"}

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, name: str) -> Response:
        """Delete it; workflows that name it fail from now on, saying so."""
        secret_delete(
            secret=self.one(selectors.secrets_of(request.workspace), name=name), actor=request.actor
        )
        return Response(status=204)
