"""`parallel`: the blocks inside it, in several branches at once (W10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from workflows.blocks.base import BlockContext, ContainerBlock, Example
from workflows.blocks.iterating import ITERATIONS_SCHEMA, IteratingConfig
from workflows.blocks.registry import register
from workflows.engine.types import Opening


class ParallelConfig(IteratingConfig):
    """``concurrency`` branches run at once, the next begins when one ends.

    ``on_branch_error``: ``fail`` starts nothing more and fails the block, ``collect`` goes on and lists the errors.
    """

    mode: Literal["count", "each"]
    concurrency: Annotated[int, Field(ge=1, le=50)] = 5
    on_branch_error: Literal["fail", "collect"] = "fail"


@register
class Parallel(ContainerBlock[ParallelConfig]):
    """Runs the blocks inside it in several branches at once: a number of them, or one for each item.

    Inside, ``item`` and ``index`` (from 0) are this branch's. The result of a branch is the output of its last block;
    where it ends in several, an object of their outputs by key. The block's output lists them in the order of the
    items, whichever was done first. With ``collect``, a failed branch's result is null, and ``errors`` says why.
    """

    name = "parallel"
    title = "Parallel"
    config_model = ParallelConfig
    output_schema: ClassVar[Mapping[str, Any]] = {
        **ITERATIONS_SCHEMA,
        "properties": {
            **ITERATIONS_SCHEMA["properties"],
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"index": {"type": "integer"}, "error": {"type": "object"}},
                    "required": ["index", "error"],
                },
            },
        },
    }
    example = Example(
        config={
            "mode": "each",
            "items": "{{ input.prices }}",
            "concurrency": 3,
            "on_branch_error": "collect",
        },
        input={"prices": {"tea": 3, "cake": 4}},
        output={"results": ["tea: 3", "cake: 4"], "count": 2, "errors": []},
    )

    def open(self, context: BlockContext, config: ParallelConfig) -> Opening:
        """As many at once as ``concurrency`` allows."""
        return Opening(
            count=len(config.items) if config.mode == "each" else config.count,
            items=tuple(config.items) if config.mode == "each" else None,
            concurrency=config.concurrency,
            collect=config.on_branch_error == "collect",
        )
