"""`transform`: reshape a value, step by step."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

from pydantic import Field

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register
from workflows.blocks.transform_lists import Dedupe, Filter, Flatten, Group, Limit, Map, Pick, Rename, Sort
from workflows.blocks.transform_text import ParseCsv, ParseHtml, ParseJson, ToCsv, ToJson
from workflows.blocks.transform_work import Work
from workflows.engine.fields import Template

MOST_SECONDS: Final = 2.0
"""Of all operations together: they run in the executor's own thread, and everything else of the batch waits."""

OneOf = Annotated[
    Map
    | Filter
    | Sort
    | Dedupe
    | Group
    | Flatten
    | Pick
    | Rename
    | Limit
    | ParseCsv
    | ParseJson
    | ParseHtml
    | ToCsv
    | ToJson,
    Field(discriminator="op"),
]


class TransformConfig(BlockConfig):
    """``value`` goes through ``operations`` in their order, each named by its ``op``."""

    value: Annotated[Any, Template()]
    operations: Annotated[list[OneOf], Field(min_length=1, max_length=50)]


@register
class Transform(Block[TransformConfig]):
    """Reshapes a value by a list of operations; what the last one makes is the output.

    On lists: ``map`` (``to``), ``filter`` (``when``), ``sort`` (``by``, ``descending``), ``dedupe`` (``by``), ``group``
    (``by``; makes ``{key, items}``), ``flatten``, ``limit``. On objects and lists of them: ``pick``, ``rename``. From
    and to text: ``parse_csv``, ``parse_json``, ``parse_html``, ``to_csv``, ``to_json``. Expressions read the item they
    are asked about as ``item``, and its place, from 0, as ``index``.

    Lists have 10,000 items at most, texts a million characters, and all operations together two seconds.
    """

    name = "transform"
    title = "Transform"
    config_model = TransformConfig
    default_timeout_seconds = MOST_SECONDS
    example = Example(
        config={
            "value": "{{ input.file }}",
            "operations": [
                {"op": "parse_csv", "delimiter": ";"},
                {"op": "filter", "when": "item.points | int > 10"},
                {"op": "sort", "by": "item.points | int", "descending": True},
                {"op": "map", "to": {"place": "index + 1", "name": "item.name | upper"}},
            ],
        },
        input={"file": "name;points\nada;12\ngrace;40\nlin;3\n"},
        output=[{"place": 1, "name": "GRACE"}, {"place": 2, "name": "ADA"}],
    )

    def run(self, context: BlockContext, config: TransformConfig) -> BlockResult:
        """One operation after the other. An error names the operation by its index and kind, and the item."""
        left = context.remaining_seconds()
        ends = time.monotonic() + (MOST_SECONDS if left is None else min(left, MOST_SECONDS))
        value, roots = config.value, dict(context.roots)
        for position, operation in enumerate(config.operations):
            value = operation.apply(value, Work(f"operations[{position}] ({operation.op})", roots, ends))
        return BlockResult(value)
