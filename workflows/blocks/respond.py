"""`respond`: fix the result of the run."""

from __future__ import annotations

from typing import Annotated, Any

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template


class RespondConfig(BlockConfig):
    """``value``: any JSON; texts in it are templates."""

    value: Annotated[Any, Template()] = None


@register
class Respond(Block[RespondConfig]):
    """Its value becomes the result of the run. Blocks beside it still run to their end (W11)."""

    name = "respond"
    title = "Respond"
    config_model = RespondConfig
    responds = True
    example = Example(
        config={"value": {"score": "{{ input.score }}", "label": "{{ input.score }} points"}},
        input={"score": 7},
        output={"score": 7, "label": "7 points"},
    )

    def run(self, context: BlockContext, config: RespondConfig) -> BlockResult:
        """The resolved value is the output; the engine takes it for the result."""
        return BlockResult(config.value)
