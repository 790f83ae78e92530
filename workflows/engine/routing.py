"""What comes next in a run, rebuilt from its finished steps (W7–W11): the plain form.

`fold` reads the ledger over the version in topological order, and everything follows from a few sentences:

- An edge is *live* when its source finished and took its port, *dead* when its source finished otherwise or was
  skipped, and *open* until then. A failure without an ``error`` edge leaves its edges open for ever: it decides
  nothing, so that a resumed run finds nothing to take back (W22).
- A block is ready when none of its edges is open and one is live; it is skipped when all are dead.
- After such a failure nothing new is ready in its scope; the scope ends when what is in flight has ended.
- A container that was opened runs its blocks as iterations, in index order, as many at once as it was opened for. An
  iteration is over when nothing in it is ready or in flight; the container has ended when all are over. A failed
  iteration stops its container at once, and a container without an ``error`` edge the scope around it, unless the
  container collects failures.
- After a failure of the top scope, or a cancel, the run ends when what is in flight has ended.

``engine.router`` is the same by increments; property tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from workflows.engine.iterations import Ask, ContainerEnd
from workflows.engine.reading import Reading, ScopeView
from workflows.engine.scopes import TOP, block_of
from workflows.engine.settling import error_of, fatal_failure, run_outcome, scope_result
from workflows.engine.types import BlockError, Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion
from workflows.states import RunStatus

__all__ = ["RunView", "fatal_failure", "fold", "scope_result"]

_NO_OPENINGS: Final[Mapping[str, Opening]] = MappingProxyType({})
_NO_ANSWERS: Final[Mapping[Ask, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunView:
    """Where a run stands, in step keys. ``ready`` and ``skipped`` are in topological order within their scopes.

    ``asks`` and ``ended`` are what the caller has to answer. ``outcome`` is known once ``done``. ``result`` is the
    run's result: as soon as a ``respond`` block has finished, otherwise when the run has completed (see
    `settling.scope_result`). ``first_error`` is the first failure that stopped the run, ``failed_block`` its step.
    """

    ready: tuple[str, ...]
    skipped: tuple[str, ...]
    asks: tuple[Ask, ...]
    ended: tuple[ContainerEnd, ...]
    done: bool
    outcome: RunStatus | None
    first_error: BlockError | None
    failed_block: str | None
    result: Any


def fold(
    version: CompiledVersion,
    finished: Mapping[str, StepRecord],
    openings: Mapping[str, Opening] = _NO_OPENINGS,
    in_flight: Collection[str] = (),
    *,
    answers: Mapping[Ask, bool] = _NO_ANSWERS,
    cancelling: bool = False,
    only: Collection[str] | None = None,
) -> RunView:
    """The state of a run from its ledger: a pure function of (version, finished steps, open containers).

    ``finished`` maps step keys to records in the order in which they finished; skipped ones among them are worked out
    anew. ``openings`` are those of open containers. ``in_flight`` are steps that were started and have not finished.
    ``answers`` are what while loops were told of iterations in which nothing has finished yet. ``only``: see `Router`.
    """
    top = Reading(version, finished, openings, in_flight, answers, only).scope(TOP, stopped=cancelling)
    told = _Told([], [], [], [])
    told.add(top, in_flight, stopped=cancelling)
    done = not told.ready and not top.busy
    outcome = run_outcome(top.failure, done=done, cancelling=cancelling)
    return RunView(
        ready=tuple(told.ready),
        skipped=tuple(told.skipped),
        asks=tuple(told.asks),
        ended=tuple(told.ended),
        done=done,
        outcome=outcome,
        first_error=None if top.failure is None else error_of(top.failure),
        failed_block=None if top.failure is None else top.failure.key,
        result=_result(version, finished, outcome, only),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What there is to do, gathered over the scopes from the top inwards."""

    ready: list[str]
    skipped: list[str]
    asks: list[Ask]
    ended: list[ContainerEnd]

    def add(self, scope: ScopeView, in_flight: Collection[str], *, stopped: bool) -> None:
        """Add a scope, and the iterations under way inside it."""
        stopped = stopped or scope.failure is not None
        self.skipped.extend(scope.skipped)
        if not stopped:
            self.ready.extend(key for key in scope.waiting if key not in in_flight)
        for container in scope.containers:
            if container.ask is not None:
                self.asks.append(container.ask)
            if container.end is not None:
                self.ended.append(container.end)
            for iteration in container.begun.values():
                self.add(iteration, in_flight, stopped=stopped or container.failure is not None)


def _result(
    version: CompiledVersion,
    finished: Mapping[str, StepRecord],
    outcome: RunStatus | None,
    only: Collection[str] | None,
) -> Any:
    """The output of the first ``respond`` that completed, wherever it stands and whatever happens later (W11).

    Without one, what a completed run's ends give.
    """
    for record in finished.values():
        if record.status is StepStatus.COMPLETED and version.blocks[block_of(record.key)].responds:
            return record.output
    if outcome is not RunStatus.COMPLETED:
        return None
    return scope_result(version.root, TOP, finished, only)
