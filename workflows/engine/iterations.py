"""Loops and parallels under way: the state of open scopes and containers that `router` keeps (W10).

An iteration is one pass over the blocks of a container. All of this is worked out from the ledger, and dropped as soon
as an iteration is over: of ten thousand, only the results are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workflows.engine.graph import ScopeGraph
from workflows.engine.scopes import iteration_of, iteration_path
from workflows.engine.types import BlockError, Opening, StepRecord


class Ask(NamedTuple):
    """A while loop wants to know whether iteration ``index`` begins. Every question is answered, or withdrawn."""

    container: str
    index: int  # type: ignore[assignment]  # hides the method of tuples


class ContainerEnd(NamedTuple):
    """All iterations of a container are over: its output, or the first error that ends it."""

    key: str
    output: Any
    error: BlockError | None


class Iteration(NamedTuple):
    """What the blocks of an iteration may read of it.

    ``item`` is null without items; ``previous`` is the result of the iteration before where iterations run one after
    the other, null for the first and in parallels.
    """

    item: Any
    index: int  # type: ignore[assignment]  # as above
    previous: Any


class OpenScope:
    """The routing of one pass over the blocks of a scope: the top's, or an iteration's.

    ``open`` and ``live`` count each block's undecided and live incoming edges. ``busy`` is how many of its steps are in
    flight; ``held`` are steps that may run and do not, because nothing may start or a caller withdrew them.
    ``failure`` is why nothing new starts here. ``begun`` is false for an iteration that is due and holds nothing yet.
    ``reopened`` are the containers in it that the ledger has as open, until they go on.
    """

    __slots__ = (
        "begun",
        "busy",
        "container",
        "failure",
        "finished",
        "graph",
        "held",
        "live",
        "open",
        "path",
        "prefix",
        "reopened",
    )

    def __init__(self, path: str, graph: ScopeGraph, container: OpenContainer | None) -> None:
        self.path = path
        self.prefix = f"{path}/" if path else ""
        self.graph = graph
        self.container = container
        self.open = list(graph.degrees)
        self.live = [0] * len(graph.degrees)
        self.finished: dict[str, StepRecord] = {}
        self.busy = 0
        self.held: set[str] = set()
        self.failure: StepRecord | None = None
        self.begun = False
        self.reopened: list[str] = []

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way in it and nothing will be: it has failed, or has nothing left to run."""
        return not self.busy and (self.failure is not None or (self.begun and not self.held))

    def in_order(self, keys: set[str]) -> list[str]:
        """Step keys of this scope in the order of the definition."""
        index, cut = self.graph.index, len(self.prefix)
        return sorted(keys, key=lambda key: index[key[cut:]])


class OpenContainer:
    """A container that was opened and has not finished.

    ``running`` are the iterations under way by index; ``results`` has a place for every iteration that began.
    ``asking`` is the index an unanswered `Ask` is about, ``granted`` one that was answered with yes; ``refused`` says
    that a while loop's condition has ended it, ``ended`` that its `ContainerEnd` was told.
    """

    __slots__ = (
        "asking",
        "ended",
        "errors",
        "failure",
        "granted",
        "graph",
        "key",
        "opening",
        "refused",
        "results",
        "running",
        "scope",
    )

    def __init__(self, key: str, scope: OpenScope, graph: ScopeGraph, opening: Opening) -> None:
        self.key = key
        self.scope = scope
        self.graph = graph
        self.opening = opening
        self.running: dict[int, OpenScope] = {}
        self.results: list[Any] = []
        self.errors: dict[int, BlockError] = {}
        self.failure: StepRecord | None = None
        self.asking: int | None = None
        self.granted: int | None = None
        self.refused = False
        self.ended = False

    @property
    def exhausted(self) -> bool:
        """Whether no further iteration will begin, even if nothing forbids it."""
        return self.refused or len(self.results) >= iteration_limit(self.opening)

    @property
    def has_room(self) -> bool:
        """Whether another iteration may begin beside those under way."""
        return not self.exhausted and len(self.running) < iteration_window(self.opening)

    @property
    def busy(self) -> bool:
        """Whether something is under way in one of its iterations."""
        return any(iteration.busy for iteration in self.running.values())

    def next_path(self) -> str:
        """The path of the iteration that would begin next."""
        return iteration_path(self.key, len(self.results))

    def add(self) -> OpenScope:
        """Make room for the next iteration; it holds nothing yet."""
        iteration = OpenScope(self.next_path(), self.graph, self)
        self.running[len(self.results)] = iteration
        self.results.append(None)
        return iteration

    def remove(self, iteration: OpenScope) -> int:
        """Take an iteration out of those under way. Answers its index."""
        _, index = iteration_of(iteration.path)
        del self.running[index]
        return index

    def at(self, index: int) -> Iteration:
        """What an iteration, perhaps the next, reads of itself."""
        items = self.opening.items
        chained = iteration_window(self.opening) == 1 and 0 < index <= len(self.results)
        return Iteration(
            None if items is None else items[index], index, self.results[index - 1] if chained else None
        )

    def output(self) -> dict[str, Any]:
        """What the container gives once its iterations are over."""
        capped = self.opening.count is None and not self.refused
        return container_output(self.opening, self.results, self.errors, capped=capped)


def iteration_limit(opening: Opening) -> int:
    """How many iterations there can be: exactly, or at most when a while loop decides."""
    return opening.cap if opening.count is None else opening.count


def iteration_window(opening: Opening) -> int:
    """How many iterations may be under way at once; a while loop asks before each, so it has one."""
    return 1 if opening.count is None else max(1, opening.concurrency)


def container_output(
    opening: Opening, results: Sequence[Any], errors: Mapping[int, BlockError], *, capped: bool
) -> dict[str, Any]:
    """The output of a container: results in index order, and what was collected (W10)."""
    output: dict[str, Any] = {"results": list(results), "count": len(results)}
    if opening.collect:
        output["errors"] = [{"index": index, "error": errors[index].as_json()} for index in sorted(errors)]
    if capped:
        output["capped"] = True
    return output
