"""What a commit has made of a run, told to whoever watches it (W30). For runs nobody watches it costs a set lookup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflows.services.feed import Feed
from workflows.services.ledger import RunWrite, StepWrite
from workflows.services.live import LiveRun
from workflows.services.watching import watched
from workflows.states import StepStatus

KINDS: Final[Mapping[StepStatus, str]] = {
    StepStatus.COMPLETED: "block_completed",
    StepStatus.FAILED: "block_failed",
    StepStatus.SKIPPED: "block_skipped",
    StepStatus.WAITING: "block_paused",
    StepStatus.UNKNOWN: "block_unknown",
}


def tell_committed(feed: Feed, live: LiveRun, write: RunWrite) -> None:
    """Note what was just committed: retried attempts, finished and waiting steps, the run's end."""
    if live.run_id not in watched.ids():
        feed.missed(live.run_id)
    else:
        failed = {step.key for step in write.steps if step.status is StepStatus.FAILED}
        for attempt in write.attempts:
            if attempt.error is not None and attempt.key not in failed:
                feed.note(live, "block_retried", attempt.key, n=attempt.n, error=attempt.error)
        for step in write.steps:
            if step.status in KINDS:
                feed.note(live, KINDS[step.status], step.key, **_shown(step))
    if write.end is not None:
        feed.note(live, "run_status", status=str(write.end.status))


def _shown(step: StepWrite) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if step.handle:
        shown["handle"] = step.handle
    if step.error is not None:
        shown["error"] = step.error
    return shown
