"""What a finished step means for what is around it: the port it took, the error it left, the result it is part of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from workflows.engine.graph import ScopeGraph
from workflows.engine.scopes import block_of, step_key
from workflows.engine.types import ERROR_HANDLE, SOURCE_HANDLE, BlockError, ErrorClass, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion
from workflows.states import RunStatus


def taken_handle(graph: ScopeGraph, record: StepRecord) -> str | None:
    """The port through which a finished block was left; None for a failure that no error edge takes (W8)."""
    if record.status is StepStatus.COMPLETED:
        return record.handle or SOURCE_HANDLE
    return ERROR_HANDLE if graph.catches[graph.index[block_of(record.key)]] else None


def caught(version: CompiledVersion, key: str) -> bool:
    """Whether an error edge takes the failure of this step."""
    block = block_of(key)
    graph = version.scopes[version.blocks[block].spec.parent]
    return graph.catches[graph.index[block]]


def fatal_failure(graph: ScopeGraph, finished: Iterable[StepRecord]) -> StepRecord | None:
    """The first failed step of a scope, in the ledger's order, that no error edge takes (W11)."""
    for record in finished:
        if record.status is StepStatus.FAILED and taken_handle(graph, record) is None:
            return record
    return None


def error_of(failure: StepRecord) -> BlockError:
    """The error of a failed step; a step recorded without one still says that it failed."""
    return failure.error or BlockError(ErrorClass.INTERNAL, "failed", f"the block {failure.key!r} failed")


def same_error(one: StepRecord, other: StepRecord) -> bool:
    """Whether two steps failed by the same error, by what is kept of it wherever it is stored."""
    a, b = error_of(one), error_of(other)
    return (a.error_class, a.code, a.message) == (b.error_class, b.code, b.message)


def scope_result(
    graph: ScopeGraph, path: str, finished: Mapping[str, StepRecord], only: Collection[str] | None = None
) -> Any:
    """What one pass over a scope gives: the outputs of its *ends*, the completed blocks that no live edge leaves.

    Of the only one, its output; of several, an object by block key in the order of the definition; of none, null.
    Edges to blocks that are held back (not in ``only``, and never finished) do not count (W28).
    """
    ends: dict[str, Any] = {}
    for i, block in enumerate(graph.keys):
        record = finished.get(step_key(path, block))
        if record is None or record.status is not StepStatus.COMPLETED:
            continue
        taken = record.handle or SOURCE_HANDLE
        targets = [graph.keys[target] for handle, target in graph.outgoing[i] if handle == taken]
        if only is not None:
            targets = [key for key in targets if key in only or step_key(path, key) in finished]
        if not targets:
            ends[block] = record.output
    return ends if len(ends) > 1 else next(iter(ends.values()), None)


def run_outcome(failure: StepRecord | None, *, done: bool, cancelling: bool) -> RunStatus | None:
    """How a run that is ``done`` ended: cancel beats failure (W11). None while it is under way."""
    if not done:
        return None
    if cancelling:
        return RunStatus.CANCELLED
    return RunStatus.COMPLETED if failure is None else RunStatus.FAILED
