"""Columns and workflow groups."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.shapes import column_json, table_detail_json
from tables.api.tables import TablesAPIView
from tables.engine.types import ColumnSpec, TableSpec
from tables.errors import ColumnNotFound, GroupNotFound
from tables.models import Table
from tables.services.column_uses import column_uses
from tables.services.columns import column_create, column_delete, column_update
from tables.services.groups import group_create, group_delete, group_try, group_update
from workflows.api.serializers import RunSerializer
from workflows.selectors import run_of
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.states import Access


class ColumnsView(TablesAPIView):
    """The columns of a table."""

    @extend_schema(responses=bodies.ColumnAnswer(many=True))
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List all columns, in the table's order."""
        spec = selectors.table_spec(self.table(table).pk)
        return Response({"results": [column_json(column) for column in spec.columns], "next": None})

    @extend_schema(request=bodies.ColumnAtBody, responses={201: bodies.ColumnAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Add a column."""
        stored = self.table(table)
        column = column_create(table=stored, actor=request.actor, **self.body(bodies.ColumnAtBody))
        return Response(_column(stored, column.pk), status=201)


class ColumnChange(bodies.ColumnBody):
    """A change of a column; ``on_misfit`` says what becomes of values that do not fit it."""

    on_misfit = serializers.ChoiceField(["refuse", "empty"], required=False)
    renamed_choices = serializers.DictField(child=serializers.CharField(max_length=200), required=False)


class ColumnUsedAnswer(bodies.ColumnAnswer):
    """A column with what uses it: ``[{kind, id, name}]``."""

    used_by = serializers.ListField(child=serializers.DictField())


class ColumnView(TablesAPIView):
    """One column."""

    @extend_schema(responses=ColumnUsedAnswer)
    def get(self, request: WorkspaceRequest, table: UUID, column: UUID) -> Response:
        """Show a column, and who would miss it: expressions that name a deleted column fail from then on."""
        spec = selectors.table_spec(self.table(table).pk)
        found = _found(spec, column)
        return Response({**column_json(found), "used_by": column_uses(spec, found)})

    @extend_schema(request=ColumnChange(partial=True), responses=bodies.ColumnAnswer)
    def patch(self, request: WorkspaceRequest, table: UUID, column: UUID) -> Response:
        """Change a column; a rename writes no rows, another type converts the values or is refused with examples."""
        stored = self.table(table)
        data = self.body(ColumnChange, partial=True)
        if data:
            column_update(table=stored, column_id=column, actor=request.actor, **data)
        return Response(_column(stored, column))

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, table: UUID, column: UUID) -> Response:
        """Remove a column, and its workflow group with the last output."""
        column_delete(table=self.table(table), column_id=column, actor=request.actor)
        return Response(status=204)


class GroupsView(TablesAPIView):
    """The workflow groups of a table."""

    @extend_schema(responses=bodies.GroupAnswer(many=True))
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List all workflow groups, in the order they run."""
        return Response({"results": _groups(self.table(table)), "next": None})

    @extend_schema(request=bodies.GroupBody, responses={201: bodies.GroupAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Add a workflow group."""
        stored = self.table(table)
        group = group_create(table=stored, actor=request.actor, **self.body(bodies.GroupBody))
        return Response(_group(stored, group.pk), status=201)


class GroupTrialView(TablesAPIView):
    """A workflow group that is not stored yet, tried on one row."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=bodies.GroupTrialBody, responses={202: RunSerializer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Run the workflow on a row, as the group would: 202 with the run, whose result is written nowhere."""
        data = self.body(bodies.GroupTrialBody)
        run = group_try(table=self.table(table), row_id=data.pop("row"), actor=request.actor, **data)
        return Response(RunSerializer(run_of(request.workspace.pk, run.pk)).data, status=202)


class GroupView(TablesAPIView):
    """One workflow group."""

    @extend_schema(request=bodies.GroupBody(partial=True), responses=bodies.GroupAnswer)
    def patch(self, request: WorkspaceRequest, table: UUID, group: UUID) -> Response:
        """Change a workflow group; what changes its meaning marks completed cells outdated, and runs nothing."""
        stored = self.table(table)
        data = self.body(bodies.GroupBody, partial=True)
        if data:
            group_update(table=stored, group_id=group, actor=request.actor, **data)
        return Response(_group(stored, group))

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, table: UUID, group: UUID) -> Response:
        """Remove a workflow group; its columns stay as plain ones."""
        group_delete(table=self.table(table), group_id=group, actor=request.actor)
        return Response(status=204)


def _column(table: Table, column_id: UUID) -> dict[str, Any]:
    return column_json(_found(selectors.table_spec(table.pk), column_id))


def _found(spec: TableSpec, column_id: UUID) -> ColumnSpec:
    found = next((column for column in spec.columns if column.id == column_id), None)
    if found is None:
        raise ColumnNotFound
    return found


def _groups(table: Table) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = table_detail_json(table, selectors.table_spec(table.pk))["groups"]
    return groups


def _group(table: Table, group_id: UUID) -> dict[str, Any]:
    found = next((group for group in _groups(table) if group["id"] == str(group_id)), None)
    if found is None:
        raise GroupNotFound
    return found
