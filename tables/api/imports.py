"""Imports and jobs."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from tables import selectors
from tables.api import import_bodies as bodies
from tables.api.tables import TablesAPIView
from tables.engine.coercion import parse_json
from tables.engine.values import check_value
from tables.errors import ValueInvalid
from tables.models import Job
from tables.services.import_files import Reading
from tables.services.import_modes import ImportMode
from tables.services.imports import Handling, import_as_table, import_preview, import_start
from tables.services.job_events import job_json
from tables.services.jobs import IMPORT, job_cancel
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.views import PAGE_PARAMETERS
from workspaces.errors import Invalid, NotFound
from workspaces.states import Access


class ImportsView(TablesAPIView):
    """Imports into a table."""

    parser_classes = (MultiPartParser,)

    @extend_schema(responses=bodies.JobPage, parameters=PAGE_PARAMETERS)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List the table's imports, the newest first."""
        imports = Job.objects.filter(table=self.table(table), kind=IMPORT)
        return self.listed(imports, job_json, order=["-id"])

    @extend_schema(request={"multipart/form-data": bodies.ImportBody}, responses={202: bodies.JobAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Write the rows of a CSV, TSV or XLSX file into the table; 202 with the job."""
        stored = self.table(table)
        data = self.body(bodies.ImportBody)
        job = import_start(
            table=stored,
            upload=data["file"],
            reading=_reading(data),
            mapping=_mapping(data.get("mapping")),
            handling=Handling(ImportMode(data["mode"]), data.get("key"), data["blanks"]),
            actor=request.actor,
        )
        return Response(job_json(job), status=202)


class PreviewView(TablesAPIView):
    """A look into a file."""

    requires: ClassVar[dict[str, Access]] = {"POST": "write"}
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": bodies.UploadBody}, responses=bodies.PreviewAnswer)
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Tell what the file is, its columns with inferred types, first rows, and a mapping; keeps nothing."""
        stored = self.table(table)
        data = self.body(bodies.UploadBody)
        return Response(
            import_preview(
                table=stored,
                upload=data["file"],
                reading=_reading(data),
                mapping=_mapping(data.get("mapping")),
            )
        )


class NewTableImportView(TablesAPIView):
    """A file that becomes a table."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": bodies.NewTableImportBody}, responses={202: bodies.JobAnswer}
    )
    @idempotent
    def post(self, request: WorkspaceRequest) -> Response:
        """Make a table with the file's columns and write its rows into it; 202 with the job, which names the table."""
        data = self.body(bodies.NewTableImportBody)
        job = import_as_table(
            workspace=request.workspace,
            name=data["name"],
            upload=data["file"],
            reading=_reading(data),
            mapping=_mapping(data.get("mapping")),
            actor=request.actor,
        )
        return Response(job_json(job), status=202)


class NewTablePreviewView(TablesAPIView):
    """A look into a file that is to become a table."""

    requires: ClassVar[dict[str, Access]] = {"POST": "write"}
    parser_classes = (MultiPartParser,)

    @extend_schema(request={"multipart/form-data": bodies.UploadBody}, responses=bodies.PreviewAnswer)
    def post(self, request: WorkspaceRequest) -> Response:
        """Tell what the file is, its columns with inferred types and its first rows; keeps nothing."""
        data = self.body(bodies.UploadBody)
        mapping = _mapping(data.get("mapping"))
        return Response(
            import_preview(table=None, upload=data["file"], reading=_reading(data), mapping=mapping)
        )


class JobView(TablesAPIView):
    """One job."""

    @extend_schema(responses=bodies.JobAnswer)
    def get(self, request: WorkspaceRequest, job: UUID) -> Response:
        """Show a job with its progress."""
        return Response(job_json(self.one(selectors.jobs_of(request.workspace.pk), pk=job)))


class JobCancelView(TablesAPIView):
    """Ending a job."""

    @extend_schema(request=None, responses=bodies.JobAnswer)
    def post(self, request: WorkspaceRequest, job: UUID) -> Response:
        """Cancel a job; what it has committed stays."""
        stored = self.one(selectors.jobs_of(request.workspace.pk).select_related("table"), pk=job)
        return Response(job_json(job_cancel(job=stored, actor=request.actor)))


class RejectsView(TablesAPIView):
    """The rows an import refused."""

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: WorkspaceRequest, job: UUID) -> FileResponse:
        """Download the refused rows as CSV: line, reason, then the row as it was."""
        stored = self.one(selectors.jobs_of(request.workspace.pk), pk=job)
        if not stored.rejects:
            raise NotFound("This job refused no rows.")
        answer = FileResponse(
            stored.rejects.open("rb"),
            as_attachment=True,
            filename=f"rejects-{stored.pk}.csv",
            content_type="text/csv",
        )
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def _reading(data: dict[str, Any]) -> Reading:
    return Reading(data.get("encoding"), data.get("delimiter"), data["has_header"], data.get("sheet"))


def _mapping(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        mapping = parse_json(text)
        check_value(mapping)
    except ValueInvalid as fault:
        raise Invalid(errors={"mapping": [fault.detail]}) from None
    if not isinstance(mapping, dict):
        raise Invalid(errors={"mapping": ["Give an object: {header: column, null, or {name, type}}."]})
    return mapping
