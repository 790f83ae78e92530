"""`/workspaces/{id}/audit/`: who did what, newest first."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workspaces import selectors
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.api.workspaces import WorkspaceInPathView
from workspaces.states import Access


class AuditEventSerializer(StrictSerializer):
    """One entry of the audit log."""

    id = serializers.UUIDField()
    action = serializers.CharField()
    actor = serializers.UUIDField(source="actor_id", allow_null=True)
    actor_label = serializers.CharField()
    token = serializers.UUIDField(source="token_id", allow_null=True)
    target_type = serializers.CharField()
    target_id = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    ip = serializers.CharField(allow_null=True)
    request_id = serializers.CharField()
    created_at = UtcDateTimeField()


class AuditQuerySerializer(StrictSerializer):
    """What to narrow the log to."""

    action = serializers.CharField(required=False)
    target_type = serializers.CharField(required=False)
    target_id = serializers.CharField(required=False)
    actor = serializers.UUIDField(required=False, source="actor_id")


class AuditView(WorkspaceInPathView):
    """The audit log; it cannot be written here, nor changed anywhere."""

    requires: ClassVar[dict[str, Access]] = {"GET": "admin"}

    @extend_schema(
        responses=page_of(AuditEventSerializer), parameters=[AuditQuerySerializer, *PAGE_PARAMETERS]
    )
    def get(self, request: WorkspaceRequest, workspace: str) -> Response:
        """Newest first."""
        entries = selectors.audit_of(request.workspace).filter(**self.query(AuditQuerySerializer))
        return self.page(entries, AuditEventSerializer, order=["-created_at", "-id"])
