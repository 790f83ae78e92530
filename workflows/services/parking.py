"""Steps that wait, and runs that can only wait (W15, W16, W19, W21).

A step begins to wait in the ledger: its record says ``waiting``, a pause point says what for. A run with nothing else
to do is parked, unless the wait is over in a few seconds: its lease goes, no worker and no message remembers it, and
``wake_at`` or an answer brings it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from workflows.blocks.base import BlockPause
from workflows.engine.types import BlockError, ErrorClass
from workflows.services.flights import Flight
from workflows.services.instances import is_draining
from workflows.services.ledger import PauseWrite, RunEnd, StepWrite
from workflows.services.live import LiveRun, Waiting
from workflows.services.records import error_shown, step_write
from workflows.services.subruns import subrun_draft
from workflows.states import PauseKind, RunStatus, StepStatus
from workspaces.secrets import secrets_redact
from workspaces.tokens import key_hash

if TYPE_CHECKING:
    from workflows.services.executor import Execution

HOLD_SECONDS: Final = 5.0
"""Waits up to this long are waited out in the process; longer ones give the worker back (W16)."""

LEAST_SECONDS: Final = 0.02
"""Between looks at a wait that is due by our clock, and not yet by the database's."""

STUCK: Final = BlockError(
    ErrorClass.INTERNAL,
    "stuck",
    "Nothing of this run can go on. This is a fault of Runsheet: please report it.",
)

DECISION: Final = "decision"
"""What a step of unknown outcome waits for, beside the kinds of ``PauseKind``."""


def wait_begin(live: LiveRun, flight: Flight, pause: BlockPause) -> BlockError | None:
    """Have a step wait from the next commit on; the error when the sub-run it is to wait for cannot be started."""
    key, request = flight.key, dict(pause.request)
    if live.secrets:
        request = secrets_redact(request, live.secrets.values())
    child = subrun_draft(live, request) if pause.kind is PauseKind.RUN else None
    if isinstance(child, BlockError):
        return child
    live.rounds[key] = live.rounds.get(key, -1) + 1
    written = PauseWrite(
        key=key,
        round=live.rounds[key],
        kind=pause.kind,
        request=request,
        wake_at=pause.until,
        token_hash=None if pause.token is None else key_hash(pause.token),
        child=child,
    )
    step = step_write(live, flight, StepStatus.WAITING)
    step.finished_at = None
    live.record(step)
    live.write.pauses.append(written)
    live.must_commit = True
    live.waiting[key] = Waiting(written.id, pause.kind, pause.until, str(request.get("reason", "")))
    return None


def waiting_withdraw(live: LiveRun, keys: Iterable[str]) -> None:
    """Steps wait no more, as their run, or the scope they stand in, ends without them. A resume asks anew."""
    for key in keys:
        del live.waiting[key]
        live.record(StepWrite(key, StepStatus.PENDING, None, None))
        live.write.withdrawn.append(key)
        live.must_commit = True


def stopped_withdraw(execution: Execution, live: LiveRun) -> bool:
    """Take back what waits in a scope that is failing (W11); whether there was anything."""
    timers = execution.timers_of(live) if execution.timers else []
    held = [*live.startable, *timers, *live.waiting, *live.unknown]
    stopped = {key for key in held if live.router.stopped(key)}
    if not stopped:
        return False
    live.startable = type(live.startable)(key for key in live.startable if key not in stopped)
    execution.timers_forget(live, stopped)
    waiting_withdraw(live, [key for key in live.waiting if key in stopped])
    live.unknown -= stopped
    live.take(live.router.withdraw(sorted(stopped)))
    return True


def leave_if_idle(execution: Execution, live: LiveRun) -> None:
    """Say how the run leaves this process, once nothing of it is under way here.

    It is over; or it is handed back, as the process was told to stop (W17); or it can only wait, and is parked.
    """
    if live.write.end is not None or live.in_flight or live.asks or live.ended:
        return
    held_back = bool(live.ready or live.startable or (execution.timers and execution.timers_of(live)))
    if held_back and not is_draining():
        return
    if held_back:
        live.ready.clear()
        live.startable.clear()
        execution.timers_forget(live, None)
        live.write.end = RunEnd(RunStatus.QUEUED)
    elif live.unknown:
        live.write.end = RunEnd(RunStatus.NEEDS_DECISION, waits=waits_shown(live))
    elif live.waiting:
        _park(live)
    elif live.router.done:
        live.write.end = _end(live)
    elif is_draining():
        live.write.end = RunEnd(RunStatus.QUEUED)
    else:  # handing it back would send it round for ever
        live.write.end = RunEnd(RunStatus.FAILED, error=STUCK.as_json())


def _park(live: LiveRun) -> None:
    """Leave the process, unless the next wait is over in a moment."""
    dues = [waiting.until for waiting in live.waiting.values() if waiting.until is not None]
    next_due = min(dues, default=None)
    soon = datetime.now(UTC) + timedelta(seconds=HOLD_SECONDS)
    if next_due is not None and next_due <= soon and not is_draining():
        return
    asked = any(waiting.kind is PauseKind.APPROVAL for waiting in live.waiting.values())
    moments = [moment for moment in (next_due, live.deadline_at) if moment is not None]
    live.write.end = RunEnd(
        RunStatus.PAUSED if asked else RunStatus.WAITING,
        wake_at=min(moments, default=None),
        waits=waits_shown(live),
    )


def _end(live: LiveRun) -> RunEnd:
    if live.router.outcome is RunStatus.FAILED:
        error = error_shown(live, live.router.first_error) or {}
        return RunEnd(RunStatus.FAILED, error={**error, "block": live.router.failed_block})
    result = live.router.result
    return RunEnd(
        RunStatus.COMPLETED, result=secrets_redact(result, live.secrets.values()) if live.secrets else result
    )


def waits_shown(live: LiveRun) -> Sequence[dict[str, Any]]:
    """What a parked run waits for, as ``Run.waits_for`` keeps it."""
    waits: list[dict[str, Any]] = [
        {
            "step_key": key,
            "kind": str(waiting.kind),
            "until": _shown(waiting.until),
            "reason": waiting.reason,
            "pause": str(waiting.pause_id),
        }
        for key, waiting in live.waiting.items()
    ]
    return waits + [
        {"step_key": key, "kind": DECISION, "until": None, "reason": "", "pause": None}
        for key in sorted(live.unknown)
    ]


def is_due(live: LiveRun) -> bool:
    """Whether a wait of this run is over by this process's clock."""
    now = datetime.now(UTC)
    return any(waiting.until is not None and waiting.until <= now for waiting in live.waiting.values())


def next_due_seconds(runs: Iterable[LiveRun]) -> float | None:
    """Seconds until the next wait of these runs is over; None when none of them waits for a time."""
    dues = [waiting.until for live in runs for waiting in live.waiting.values() if waiting.until is not None]
    if not dues:
        return None
    return max(LEAST_SECONDS, (min(dues) - datetime.now(UTC)).total_seconds())


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
