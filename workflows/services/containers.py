"""Loops and parallels under execution: opened, asked, concluded (W10). Their iterations are routing's business."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflows.blocks.base import ContainerBlock
from workflows.engine.outputs import clean_output
from workflows.engine.router import Ask, ContainerEnd
from workflows.engine.scopes import iteration_path
from workflows.engine.types import BlockError, StepRecord
from workflows.services import attempts, landing
from workflows.services.flights import Flight
from workflows.services.live import LiveRun
from workflows.services.records import settled, step_write
from workflows.states import StepStatus
from workspaces.secrets import secrets_redact

if TYPE_CHECKING:
    from workflows.services.executor import Execution

MAX_RESULTS_BYTES = 16 * 1024 * 1024
"""What the results of a container's iterations may come to together."""


def container_open(execution: Execution, live: LiveRun, key: str) -> None:
    """Resolve a container's config and begin its iterations; the opening stays in the ledger while it is open."""
    flight = attempts.flight_new(live, key)
    try:
        config = attempts.prepare(live, flight)
        opening = _container(live, key).open(attempts.context_of(execution, live, flight), config)
    except Exception as error:  # noqa: BLE001 - a block may raise anything; it becomes the step's error
        _refuse(execution, live, flight, error)
        return
    live.opened[key] = flight
    step = step_write(live, flight, StepStatus.RUNNING)
    step.finished_at = None
    shown = opening.as_json()
    step.opening = secrets_redact(shown, live.secrets.values()) if live.secrets else shown
    live.record(step)
    live.take(live.router.open(key, opening))


def container_ask(execution: Execution, live: LiveRun, ask: Ask) -> None:
    """Evaluate a while loop's condition for the iteration that would begin; one that errs fails the loop."""
    if live.router.stopped(ask.container):
        live.take(live.router.go_on(ask, False))
        return
    flight = attempts.flight_again(live, ask.container)
    path = iteration_path(ask.container, ask.index)
    roots = live.roots.asked(path, live.router.iteration(path))
    try:
        config = attempts.prepare(live, flight)
        context = replace(attempts.context_of(execution, live, flight), roots=roots)
        begins = _container(live, ask.container).goes_on(context, config)
    except Exception as error:  # noqa: BLE001 - as above
        _refuse(execution, live, flight, error)
        return
    live.take(live.router.go_on(ask, begins))


def container_conclude(execution: Execution, live: LiveRun, end: ContainerEnd) -> None:
    """All iterations are over: their results are the container's output, or the first failure is its own."""
    flight = live.opened.pop(end.key, None) or attempts.flight_again(live, end.key)
    output = end.output if end.error is not None else clean_output(end.output, MAX_RESULTS_BYTES)
    error = output if isinstance(output, BlockError) else end.error
    if error is not None:
        landing.fail(execution, live, flight, error)
        return
    step = step_write(live, flight, StepStatus.COMPLETED)
    step.output = secrets_redact(output, live.secrets.values()) if live.secrets else output
    live.record(step)
    landing.route(live, StepRecord(end.key, StepStatus.COMPLETED, None, output))


def _refuse(execution: Execution, live: LiveRun, flight: Flight, error: Exception) -> None:
    """A container that cannot be opened, or asked, fails; it has no attempts to spend."""
    found = settled(error)
    assert isinstance(found, BlockError)
    landing.fail(execution, live, flight, found)


def _container(live: LiveRun, key: str) -> ContainerBlock[Any]:
    found = attempts.block_of_step(live, key)
    assert isinstance(found, ContainerBlock)
    return found
