"""`table_upsert`: write rows into a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import StringConstraints, model_validator

from tables.engine.upserting import UpsertMode
from tables.services.lineage import Origin
from tables.services.upserting import rows_upsert
from tables.workflow_blocks.access import SECONDS, TableName, database_time, table_named
from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TableUpsertConfig(BlockConfig):
    """``table`` is a name or an id. ``rows`` is one row, or up to 1,000: each an object of values by column. ``key``
    is the column by which a row is known again; only ``insert`` can do without.
    """

    table: Annotated[TableName, Template()]
    rows: Annotated[list[dict[str, Any]] | dict[str, Any], Template()]
    key: Annotated[ColumnName | None, Template()] = None
    mode: Literal["insert", "update", "upsert"] = "upsert"

    @model_validator(mode="after")
    def _needs_its_key(self) -> Self:
        if self.key is None and self.mode != "insert":
            raise ValueError("name the key column by which rows are known again, or use the mode insert")
        return self


@register
class TableUpsert(Block[TableUpsertConfig]):
    """Inserts rows into a table of the workspace, or writes over those that have the same key.

    ``upsert`` does both; ``insert`` leaves the rows that are there as they are, ``update`` adds none. A row writes only
    the columns it names; null empties one. ``ids`` are the rows' in the order given, null for one that ``update``
    found ``missing``. One wrong value and nothing is written: the failure names row and column.

    The rows and the record of this step are one commit: whatever dies, there are both or neither. The table's locks
    against inserts and updates hold. A value that a person typed into a workflow-filled column stays. Rows that were
    touched run by themselves where the table's columns do so (auto-run), unless this run works for a cell of that
    table, or was started by what such a run wrote: a workflow never starts itself over again.
    """

    name = "table_upsert"
    title = "Write rows"
    config_model = TableUpsertConfig
    effect_class = Effect.DATABASE
    default_timeout_seconds = SECONDS
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "inserted": {"type": "integer"},
            "updated": {"type": "integer"},
            "unchanged": {"type": "integer"},
            "missing": {"type": "integer"},
            "ids": {"type": "array", "items": {"type": ["string", "null"]}},
        },
        "required": ["inserted", "updated", "unchanged", "missing", "ids"],
    }
    example = Example(
        config={
            "table": "Companies",
            "key": "domain",
            "rows": [{"domain": "{{ input.domain }}", "name": "Example"}],
        },
        input={"domain": "example.org"},
        output={"inserted": 1, "updated": 0, "unchanged": 0, "missing": 0, "ids": ["a-row"]},
    )

    def run(self, context: BlockContext, config: TableUpsertConfig) -> BlockResult:
        """Write, in the transaction that records the step; repeated as a whole when that is."""
        with database_time(context):
            done = rows_upsert(
                table=table_named(context.workspace_id, config.table),
                rows=[config.rows] if isinstance(config.rows, dict) else config.rows,
                key=config.key,
                mode=UpsertMode(config.mode),
                origin=Origin(context.run_id, context.step_key),
            )
        return BlockResult(
            {
                "inserted": done.inserted,
                "updated": done.updated,
                "unchanged": done.unchanged,
                "missing": done.missing,
                "ids": [None if row_id is None else str(row_id) for row_id in done.ids],
            }
        )
