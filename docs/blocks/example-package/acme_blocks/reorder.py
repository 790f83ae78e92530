"""`acme_reorder`: a sync block that only thinks."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.expressions import holds
from workflows.blocks.registry import register
from workflows.engine.fields import Expression, Template
from workflows.engine.types import Effect


class ReorderConfig(BlockConfig):
    """What decides on an order."""

    stock: Annotated[int, Field(ge=0, description="Pieces on the shelf."), Template()]
    least: Annotated[int, Field(ge=0, description="Order when fewer are left.")] = 10
    pack: Annotated[Literal[1, 10, 100], Field(description="Pieces are ordered in packs of this many.")] = 10
    urgent_when: Annotated[str, Expression(), Field(description="When an order cannot wait.")] = "false"


@register
class Reorder(Block[ReorderConfig]):
    """Decides whether to order, and how much.

    Goes on by `enough`, `order` or `urgent`.
    """

    name = "acme_reorder"
    title = "Acme: reorder?"
    config_model = ReorderConfig
    effect_class = Effect.PURE
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"pieces": {"type": "integer", "minimum": 0}},
        "required": ["pieces"],
    }
    example = Example(
        config={"stock": "{{ input.stock }}", "urgent_when": "input.stock == 0"},
        input={"stock": 3},
        output={"pieces": 10},
        handle="order",
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """Three ports, whatever the config."""
        return frozenset({"enough", "order", "urgent"})

    def run(self, context: BlockContext, config: ReorderConfig) -> BlockResult:
        """Compare, and round up to whole packs."""
        lacking = config.least - config.stock
        if lacking <= 0:
            return BlockResult({"pieces": 0}, handle="enough")
        pieces = -(-lacking // config.pack) * config.pack
        is_urgent = holds(config.urgent_when, context)
        return BlockResult({"pieces": pieces}, handle="urgent" if is_urgent else "order")
