"""`/workflows/`: definitions, their versions and refs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final, TypeVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from workflows import selectors
from workflows.api.serializers import (
    DefinitionSerializer,
    PublishSerializer,
    RefDetailSerializer,
    RefSerializer,
    RefWriteSerializer,
    ValidationSerializer,
    VersionSerializer,
    VersionSummarySerializer,
    WorkflowSerializer,
    WorkflowSummarySerializer,
    WorkflowWriteSerializer,
)
from workflows.errors import WorkflowStale
from workflows.services import definitions, refs
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.states import Access

T = TypeVar("T")

IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="What was read: the workflow's `updated_at`, or the number of the ref's version. 412 if it changed.",
)


class WorkflowsView(WorkspaceAPIView):
    """All workflows of the workspace."""

    @extend_schema(
        operation_id="workflows_list",
        responses=page_of(WorkflowSummarySerializer),
        parameters=PAGE_PARAMETERS,
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """Newest first, without definitions."""
        workflows = selectors.workflows_of(request.workspace.pk).defer("draft")
        return self.page(workflows, WorkflowSummarySerializer, order=["-id"])

    @extend_schema(request=WorkflowWriteSerializer, responses={201: WorkflowSerializer})
    def post(self, request: WorkspaceRequest) -> Response:
        """Make one. An invalid definition is stored too, and its faults are told."""
        data = self.body(WorkflowWriteSerializer)
        made = definitions.workflow_create(workspace=request.workspace, actor=request.actor, **data)
        workflow = selectors.workflow_of(request.workspace.pk, made.pk)
        return Response(WorkflowSerializer(workflow).data, status=201)


class WorkflowView(WorkspaceAPIView):
    """One workflow."""

    requires: ClassVar[dict[str, Access]] = {"DELETE": "admin"}

    @extend_schema(responses=WorkflowSerializer)
    def get(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """With its draft, and the draft's faults."""
        return Response(WorkflowSerializer(selectors.workflow_of(request.workspace.pk, workflow)).data)

    @extend_schema(request=WorkflowWriteSerializer, responses=WorkflowSerializer, parameters=[IF_MATCH])
    def patch(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Change name, description or draft."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        changes = self.body(WorkflowWriteSerializer, partial=True)
        read_at = _matched(request, datetime.fromisoformat)
        definitions.workflow_update(workflow=found, actor=request.actor, unchanged_since=read_at, **changes)
        return Response(WorkflowSerializer(selectors.workflow_of(request.workspace.pk, workflow)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Archive it; refused while workflow groups use it."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        definitions.workflow_archive(workflow=found, actor=request.actor)
        return Response(status=204)


class ValidateView(WorkspaceAPIView):
    """Validation of a draft, or of a definition not yet saved."""

    requires: ClassVar[dict[str, Access]] = {"POST": "read"}

    @extend_schema(request=DefinitionSerializer, responses=ValidationSerializer)
    def post(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Every fault, with its block and field. Nothing is stored."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        definition = self.body(DefinitionSerializer).get("definition", found.draft)
        checked = definitions.definition_check(request.workspace, definition)
        faults = [definitions.fault_json(fault) for fault in checked.faults]
        return Response({"valid": checked.runnable, "faults": faults})


class PublishView(WorkspaceAPIView):
    """Publishing a draft."""

    @extend_schema(request=PublishSerializer, responses=RefSerializer)
    def post(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Freeze the draft into a version and point the ref at it."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        ref = definitions.publish(workflow=found, actor=request.actor, **self.body(PublishSerializer))
        return Response(RefSerializer(ref).data)


class VersionsView(WorkspaceAPIView):
    """The versions of a workflow."""

    @extend_schema(
        operation_id="workflows_versions_list",
        responses=page_of(VersionSummarySerializer),
        parameters=PAGE_PARAMETERS,
    )
    def get(self, request: WorkspaceRequest, workflow: UUID) -> Response:
        """Latest first, without definitions."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        versions = selectors.versions_of(found).defer("definition")
        return self.page(versions, VersionSummarySerializer, order=["-number"])


class VersionView(WorkspaceAPIView):
    """One version."""

    @extend_schema(responses=VersionSerializer)
    def get(self, request: WorkspaceRequest, workflow: UUID, number: int) -> Response:
        """With its definition."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        return Response(VersionSerializer(selectors.version_numbered(found, number)).data)


class RefView(WorkspaceAPIView):
    """One ref of a workflow, by name."""

    @extend_schema(responses=RefDetailSerializer)
    def get(self, request: WorkspaceRequest, workflow: UUID, name: str) -> Response:
        """What it points at, and what would be deleted with it."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        return Response(RefDetailSerializer(selectors.ref_named(found, name)).data)

    @extend_schema(request=RefWriteSerializer, responses=RefSerializer, parameters=[IF_MATCH])
    def put(self, request: WorkspaceRequest, workflow: UUID, name: str) -> Response:
        """Point it at a version that exists; makes the ref if need be."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        refs.name_check(name)
        version = selectors.version_numbered(found, self.body(RefWriteSerializer)["version"])
        ref = refs.ref_set(
            workflow=found,
            name=name,
            version=version,
            actor=request.actor,
            unchanged_from=_matched(request, int),
        )
        return Response(RefSerializer(ref).data)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, workflow: UUID, name: str) -> Response:
        """Take it away with the triggers that run it; refused while a workflow group uses it."""
        found = selectors.workflow_of(request.workspace.pk, workflow)
        refs.ref_delete(workflow=found, name=name, actor=request.actor)
        return Response(status=204)


def _matched(request: WorkspaceRequest, read: Callable[[str], T]) -> T | None:
    """What an `If-Match` header names, bare or quoted; None for none and for ``*``. Raises ``WorkflowStale``."""
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    try:
        return read(header.removeprefix("W/").strip('"'))
    except ValueError:
        raise WorkflowStale("If-Match names nothing that this could have been.") from None
