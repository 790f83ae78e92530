"""Exports: a table, or what a view shows of it, as a file."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from tables.api.listing import LIST_PARAMETERS, listing_asked, view_asked
from tables.api.tables import TablesAPIView
from tables.models import Table, View
from tables.row_list import Listing
from tables.services.export_formats import ExportFormat
from tables.services.exporting import AsyncExportStream, Export, ExportStream, export_check, export_stream
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer

EXPORT_PARAMETERS = [
    OpenApiParameter(
        "format", str, enum=[each.value for each in ExportFormat], description="csv by default."
    ),
    *(each for each in LIST_PARAMETERS if each.name in {"filter", "sort", "view", "q", "fields"}),
    OpenApiParameter("status_columns", bool, description="Status and error of each workflow group too."),
    OpenApiParameter(
        "formulas",
        str,
        enum=["neutralise", "keep"],
        description="`neutralise` puts an apostrophe before texts that a spreadsheet would run.",
    ),
    OpenApiParameter("bom", bool, description="Begin a CSV with a byte order mark, for Excel."),
]


class ExportQuery(StrictSerializer):
    """What to export, and how; ``filter`` and ``sort`` as for a list."""

    format = serializers.ChoiceField([each.value for each in ExportFormat], default=ExportFormat.CSV.value)
    filter = serializers.CharField(required=False)
    sort = serializers.CharField(required=False)
    view = serializers.UUIDField(required=False)
    q = serializers.CharField(required=False, max_length=500)
    fields = serializers.CharField(required=False)  # type: ignore[assignment]  # the parameter's name in api.md
    status_columns = serializers.BooleanField(default=False)
    formulas = serializers.ChoiceField(["neutralise", "keep"], default="neutralise")
    bom = serializers.BooleanField(default=False)


class _AnyAnswer(BaseContentNegotiation):
    """The query says what is answered, whatever a browser accepts; problems are JSON as everywhere."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """The only one."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only one."""
        only = next(iter(renderers))
        return only, only.media_type


class ExportView(TablesAPIView):
    """A table as a file."""

    content_negotiation_class = _AnyAnswer

    @extend_schema(
        parameters=EXPORT_PARAMETERS,
        responses={(200, each.content_type.partition(";")[0]): OpenApiTypes.BINARY for each in ExportFormat},
    )
    def get(self, request: WorkspaceRequest, table: UUID) -> HttpResponseBase:
        """Download the rows of a list as CSV, XLSX or JSON lines, in its order, as they are at one moment.

        Of a view, its filter, its sort and the columns it shows, where nothing else is asked for. Texts that a
        spreadsheet would take for formulas begin with an apostrophe in CSV and XLSX, and keep it when the file is
        imported again: `formulas=keep` and `jsonl` leave every value as it is.
        """
        stored = self.table(table)
        asked = self.query(ExportQuery)
        export = export_asked(
            stored, listing_asked(self, stored, asked), view_asked(self, stored, asked), asked
        )
        answer: HttpResponseBase
        if request.method == "HEAD":
            export_check(export)
            answer = HttpResponse()
        elif isinstance(request._request, ASGIRequest):
            answer = StreamingHttpResponse(export_stream(export, AsyncExportStream))
        else:
            answer = StreamingHttpResponse(export_stream(export, ExportStream))
        for name, value in _headers(export).items():
            answer[name] = value
        return answer


def export_asked(table: Table, listing: Listing, view: View | None, asked: Mapping[str, Any]) -> Export:
    """The export that ``format``, ``formulas``, ``bom`` and ``status_columns`` ask for, of a listing by a view."""
    if listing.fields is None and view is not None:
        hidden = {str(each) for each in view.layout.get("hidden", ())}
        shown = {c.key for c in listing.spec.columns if not hidden & {str(c.id), c.key}}
        listing = Listing(listing.spec, listing.where, listing.sort, shown)
    return Export(
        listing,
        table.name if view is None else f"{table.name} - {view.name}",
        table.row_count,
        ExportFormat(asked["format"]),
        keeps_formulas=asked["formulas"] == "keep",
        has_bom=asked["bom"],
        with_status=asked["status_columns"],
    )


def _headers(export: Export) -> dict[str, str]:
    unsafe = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))
    name = "".join(each if each.isprintable() else "_" for each in export.title).translate(unsafe)
    shown = content_disposition_header(True, f"{name.strip('. ') or 'table'}.{export.format}")
    return {
        "Content-Type": export.format.content_type,
        "Content-Disposition": shown or "attachment",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "X-Accel-Buffering": "no",
    }
