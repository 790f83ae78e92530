"""`set`: name values for the blocks that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template


class SetConfig(BlockConfig):
    """``fields``: name → any JSON; texts in it are templates."""

    fields: Annotated[dict[str, Any], Template()]


@register
class Set(Block[SetConfig]):
    """Names values. A field that is exactly one ``{{ … }}`` keeps its JSON type; a text is filled in.

    Read them as ``{{ blocks.<key>.<field> }}``.
    """

    name = "set"
    title = "Set fields"
    config_model = SetConfig
    output_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    example = Example(
        config={"fields": {"greeting": "Hello {{ input.name }}", "double": "{{ input.n + input.n }}"}},
        input={"name": "Ada", "n": 21},
        output={"greeting": "Hello Ada", "double": 42},
    )

    def run(self, context: BlockContext, config: SetConfig) -> BlockResult:
        """The resolved fields are the output."""
        return BlockResult(config.fields)
