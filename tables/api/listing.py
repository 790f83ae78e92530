"""What a list of rows is asked for – filter, sort, view, text, fields – in a query or in a body (T40)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from tables import selectors
from tables.api.tables import TablesAPIView
from tables.engine.coercion import parse_json
from tables.engine.filters import compile_filter
from tables.engine.references import ColumnIndex
from tables.engine.sorting import compile_sort
from tables.engine.types import ColumnSpec, TableSpec
from tables.engine.values import check_value
from tables.errors import ValueInvalid
from tables.models import Table, View
from tables.row_list import Listing
from tables.row_search import text_search
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


def view_asked(api: TablesAPIView, table: Table, asked: Mapping[str, Any]) -> View | None:
    """The saved view that is named, if any; a foreign one is not there."""
    return api.one(selectors.views_of(table), pk=asked["view"]) if "view" in asked else None


def listing_asked(api: TablesAPIView, table: Table, asked: Mapping[str, Any]) -> Listing:
    """The listing that a query asks for: ``RowsQuery`` as validated, filter and sort being JSON in text."""
    given = dict(asked)
    if "filter" in given:
        given["filter"] = _json(given["filter"], "filter")
    if "sort" in given:
        given["sort"] = _sort(given["sort"])
    spec = selectors.table_spec_cached(table.pk, table.schema_version)
    fields = None if "fields" not in given else _fields(spec, given["fields"])
    return listing_make(spec, view_asked(api, table, given), given, fields)


def listing_make(
    spec: TableSpec, view: View | None, asked: Mapping[str, Any], fields: set[str] | None = None
) -> Listing:
    """A listing by ``filter``, ``sort`` and ``q`` of a request; what is not given is the view's."""
    filter_ = asked.get("filter", view.filter if view else None)
    sort = asked.get("sort", view.sort if view else None)
    where = compile_filter(filter_, spec.columns)
    if asked.get("q"):
        where = where & text_search(asked["q"], spec.columns)
    return Listing(spec, where, compile_sort(sort, spec.columns), fields)


def columns_named(spec: TableSpec, references: Sequence[Any], field: str) -> list[ColumnSpec]:
    """The columns that ids, keys or names stand for. Raises ``Invalid`` under the field's name."""
    index, found = ColumnIndex(spec.columns), []
    for reference in references:
        column = index.find(reference)
        if column is None:
            shown = reference if isinstance(reference, str) else json.dumps(reference)
            raise Invalid(errors={field: [index.unknown(shown)]})
        found.append(column)
    return found


def _json(text: str, name: str) -> Any:
    try:
        value = parse_json(text)
        check_value(value)
        return value
    except ValueInvalid as fault:
        raise Invalid(errors={name: [fault.detail]}) from None


def _sort(text: str) -> Any:
    return _json(text, "sort") if text.lstrip().startswith("[") else _by_comma(text)


def _fields(spec: TableSpec, text: str) -> set[str]:
    named = _json(text, "fields") if text.lstrip().startswith("[") else _by_comma(text)
    return {column.key for column in columns_named(spec, named, "fields")}


def _by_comma(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
