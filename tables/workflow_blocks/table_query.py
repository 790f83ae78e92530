"""`table_query`: look rows up in a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from django.db import connection
from pydantic import Field

from tables.engine.filters import compile_filter
from tables.engine.references import ColumnIndex
from tables.engine.sorting import compile_sort
from tables.engine.types import TableSpec
from tables.engine.values import check_value
from tables.errors import ColumnNotFound, LimitReached
from tables.row_list import Listing, count_rows
from tables.selectors import table_spec
from tables.workflow_blocks.access import SECONDS, TableName, database_time, table_named
from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect

MOST_ROWS: Final = 1_000
MOST_BYTES: Final = 1_000_000
"""A step keeps a mebibyte; what would not fit with its ids is refused before it leaves the database."""

# Only ids are sorted; values are read of the rows that are answered, and sent if they are not too much together.
_ROWS = """
SELECT f.id, CASE WHEN f.total <= %s THEN f.data END, f.total
  FROM (SELECT r.id, shown.data, sum(octet_length(shown.data)) OVER () AS total,
               row_number() OVER (ORDER BY {order}) AS place
          FROM (SELECT r.id FROM tables_row r WHERE r.table_id = %s AND {where} ORDER BY {order} LIMIT %s) AS page
          JOIN tables_row r ON r.id = page.id,
       LATERAL (SELECT coalesce(jsonb_object_agg(k, r.data -> k), '{{}}')::text AS data
                  FROM unnest(%s::text[]) AS k WHERE r.data ? k) AS shown) AS f
 ORDER BY f.place
"""


class TableQueryConfig(BlockConfig):
    """``table`` is a name or an id. ``filter`` and ``sort`` are those of the REST API; without them it is all rows, in
    the table's order. ``fields`` names the columns to answer; without it, all of them.
    """

    table: Annotated[TableName, Template()]
    filter: Annotated[dict[str, Any] | None, Template()] = None
    sort: Annotated[list[Any], Template()] = Field(default_factory=list)
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS), Template()] = 100
    fields: Annotated[list[str] | None, Template()] = None


@register
class TableQuery(Block[TableQueryConfig]):
    """Finds rows of a table of the workspace.

    ``rows`` are the first ``limit`` rows that meet the filter, with their values by column key; ``count`` is how many
    meet it, counted up to 100,000. A filter is ``{column, op, value}``, or ``{all: […]}``, ``{any: […]}``,
    ``{not: …}`` of filters; its values may be templates. A sort is ``["name", "-score"]``.

    It reads within the commit of its step, so it is meant for quick questions: it has 5 seconds unless its timeout
    says otherwise.
    """

    # `database` and not `repeatable`, though it changes nothing: a block in a thread of its own would need a
    # connection of its own beside those of the workers, for each row of a pack, to ask what takes a millisecond.
    name = "table_query"
    title = "Find rows"
    config_model = TableQueryConfig
    effect_class = Effect.DATABASE
    default_timeout_seconds = SECONDS
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"id": {"type": "string"}, "data": {"type": "object"}},
                    "required": ["id", "data"],
                },
            },
            "count": {"type": "integer"},
        },
        "required": ["rows", "count"],
    }
    example = Example(
        config={
            "table": "Companies",
            "filter": {"column": "domain", "op": "eq", "value": "{{ input.domain }}"},
            "fields": ["name"],
        },
        input={"domain": "example.org"},
        output={"rows": [{"id": "a-row", "data": {"name": "Example"}}], "count": 1},
    )

    def run(self, context: BlockContext, config: TableQueryConfig) -> BlockResult:
        """Ask, in the transaction that records the step."""
        with database_time(context):
            table = table_named(context.workspace_id, config.table)
            spec = table_spec(table.pk)
            check_value(config.filter)
            check_value(config.sort)
            where = compile_filter(config.filter, spec.columns)
            listing = Listing(
                spec, where, compile_sort(config.sort, spec.columns), _keys(spec, config.fields)
            )
            rows = _rows(listing, config.limit)
            if len(rows) < config.limit:
                count = len(rows)
            else:
                count = count_rows(listing)[0] if config.filter else table.row_count
        return BlockResult({"rows": rows, "count": count})


def _keys(spec: TableSpec, fields: Sequence[str] | None) -> list[str]:
    """The storage keys of the columns named. Values under the keys of deleted columns stay unseen."""
    if fields is None:
        return [column.key for column in spec.columns]
    index, keys = ColumnIndex(spec.columns), []
    for place, reference in enumerate(fields):
        column = index.find(reference)
        if column is None:
            words = index.unknown(reference)
            raise ColumnNotFound(f"fields[{place}]: {words}", errors={f"fields[{place}]": [words]})
        keys.append(column.key)
    return keys


def _rows(listing: Listing, limit: int) -> list[dict[str, Any]]:
    where, order = listing.where, listing.sort.order_by
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS.format(where=where.sql, order=order.sql),
            [
                MOST_BYTES,
                *order.params,
                listing.spec.table_id,
                *where.params,
                *order.params,
                limit,
                list(listing.fields or ()),
            ],
        )
        found = cursor.fetchall()
    if found and found[0][1] is None:
        raise LimitReached(
            f"These {len(found):,} rows hold {found[0][2]:,} bytes; a step takes at most {MOST_BYTES:,}. "
            "Ask for fewer rows, or name the fields that are needed."
        )
    return [{"id": str(row_id), "data": json.loads(data)} for row_id, data, _ in found]
