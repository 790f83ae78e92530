"""Routing by increments for the hot path: the same answers as `routing.fold`, one finished step at a time (W9).

A router holds a run's open and live edge counts. It decides nothing that the ledger does not: throw it away at any
moment, and `Router.restore` makes its equal from the version and the finished steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from workflows.engine.routing import error_of, run_outcome, run_result, taken_handle
from workflows.engine.types import BlockError, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion
from workflows.states import RunStatus


class Advance(NamedTuple):
    """What one event brought about: blocks to start now, and blocks that were skipped, as keys."""

    ready: tuple[str, ...]
    skipped: tuple[str, ...]


class Router:
    """The routing of one run under way.

        router = Router(version)
        advance = router.start()
        while not router.done:
            ...run advance.ready, some time later...
            advance = router.finish(StepRecord(...))
        router.outcome, router.first_error, router.result

    Blocks answered as ready count as in flight from then on. A caller that bounds how many run together and
    holds some back hands those back by `withdraw` once `stopping` is true.
    """

    __slots__ = ("_cancelling", "_failure", "_graph", "_live", "_open", "_version", "finished", "in_flight")

    def __init__(self, version: CompiledVersion) -> None:
        self._version = version
        self._graph = version.root
        self._open = [len(sources) for sources in version.root.incoming]
        self._live = [0] * len(self._open)
        self._failure: StepRecord | None = None
        self._cancelling = False
        self.finished: dict[str, StepRecord] = {}
        self.in_flight: set[str] = set()

    @classmethod
    def restore(cls, version: CompiledVersion, finished: Iterable[StepRecord]) -> tuple[Router, Advance]:
        """A router in the state that the ledger tells, and what to do next: all that is ready, all skipped.

        ``finished`` come in the order in which they finished; stored skips are worked out anew.
        """
        router = cls(version)
        first = router.start()
        skipped = list(first.skipped)
        for record in finished:
            if record.status is not StepStatus.SKIPPED:
                skipped += router.finish(record).skipped
        unwanted = router.in_flight & router.finished.keys()
        router.in_flight -= unwanted
        if router.stopping:
            router.in_flight.clear()
        ready = tuple(key for key in version.root.keys if key in router.in_flight)
        return router, Advance(ready, tuple(skipped))

    def start(self) -> Advance:
        """Begin a run: its entry blocks are ready, blocks that nothing leads to are skipped."""
        keys = self._graph.keys
        cut_off = self._graph.cut_off
        ready, skipped = self._spread([(i, None) for i in cut_off])
        entries = [keys[i] for i in self._graph.entries]
        return self._advance(entries + ready, [keys[i] for i in cut_off] + skipped)

    def finish(self, record: StepRecord) -> Advance:
        """Take in a finished block (completed or failed). Raises ValueError for one that had finished before."""
        key = record.key
        if key in self.finished or record.status not in (StepStatus.COMPLETED, StepStatus.FAILED):
            raise ValueError(f"{key!r} cannot finish as {record.status} now")
        self.finished[key] = record
        self.in_flight.discard(key)
        taken = taken_handle(self._graph, record)
        if taken is None:
            self._failure = self._failure or record
            return Advance((), ())
        return self._advance(*self._spread([(self._graph.index[key], taken)]))

    def cancel(self) -> None:
        """Start nothing more; the outcome will be cancelled, whatever else happens (W11)."""
        self._cancelling = True

    def withdraw(self, keys: Iterable[str]) -> None:
        """Take back blocks that were answered as ready and were never started."""
        self.in_flight.difference_update(keys)

    @property
    def stopping(self) -> bool:
        """Whether nothing new may start: a failure that no edge takes, or a cancel."""
        return self._cancelling or self._failure is not None

    @property
    def done(self) -> bool:
        """Whether nothing is in flight, so that nothing will ever become ready."""
        return not self.in_flight

    @property
    def outcome(self) -> RunStatus | None:
        """How the run ended; None while it is under way."""
        return run_outcome(self._failure, done=self.done, cancelling=self._cancelling)

    @property
    def first_error(self) -> BlockError | None:
        """The first failure that no error edge took."""
        return None if self._failure is None else error_of(self._failure)

    @property
    def failed_block(self) -> str | None:
        """The step that ``first_error`` is of."""
        return None if self._failure is None else self._failure.key

    @property
    def result(self) -> Any:
        """The run's result, see `routing.run_result`."""
        return run_result(self._version, self.finished, self.outcome)

    def _spread(self, left: list[tuple[int, str | None]]) -> tuple[list[str], list[str]]:
        """Settle the edges of blocks that were left by a port (None: skipped), and of all that this skips."""
        ready: list[str] = []
        skipped: list[str] = []
        graph = self._graph
        while left:
            i, taken = left.pop()
            for handle, target in graph.outgoing[i]:
                self._live[target] += handle == taken
                self._open[target] -= 1
                if self._open[target]:
                    continue
                if self._live[target]:
                    ready.append(graph.keys[target])
                elif graph.keys[target] not in self.finished:
                    skipped.append(graph.keys[target])
                    left.append((target, None))
        return ready, skipped

    def _advance(self, ready: list[str], skipped: list[str]) -> Advance:
        if self.stopping:
            return Advance((), tuple(skipped))
        fresh = tuple(key for key in ready if key not in self.finished)
        self.in_flight.update(fresh)
        return Advance(fresh, tuple(skipped))
