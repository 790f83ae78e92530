"""`start`: where a run begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints, ValidationError

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.inputs import InputField, InputInvalid, complete_input
from workflows.blocks.registry import register
from workflows.engine.types import ErrorClass

InputName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class StartConfig(BlockConfig):
    """``inputs`` declares what a run takes; null leaves it open."""

    inputs: dict[InputName, InputField] | None = None


def declared_fields(config: Mapping[str, Any]) -> dict[str, InputField] | None:
    """The inputs a start block's config declares; None when it declares none, or is not valid."""
    try:
        return StartConfig.model_validate(dict(config)).inputs
    except ValidationError:
        return None


@register
class Start(Block[StartConfig]):
    """The entry of a workflow. Declare the inputs here: type, default, and whether one is required.

    A run with an unknown, missing or wrongly typed input is refused. Other blocks read ``{{ input.<name>
    }}``; this block's output is the whole input.
    """

    name = "start"
    title = "Start"
    config_model = StartConfig
    entry = True
    output_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    example = Example(
        config={
            "inputs": {
                "domain": {"type": "text", "required": True},
                "depth": {"type": "number", "default": 1},
            }
        },
        input={"domain": "example.org"},
        output={"domain": "example.org", "depth": 1},
    )

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        """The declared names; None while the declaration is open."""
        fields = declared_fields(config)
        return None if fields is None else frozenset(fields)

    def run(self, context: BlockContext, config: StartConfig) -> BlockResult:
        """Check the input again: not every run comes through the API."""
        try:
            return BlockResult(complete_input(config.inputs, context.roots.get("input") or {}))
        except InputInvalid as error:
            raise BlockFailed.because(
                ErrorClass.VALIDATION,
                "input_invalid",
                f"The run's input is not valid: {error}",
                detail=error.errors,
            ) from None
