"""How a run moves from one finished step to the next: the counts behind `router.Router` (W7–W11).

A step that finishes settles its edges (`_spread`), which makes others ready or skipped. When nothing of an iteration is
in flight any more (`_rest`), it is over, or stands still because nothing may start; its container then begins the next
ones, ends, or stands still as well (`_settle`). A failure stops scopes from the inside out (`_fail`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from workflows.engine.iterations import Ask, ContainerEnd, OpenContainer, OpenScope
from workflows.engine.replay import Replay, stands_inside
from workflows.engine.scopes import TOP
from workflows.engine.settling import error_of, same_error, scope_result, taken_handle
from workflows.engine.types import StepRecord, StepStatus
from workflows.engine.version import CompiledVersion

_NOTHING: Final = Replay()


class Advance(NamedTuple):
    """What one event brought about, as step keys.

    ``ready`` steps may start now; a container among them is to be opened. ``skipped`` never will. ``asks`` are
    questions to answer by `Router.go_on`, ``ended`` containers to `Router.finish`. ``over`` are the paths of the
    iterations that are over: nothing in them will be heard of again.
    """

    ready: tuple[str, ...]
    skipped: tuple[str, ...]
    asks: tuple[Ask, ...] = ()
    ended: tuple[ContainerEnd, ...] = ()
    over: tuple[str, ...] = ()


class _News:
    """What the event under way has brought about so far."""

    __slots__ = ("asks", "ended", "over", "ready", "skipped")

    def __init__(self) -> None:
        self.ready: list[str] = []
        self.skipped: list[str] = []
        self.asks: list[Ask] = []
        self.ended: list[ContainerEnd] = []
        self.over: list[str] = []

    def told(self) -> Advance:
        """All of it; what comes next begins anew. Outside containers there is little to say, and it is said fast."""
        ready, skipped = tuple(self.ready), tuple(self.skipped)
        self.ready.clear()
        self.skipped.clear()
        if not (self.asks or self.ended or self.over):
            return Advance(ready, skipped)
        advance = Advance(ready, skipped, tuple(self.asks), tuple(self.ended), tuple(self.over))
        self.asks.clear()
        self.ended.clear()
        self.over.clear()
        return advance


class Motion:
    """The state of a run's routing, and the moves that events are made of."""

    __slots__ = (
        "_answer",
        "_cancelling",
        "_containers",
        "_news",
        "_only",
        "_replay",
        "_scopes",
        "_top",
        "_version",
        "finished",
        "in_flight",
    )

    def __init__(self, version: CompiledVersion, only: frozenset[str] | None = None) -> None:
        self._version = version
        self._only = only
        self._top = OpenScope(TOP, version.root, None)
        self._scopes: dict[str, OpenScope] = {}
        self._containers: dict[str, OpenContainer] = {}
        self._replay = _NOTHING
        self._news = _News()
        self._answer: StepRecord | None = None
        self._cancelling = False
        self.finished: dict[str, StepRecord] = self._top.finished
        self.in_flight: set[str] = set()

    # ---- steps ---------------------------------------------------------------------------------------------

    def _scope_of(self, key: str) -> OpenScope:
        if "/" not in key:
            return self._top
        scope = self._scopes.get(key.rpartition("/")[0])
        if scope is None:
            raise ValueError(f"{key!r} stands in no scope that is open")
        return scope

    def _begin(self, scope: OpenScope) -> list[str]:
        """Begin a pass over a scope. Answers the steps that are ready; those that nothing leads to are skipped."""
        graph, prefix, only, scope.begun = scope.graph, scope.prefix, self._only, True
        ready = [prefix + graph.keys[i] for i in graph.entries if only is None or graph.keys[i] in only]
        if not graph.cut_off:
            return ready
        cut_off = [i for i in graph.cut_off if self._may_skip(scope, graph.keys[i])]
        self._news.skipped += [prefix + graph.keys[i] for i in cut_off]
        return ready + self._spread(scope, [(i, None) for i in cut_off])

    def _may_skip(self, scope: OpenScope, block: str) -> bool:
        return self._only is None or block in self._only or scope.prefix + block in self._replay.skips

    def _take_in(self, scope: OpenScope, record: StepRecord) -> list[str]:
        """A step has finished. Answers the steps that this makes ready."""
        key, graph = record.key, scope.graph
        block = key[len(scope.prefix) :]
        scope.finished[key] = record
        failure = self._close(key) if key in self._containers else None
        if record.status is StepStatus.COMPLETED and self._version.blocks[block].responds:
            self._answer = self._answer or record
        taken = taken_handle(graph, record)
        if taken is not None:
            return self._spread(scope, [(graph.index[block], taken)])
        if failure is None or not same_error(failure, record):
            failure = self._replay.cause(record) if block in self._version.scopes else record
        self._fail(scope, failure)
        return []

    def _spread(self, scope: OpenScope, left: list[tuple[int, str | None]]) -> list[str]:
        """Settle the edges of blocks that were left by a port (None: skipped), and of all that this skips."""
        ready: list[str] = []
        graph, prefix = scope.graph, scope.prefix
        while left:
            i, taken = left.pop()
            for handle, target in graph.outgoing[i]:
                scope.live[target] += handle == taken
                scope.open[target] -= 1
                if scope.open[target]:
                    continue
                block = graph.keys[target]
                key = prefix + block
                if scope.live[target]:
                    if self._only is None or block in self._only:
                        ready.append(key)
                elif key not in scope.finished and self._may_skip(scope, block):
                    self._news.skipped.append(key)
                    left.append((target, None))
        return ready

    def _put_forward(self, scope: OpenScope, ready: Iterable[str]) -> None:
        """Steps are ready: in flight from now on, unless nothing new may start here."""
        fresh = [key for key in ready if key not in scope.finished]
        if self._is_stopped(scope):
            scope.held.update(fresh)
        elif fresh:
            self._news.ready += fresh
            self._enter_flight(scope, fresh)

    def _enter_flight(self, scope: OpenScope, keys: list[str]) -> None:
        """Steps are under way, and so is every container around them."""
        self.in_flight.update(keys)
        scope.busy += len(keys)
        if scope.container is not None:
            self._keep_in_flight(scope.container)

    def _keep_in_flight(self, container: OpenContainer) -> None:
        if container.key not in self.in_flight:
            container.scope.held.discard(container.key)
            self._enter_flight(container.scope, [container.key])

    def _leave_flight(self, scope: OpenScope, key: str) -> None:
        if key in self.in_flight:
            self.in_flight.remove(key)
            scope.busy -= 1

    # ---- failing -------------------------------------------------------------------------------------------

    def _is_stopped(self, scope: OpenScope) -> bool:
        """Whether nothing new may start in a scope: it is failing, or one around it, or the run is to end."""
        if self._cancelling or self._top.failure is not None:
            return True
        while scope.container is not None:
            if scope.failure is not None or scope.container.failure is not None:
                return True
            scope = scope.container.scope
        return False

    def _fail(self, scope: OpenScope, failure: StepRecord) -> None:
        """A failure that no edge takes stops its scope, and those around it up to where it is caught or collected."""
        while scope.failure is None or self._replay.before(failure, scope.failure):
            scope.failure = failure
            container = scope.container
            if container is None or container.opening.collect:
                return
            if container.failure is None or self._replay.before(failure, container.failure):
                container.failure = failure
            scope = container.scope
            if scope.graph.catches[scope.graph.index[container.key[len(scope.prefix) :]]]:
                return

    # ---- containers ----------------------------------------------------------------------------------------

    def _settle(self, container: OpenContainer) -> None:
        """Begin what may begin, or end the container. One that can do neither is in flight no more."""
        self._proceed(container)
        scope, key = container.scope, container.key
        if container.busy or container.ended or container.asking is not None or key in scope.finished:
            return
        self._leave_flight(scope, key)
        scope.held.add(key)
        if not scope.busy:
            self._rest(scope)

    def _proceed(self, container: OpenContainer) -> None:
        if container.ended or container.asking is not None:
            return
        while container.has_room and container.failure is None and not self._is_stopped(container.scope):
            if self._must_ask(container):
                container.asking = len(container.results)
                self._news.asks.append(Ask(container.key, container.asking))
                self._keep_in_flight(container)
                return
            iteration = container.add()
            self._scopes[iteration.path] = iteration
            if self._replay.began(iteration.path):
                self._fill(iteration)
            self._release(iteration)
            self._end_iteration_if_over(iteration)
        self._end_if_over(container)

    def _must_ask(self, container: OpenContainer) -> bool:
        if container.opening.count is not None or container.granted == len(container.results):
            return False
        return not self._replay.began(container.next_path())

    def _rest(self, scope: OpenScope) -> None:
        """Nothing is in flight in a scope any more: its iteration is over, or stands still."""
        if scope.container is not None:
            self._end_iteration_if_over(scope)
            self._settle(scope.container)

    def _end_iteration_if_over(self, iteration: OpenScope) -> None:
        """Keep the result of an iteration that is over, and drop the rest."""
        container = iteration.container
        if container is None or not iteration.at_rest or iteration.path not in self._scopes:
            return
        index = container.remove(iteration)
        self._drop(iteration)
        self._news.over.append(iteration.path)
        if iteration.failure is not None:
            container.errors[index] = error_of(iteration.failure)
        else:
            container.results[index] = scope_result(
                iteration.graph, iteration.path, iteration.finished, self._only
            )

    def _end_if_over(self, container: OpenContainer) -> None:
        """Tell the end of a container in which nothing is left to do."""
        if container.failure is not None:
            if container.busy:
                return
            end = ContainerEnd(container.key, None, error_of(container.failure))
        elif container.running or not container.exhausted:
            return
        else:
            end = ContainerEnd(container.key, container.output(), None)
        container.ended = True
        self._news.ended.append(end)
        self._keep_in_flight(container)

    def _close(self, key: str) -> StepRecord | None:
        """A container has finished: forget what is inside. Answers the failure it was ending by."""
        container = self._containers.pop(key)
        if container.running:
            self.in_flight -= {step for step in self.in_flight if stands_inside(step, key)}
            for iteration in container.running.values():
                self._drop(iteration)
        return container.failure

    def _drop(self, iteration: OpenScope) -> None:
        """Forget an iteration and all that is open inside."""
        del self._scopes[iteration.path]
        if iteration.busy or iteration.held:
            for key in [key for key in self._containers if key.startswith(iteration.prefix)]:
                for inner in self._containers.pop(key).running.values():
                    del self._scopes[inner.path]

    # ---- restoring -----------------------------------------------------------------------------------------

    def _fill(self, scope: OpenScope) -> None:
        """Bring a scope to where the ledger says; what could start is held until all failures are known."""
        ready = self._begin(scope)
        for record in self._replay.take(scope.path):
            if record.key in scope.finished:
                raise ValueError(f"the ledger holds the step {record.key!r} twice")
            ready += self._take_in(scope, record)
        scope.held = {key for key in ready if key not in scope.finished}
        for key in scope.in_order(scope.held):
            opening = self._replay.opening(key)
            graph = self._version.scopes.get(key[len(scope.prefix) :])
            if opening is not None and graph is not None:
                scope.reopened.append(key)
                self._reopen(OpenContainer(key, scope, graph, opening))

    def _reopen(self, container: OpenContainer) -> None:
        """Bring an open container to where the ledger says: the iterations it knows of, and room for those between."""
        self._containers[container.key] = container
        while container.has_room:
            began = self._replay.began(container.next_path())
            if container.opening.count is None and not began:
                break
            iteration = container.add()
            self._scopes[iteration.path] = iteration
            if began:
                self._fill(iteration)
                self._end_iteration_if_over(iteration)
        self._end_if_over(container)

    def _release(self, scope: OpenScope) -> None:
        """Start what is held, in a scope that the ledger was read into or that only begins."""
        if self._is_stopped(scope):
            return
        held = scope.in_order(scope.held) if scope.begun else self._begin(scope)
        scope.held.intersection_update(scope.reopened)
        self._put_forward(scope, [key for key in held if key not in scope.held])
        while scope.reopened:
            key = scope.reopened.pop(0)
            container = self._containers[key]
            for iteration in list(container.running.values()):
                self._release(iteration)
                self._end_iteration_if_over(iteration)
            self._settle(container)
