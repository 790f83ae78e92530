"""Finding rows by a text, with their places in a listing (T40)."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from tables import selectors
from tables.api.listing import columns_named, listing_make, view_asked
from tables.api.tables import TablesAPIView
from tables.engine.types import ColumnSpec, TableSpec
from tables.engine.values import check_value
from tables.errors import ValueInvalid
from tables.models import Table, View
from tables.row_search import Match, rows_find
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer
from workspaces.errors import Invalid
from workspaces.states import Access

MOST_MATCHES = 1_000


class FindBody(StrictSerializer):
    """What to look for, in which columns of which listing."""

    q = serializers.CharField(max_length=500, trim_whitespace=False)
    columns = serializers.ListField(child=serializers.CharField(), max_length=1_000, required=False)
    filter = serializers.JSONField(required=False)
    sort = serializers.JSONField(required=False)
    view = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST_MATCHES, default=100)
    after = serializers.CharField(required=False, max_length=20_000)


class MatchAnswer(serializers.Serializer[Any]):
    """One row that shows the text: its ordinal in the listing, and the keys of the columns that show it."""

    row = serializers.CharField()
    ordinal = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField())


class FindAnswer(serializers.Serializer[Any]):
    """Matches in the listing's order; ``next`` goes on behind them, ``complete`` says that all has been looked at."""

    matches = MatchAnswer(many=True)
    next = serializers.CharField(allow_null=True)
    complete = serializers.BooleanField()


class FindView(TablesAPIView):
    """Find in a table."""

    requires: ClassVar[dict[str, Access]] = {"POST": "read"}

    @extend_schema(request=FindBody, responses=FindAnswer, operation_id="tables_rows_find")
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Rows that show a text in one of the visible (or the named) columns, whatever its case.

        Answers within about a second, on a table of any size: ``complete`` is false while there is more to look at,
        and ``next``, given as ``after``, goes on there.
        """
        stored = self.table(table)
        asked = self.body(FindBody)
        for name in ("filter", "sort"):
            _check(asked.get(name), name)
        spec = selectors.table_spec(stored.pk)
        view = view_asked(self, stored, asked)
        listing = listing_make(spec, view, {key: asked[key] for key in ("filter", "sort") if key in asked})
        columns = _columns(spec, stored, view, asked)
        found = rows_find(listing, asked["q"], columns, limit=asked["limit"], after=asked.get("after"))
        matches = [_match_json(match) for match in found.matches]
        return Response({"matches": matches, "next": found.next, "complete": found.complete})


def _columns(spec: TableSpec, table: Table, view: View | None, asked: dict[str, Any]) -> list[ColumnSpec]:
    """The columns named; unsaid, those that the view, or the table's own layout, does not hide."""
    if "columns" in asked:
        return columns_named(spec, asked["columns"], "columns")
    layout = view.layout if view is not None and "hidden" in view.layout else table.layout
    hidden = {str(each) for each in layout.get("hidden", ())}
    return [column for column in spec.columns if not hidden & {str(column.id), column.key}]


def _match_json(match: Match) -> dict[str, Any]:
    return {"row": str(match.row_id), "ordinal": match.ordinal, "columns": match.columns}


def _check(value: Any, name: str) -> None:
    try:
        check_value(value)
    except ValueInvalid as fault:
        raise Invalid(errors={name: [fault.detail]}) from None
