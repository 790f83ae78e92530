"""One attempt of one block: numbered, its config resolved, its context made (W15, W16)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from workflows.blocks.base import Block, BlockContext, BlockFailed
from workflows.engine.fingerprint import input_hash
from workflows.engine.types import BlockError, Effect
from workflows.services.flights import Flight
from workflows.services.live import LiveRun
from workflows.services.records import idempotency_key
from workspaces.secrets import secrets_redact

if TYPE_CHECKING:
    from workflows.services.executor import Execution


def block_of_step(live: LiveRun, key: str) -> Block[Any]:
    """The block type that runs a step."""
    found: Any = live.block(key).type
    return found  # type: ignore[no-any-return]  # the registry holds blocks; the engine knows them as BlockType


def flight_new(live: LiveRun, key: str) -> Flight:
    """A new attempt of a step, numbered."""
    live.attempts[key] = live.attempts.get(key, 0) + 1
    return flight_again(live, key)


def flight_again(live: LiveRun, key: str) -> Flight:
    """The attempt under way taken up again, after its wait."""
    started = time.monotonic()
    limit = live.block(key).timeout_seconds
    ends = [moment for moment in (live.deadline, started + limit if limit else None) if moment is not None]
    n = max(1, live.attempts.get(key, 1))
    return Flight(live.run_id, key, n, datetime.now(UTC), started, min(ends, default=None), {}, "")


def prepare(live: LiveRun, flight: Flight) -> Any:
    """Resolve the block's config. Raises ``ExpressionError`` or ``BlockFailed``."""
    block = live.block(flight.key)
    roots = live.roots_of(flight.key)
    flight.values = block.resolve(roots)
    flight.input_hash = input_hash(flight.values, block.config.reads(roots))
    if live.secrets and block.effect is Effect.DATABASE:  # what it is given is what it stores (W6)
        flight.values = secrets_redact(flight.values, live.secrets.values())
    config = block.build(flight.values)
    if isinstance(config, BlockError):
        raise BlockFailed(config)
    return config


def context_of(execution: Execution, live: LiveRun, flight: Flight) -> BlockContext:
    """The attempt as its block sees it."""
    return BlockContext(
        run_id=live.run_id,
        workspace_id=live.workspace_id,
        step_key=flight.key,
        attempt=flight.n,
        idempotency_key=idempotency_key(live.run_id, flight.key),
        roots=live.roots_of(flight.key),
        deadline_monotonic=flight.deadline,
        secrets=live.secrets,
        cancelled=live.cancelled,
        tell=partial(_tell, execution, live, flight.key),
    )


def _tell(execution: Execution, live: LiveRun, key: str, kind: str, value: Any) -> None:
    """What a block shows while it is under way: to whoever watches the run, and to the sink. From any thread."""
    execution.feed.tell(live, key, kind, value)
    execution.sink.tell(live.run_id, key, kind, value)
