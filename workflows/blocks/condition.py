"""`condition`: one question, two ways on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.expressions import holds
from workflows.blocks.registry import register
from workflows.engine.fields import Expression


class ConditionConfig(BlockConfig):
    """``when``: an expression such as ``input.score > 40``."""

    when: Annotated[str, Expression()]


@register
class Condition(Block[ConditionConfig]):
    """Goes on by ``true`` or by ``false``, as its expression turns out.

    Empty values (null, "", 0, an empty list) count as false. An expression that cannot be evaluated fails the
    block; it never picks a side.
    """

    name = "condition"
    title = "Condition"
    config_model = ConditionConfig
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"result": {"type": "boolean"}},
        "required": ["result"],
    }
    example = Example(
        config={"when": "input.score > 40"}, input={"score": 41}, output={"result": True}, handle="true"
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """Two ports, whatever the expression."""
        return frozenset({"true", "false"})

    def run(self, context: BlockContext, config: ConditionConfig) -> BlockResult:
        """Evaluate and choose."""
        result = holds(config.when, context)
        return BlockResult({"result": result}, handle="true" if result else "false")
