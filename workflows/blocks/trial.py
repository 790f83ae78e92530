"""Try a block outside any run: for the tests of whoever wrote it. No database, no worker (W3).

    result = try_block("shout", {"text": "{{ input.word }}"}, input={"word": "ha"})
    assert result.output == {"text": "HA"}

Templates are resolved, the config is checked, an async block is awaited, and the output is cleaned, as in a run; there
are no retries, and the timeout is the block's to keep (``context.remaining_seconds()``). What a run would store as a
failure is raised as ``BlockFailed``. Blocks of effect ``database`` need a database, and a transaction around the call.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from workflows.blocks.base import Answer, Block, BlockContext, BlockFailed, BlockPause, BlockResult
from workflows.blocks.fetch import shared_pool
from workflows.blocks.registry import block_types
from workflows.engine.config import compile_config
from workflows.engine.outputs import clean_output
from workflows.engine.types import BlockError, ErrorClass

MOST_OUTPUT_BYTES = 1024 * 1024


def try_block(
    name: str,
    config: Mapping[str, Any],
    *,
    input: Mapping[str, Any] | None = None,  # noqa: A002 - as expressions call it
    secrets: Mapping[str, str] | None = None,
    answer: Any = None,
    context: BlockContext | None = None,
    **roots: Any,
) -> BlockResult | BlockPause:
    """Run the block ``name`` with a config as a definition holds it; ``roots`` are further names it may read.

    A block that pauses answers its ``BlockPause``; with an ``answer`` it is woken with that. Give a ``context`` of your
    own to watch what it tells, or to cancel it. Raises ``BlockFailed``.
    """
    block = block_types()[name]
    known = {"input": dict(input or {}), "blocks": {}, "secrets": dict(secrets or {}), **roots}
    where = replace(context, roots=known) if context is not None else new_context(block, known, secrets or {})
    built = _built(block, config, known)
    result = _done(block.run(where, built))
    if isinstance(result, BlockPause) and answer is not None:
        given = Answer(
            expired=False,
            data=answer,
            by={"kind": "system"},
            at=datetime.now(UTC),
            asked=dict(result.request),
        )
        result = block.wake(where, built, given)
    return result if isinstance(result, BlockPause) else _cleaned(result)


def new_context(
    block: Block[Any], roots: Mapping[str, Any], secrets: Mapping[str, str] | None = None
) -> BlockContext:
    """The first attempt of a run of its own."""
    seconds = block.default_timeout_seconds
    return BlockContext(
        run_id=uuid4(),
        workspace_id=uuid4(),
        step_key="tried",
        attempt=1,
        idempotency_key=str(uuid4()),
        roots=roots,
        deadline_monotonic=None if seconds is None else time.monotonic() + seconds,
        secrets=dict(secrets or {}),
    )


def _built(block: Block[Any], config: Mapping[str, Any], roots: Mapping[str, Any]) -> Any:
    compiled, faults = compile_config("tried", block.config_model, config)
    if faults:
        message = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
        raise BlockFailed.because(ErrorClass.VALIDATION, faults[0].code, message)
    built = compiled.build(compiled.resolve(roots))
    if isinstance(built, BlockError):
        raise BlockFailed(built)
    return built


def _done(answer: Any) -> BlockResult | BlockPause:
    async def awaited() -> Any:
        try:
            return await answer
        finally:
            await shared_pool().client.aclose()  # it belongs to this loop, which ends here

    found: BlockResult | BlockPause = asyncio.run(awaited()) if inspect.isawaitable(answer) else answer
    return found


def _cleaned(result: BlockResult) -> BlockResult:
    output = clean_output(result.output, MOST_OUTPUT_BYTES)
    if isinstance(output, BlockError):
        raise BlockFailed(output)
    return replace(result, output=output)
