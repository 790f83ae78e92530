"""`note`: a word for people, beside the blocks that run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.registry import register


class NoteConfig(BlockConfig):
    """``text`` is Markdown, shown as it is: a note holds no templates."""

    text: Annotated[str, StringConstraints(max_length=20_000)] = ""


@register
class Note(Block[NoteConfig]):
    """Explains a part of the workflow to whoever reads it. It does nothing, and no edge leaves it."""

    name = "note"
    title = "Note"
    config_model = NoteConfig
    example = Example(config={"text": "Ask **Ada** before you change the threshold."})

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """None: nothing comes after a note."""
        return frozenset()

    def run(self, context: BlockContext, config: NoteConfig) -> BlockResult:
        """Nothing."""
        return BlockResult()
