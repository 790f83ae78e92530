"""The only place that names the scheduler's Celery tasks. Messages are wake-ups: the invocation's row is the outbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from celery import current_app

from tables.enqueue import SEND_ERRORS

__all__ = [
    "PRUNE",
    "RECOMPUTE",
    "RUN_INVOCATION",
    "SEND_ERRORS",
    "SWEEP",
    "TICK",
    "invocations_sender",
    "sweep_send",
    "tick_send",
]

log = logging.getLogger(__name__)

TICK: Final = "scheduler.tick"
SWEEP: Final = "scheduler.sweep"
RUN_INVOCATION: Final = "scheduler.run_invocation"
PRUNE: Final = "scheduler.prune"
RECOMPUTE: Final = "scheduler.recompute"


def tick_send(epoch: int | None = None) -> bool:
    """Ask for a tick now, under that epoch if one is named; whether the broker took it."""
    return _ask(TICK, [] if epoch is None else [epoch])


def sweep_send() -> bool:
    """Ask for a sweep now; whether the broker took it."""
    return _ask(SWEEP, [])


@contextmanager
def invocations_sender() -> Iterator[Callable[[Sequence[UUID]], None]]:
    """``send(ids)`` through one pooled producer: one message, whose reader starts one after the other.

    It raises one of ``SEND_ERRORS``.
    """
    with current_app.producer_or_acquire() as producer:

        def send(invocation_ids: Sequence[UUID]) -> None:
            current_app.send_task(
                RUN_INVOCATION,
                args=[str(invocation_id) for invocation_id in invocation_ids],
                queue="interactive",
                ignore_result=True,
                producer=producer,
                argsrepr=f"{len(invocation_ids)} of them",  # Celery would take longer to abridge them than to send
                kwargsrepr="{}",
            )

        yield send


def _ask(task: str, args: list[int]) -> bool:
    try:
        current_app.send_task(task, args=args, queue="control", ignore_result=True)
    except SEND_ERRORS:
        log.warning("could not ask for %s; beat will", task)
        return False
    return True
