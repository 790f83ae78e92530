"""The shape of a definition: one graph per container (and one for the top), ready to be routed over.

Blocks of a scope are numbered in the order of the definition; everything else is tuples over these numbers, so
that a run's router is a few lists. Building costs in proportion to blocks and edges.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from workflows.engine.types import ERROR_HANDLE, BlockSpec, Definition, Edge


@dataclass(frozen=True, slots=True)
class ScopeGraph:
    """The blocks that share one parent, and the edges between them.

    ``outgoing[i]`` holds ``(handle, target)`` pairs, ``incoming[i]`` the sources, ``degrees[i]`` their number;
    ``catches[i]`` says whether an ``error`` edge leaves the block. ``entries`` begin the scope; ``cut_off`` are the
    other blocks that nothing leads to: they are skipped from the start.
    ``order`` is topological and shorter than ``keys`` when the graph has cycles.
    """

    keys: tuple[str, ...]
    index: Mapping[str, int]
    outgoing: tuple[tuple[tuple[str, int], ...], ...]
    incoming: tuple[tuple[int, ...], ...]
    degrees: tuple[int, ...]
    catches: tuple[bool, ...]
    entries: tuple[int, ...]
    cut_off: tuple[int, ...]
    order: tuple[int, ...]

    def ancestors(self) -> tuple[int, ...]:
        """For each block a set of bits: bit ``j`` is set when some edge path leads from block ``j`` to it.

        Blocks on a cycle, or behind one, count every block as before them: the cycle is their fault.
        """
        masks = [-1] * len(self.keys)
        for i in self.order:
            masks[i] = 0
            for source in self.incoming[i]:
                masks[i] |= masks[source] | 1 << source
        return tuple(masks)

    def reachable(self) -> frozenset[int]:
        """The blocks that some path from an entry leads to, entries included."""
        seen = set(self.entries)
        queue = deque(self.entries)
        while queue:
            for _, target in self.outgoing[queue.popleft()]:
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
        return frozenset(seen)

    def cycles(self) -> list[tuple[str, ...]]:
        """Cycles that together touch every block which stands on one; each as its keys, smallest first."""
        left = set(range(len(self.keys))) - set(self.order)
        found: list[tuple[str, ...]] = []
        while left:
            cycle = self._cycle_within(left)
            if not cycle:
                break
            keys = [self.keys[i] for i in cycle]
            turn = keys.index(min(keys))
            found.append(tuple(keys[turn:] + keys[:turn]))
            left -= set(cycle)
        return found

    def _cycle_within(self, left: set[int]) -> list[int]:
        """Walk backwards inside ``left`` until a block repeats; blocks with no way back are dropped from it."""
        while left:
            walk: list[int] = [min(left)]
            while True:
                back = next((source for source in self.incoming[walk[-1]] if source in left), None)
                if back is None:
                    left.discard(walk[-1])
                    break
                if back in walk:
                    return walk[walk.index(back) :][::-1]
                walk.append(back)
        return []


def build_scopes(definition: Definition, entry_types: Collection[str] = ()) -> dict[str | None, ScopeGraph]:
    """One graph per container key, and one for the top (None). Edges across a container's wall are left out.

    A scope begins at its blocks of an entry type (``start``) that nothing leads to; where there is none, at
    every block that nothing leads to.
    """
    members: dict[str | None, list[BlockSpec]] = defaultdict(list)
    for block in definition.blocks:
        members[block.parent].append(block)
    parent_of = {block.key: block.parent for block in definition.blocks}
    edges: dict[str | None, list[Edge]] = defaultdict(list)
    for edge in dict.fromkeys(definition.edges):
        if edge.source in parent_of and edge.target in parent_of:
            parent = parent_of[edge.source]
            if parent == parent_of[edge.target]:
                edges[parent].append(edge)
    members.setdefault(None, [])
    return {parent: _build(blocks, edges[parent], entry_types) for parent, blocks in members.items()}


def _build(blocks: Sequence[BlockSpec], edges: Iterable[Edge], entry_types: Collection[str]) -> ScopeGraph:
    keys = tuple(block.key for block in blocks)
    index = {key: i for i, key in enumerate(keys)}
    outgoing: list[list[tuple[str, int]]] = [[] for _ in keys]
    incoming: list[list[int]] = [[] for _ in keys]
    for edge in edges:
        outgoing[index[edge.source]].append((edge.handle, index[edge.target]))
        incoming[index[edge.target]].append(index[edge.source])
    roots = [i for i, sources in enumerate(incoming) if not sources]
    entries = [i for i in roots if blocks[i].type in entry_types] or roots
    return ScopeGraph(
        keys,
        index,
        tuple(map(tuple, outgoing)),
        tuple(map(tuple, incoming)),
        tuple(map(len, incoming)),
        tuple(any(handle == ERROR_HANDLE for handle, _ in edges) for edges in outgoing),
        tuple(entries),
        tuple(i for i in roots if i not in set(entries)),
        _topological(outgoing, incoming, roots),
    )


def _topological(
    outgoing: Sequence[Sequence[tuple[str, int]]], incoming: Sequence[Sequence[int]], roots: Sequence[int]
) -> tuple[int, ...]:
    """Kahn's order; blocks on cycles, and behind them, are missing from it."""
    waiting = [len(sources) for sources in incoming]
    order = list(roots)
    for i in order:  # grows while it is walked
        for _, target in outgoing[i]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    return tuple(order)
