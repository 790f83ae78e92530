"""Rows with their cells."""

import json
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.tables import TablesAPIView
from tables.engine.coercion import parse_json
from tables.engine.filters import compile_filter
from tables.engine.references import ColumnIndex
from tables.engine.sorting import compile_sort
from tables.engine.types import TableSpec
from tables.engine.values import check_value
from tables.errors import RowNotFound, ValueInvalid
from tables.models import Table
from tables.row_list import Listing, count_rows, rows_after, rows_from, rows_named, text_search
from tables.services.rows import Place, row_delete, row_update, rows_delete, rows_insert
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.pagination import limit_of
from workspaces.errors import Invalid

LARGEST_PAGE = 500
LIST_PARAMETERS = [
    OpenApiParameter(
        "filter", str, description="JSON: {column, op, value}, {group, status}, {all|any: []}, {not}."
    ),
    OpenApiParameter("sort", str, description='`name,-score`, or JSON: [{"column", "direction"}].'),
    OpenApiParameter(
        "view", str, description="A saved view, whose filter and sort apply where none is given."
    ),
    OpenApiParameter("q", str, description="Text that some value contains."),
    OpenApiParameter("fields", str, description="Column ids, keys or names to answer, by comma or as JSON."),
    OpenApiParameter("limit", int, description=f"Rows a page, 1 to {LARGEST_PAGE}."),
    OpenApiParameter("after", str, description="The `next` of the page before."),
    OpenApiParameter("start", int, description="An ordinal instead of `after`; answers `total` too."),
]


class RowsView(TablesAPIView):
    """The rows of a table."""

    @extend_schema(operation_id="tables_rows_list", responses=bodies.RowsAnswer, parameters=LIST_PARAMETERS)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List rows with their cells, by keyset or by ordinal, in a fixed number of queries."""
        stored = self.table(table)
        asked = self.query(bodies.RowsQuery)
        listing = self._listing(stored, asked)
        limit = limit_of(request.query_params.get("limit"), largest=LARGEST_PAGE)
        if "start" not in asked:
            page = rows_after(listing, limit=limit, after=request.query_params.get("after"))
            return Response({"results": page.rows, "next": page.next})
        page = rows_from(listing, limit=limit, start=asked["start"])
        whole = listing.where.sql == "TRUE"
        total, exact = (stored.row_count, True) if whole else count_rows(listing)
        return Response({"results": page.rows, "next": page.next, "total": total, "total_exact": exact})

    @extend_schema(request=bodies.RowsBody, responses={201: bodies.RowAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Create one row (answers it) or several (answers ``{rows: […]}``)."""
        stored = self.table(table)
        data = self.body(bodies.RowsBody)
        rows = [data["data"]] if "data" in data else [row["data"] for row in data["rows"]]
        place = Place(before=data.get("before"), after=data.get("after"))
        ids = rows_insert(table=stored, rows=rows, actor=request.actor, place=place)
        shown = rows_named(selectors.table_spec(stored.pk), ids)
        return Response(shown[0] if "data" in data else {"rows": shown}, status=201)

    @extend_schema(request=bodies.RowIdsBody, responses=bodies.CancelAnswer, operation_id="rows_destroy_many")
    def delete(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Delete rows by id; answers how many there were."""
        rows = self.body(bodies.RowIdsBody)["rows"]
        return Response({"deleted": rows_delete(table=self.table(table), row_ids=rows, actor=request.actor)})

    def _listing(self, table: Table, asked: dict[str, Any]) -> Listing:
        spec = selectors.table_spec(table.pk)
        view = self.one(selectors.views_of(table), pk=asked["view"]) if "view" in asked else None
        filter_ = _json(asked["filter"], "filter") if "filter" in asked else (view.filter if view else None)
        sort = _sort(asked["sort"]) if "sort" in asked else (view.sort if view else None)
        where = compile_filter(filter_, spec.columns)
        if asked.get("q"):
            where = where & text_search(asked["q"])
        return Listing(spec, where, compile_sort(sort, spec.columns), _fields(spec, asked.get("fields")))


class RowView(TablesAPIView):
    """One row."""

    @extend_schema(responses=bodies.RowAnswer)
    def get(self, request: WorkspaceRequest, table: UUID, row: UUID) -> Response:
        """Show a row with its cells."""
        return self._row(self.table(table), row)

    @extend_schema(request=bodies.NewRowBody, responses=bodies.RowAnswer)
    def patch(self, request: WorkspaceRequest, table: UUID, row: UUID) -> Response:
        """Write some of its cells; null empties one."""
        stored = self.table(table)
        row_update(table=stored, row_id=row, data=self.body(bodies.NewRowBody)["data"], actor=request.actor)
        return self._row(stored, row)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, table: UUID, row: UUID) -> Response:
        """Delete a row."""
        row_delete(table=self.table(table), row_id=row, actor=request.actor)
        return Response(status=204)

    def _row(self, table: Table, row_id: UUID) -> Response:
        found = rows_named(selectors.table_spec(table.pk), [row_id])
        if not found:
            raise RowNotFound
        return Response(found[0])


def _json(text: str, name: str) -> Any:
    try:
        value = parse_json(text)
        check_value(value)
        return value
    except ValueInvalid as fault:
        raise Invalid(errors={name: [fault.detail]}) from None


def _sort(text: str) -> Any:
    return (
        _json(text, "sort") if text.lstrip().startswith("[") else [part for part in text.split(",") if part]
    )


def _fields(spec: TableSpec, text: str | None) -> set[str] | None:
    if text is None:
        return None
    named = (
        _json(text, "fields") if text.lstrip().startswith("[") else [part for part in text.split(",") if part]
    )
    index = ColumnIndex(spec.columns)
    keys = set()
    for reference in named if isinstance(named, list) else [named]:
        column = index.find(reference)
        if column is None:
            raise Invalid(
                errors={"fields": [index.unknown(json.dumps(reference) if reference is None else reference)]}
            )
        keys.add(column.key)
    return keys
