"""Tables, their summary, their layout; and who is working."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.shapes import table_detail_json, table_json
from tables.models import Table
from tables.services.schema import layout_set, table_archive, table_create, table_restore, table_update
from tables.wire import instant
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.pagination import keyset_page, limit_of
from workspaces.api.views import PAGE_PARAMETERS, WorkspaceAPIView, page_of
from workspaces.states import Access

M = TypeVar("M", bound=Model)


class TablesAPIView(WorkspaceAPIView):
    """The base of every view below a table."""

    def table(self, table: UUID) -> Table:
        """The living table of this workspace. Raises ``TableNotFound``."""
        return selectors.table_of(self.request.workspace.pk, table)

    def listed(
        self, queryset: QuerySet[M], shape: Callable[[M], dict[str, Any]], *, order: list[str]
    ) -> Response:
        """One keyset page, shaped by a function."""
        return self.listed_together(queryset, lambda rows: [shape(row) for row in rows], order=order)

    def listed_together(
        self,
        queryset: QuerySet[M],
        shape: Callable[[Sequence[M]], list[dict[str, Any]]],
        *,
        order: list[str],
    ) -> Response:
        """The same, the whole page shaped at once: what each row needs is read together."""
        query = self.request.query_params
        page = keyset_page(
            queryset, order=order, limit=limit_of(query.get("limit")), after=query.get("after")
        )
        answer: dict[str, Any] = {"results": shape(page.rows), "next": page.next}
        if query.get("count") in {"1", "true"}:
            answer["count"] = queryset.count()
        return Response(answer)

    def detail(self, table: Table, status: int = 200) -> Response:
        """The table with columns and groups, as it is now."""
        table.refresh_from_db()
        return Response(table_detail_json(table, selectors.table_spec(table.pk)), status=status)


class TablesView(TablesAPIView):
    """The workspace's tables."""

    @extend_schema(
        operation_id="tables_list", responses=page_of(bodies.TableAnswer), parameters=PAGE_PARAMETERS
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """List living tables by name; ``?archived=true`` lists those put away."""
        archived = request.query_params.get("archived") in {"1", "true"}
        tables = selectors.tables_of(request.workspace.pk, archived=archived)
        return self.listed(tables, table_json, order=["name", "id"])

    @extend_schema(request=bodies.TableBody, responses={201: bodies.TableAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest) -> Response:
        """Make a table with its columns."""
        data = self.body(bodies.TableBody)
        table = table_create(workspace=request.workspace, actor=request.actor, **data)
        return self.detail(table, status=201)


class TableView(TablesAPIView):
    """One table."""

    requires: ClassVar[dict[str, Access]] = {"DELETE": "admin"}

    @extend_schema(responses=bodies.TableAnswer)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Show a table with its columns and workflow groups."""
        return self.detail(self.table(table))

    @extend_schema(request=bodies.TableChange, responses=bodies.TableAnswer)
    def patch(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Change name, description or (admins) locks."""
        data = self.body(bodies.TableChange)
        if "locks" in data:
            self.require("admin")
        return self.detail(table_update(table=self.table(table), actor=request.actor, **data))

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Archive a table; it can be restored."""
        table_archive(table=self.table(table), actor=request.actor)
        return Response(status=204)


class RestoreView(TablesAPIView):
    """Bringing a table back."""

    requires: ClassVar[dict[str, Access]] = {"POST": "admin"}

    @extend_schema(request=None, responses=bodies.TableAnswer)
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Restore an archived table."""
        stored = self.one(selectors.tables_of(request.workspace.pk, archived=True), pk=table)
        return self.detail(table_restore(table=stored, actor=request.actor))


class LayoutView(TablesAPIView):
    """Order, widths, hidden and pinned columns."""

    @extend_schema(request=bodies.LayoutBody, responses=bodies.TableAnswer)
    def put(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Set the parts given."""
        data = self.body(bodies.LayoutBody)
        return self.detail(layout_set(table=self.table(table), actor=request.actor, **data))


class SummaryView(TablesAPIView):
    """Counts by cell status per workflow group."""

    @extend_schema(responses=bodies.SummaryAnswer)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Counts by status per group, active dispatches, running rows."""
        return Response(selectors.table_summary(self.table(table)))


class WorkersView(TablesAPIView):
    """Live processes."""

    @extend_schema(responses=bodies.WorkerAnswer(many=True))
    def get(self, request: WorkspaceRequest) -> Response:
        """Live processes, their slots, and how many of this workspace's cells they hold."""
        live = selectors.workers_live(request.workspace.pk)
        times = ("started_at", "heartbeat_at")
        return Response(
            {
                "results": [
                    {**each, "id": str(each["id"]), **{name: instant(each[name]) for name in times}}
                    for each in live
                ],
                "next": None,
            }
        )
