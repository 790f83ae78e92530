"""Random reruns: a version, a run of it that perhaps broke off, what was edited since, and what is asked for.

Each is read off one string of bytes: drawn in one go, and still shrunk by hypothesis, as zeros mean the simplest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import BASE, KINDS, around, played
from workflows.engine.planner import SourceRun, SourceStep
from workflows.engine.scopes import block_of, step_place
from workflows.engine.types import BlockError, BlockSpec, Definition, Edge, ErrorClass, StepStatus
from workflows.engine.version import CompiledVersion, compile_version

NOW: dict[str, Any] = {**BASE, "input": {"n": 2, "m": 1}}
BEFORE: dict[str, Any] = {**BASE, "input": {"n": 1, "m": 1}}
CONTAINERS = ("loop", "parallel", "collect")
PORTS = {"pick": ("yes", "no", "error"), "step": ("source", "source", "error")}
T = TypeVar("T")


class Tape:
    """Bytes to choose by; after the last one come zeros."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(data)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        number = next(self._left, 0)
        return (number if limit <= 256 else number * 256 + next(self._left, 0)) % limit

    def flip(self) -> bool:
        """No or yes."""
        return self.below(2) == 1

    def one_of(self, options: Sequence[T]) -> T:
        """One of some options."""
        return options[self.below(len(options))]

    def some_below(self, limit: int, most: int) -> frozenset[int]:
        """At most so many numbers."""
        return frozenset(self.below(limit) for _ in range(self.below(most + 1)))


@dataclass(frozen=True)
class Story:
    """A source run (perhaps cut off, perhaps failed), a version edited since, and what is asked for.

    ``full`` is a full run of the version, where a rerun must come to the same, wherever its start leads.
    """

    target: CompiledVersion
    source: SourceRun
    start: str
    mode: str = "strict"
    stop: str | None = None
    single: bool = False
    full: SourceRun | None = field(default=None, repr=False)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges at the top of the version."""
        return edges_of(self.target)

    @property
    def about(self) -> set[str]:
        """The blocks at the top that the start reaches, and all that lead there: what the rerun is about (W24)."""
        start = top_of(self.start.rpartition("@")[2])
        inside = reached(start, self.edges) | {start}
        return {key for key in self.target.root.index if key in inside or reached(key, self.edges) & inside}


@dataclass(frozen=True)
class Drawing:
    """A graph to be compiled: types, edges, and per block a number that decides what its config reads."""

    types: tuple[str, ...]
    edges: tuple[Edge, ...]
    rolls: tuple[int, ...]
    gone: frozenset[int] = frozenset()

    def compile(self) -> CompiledVersion:
        keys = {f"b{i}" for i in range(len(self.types)) if i not in self.gone}
        edges = tuple(edge for edge in self.edges if {edge.source, edge.target} <= keys)
        blocks = tuple(self.block(i, edges) for i in range(len(self.types)) if i not in self.gone)
        return compile_version(Definition(blocks, edges), KINDS)

    def block(self, i: int, edges: tuple[Edge, ...]) -> BlockSpec:
        roll = self.rolls[i]
        before = sorted({edge.source for edge in edges if edge.target == f"b{i}"})
        read = ["{{ blocks." + key + " }}" for key in before[: roll % 3]]
        read += ["{{ input.n }}"] if roll % 7 == 1 else ["{{ input.m }}"] if roll % 7 == 2 else []
        fails = roll % 5 == 0 and any(edge.handle == "error" and edge.source == f"b{i}" for edge in edges)
        config = {"value": read, "plain": "fail" if fails else str(roll // 35)}
        return block(f"b{i}", self.types[i], config=config)


def drawing(tape: Tape) -> Drawing:
    count = 2 + tape.below(8)
    rolls = tuple(tape.below(1000) for _ in range(count))
    types = tuple("pick" if roll % 4 == 0 else "step" for roll in rolls)
    edges = []
    for _ in range(tape.below(20)):
        target = 1 + tape.below(count - 1)
        source = tape.below(target)
        edges.append(Edge(f"b{source}", tape.one_of(PORTS[types[source]]), f"b{target}"))
    return Drawing(types, tuple(edges), rolls)


def story(data: bytes) -> Story:
    tape = Tape(data)
    drawn = drawing(tape)
    count = len(drawn.types)
    rolls = list(drawn.rolls)
    for _ in range(tape.below(4)):
        rolls[tape.below(count)] = tape.below(1000)
    lost = tape.some_below(len(drawn.edges) + 1, 2)
    kept = tuple(edge for i, edge in enumerate(drawn.edges) if i not in lost)
    edited = replace(drawn, rolls=tuple(rolls), edges=kept, gone=tape.some_below(count, 1))
    target = edited.compile()
    source = played(replace(drawn, gone=tape.some_below(count, 1)).compile(), BEFORE)
    if tape.flip():
        source = cut_off(source, tape.below(2 * count + 1))
    broke = tape.flip()
    if broke:
        source = broken(source)
    asked = ask(tape, target, list(target.blocks))
    last = next(iter(list(source.steps)[::-1]), None)
    stands_broken = broke and any(edge.source == last and edge.handle == "error" for edge in edges_of(target))
    if asked.mode == "pinned" or asked.stop is not None or stands_broken:
        return replace(asked, source=source)
    return replace(asked, source=source, full=played(target, NOW))


def ask(tape: Tape, target: CompiledVersion, starts: Sequence[str]) -> Story:
    """What is asked for: of a run that did nothing yet."""
    start = tape.one_of(starts)
    mode = tape.one_of(("strict", "strict", "strict", "pinned"))
    top = top_of(start.rpartition("@")[2])
    stop = tape.one_of(sorted(reached(top, edges_of(target)) | {top})) if tape.below(4) == 3 else None
    return Story(target, SourceRun("source", {}), start, mode, stop)


def stories() -> st.SearchStrategy[Story]:
    return st.binary(min_size=90, max_size=90).map(story)


def edges_of(version: CompiledVersion) -> tuple[Edge, ...]:
    graph = version.root
    return tuple(
        Edge(graph.keys[i], handle, graph.keys[target])
        for i, edges in enumerate(graph.outgoing)
        for handle, target in edges
    )


def cut_off(source: SourceRun, length: int) -> SourceRun:
    """The ledger of a run that came to an end early."""
    return replace(source, steps=dict(list(source.steps.items())[:length]))


def broken(source: SourceRun) -> SourceRun:
    """The ledger of a run whose last step failed for a reason that is none of its own: it will not fail again."""
    last = next(iter(list(source.steps)[::-1]), None)
    if last is None:
        return source
    error = BlockError(ErrorClass.UPSTREAM, "boom", "it broke")
    failed = replace(source.steps[last], status=StepStatus.FAILED, handle=None, output=None, error=error)
    return replace(source, steps={**source.steps, last: failed})


def reached(key: str, edges: Iterable[Edge]) -> set[str]:
    """Blocks behind ``key``."""
    found = {edge.target for edge in edges if edge.source == key}
    while True:
        more = {edge.target for edge in edges if edge.source in found} - found
        if not more:
            return found
        found |= more


def top_of(key: str) -> str:
    """The block at the top that a step is of, or stands in."""
    return key.partition("[")[0]


# ---- loops and parallels -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Nest:
    """What `around` draws: a container in a container."""

    outer: str
    inner: str
    items: tuple[str, ...]
    changed: frozenset[str] = frozenset()

    def compile(self) -> CompiledVersion:
        return _compiled(self)

    def run(self) -> SourceRun:
        return _run(self)


@lru_cache(maxsize=4096)
def _compiled(nest: Nest) -> CompiledVersion:
    return around(nest.outer, nest.inner, list(nest.items), nest.changed)


@lru_cache(maxsize=4096)
def _run(nest: Nest) -> SourceRun:
    return played(nest.compile(), NOW)


def nest_story(data: bytes) -> Story:
    tape = Tape(data)
    outer, inner = tape.one_of(CONTAINERS), tape.one_of(CONTAINERS)
    items = tuple(tape.one_of(("p", "q", "fail")) for _ in range(tape.below(4)))
    nest = Nest(outer, inner, items)
    fresh = tape.one_of((items, items, items, (*items, "p"), items[:-1]))
    changed = frozenset([tape.one_of(("a", "x", "y", "w", "after"))] if tape.flip() else [])
    edited = replace(nest, items=fresh, changed=changed)
    source = nest.run()
    if tape.flip():
        source = under_way(nest.compile(), source, tape.below(len(source.steps) + 1))
    target = edited.compile()
    asked = ask(tape, target, ["a", "outer", "end", "sorry", *in_iterations(source)])
    single = tape.below(8) == 7
    if asked.mode == "pinned" or asked.stop is not None or single:
        return replace(asked, source=source, single=single)
    return replace(asked, source=source, full=edited.run())


def nest_stories() -> st.SearchStrategy[Story]:
    return st.binary(min_size=18, max_size=18).map(nest_story)


def under_way(version: CompiledVersion, whole: SourceRun, length: int) -> SourceRun:
    """The ledger of a run that broke off: containers that had begun are still running."""
    steps = dict(list(whole.steps.items())[:length])
    begun = {key.rpartition("[")[0] for key in steps if "[" in key}
    running = {
        key: SourceStep(StepStatus.RUNNING, version.blocks[block_of(key)].fingerprint, step.input_hash)
        for key, step in whole.steps.items()
        if key in begun - steps.keys()
    }
    kept = {key: opening for key, opening in whole.openings.items() if key in begun or key in steps}
    return replace(whole, steps={**steps, **running}, openings=kept)


def in_iterations(source: SourceRun) -> list[str]:
    """Every step inside a container, as a start would name it."""
    return sorted(f"{place.block}@{place.path}" for place in map(step_place, source.steps) if place.path)
