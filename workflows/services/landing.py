"""How an attempt came out: a finished step, another try, a wait, or the step's failure (W14 to W16, W19)."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workflows.blocks.base import BlockFailed, BlockPause, BlockPostponed, BlockResult
from workflows.engine.outputs import clean_output
from workflows.engine.retry import RetryAfter, decide_retry
from workflows.engine.types import BlockError, Effect, ErrorClass, StepRecord
from workflows.services import parking
from workflows.services.attempts import flight_new
from workflows.services.flights import Flight
from workflows.services.instances import is_draining
from workflows.services.ledger import RunWrite
from workflows.services.live import LiveRun
from workflows.services.records import attempt_note, error_shown, settled, step_write
from workflows.states import PauseKind, StepStatus
from workspaces.secrets import secrets_redact

if TYPE_CHECKING:
    from workflows.services.executor import Execution

MAX_OUTPUT_BYTES = 1024 * 1024
"""A block's output above this fails its step (F21)."""

INTERRUPTED = BlockError(
    ErrorClass.UNKNOWN_OUTCOME,
    "unknown_outcome",
    "The worker was lost while this block was under way, and it is not safe to send it again.",
)


@dataclass(frozen=True, slots=True)
class Landed:
    """A finished step as routing takes it in."""

    record: StepRecord


def land(execution: Execution, live: LiveRun, flight: Flight, outcome: Any) -> None:
    """Take in how an attempt came out."""
    if isinstance(outcome, BlockPostponed):
        postpone(execution, live, flight, outcome)
        return
    result = settled(outcome)
    if isinstance(result, BlockPause):
        wait(execution, live, flight, result)
        return
    if isinstance(result, BlockResult):
        output = clean_output(result.output, MAX_OUTPUT_BYTES)
        if not isinstance(output, BlockError):
            succeed(execution, live, flight, output, result)
            return
        result = output
    block = live.block(flight.key)
    decision = decide_retry(block.retry, flight.n, result, random.random())  # noqa: S311
    attempt_note(live, flight, result)
    if isinstance(decision, RetryAfter) and not live.router.stopped(flight.key):
        kind = PauseKind.RATE_LIMITED if result.error_class is ErrorClass.RATE_LIMITED else PauseKind.BACKOFF
        try_later(execution, live, flight, decision.seconds, kind, result.message)
    else:
        fail(execution, live, flight, result)


def wait(execution: Execution, live: LiveRun, flight: Flight, pause: BlockPause) -> None:
    """The block waits; a sub-run that cannot be started fails it."""
    refused = parking.wait_begin(live, flight, pause)
    if refused is not None:
        attempt_note(live, flight, refused)
        fail(execution, live, flight, refused)


def postpone(execution: Execution, live: LiveRun, flight: Flight, outcome: BlockPostponed) -> None:
    """The block may not be sent just now: no attempt of its budget was used (W16, W33)."""
    live.attempts[flight.key] = max(0, live.attempts.get(flight.key, 1) - 1)
    try_later(execution, live, flight, outcome.seconds, PauseKind.RATE_LIMITED, outcome.reason)


def try_later(
    execution: Execution, live: LiveRun, flight: Flight, seconds: float, kind: PauseKind, reason: str
) -> None:
    """Try the block again after a while: a short one is waited out here, a long one gives the worker back (W16)."""
    live.must_commit = True
    if seconds > parking.HOLD_SECONDS or is_draining():
        pause = BlockPause(kind, datetime.now(UTC) + timedelta(seconds=seconds), {"reason": reason[:500]})
        wait(execution, live, flight, pause)
    else:
        execution.timer_set(live, flight.key, seconds)


def succeed(execution: Execution, live: LiveRun, flight: Flight, output: Any, result: BlockResult) -> None:
    """Record a completed step and go where it leads."""
    landed = _succeeded(live, flight, output, result, live.write)
    live.must_commit = live.must_commit or live.block(flight.key).effect is not Effect.PURE
    route(live, landed.record)


def _succeeded(live: LiveRun, flight: Flight, output: Any, result: BlockResult, write: RunWrite) -> Landed:
    attempt_note(live, flight, None, write)
    if result.cost is not None:
        write.cost = (write.cost or 0) + result.cost
    step = step_write(live, flight, StepStatus.COMPLETED)
    step.output = secrets_redact(output, live.secrets.values()) if live.secrets else output
    step.handle = result.handle
    live.seq += 1
    step.seq = live.seq
    write.steps.append(step)
    return Landed(StepRecord(flight.key, StepStatus.COMPLETED, result.handle, output))


def landed_in_commit(live: LiveRun, flight: Flight, outcome: Any, write: RunWrite) -> Landed:
    """The success of a block that ran inside the commit ``write``. Raises ``BlockFailed`` for everything else."""
    result = settled(outcome)
    if isinstance(result, BlockError):
        raise BlockFailed(result)
    if isinstance(result, BlockPause):
        raise BlockFailed.because(
            ErrorClass.INTERNAL, "internal", "A block with its effect in the database cannot wait."
        )
    output = clean_output(result.output, MAX_OUTPUT_BYTES)
    if isinstance(output, BlockError):
        raise BlockFailed(output)
    return _succeeded(live, flight, output, result, write)


def fail(execution: Execution, live: LiveRun, flight: Flight, error: BlockError) -> None:
    """Record a failed step (its attempts are spent) and go where its error edge leads, if it has one."""
    step = step_write(live, flight, StepStatus.FAILED)
    step.error = error_shown(live, error)
    live.record(step)
    live.must_commit = True
    route(live, StepRecord(flight.key, StepStatus.FAILED, None, None, error))


def interrupted(execution: Execution, live: LiveRun, key: str, *, ask: bool) -> None:
    """An unsafe step whose outcome nobody knows: a person decides, or it fails (W15)."""
    flight = flight_new(live, key)
    attempt_note(live, flight, INTERRUPTED)
    if not ask:
        fail(execution, live, flight, INTERRUPTED)
        return
    step = step_write(live, flight, StepStatus.UNKNOWN)
    step.error = error_shown(live, INTERRUPTED)
    live.record(step)
    live.unknown.add(key)
    live.must_commit = True


def route(live: LiveRun, record: StepRecord) -> None:
    """Tell routing of a finished step; what it answers waits in the run."""
    live.roots.settle(record)
    live.take(live.router.finish(record))
