"""Saved views: a named filter, sort and layout."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.shapes import view_json
from tables.api.tables import TablesAPIView
from tables.services.views import view_create, view_delete, view_update
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import PAGE_PARAMETERS, page_of


class ViewsView(TablesAPIView):
    """The views of a table."""

    @extend_schema(
        operation_id="tables_views_list", responses=page_of(bodies.ViewAnswer), parameters=PAGE_PARAMETERS
    )
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List views by name."""
        return self.listed(selectors.views_of(self.table(table)), view_json, order=["name", "id"])

    @extend_schema(request=bodies.ViewBody, responses={201: bodies.ViewAnswer})
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Save a view; its filter and sort are checked."""
        view = view_create(table=self.table(table), actor=request.actor, **self.body(bodies.ViewBody))
        return Response(view_json(view), status=201)


class ViewView(TablesAPIView):
    """One view."""

    @extend_schema(responses=bodies.ViewAnswer)
    def get(self, request: WorkspaceRequest, table: UUID, view: UUID) -> Response:
        """Show a view."""
        return Response(view_json(self.one(selectors.views_of(self.table(table)), pk=view)))

    @extend_schema(request=bodies.ViewBody(partial=True), responses=bodies.ViewAnswer)
    def patch(self, request: WorkspaceRequest, table: UUID, view: UUID) -> Response:
        """Change a view."""
        stored = self.one(selectors.views_of(self.table(table)), pk=view)
        changes = self.body(bodies.ViewBody, partial=True)
        return Response(view_json(view_update(view=stored, actor=request.actor, **changes)))

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, table: UUID, view: UUID) -> Response:
        """Remove a view; the table keeps all."""
        view_delete(view=self.one(selectors.views_of(self.table(table)), pk=view), actor=request.actor)
        return Response(status=204)
