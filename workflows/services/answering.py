"""Going on from what was answered, or has waited long enough (W20, W21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from workflows.services import attempts, landing
from workflows.services.live import LiveRun
from workflows.services.patience import patiently
from workflows.services.pauses import Decided, pauses_decided
from workflows.states import PauseKind

if TYPE_CHECKING:
    from workflows.services.executor import Execution

TRIED_AGAIN: Final = frozenset({PauseKind.BACKOFF, PauseKind.RATE_LIMITED})
"""Waits of the engine itself: when they are over, the block is simply tried again."""


def answers_take(execution: Execution, runs: Sequence[LiveRun]) -> None:
    """Have every step of these runs go on whose wait is over."""
    waiting = {live.run_id: live for live in runs if live.waiting and live.write.end is None}
    if not waiting:
        return
    for decided in patiently(lambda: pauses_decided(list(waiting))):
        _take(execution, waiting[decided.run_id], decided)


def _take(execution: Execution, live: LiveRun, decided: Decided) -> None:
    """One answer: its block makes of it what it will. One that nobody waits for any more is put away."""
    key = decided.step_key
    waiting = live.waiting.get(key)
    if decided.pause_id in live.write.consumed:
        return
    live.write.consumed.append(decided.pause_id)
    live.must_commit = True
    if waiting is None or waiting.pause_id != decided.pause_id:
        return
    del live.waiting[key]
    if waiting.kind in TRIED_AGAIN:
        live.ready.append(key)
        return
    flight = attempts.flight_again(live, key)
    try:
        config = attempts.prepare(live, flight)
        context = attempts.context_of(execution, live, flight)
        outcome: Any = attempts.block_of_step(live, key).wake(context, config, decided.answer)
    except Exception as error:  # noqa: BLE001 - a block may raise anything; it becomes the attempt's error
        outcome = error
    landing.land(execution, live, flight, outcome)
