"""Rows' places, and copies of rows and tables."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.tables import TablesAPIView
from tables.row_list import rows_named
from tables.services.duplicating import rows_duplicate, table_duplicate
from tables.services.placing import Place, rows_move
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.serializers import StrictSerializer
from workspaces.states import Access


class MoveBody(bodies.RowIdsBody):
    """Rows in the order they shall stand in, and the row they go next to (none: the table's end)."""

    before = serializers.UUIDField(required=False)
    after = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """At most one neighbour."""
        if "before" in attrs and "after" in attrs:
            raise serializers.ValidationError({"after": ["Give either before or after."]})
        return attrs


class MovedAnswer(serializers.Serializer[Any]):
    """How many rows were moved."""

    moved = serializers.IntegerField()


class CopiedRowsAnswer(serializers.Serializer[Any]):
    """The copies, in order."""

    rows = bodies.RowAnswer(many=True)


class DuplicateBody(StrictSerializer):
    """A copy's name, and whether rows come along."""

    name = serializers.CharField(max_length=bodies.LONGEST_NAME, required=False)
    rows = serializers.BooleanField(default=False)


class RowsMoveView(TablesAPIView):
    """Rows put elsewhere."""

    @extend_schema(request=MoveBody, responses=MovedAnswer)
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Move rows before or after another one, or to the table's end; nothing runs again because of it."""
        data = self.body(MoveBody)
        place = Place(before=data.get("before"), after=data.get("after"))
        moved = rows_move(table=self.table(table), row_ids=data["rows"], place=place, actor=request.actor)
        return Response({"moved": moved})


class RowsDuplicateView(TablesAPIView):
    """Rows once more."""

    @extend_schema(request=bodies.RowIdsBody, responses={201: CopiedRowsAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Copy rows right below the last of them, with what workflows completed on them; unique values stay out."""
        stored = self.table(table)
        ids = rows_duplicate(table=stored, row_ids=self.body(bodies.RowIdsBody)["rows"], actor=request.actor)
        return Response({"rows": rows_named(selectors.table_spec(stored.pk), ids)}, status=201)


class TableDuplicateView(TablesAPIView):
    """A table once more."""

    requires: ClassVar[dict[str, Access]] = {"POST": "write"}

    @extend_schema(request=DuplicateBody, responses={201: bodies.TableAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Copy a table's columns, workflow groups, views and layout, and its rows if asked; nothing is run."""
        data = self.body(DuplicateBody)
        copy = table_duplicate(
            table=self.table(table), actor=request.actor, name=data.get("name"), rows=data["rows"]
        )
        return self.detail(copy, status=201)
