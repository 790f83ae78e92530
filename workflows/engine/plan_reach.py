"""What a start reaches, and what leads to all of that: the part of a graph that a rerun is about (W24, W26)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from workflows.engine.graph import ScopeGraph
from workflows.engine.plan_walk import Walk


@dataclass(frozen=True, slots=True)
class Reach:
    """Blocks by number. ``inside`` always rerun; ``needed`` lead to them, and rerun if the walk says so (None: all do
    lead there). ``cut`` would be inside if nothing stopped the run before them (W28).
    """

    inside: Collection[int]
    needed: Collection[int] | None
    cut: Collection[int]


def forward(graph: ScopeGraph, seeds: Iterable[int]) -> set[int]:
    """The seeds, and every block that some path leads to from one of them."""
    found = set(seeds)
    stack = list(found)
    while stack:
        for _, target in graph.outgoing[stack.pop()]:
            if target not in found:
                found.add(target)
                stack.append(target)
    return found


def backward(graph: ScopeGraph, seeds: Iterable[int]) -> set[int]:
    """The seeds, and every block from which some path leads to one of them."""
    found = set(seeds)
    stack = list(found)
    while stack:
        for source in graph.incoming[stack.pop()]:
            if source not in found:
                found.add(source)
                stack.append(source)
    return found


def reach(
    graph: ScopeGraph,
    walk: Walk,
    start: int | None,
    decides: Callable[[int], bool],
    *,
    allowed: Collection[int] | None = None,
    all_needed: bool = False,
) -> Reach:
    """What reruns from ``start`` on, within ``allowed`` (None: everything).

    A decision that reruns before the start may choose otherwise, so that all it reaches is in scope as well: whatever
    branch it chooses runs. ``all_needed`` is for iterations, whose every block counts for the container's output.
    """
    tracing = _Tracing(graph, walk, decides, allowed)
    if start is not None:
        tracing.enter(start)
    if all_needed:
        for i in range(len(graph.keys)):
            tracing.need(i)
    tracing.follow()
    return Reach(tracing.inside, None if all_needed else tracing.needed, tracing.cut)


class _Tracing:
    """The search of `reach`: forward from what reruns, backward to what leads there, until nothing is new."""

    def __init__(
        self, graph: ScopeGraph, walk: Walk, decides: Callable[[int], bool], allowed: Collection[int] | None
    ) -> None:
        self.inside: set[int] = set()
        self.cut: set[int] = set()
        self.needed: set[int] = set()
        self._graph = graph
        self._walk = walk
        self._decides = decides
        self._allowed = allowed
        self._onward: list[int] = []
        self._back: list[int] = []

    def enter(self, i: int) -> None:
        """A block that a rerunning one leads to."""
        if i in self.inside or i in self.cut:
            return
        self._onward.append(i)
        if self._allowed is None or i in self._allowed:
            self.inside.add(i)
            self._back.append(i)
        else:
            self.cut.add(i)

    def need(self, i: int) -> None:
        """A block that leads to one inside."""
        if i in self.needed:
            return
        self.needed.add(i)
        self._back.append(i)
        if self._walk.reruns[i] and self._decides(i):
            self._onward.append(i)

    def follow(self) -> None:
        """Trace until nothing is new."""
        while self._onward or self._back:
            if self._onward:
                for _, target in self._graph.outgoing[self._onward.pop()]:
                    self.enter(target)
            else:
                for source in self._graph.incoming[self._back.pop()]:
                    self.need(source)
