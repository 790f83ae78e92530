"""The ledger read over the version, scope by scope: what `routing.fold` puts together. Plain and slow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.engine.graph import ScopeGraph
from workflows.engine.iterations import Ask, ContainerEnd, container_output, iteration_limit, iteration_window
from workflows.engine.scopes import block_of, iteration_of, iteration_path, step_key, step_place
from workflows.engine.settling import error_of, same_error, scope_result, taken_handle
from workflows.engine.types import BlockError, Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion


@dataclass(frozen=True)
class ContainerView:
    """A container that was opened and has not finished. ``begun`` are its iterations by index.

    ``busy`` says that something is under way inside, or waits for the caller: ``ask`` or ``end``.
    """

    key: str
    begun: Mapping[int, ScopeView]
    failure: StepRecord | None
    ask: Ask | None
    end: ContainerEnd | None
    busy: bool


@dataclass(frozen=True)
class ScopeView:
    """One pass over a scope. ``waiting`` blocks may run once nothing forbids it, those in flight among them.

    ``over`` says that it has failed, or has nothing left to run; ``result`` is then what it gives.
    """

    path: str
    waiting: tuple[str, ...]
    skipped: tuple[str, ...]
    containers: tuple[ContainerView, ...]
    failure: StepRecord | None
    busy: bool
    over: bool
    result: Any


class Reading:
    """A version and all that is known of a run, see `routing.fold`."""

    def __init__(
        self,
        version: CompiledVersion,
        finished: Mapping[str, StepRecord],
        openings: Mapping[str, Opening],
        in_flight: Collection[str],
        answers: Mapping[Ask, bool],
        only: Collection[str] | None,
    ) -> None:
        self.version = version
        self.finished = finished
        self.openings = openings
        self.in_flight = in_flight
        self.answers = answers
        self.only = only
        self._order = {key: position for position, key in enumerate(finished)}
        inner = {step_place(key).path for key in (*finished, *openings, *in_flight)}
        self._heard_of = {path for one in inner for path in _paths_around(one)}
        self._views: dict[tuple[str, bool], ScopeView] = {}

    def scope(self, path: str, *, stopped: bool) -> ScopeView:
        """How far a scope has come; ``stopped`` says that nothing new starts around it."""
        if (path, stopped) not in self._views:
            self._views[path, stopped] = self._scope(path, stopped=stopped)
        return self._views[path, stopped]

    def _scope(self, path: str, *, stopped: bool) -> ScopeView:
        waiting, skipped = self._frontier(path)
        opened = [key for key in waiting if key in self.openings]
        failure = self._failure(path, opened)
        stopped = stopped or failure is not None
        containers = tuple(self._container(key, stopped=stopped) for key in opened)
        flying = any(key in self.in_flight for key in waiting if key not in opened)
        busy = flying or any(container.busy for container in containers)
        graph = self._graph(path)
        return ScopeView(
            path=path,
            waiting=tuple(key for key in waiting if key not in opened),
            skipped=tuple(skipped),
            containers=containers,
            failure=failure,
            busy=busy,
            over=not busy and (failure is not None or not waiting),
            result=None if failure else scope_result(graph, path, self.finished, self.only),
        )

    def _graph(self, path: str) -> ScopeGraph:
        return self.version.scopes[block_of(iteration_of(path)[0]) if path else None]

    def _frontier(self, path: str) -> tuple[list[str], list[str]]:
        """Steps that may run if nothing forbids it, and steps that never will, in topological order."""
        graph = self._graph(path)
        open_edges = [len(sources) for sources in graph.incoming]
        live_edges = [0] * len(graph.keys)
        waiting: list[str] = []
        skipped: list[str] = []
        for i in graph.order:
            key = step_key(path, graph.keys[i])
            record = self.finished.get(key)
            may_start = self.only is None or graph.keys[i] in self.only
            taken = None
            if record is not None and record.status is not StepStatus.SKIPPED:
                taken = taken_handle(graph, record)
                if taken is None:
                    continue
            elif i in graph.entries or (not open_edges[i] and live_edges[i]):
                if may_start:
                    waiting.append(key)
                continue
            elif open_edges[i] or (not may_start and record is None):
                continue
            else:
                skipped.append(key)
            for handle, target in graph.outgoing[i]:
                open_edges[target] -= 1
                live_edges[target] += handle == taken
        return waiting, skipped

    # ---- failures: the first one by the order of the ledger (W11) --------------------------------------------

    def _first(self, failures: Iterable[StepRecord | None]) -> StepRecord | None:
        found = [failure for failure in failures if failure is not None]
        return min(found, key=lambda failure: self._order[failure.key], default=None)

    def _failure(self, path: str, opened: Collection[str]) -> StepRecord | None:
        """Why nothing new may start in a scope: the innermost step that nobody caught or collected."""
        graph = self._graph(path)
        uncaught = [
            step_key(path, key) for key, caught in zip(graph.keys, graph.catches, strict=True) if not caught
        ]
        return self._first(
            self._container_failure(key) if key in opened else self._cause(self.finished.get(key))
            for key in uncaught
        )

    def _container_failure(self, key: str) -> StepRecord | None:
        if self.openings[key].collect:
            return None
        return self._first(iteration.failure for iteration in self._begun(key, stopped=True).values())

    def _cause(self, record: StepRecord | None) -> StepRecord | None:
        """The innermost failure that a step failed by: for a container, that of the step inside with its error."""
        if record is None or record.status is not StepStatus.FAILED:
            return None
        inside = [
            other
            for other in self.finished.values()
            if (path := step_place(other.key).path) and iteration_of(path)[0] == record.key
            if other.status is StepStatus.FAILED and taken_handle(self._graph(path), other) is None
            if same_error(other, record)
        ]
        return self._first(map(self._cause, inside)) or record

    # ---- containers (W10) ------------------------------------------------------------------------------------

    def _begun(self, key: str, *, stopped: bool) -> dict[int, ScopeView]:
        """The iterations that began: in index order, and never more at once than the container was opened for."""
        opening = self.openings[key]
        begun: dict[int, ScopeView] = {}
        room = iteration_window(opening)
        for index in range(iteration_limit(opening)):
            path = iteration_path(key, index)
            known = path in self._heard_of
            asked = opening.count is None and not known
            if not room or (asked and not self.answers.get(Ask(key, index))):
                break
            if known or not stopped:
                begun[index] = self.scope(path, stopped=stopped)
            room -= index not in begun or not begun[index].over
        return begun

    def _container(self, key: str, *, stopped: bool) -> ContainerView:
        failure = self._container_failure(key)
        begun = self._begun(key, stopped=stopped or failure is not None)
        busy = any(iteration.busy for iteration in begun.values())
        all_over = all(iteration.over for iteration in begun.values())
        opening, following = self.openings[key], Ask(key, len(begun))
        end = ask = None
        if failure is not None:
            end = None if busy else ContainerEnd(key, None, error_of(failure))
        elif all_over and (len(begun) == iteration_limit(opening) or self.answers.get(following) is False):
            end = ContainerEnd(key, self._output(opening, begun), None)
        elif all_over and opening.count is None and following not in self.answers:
            ask = following if not stopped or key in self.in_flight else None
        return ContainerView(key, begun, failure, ask, end, busy or end is not None or ask is not None)

    def _output(self, opening: Opening, begun: Mapping[int, ScopeView]) -> dict[str, Any]:
        errors: dict[int, BlockError] = {
            index: error_of(iteration.failure)
            for index, iteration in begun.items()
            if iteration.failure is not None
        }
        capped = opening.count is None and len(begun) == iteration_limit(opening)
        return container_output(
            opening, [iteration.result for iteration in begun.values()], errors, capped=capped
        )


def _paths_around(path: str) -> Iterator[str]:
    """A scope's path, and those of the iterations around it."""
    while path:
        yield path
        path = step_place(iteration_of(path)[0]).path
