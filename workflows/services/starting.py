"""How an attempt begins (W7, W15).

*Inline* in the executor's thread for what is pure; *in the commit* for what has its effect in the database; *in
flight* for the rest, after a mark in the ledger when it is unsafe to send twice.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError

from workflows.engine.types import RetryPolicy, UnknownOutcome
from workflows.services import attempts, landing, telling
from workflows.services.flights import take_off_async, take_off_thread
from workflows.services.live import LiveRun
from workflows.services.patience import patiently
from workflows.services.records import step_write
from workflows.states import StepStatus

if TYPE_CHECKING:
    from workflows.services.executor import Execution


def attempt_inline(execution: Execution, live: LiveRun, key: str) -> None:
    """One attempt of a pure block, here and now."""
    flight, began = attempts.flight_new(live, key), time.thread_time()
    try:
        config = attempts.prepare(live, flight)
        block = attempts.block_of_step(live, key)
        outcome: Any = block.run(attempts.context_of(execution, live, flight), config)
    except Exception as error:  # noqa: BLE001 - a block may raise anything; it becomes the attempt's error
        outcome = error
    live.busy_seconds += time.thread_time() - began
    landing.land(execution, live, flight, outcome)


def attempt_in_commit(execution: Execution, live: LiveRun, key: str) -> None:
    """One attempt of a block whose effect is in the database: it runs inside the commit of its step (W15).

    What it raises undoes that commit, and the attempt fails like any other. The guard comes before the effect: for a
    run that is no longer ours the block is not called.
    """
    flight = attempts.flight_new(live, key)
    write = live.next_write()
    cost, before = write.cost, (len(write.steps), len(write.attempts))
    landed: list[landing.Landed] = []

    def undo() -> None:
        """Forget what the effect has added; it is repeated as a whole when the transaction is."""
        del write.steps[before[0] :], write.attempts[before[1] :], landed[:]
        write.cost = cost

    def effect() -> None:
        """The block's work."""
        undo()
        outcome: Any = attempts.block_of_step(live, key).run(
            attempts.context_of(execution, live, flight), config
        )
        landed.append(landing.landed_in_commit(live, flight, outcome, write))

    try:
        config = attempts.prepare(live, flight)
        write.effect = effect
        answer = patiently(partial(execution.sink.commit, [write]))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - as above
        undo()
        live.put_back(write)
        landing.land(execution, live, flight, error)
        execution.decide(live)
        return
    execution.admit(answer.started)
    if live.run_id in answer.refused:
        execution.drop(live.run_id)
        return
    telling.tell_committed(execution.feed, live, write)
    execution.feed.flush([live.run_id])
    landing.route(live, landed[0].record)
    execution.decide(live)


def unsafe_mark(execution: Execution, live: LiveRun, key: str) -> bool:
    """Make sure that a crash from here on finds the step under way (W15).

    ``False``: it was under way when an earlier owner died, and what becomes of it is a person's decision, or was
    decided beforehand by the block's policy.
    """
    if key in live.interrupted:
        live.interrupted -= {key}
        wanted = (live.block(key).retry or RetryPolicy()).on_unknown
        if wanted is not UnknownOutcome.RETRY:
            landing.interrupted(execution, live, key, ask=wanted is UnknownOutcome.ASK)
            execution.decide(live)
            return False
    flight = attempts.flight_again(live, key)
    live.write.steps.append(step_write(live, flight, StepStatus.RUNNING))
    write = live.next_write()
    answer = patiently(lambda: execution.sink.commit([write]))
    execution.admit(answer.started)
    if live.run_id in answer.refused:
        execution.drop(live.run_id)
        return False
    return True


def take_off(execution: Execution, live: LiveRun, key: str) -> None:
    """Start one attempt; a config that cannot be resolved is an attempt that failed."""
    flight = attempts.flight_new(live, key)
    block, context = attempts.block_of_step(live, key), attempts.context_of(execution, live, flight)
    live.in_flight.add(key)
    execution.flights[live.run_id, key] = flight
    execution.feed.note(live, "block_started", key, n=flight.n)
    try:
        config = attempts.prepare(live, flight)
    except Exception as error:  # noqa: BLE001 - as above
        execution.landings.put((flight, error))
        return
    if block.runs_async(config):
        take_off_async(flight, lambda: block.run(context, config), execution.landings)  # type: ignore[arg-type,return-value]
    else:
        take_off_thread(flight, lambda: block.run(context, config), execution.landings)  # type: ignore[arg-type,return-value]
