"""`loop`: the blocks inside it, one iteration after the other (W10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from workflows.blocks.base import BlockContext, ContainerBlock, Example
from workflows.blocks.expressions import holds
from workflows.blocks.iterating import ITERATIONS_SCHEMA, IteratingConfig
from workflows.blocks.registry import register
from workflows.engine.fields import Expression
from workflows.engine.types import Opening


class LoopConfig(IteratingConfig):
    """``condition`` is for the mode ``while``: an expression that is asked before each iteration, also the first.

    It may read ``index`` and the result of the iteration before, ``blocks.<this loop>.previous``.
    """

    mode: Literal["count", "each", "while"]
    condition: Annotated[str | None, Expression(adds=frozenset({"index"})), Field(validate_default=True)] = (
        None
    )

    @field_validator("condition")
    @classmethod
    def _condition_there(cls, condition: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("mode") == "while" and not condition:
            raise ValueError("say while what the loop goes on, or choose another mode")
        return condition


@register
class Loop(ContainerBlock[LoopConfig]):
    """Runs the blocks inside it again and again, one iteration after the other.

    Inside, ``item`` and ``index`` (from 0) are this iteration's; ``blocks.<loop>.previous`` is the result of the
    iteration before, null in the first. The result of an iteration is the output of its last block; where it ends in
    several, an object of their outputs by key. The loop's output lists them in order.

    A ``while`` loop that reaches ``max_iterations`` ends there, and says ``capped``. A failure that no error edge takes
    ends the loop as failed, and so does a condition that cannot be evaluated.
    """

    name = "loop"
    title = "Loop"
    config_model = LoopConfig
    output_schema: ClassVar[Mapping[str, Any]] = {
        **ITERATIONS_SCHEMA,
        "properties": {**ITERATIONS_SCHEMA["properties"], "capped": {"type": "boolean"}},
    }
    example = Example(
        config={"mode": "each", "items": "{{ input.names }}"},
        input={"names": ["Ada", "Grace"]},
        output={"results": ["Hello Ada", "Hello Grace"], "count": 2},
    )

    def open(self, context: BlockContext, config: LoopConfig) -> Opening:
        """One iteration at a time."""
        if config.mode == "while":
            return Opening(count=None, cap=config.max_iterations)
        if config.mode == "each":
            return Opening(count=len(config.items), items=tuple(config.items))
        return Opening(count=config.count)

    def goes_on(self, context: BlockContext, config: LoopConfig) -> bool:
        """Whether the condition holds."""
        return holds(config.condition or "", context)
