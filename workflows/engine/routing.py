"""What comes next in a run, rebuilt from its finished steps (W7–W9, W11): the plain form.

`fold` reads the ledger over the version in topological order, and everything follows from three sentences:

- An edge is *live* when its source finished and took its port, *dead* when its source finished otherwise or was
  skipped, and *open* until then. A failure without an ``error`` edge leaves its edges open for ever: it decides
  nothing, so that a resumed run finds nothing to take back (W22).
- A block is ready when none of its edges is open and one is live; it is skipped when all are dead.
- After such a failure, or a cancel, nothing new is ready; the run ends when what is in flight has ended.

``engine.router`` is the same by increments; property tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.engine.graph import ScopeGraph
from workflows.engine.types import (
    ERROR_HANDLE,
    SOURCE_HANDLE,
    BlockError,
    ErrorClass,
    StepRecord,
    StepStatus,
)
from workflows.engine.version import CompiledVersion
from workflows.states import RunStatus


@dataclass(frozen=True, slots=True)
class RunView:
    """Where a run stands. ``ready`` and ``skipped`` are in topological order.

    ``outcome`` is known once ``done``. ``result`` is the run's result: as soon as a ``respond`` block has
    finished, otherwise when the run has completed (see `run_result`). ``first_error`` is the first failure
    that no error edge took.
    """

    ready: tuple[str, ...]
    skipped: tuple[str, ...]
    done: bool
    outcome: RunStatus | None
    first_error: BlockError | None
    result: Any


def fold(
    version: CompiledVersion,
    finished: Mapping[str, StepRecord],
    in_flight: Collection[str] = (),
    *,
    cancelling: bool = False,
) -> RunView:
    """The state of a run from its ledger: a pure function of (version, finished steps).

    ``finished`` maps block keys to records in the order in which they finished; skipped ones among them are
    worked out anew. ``in_flight`` are blocks that were started and have not finished.
    """
    graph = version.root
    ready, skipped = _frontier(graph, finished)
    failure = fatal_failure(graph, finished.values())
    stopping = failure is not None or cancelling
    startable = () if stopping else tuple(key for key in ready if key not in in_flight)
    done = not startable and not in_flight
    outcome = run_outcome(failure, done=done, cancelling=cancelling)
    return RunView(
        ready=startable,
        skipped=tuple(skipped),
        done=done,
        outcome=outcome,
        first_error=None if failure is None else error_of(failure),
        result=run_result(version, finished, outcome),
    )


def _frontier(graph: ScopeGraph, finished: Mapping[str, StepRecord]) -> tuple[list[str], list[str]]:
    """Blocks that may start if nothing forbids it, and blocks that never will, in topological order."""
    open_edges = [len(sources) for sources in graph.incoming]
    live_edges = [0] * len(graph.keys)
    entries = set(graph.entries)
    ready: list[str] = []
    skipped: list[str] = []
    for i in graph.order:
        key = graph.keys[i]
        record = finished.get(key)
        if record is not None and record.status is not StepStatus.SKIPPED:
            taken = taken_handle(graph, record)
            if taken is None:
                continue
        elif i in entries or (not open_edges[i] and live_edges[i]):
            ready.append(key)
            continue
        elif open_edges[i]:
            continue
        else:
            skipped.append(key)
            taken = None
        for handle, target in graph.outgoing[i]:
            open_edges[target] -= 1
            live_edges[target] += handle == taken
    return ready, skipped


def taken_handle(graph: ScopeGraph, record: StepRecord) -> str | None:
    """The port through which a finished block was left; None for a failure that no error edge takes (W8)."""
    if record.status is StepStatus.COMPLETED:
        return record.handle or SOURCE_HANDLE
    edges = graph.outgoing[graph.index[record.key]]
    return ERROR_HANDLE if any(handle == ERROR_HANDLE for handle, _ in edges) else None


def fatal_failure(graph: ScopeGraph, finished: Iterable[StepRecord]) -> StepRecord | None:
    """The first failed step, in the ledger's order, that no error edge takes (W11)."""
    for record in finished:
        if record.status is StepStatus.FAILED and taken_handle(graph, record) is None:
            return record
    return None


def error_of(failure: StepRecord) -> BlockError:
    """The error of a failed step; a step recorded without one still says that it failed."""
    return failure.error or BlockError(ErrorClass.INTERNAL, "failed", f"the block {failure.key!r} failed")


def run_outcome(failure: StepRecord | None, *, done: bool, cancelling: bool) -> RunStatus | None:
    """How a run that is ``done`` ended: cancel beats failure (W11). None while it is under way."""
    if not done:
        return None
    if cancelling:
        return RunStatus.CANCELLED
    return RunStatus.COMPLETED if failure is None else RunStatus.FAILED


def run_result(
    version: CompiledVersion, finished: Mapping[str, StepRecord], outcome: RunStatus | None
) -> Any:
    """What the run gives back.

    The output of the first ``respond`` block that completed, whatever happens later (W11). Without one, a
    completed run gives the outputs of its *ends*, the completed blocks that no live edge leaves: of the only
    one, its output; of several, an object by block key in the order of the definition; of none, null.
    """
    completed = [record for record in finished.values() if record.status is StepStatus.COMPLETED]
    for record in completed:
        if version.blocks[record.key].responds:
            return record.output
    if outcome is not RunStatus.COMPLETED:
        return None
    graph = version.root
    ends = {record.key: record.output for record in completed if _is_end(graph, record)}
    if len(ends) <= 1:
        return next(iter(ends.values()), None)
    return {key: ends[key] for key in graph.keys if key in ends}


def _is_end(graph: ScopeGraph, record: StepRecord) -> bool:
    taken = taken_handle(graph, record)
    return all(handle != taken for handle, _ in graph.outgoing[graph.index[record.key]])
