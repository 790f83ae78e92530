"""What an executor writes down of an attempt: its outcome in one shape, the step's record, the line in history."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workflows.blocks.base import BlockFailed, BlockPause, BlockResult
from workflows.engine.expressions import ExpressionError
from workflows.engine.scopes import block_of
from workflows.engine.types import BlockError, Effect, ErrorClass
from workflows.services.flights import Flight
from workflows.services.ledger import AttemptWrite, RunWrite, StepWrite
from workflows.services.live import LiveRun
from workflows.states import StepStatus
from workspaces.secrets import secrets_redact


def settled(outcome: Any) -> BlockResult | BlockPause | BlockError:
    """What an attempt came to, whatever the block returned or raised."""
    if isinstance(outcome, BlockResult | BlockPause | BlockError):
        return outcome
    if isinstance(outcome, BlockFailed):
        return outcome.error
    if isinstance(outcome, ExpressionError):
        return outcome.as_block_error()
    if isinstance(outcome, BaseException):
        message = f"{type(outcome).__name__}: {outcome}"[:2000]
        return BlockError(ErrorClass.INTERNAL, "internal", message)
    return BlockError(
        ErrorClass.INTERNAL, "internal", "The block answered something that is not a BlockResult."
    )


def step_write(live: LiveRun, flight: Flight, status: StepStatus) -> StepWrite:
    """The record of a step that an attempt has just decided."""
    return StepWrite(
        key=flight.key,
        status=status,
        started_at=flight.started_at,
        finished_at=datetime.now(UTC),
        input_hash=flight.input_hash,
        fingerprint=live.compiled.blocks[block_of(flight.key)].fingerprint,
    )


def attempt_note(
    live: LiveRun, flight: Flight, error: BlockError | None, write: RunWrite | None = None
) -> None:
    """Append the attempt to the run's history: its input as used, redacted, and its error.

    A pure block that succeeds leaves none: its step says when, and its input follows from the ledger (W9, W15).
    """
    if error is None and live.compiled.blocks[block_of(flight.key)].effect is Effect.PURE:
        return
    (write or live.write).attempts.append(
        AttemptWrite(
            key=flight.key,
            n=flight.n,
            started_at=flight.started_at,
            finished_at=datetime.now(UTC),
            input=secrets_redact(flight.values, live.secrets.values()) if live.secrets else flight.values,
            error=error_shown(live, error),
        )
    )


def error_shown(live: LiveRun, error: BlockError | None) -> dict[str, Any] | None:
    """An error as it is stored: secrets redacted (W6)."""
    if error is None:
        return None
    shown = error.as_json()
    return secrets_redact(shown, live.secrets.values()) if live.secrets else shown


def idempotency_key(run_id: UUID, step_key: str) -> str:
    """The key a block sends with its effect: stable over retries, crashes and resume, new on a rerun (W15)."""
    return hashlib.sha256(f"{run_id}:{step_key}".encode()).hexdigest()[:32]
