"""How blocks evaluate the ``Expression`` fields of their config."""

from __future__ import annotations

from workflows.blocks.base import BlockContext, BlockFailed
from workflows.engine.expressions import ExpressionError, compile_expression


def holds(source: str, context: BlockContext) -> bool:
    """Whether an expression is true, as Python sees truth. One that cannot be evaluated fails the block."""
    try:
        return bool(compile_expression(source).render(context.roots))
    except ExpressionError as error:
        raise BlockFailed(error.as_block_error()) from None
