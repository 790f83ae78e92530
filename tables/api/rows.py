"""Rows with their cells."""

from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tables.api import serializers as bodies
from tables.api.bulk import bulk_delete_answer, bulk_update_answer, is_bulk
from tables.api.bulk_bodies import RowsChangeBodies, RowsChosenBodies
from tables.api.import_bodies import JobAnswer
from tables.api.listing import LARGEST_PAGE, LIST_PARAMETERS, listing_asked
from tables.api.row_bodies import (
    RowsDeleteBody,
    RowsDeletedAnswer,
    RowsEditBody,
    RowsEditedAnswer,
    RowsUpsertBody,
    RowsUpsertedAnswer,
)
from tables.api.tables import TablesAPIView
from tables.engine.upserting import UpsertMode
from tables.errors import RowNotFound
from tables.models import Table
from tables.row_list import rows_after, rows_from
from tables.row_search import page_total
from tables.services.foretelling import page_foretell, rows_show
from tables.services.placing import Place
from tables.services.rows import (
    row_delete,
    row_update,
    rows_delete,
    rows_delete_unchanged,
    rows_insert,
    rows_update,
)
from tables.services.upserting import rows_upsert_by
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.pagination import limit_of


class RowsView(TablesAPIView):
    """The rows of a table."""

    @extend_schema(operation_id="tables_rows_list", responses=bodies.RowsAnswer, parameters=LIST_PARAMETERS)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List rows with their cells, by keyset or by ordinal, in a fixed number of queries."""
        stored = self.table(table)
        asked = self.query(bodies.RowsQuery)
        listing = listing_asked(self, stored, asked)
        limit = limit_of(request.query_params.get("limit"), largest=LARGEST_PAGE)
        if "start" not in asked:
            page = rows_after(listing, limit=limit, after=request.query_params.get("after"))
            return Response({"results": page_foretell(listing.spec, page).rows, "next": page.next})
        page = rows_from(listing, limit=limit, start=asked["start"], row_count=stored.row_count)
        total, exact = page_total(listing, page, asked["start"], stored.row_count)
        shown = page_foretell(listing.spec, page).rows
        return Response({"results": shown, "next": page.next, "total": total, "total_exact": exact})

    @extend_schema(request=bodies.RowsBody, responses={201: bodies.RowAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Create one row (answers it) or several (answers ``{rows: […]}``)."""
        stored = self.table(table)
        data = self.body(bodies.RowsBody)
        rows = [data["data"]] if "data" in data else [row["data"] for row in data["rows"]]
        place = Place(before=data.get("before"), after=data.get("after"))
        ids = rows_insert(table=stored, rows=rows, actor=request.actor, place=place)
        shown = rows_show(stored.pk, ids)
        return Response(shown[0] if "data" in data else {"rows": shown}, status=201)

    @extend_schema(
        request=RowsChangeBodies,
        responses={200: RowsEditedAnswer, 202: JobAnswer},
        operation_id="tables_rows_partial_update_many",
    )
    @idempotent
    def patch(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Write some cells of several rows, all of them or none; answers the rows as they are now.

        A row that no longer holds what is ``expected`` of it is left alone, and named as skipped. Rows chosen by a
        filter or a range are all given the same values by a job: 202 with it.
        """
        stored = self.table(table)
        if is_bulk(request.data):
            return bulk_update_answer(self, stored)
        asked = self.body(RowsEditBody)["rows"]
        done = rows_update(
            table=stored,
            rows=[(row["id"], row["data"]) for row in asked],
            actor=request.actor,
            expected={row["id"]: row["expected"] for row in asked if "expected" in row},
        )
        shown = {row["id"]: row for row in rows_show(stored.pk, [row["id"] for row in asked])}
        return Response(
            {
                "rows": [shown[str(row["id"])] for row in asked if str(row["id"]) in shown],
                "changed": [str(row) for row in done.changed],
                "skipped": [str(row) for row in done.skipped],
            }
        )

    @extend_schema(
        request=RowsChosenBodies,
        responses={200: RowsDeletedAnswer, 202: JobAnswer},
        operation_id="rows_destroy_many",
    )
    @idempotent
    def delete(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Delete rows by id; answers how many there were. By a filter or a range, a job does it: 202 with it.

        ``only_unchanged`` keeps, and names, those that were edited since they were made or have a cell's record.
        """
        stored = self.table(table)
        if is_bulk(request.data):
            return bulk_delete_answer(self, stored)
        asked = self.body(RowsDeleteBody)
        if not asked["only_unchanged"]:
            deleted = rows_delete(table=stored, row_ids=asked["rows"], actor=request.actor)
            return Response({"deleted": deleted})
        done = rows_delete_unchanged(table=stored, row_ids=asked["rows"], actor=request.actor)
        return Response({"deleted": len(done.deleted), "kept": [str(row) for row in done.kept]})


class RowsUpsertView(TablesAPIView):
    """Rows known again by a key."""

    @extend_schema(request=RowsUpsertBody, responses=RowsUpsertedAnswer)
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Insert rows, or write over those that have the same value in the key column; all of them or none."""
        stored = self.table(table)
        data = self.body(RowsUpsertBody)
        done = rows_upsert_by(
            table=stored,
            rows=[row["data"] for row in data["rows"]],
            key=data["key"],
            mode=UpsertMode(data["mode"]),
            actor=request.actor,
        )
        return Response({**asdict(done), "ids": [None if row is None else str(row) for row in done.ids]})


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
        found = rows_show(table.pk, [row_id])
        if not found:
            raise RowNotFound
        return Response(found[0])
