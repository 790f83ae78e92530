"""Routing by increments for the hot path: the same answers as `routing.fold`, one finished step at a time (W9).

A router holds the counts of the scopes that are open: the top's, and those of iterations under way (`motion`). It
decides nothing that the ledger does not: throw it away at any moment, and `Router.restore` makes its equal from the
version and the finished steps. Steps are named by their step keys (`scopes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from workflows.engine.iterations import Ask, ContainerEnd, Iteration, OpenContainer, OpenScope
from workflows.engine.motion import Advance, Motion
from workflows.engine.replay import Replay
from workflows.engine.scopes import TOP, iteration_of
from workflows.engine.settling import error_of, run_outcome, scope_result
from workflows.engine.types import BlockError, Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion
from workflows.states import RunStatus

__all__ = ["Advance", "Ask", "ContainerEnd", "Iteration", "Router"]

_NONE_OPEN: Final[Mapping[str, Opening]] = MappingProxyType({})


class Router(Motion):
    """The routing of one run under way.

        router = Router(version)
        advance = router.start()
        while not router.done:
            ...run advance.ready, some time later...
            advance = router.finish(StepRecord(...))
        router.outcome, router.first_error, router.result

    Steps answered as ready count as in flight from then on. A caller that bounds how many run together and holds
    some back hands those back by `withdraw` once `stopped` says that they may not start any more.

    A container is `open`-ed when it could start, and `finish`-ed by its `ContainerEnd`: completed with the output, or
    failed with the error. It may be finished earlier, as failed (its condition fails, its time is up): whatever is
    under way inside is then forgotten, and no record of it is taken in any more. Asks and ends are answered even while
    `stopping`; a container in which nothing is under way and nothing may start is not in flight.

    ``only``, when given, names the blocks that may start; others are held back for ever, neither ready nor skipped
    (unless the ledger has them as skipped), and the run, or an iteration, is over without them (W28).

    ``finished`` are the steps of the top scope.
    """

    __slots__ = ()

    @classmethod
    def restore(
        cls,
        version: CompiledVersion,
        finished: Iterable[StepRecord],
        openings: Mapping[str, Opening] = _NONE_OPEN,
        only: frozenset[str] | None = None,
    ) -> tuple[Router, Advance]:
        """A router in the state that the ledger tells, and what to do next: all that is ready, all skipped.

        ``finished`` come in the order in which they finished; stored skips are worked out anew. Records from inside
        finished containers are passed over. ``openings`` are those of the open containers. A while loop is asked again
        about an iteration in which nothing has finished. Raises ValueError for a step that the version has no place
        for.
        """
        router = cls(version, only)
        router._replay = Replay.of(version, finished, openings)
        router._answer = router._replay.answer
        router._fill(router._top)
        router._release(router._top)
        router._replay.forget(router._containers)
        return router, router._news.told()

    # ---- events --------------------------------------------------------------------------------------------

    def start(self) -> Advance:
        """Begin a run: its entry blocks are ready, blocks that nothing leads to are skipped."""
        self._put_forward(self._top, self._begin(self._top))
        return self._news.told()

    def finish(self, record: StepRecord) -> Advance:
        """Take in a finished block (completed or failed). Raises ValueError for one that had finished before."""
        key = record.key
        scope = self._scope_of(key)
        if key in scope.finished or record.status not in (StepStatus.COMPLETED, StepStatus.FAILED):
            raise ValueError(f"{key!r} cannot finish as {record.status} now")
        self._leave_flight(scope, key)
        scope.held.discard(key)
        ready = self._take_in(scope, record)
        if ready:
            self._put_forward(scope, ready)
        if not scope.busy and scope.container is not None:
            self._rest(scope)
        return self._news.told()

    def open(self, key: str, opening: Opening) -> Advance:
        """Begin the iterations of a container that is ready. Raises ValueError for one that cannot be opened now."""
        scope = self._scope_of(key)
        graph = self._version.scopes.get(key[len(scope.prefix) :])
        if graph is None or key in scope.finished or key in self._containers:
            raise ValueError(f"{key!r} cannot be opened now")
        container = self._containers[key] = OpenContainer(key, scope, graph, opening)
        self._settle(container)
        return self._news.told()

    def go_on(self, ask: Ask, begins: bool) -> Advance:  # noqa: FBT001 - the answer to the question
        """Take the answer to an `Ask`; it is void where nothing may start any more.

        Raises ValueError when nobody asked.
        """
        container = self._containers.get(ask.container)
        if container is None or container.asking != ask.index:
            raise ValueError(f"nobody asked whether iteration {ask.index} of {ask.container!r} begins")
        container.asking = None
        if not self._is_stopped(container.scope):
            container.granted = ask.index if begins else None
            container.refused = not begins
        self._settle(container)
        return self._news.told()

    def withdraw(self, keys: Iterable[str]) -> Advance:
        """Take back steps that were answered as ready and were never started, and asks (by their container's key).

        Where something has failed, that may be what a container was still waiting for: see ``ended``.
        """
        touched: dict[str, OpenScope] = {}
        for key in keys:
            if key in self.in_flight:
                scope = touched[key] = self._scope_of(key)
                self._leave_flight(scope, key)
                scope.held.add(key)
                if key in self._containers:
                    self._containers[key].asking = None
        for scope in touched.values():
            if not scope.busy and scope.path in self._scopes:
                self._rest(scope)
        return self._news.told()

    def cancel(self) -> None:
        """Start nothing more; the outcome will be cancelled, whatever else happens (W11)."""
        self._cancelling = True

    # ---- answers -------------------------------------------------------------------------------------------

    def stopped(self, key: str) -> bool:
        """Whether nothing new may start where this step stands: its scope, or one around it, is failing (W11)."""
        path = key.rpartition("/")[0]
        scope = self._scopes.get(path) if path else self._top
        return scope is None or self._is_stopped(scope)

    def iteration(self, path: str) -> Iteration:
        """What the blocks of the iteration at ``path`` read of it; also of the one that an `Ask` is about.

        Raises KeyError when its container is not open.
        """
        key, index = iteration_of(path)
        return self._containers[key].at(index)

    def finished_in(self, path: str) -> Iterable[StepRecord]:
        """What has finished in the iteration at ``path`` while it is under way; of a rerun, what it kept as well."""
        scope = self._scopes.get(path)
        return () if scope is None else scope.finished.values()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the iterations under way, outer ones first."""
        return tuple(path for path, scope in self._scopes.items() if scope.begun)

    @property
    def stopping(self) -> bool:
        """Whether nothing new may start anywhere: a failure that no edge takes, or a cancel."""
        return self._cancelling or self._top.failure is not None

    @property
    def done(self) -> bool:
        """Whether nothing is in flight, so that nothing will ever become ready."""
        return not self.in_flight

    @property
    def outcome(self) -> RunStatus | None:
        """How the run ended; None while it is under way."""
        return run_outcome(self._top.failure, done=self.done, cancelling=self._cancelling)

    @property
    def first_error(self) -> BlockError | None:
        """The first failure that no error edge took."""
        return None if self._top.failure is None else error_of(self._top.failure)

    @property
    def failed_block(self) -> str | None:
        """The step that ``first_error`` is of; the innermost, when containers failed by it."""
        return None if self._top.failure is None else self._top.failure.key

    @property
    def result(self) -> Any:
        """The run's result: the first ``respond``'s, or that of a completed run's ends (`settling.scope_result`)."""
        if self._answer is not None:
            return self._answer.output
        if self.outcome is not RunStatus.COMPLETED:
            return None
        return scope_result(self._top.graph, TOP, self.finished, self._only)
