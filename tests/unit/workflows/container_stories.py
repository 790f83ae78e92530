"""Random runs with loops and parallels inside each other, driven as the executor drives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.unit.workflows.factories import TYPES, block, done, failed
from workflows.engine.router import Advance, Ask, ContainerEnd, Router
from workflows.engine.scopes import block_of
from workflows.engine.types import BlockSpec, Definition, Edge, Opening, StepRecord, StepStatus
from workflows.engine.version import CompiledVersion, compile_version

HANDLES = {"decide": ("yes", "no")}
DEEPEST = 3


def random_definition(random: Random) -> Definition:
    """A scope of one to four blocks, containers among them holding scopes of their own."""
    blocks: list[BlockSpec] = []
    edges: list[Edge] = []

    def scope(parent: str | None, depth: int) -> None:
        size = random.randint(1, 4 if depth < DEEPEST else 2)
        kinds = ["step", "step", "decide", "respond" if random.random() < 0.1 else "step"]
        kinds += ["each"] * (2 if depth < DEEPEST else 0)
        mine = [block(f"b{len(blocks) + n}", random.choice(kinds), parent=parent) for n in range(size)]
        blocks.extend(mine)
        for later in range(1, size):
            for earlier in range(later):
                if random.random() < 0.45:
                    ports = (*HANDLES.get(mine[earlier].type, ("source", "source")), "error")
                    edges.append(Edge(mine[earlier].key, random.choice(ports), mine[later].key))
        for one in mine:
            if one.type == "each":
                scope(one.key, depth + 1)

    scope(None, 0)
    return Definition(tuple(blocks), tuple(edges))


def random_opening(random: Random) -> Opening:
    count = random.choice((0, 1, 2, 2, 3, None))
    items = tuple(range(count)) if count is not None and random.random() < 0.5 else None
    return Opening(
        count,
        items,
        concurrency=1 if count is None else random.choice((1, 1, 2, 3)),
        collect=random.random() < 0.4,
        cap=random.randint(1, 3),
    )


def random_only(random: Random, version: CompiledVersion) -> frozenset[str]:
    """Most blocks; a container that may start has something to begin with, as in any plan."""
    only = {key for key in version.blocks if random.random() < 0.8}
    for key in version.blocks:  # outer ones come first
        if key in only and key in version.scopes:
            graph = version.scopes[key]
            only |= {graph.keys[i] for i in graph.entries}
    return frozenset(only)


@dataclass
class World:
    """A run under way, its ledger as it would be stored, and what the caller still has to answer."""

    version: CompiledVersion
    random: Random
    only: frozenset[str] | None
    router: Router
    ledger: dict[str, StepRecord] = field(default_factory=dict)
    openings: dict[str, Opening] = field(default_factory=dict)
    answers: dict[Ask, bool] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)
    ended: list[ContainerEnd] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    withdrawn: bool = False
    cancelling: bool = False
    failing: float = 0.2

    @classmethod
    def of(cls, seed: int) -> World:
        random = Random(seed)
        version = compile_version(random_definition(random), TYPES)
        only = None
        if random.random() < 0.2:
            only = random_only(random, version)
        world = cls(version, random, only, Router(version, only))
        world.take(world.router.start())
        return world

    def take(self, advance: Advance) -> None:
        """As ``LiveRun.take``: skips are stored, questions wait."""
        for key in advance.skipped:
            assert key not in self.ledger, key
            self.ledger[key] = StepRecord(key, StepStatus.SKIPPED)
        self.asks += advance.asks
        self.ended += advance.ended

    @property
    def leaves(self) -> list[str]:
        """Steps in flight that are no open container."""
        return sorted(key for key in self.router.in_flight if key not in self.router._containers)

    def step(self) -> None:
        """One event of those that are possible now."""
        choices: list[object] = [*self.leaves, *self.asks, *self.ended]
        choice = self.random.choice(choices)
        if isinstance(choice, Ask):
            self.answer(choice)
        elif isinstance(choice, ContainerEnd):
            self.ended.remove(choice)
            handle = StepRecord(choice.key, StepStatus.COMPLETED, None, choice.output)
            self.finish(
                handle
                if choice.error is None
                else StepRecord(choice.key, StepStatus.FAILED, error=choice.error)
            )
        else:
            self.act(str(choice))

    def act(self, key: str) -> None:
        if self.router.stopped(key) and self.random.random() < 0.5:
            self.withdrawn = True
            self.take(self.router.withdraw([key]))
        elif self.version.blocks[block_of(key)].type.container and self.random.random() >= self.failing / 4:
            self.openings[key] = random_opening(self.random)
            self.take(self.router.open(key, self.openings[key]))
        else:
            self.executed.append(key)
            self.finish(self.ending(key))

    def answer(self, ask: Ask) -> None:
        self.asks.remove(ask)
        if self.random.random() < self.failing / 4:
            self.finish(failed(ask.container, f"{ask.container} asked"))
            return
        begins = self.random.random() < 0.7
        if not self.router.stopped(ask.container):
            self.answers[ask] = begins
        self.take(self.router.go_on(ask, begins))

    def finish(self, record: StepRecord) -> None:
        assert record.key not in self.ledger
        self.ledger[record.key] = record
        self.take(self.router.finish(record))

    def ending(self, key: str) -> StepRecord:
        if self.random.random() < self.failing:
            return failed(key, f"{key} failed")
        kind = self.version.blocks[block_of(key)].spec.type
        return done(key, self.random.choice(HANDLES.get(kind, (None,))), output=f"{key} said")

    def cancel(self) -> None:
        self.cancelling = True
        self.router.cancel()

    def restart(self) -> None:
        """The process died: all that goes on is what the ledger tells."""
        self.router, advance = Router.restore(self.version, self.ledger.values(), self.openings, self.only)
        self.answers, self.asks, self.ended = {}, [], []
        self.withdrawn = False
        self.take(advance._replace(skipped=tuple(key for key in advance.skipped if key not in self.ledger)))

    def resume(self) -> None:
        """A person resumes: what failed for good is open again, and nothing fails this time (W22)."""
        for key in [key for key, record in self.ledger.items() if record.status is StepStatus.FAILED]:
            parent = self.version.blocks[block_of(key)].spec.parent
            graph = self.version.scopes[parent]
            if not graph.catches[graph.index[block_of(key)]]:
                del self.ledger[key]
        self.failing = 0
        self.restart()
