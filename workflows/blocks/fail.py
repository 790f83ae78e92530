"""`fail`: end in failure on purpose."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import ErrorClass


class FailConfig(BlockConfig):
    """``message`` is a template; ``code`` is a fixed word that programs can rely on."""

    message: Annotated[str, Template()]
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = "failed_on_purpose"


@register
class Fail(Block[FailConfig]):
    """Fails with your message, and is never retried. Without an ``error`` edge the run fails too (W11)."""

    name = "fail"
    title = "Fail"
    config_model = FailConfig
    example = Example(
        config={"message": "No licence found for {{ input.name }}", "code": "no_licence"},
        input={"name": "left-pad"},
        fails_with="no_licence",
    )

    def run(self, context: BlockContext, config: FailConfig) -> BlockResult:
        """Raise the stated failure."""
        raise BlockFailed.because(ErrorClass.VALIDATION, config.code, config.message)
