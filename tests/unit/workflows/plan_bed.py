"""Runs that need no services: versions played out by the router, with outcomes that only depend on what was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

from tests.unit.workflows.factories import TYPES, FakeType, block, edge
from workflows.engine.canonical import digest
from workflows.engine.expressions import ExpressionError
from workflows.engine.fields import Template
from workflows.engine.fingerprint import input_hash
from workflows.engine.planner import Plan, PlanMode, SourceRun, SourceStep, plan_rerun
from workflows.engine.roots import RunRoots
from workflows.engine.router import Advance, Router
from workflows.engine.scopes import block_of, iteration_of, step_place
from workflows.engine.types import (
    BlockError,
    BlockSpec,
    Definition,
    Effect,
    ErrorClass,
    Opening,
    StepRecord,
    StepStatus,
)
from workflows.engine.version import CompiledVersion, compile_version


class ChoiceConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: Annotated[Any, Template()] = None
    plain: str = ""
    ports: list[str] = ["yes", "no"]


@dataclass(frozen=True)
class Kind(FakeType):
    """A fake type with an effect; ``pick`` chooses its port by its value, or by what it has read."""

    effect_class: Effect = Effect.PURE

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(config.get("ports", ["yes", "no"])) if self.name == "pick" else frozenset({"source"})

    def effect(self, config: Mapping[str, Any]) -> Effect:
        return self.effect_class


KINDS: dict[str, FakeType] = {
    **TYPES,
    **{
        kind.name: kind
        for kind in (
            Kind("pick", ChoiceConfig),
            Kind("mail", effect_class=Effect.UNSAFE),
            Kind("llm", effect_class=Effect.REPEATABLE),
            Kind("ask"),
            Kind("loop", container=True),
            Kind("parallel", container=True),
            Kind("collect", container=True),
        )
    },
}

BASE: dict[str, Any] = {
    "input": {"n": 1},
    "row": {},
    "vars": {},
    "secrets": {"token": "s"},
    "run": {"id": "r"},
}


def version(*blocks: BlockSpec, edges: str = "") -> CompiledVersion:
    return compile_version(Definition(blocks, tuple(map(edge, edges.split()))), KINDS)


def chain(*keys: str, **changed: BlockSpec) -> CompiledVersion:
    """Blocks one after the other, each reading the one before."""
    blocks = [
        changed.get(key, reading(key, before)) for key, before in zip(keys, (None, *keys[:-1]), strict=True)
    ]
    return version(*blocks, edges=" ".join(f"{a}>{b}" for a, b in pairwise(keys)))


def reading(key: str, *before: str | None, type_: str = "step", **config: Any) -> BlockSpec:
    """A block that reads the whole output of others."""
    value = ["{{ blocks." + other + " }}" for other in before if other]
    return block(key, type_, config={"value": value, **config})


def edited(spec: BlockSpec, **config: Any) -> BlockSpec:
    return replace(spec, config={**spec.config, **(config or {"plain": "edited"})})


def around(outer: str, inner: str, items: list[str], changed: Collection[str] = ()) -> CompiledVersion:
    """A container in a container, with blocks before, inside and behind; an item ``fail`` makes ``y`` fail."""

    def plain(key: str) -> dict[str, str]:
        return {"plain": "edited" if key in changed else ""}

    return version(
        block("a", config={"value": "{{ input.n }}", **plain("a")}),
        block("outer", outer, config={"value": items}),
        block("x", "llm", parent="outer", config={"value": "{{ index }}", **plain("x")}),
        block("inner", inner, parent="outer", config={"value": ["p", "{{ item }}"]}),
        block("y", "llm", parent="inner", config={"value": "{{ item }}", **plain("y")}),
        block(
            "z", "llm", parent="inner", config={"value": ["{{ blocks.y }}", "{{ blocks.inner.previous }}"]}
        ),
        block("w", "llm", parent="inner", config={"value": "{{ index }}", **plain("w")}),
        block("v", "llm", parent="inner", config={"value": "{{ blocks.w }}"}),
        block("after", "llm", parent="outer", config={"value": "{{ blocks.inner }}", **plain("after")}),
        block("caught", "llm", parent="outer", config={"value": "{{ blocks.x }}"}),
        block("end", config={"value": "{{ blocks.outer }}"}),
        block("sorry", config={"value": "{{ blocks.a }}"}),
        edges="a>outer outer>end outer.error>sorry x>inner inner>after after.error>caught y>z w>v",
    )


@dataclass
class Played:
    """A run as it came out: a source for a rerun, and the steps that really ran, in order."""

    source: SourceRun
    ran: list[str]
    router: Router

    @property
    def results(self) -> dict[str, tuple[str, str | None, Any]]:
        """What each step came to."""
        return results_of(self.source)


class Stage:
    """Plays a version out. Blocks with ``fail`` in ``plain`` fail, unless all is ``mended`` outside; `pick` takes the
    port its value names.
    """

    def __init__(self, target: CompiledVersion, base: Mapping[str, Any], *, mended: bool = False) -> None:
        self.mended = mended
        self.version = target
        self.base = dict(base)
        self.roots = RunRoots(base)
        self.steps: dict[str, SourceStep] = {}
        self.openings: dict[str, Opening] = {}
        self.ran: list[str] = []

    def play(
        self,
        kept: Iterable[tuple[str, SourceStep]] = (),
        openings: Mapping[str, Opening] | None = None,
        only: frozenset[str] | None = None,
    ) -> Played:
        kept = list(kept)
        records = [record_of(key, step) for key, step in kept]
        self.steps.update(kept)
        self.openings.update(openings or {})
        router, advance = Router.restore(self.version, records, openings or {}, only)
        for path in router.paths:
            self.roots.enter(path, router.iteration(path))
        for record in records:
            self.roots.settle(record)
        self.follow(router, advance)
        assert router.done
        keys = frozenset(self.version.blocks)
        roots = {name: value for name, value in self.base.items() if name in ("input", "row", "vars")}
        source = SourceRun("source", self.steps, self.openings, keys, roots)
        return Played(source, self.ran, router)

    def follow(self, router: Router, advance: Advance) -> None:
        waiting = [advance]
        while waiting:
            news = waiting.pop(0)
            for key in news.skipped:
                self.enter(router, step_place(key).path)
                self.settle(StepRecord(key, StepStatus.SKIPPED), "", "")
            for end in news.ended:
                status = StepStatus.FAILED if end.error else StepStatus.COMPLETED
                record = StepRecord(end.key, status, None, end.output, end.error)
                known = self.steps.pop(end.key)
                self.settle(record, known.fingerprint, known.input_hash)
                waiting.append(router.finish(record))
            waiting += [self.run(router, key) for key in news.ready if key in router.in_flight]

    def enter(self, router: Router, path: str) -> None:
        """As `LiveRun.enter` does: the iterations around first, and with what is kept inside."""
        if not self.roots.entered(path):
            self.enter(router, step_place(iteration_of(path)[0]).path)
            self.roots.enter(path, router.iteration(path))
            for record in router.finished_in(path):
                self.roots.settle(record)

    def run(self, router: Router, key: str) -> Advance:
        path, name = step_place(key)
        self.enter(router, path)
        compiled = self.version.blocks[name]
        roots = self.roots.at(path)
        self.ran.append(key)
        try:
            values = compiled.resolve(roots)
        except ExpressionError as error:
            record = StepRecord(key, StepStatus.FAILED, error=error.as_block_error())
            self.settle(record, compiled.fingerprint, "")
            return router.finish(record)
        hashed = input_hash(values, compiled.config.reads(roots))
        if name in self.version.scopes:
            self.openings[key] = opening_of(compiled.type.name, values)
            self.steps[key] = SourceStep(StepStatus.RUNNING, compiled.fingerprint, hashed)
            return router.open(key, self.openings[key])
        ports = compiled.type.handles(values)
        record = outcome_of(compiled.type.name, key, values, ports, mended=self.mended)
        self.settle(record, compiled.fingerprint, hashed)
        return router.finish(record)

    def settle(self, record: StepRecord, fingerprint: str, hashed: str) -> None:
        answered = (
            record.status is StepStatus.COMPLETED
            and self.version.blocks[block_of(record.key)].type.name == "ask"
        )
        self.steps[record.key] = SourceStep(
            record.status, fingerprint, hashed, record.handle, record.output, record.error, answered
        )
        self.roots.settle(record)


def opening_of(type_: str, values: Mapping[str, Any]) -> Opening:
    items = tuple(values.get("value") or ())
    if type_ == "loop":
        return Opening(len(items), items)
    return Opening(len(items), items, concurrency=2, collect=type_ == "collect")


def outcome_of(
    type_: str, key: str, values: Mapping[str, Any], ports: Iterable[str], *, mended: bool = False
) -> StepRecord:
    """How a block ends: a function of its key and what it has read."""
    read = digest([block_of(key), values])[:8]
    if not mended and ("fail" in values.get("plain", "") or values.get("value") == "fail"):
        return StepRecord(key, StepStatus.FAILED, error=BlockError(ErrorClass.UPSTREAM, "boom", read))
    if type_ != "pick":
        return StepRecord(key, StepStatus.COMPLETED, "source", read)
    ordered = sorted(ports)
    named = values.get("value")
    handle = named if named in ordered else ordered[int(read, 16) % len(ordered)]
    return StepRecord(key, StepStatus.COMPLETED, handle, read)


def record_of(key: str, step: SourceStep) -> StepRecord:
    return StepRecord(key, step.status, step.handle, step.output, step.error)


def results_of(run: SourceRun) -> dict[str, tuple[str, str | None, Any]]:
    """What each step of a run came to."""
    return {key: (str(step.status), step.handle, step.output) for key, step in run.steps.items()}


def played(target: CompiledVersion, base: Mapping[str, Any] | None = None) -> SourceRun:
    """The ledger of a full run."""
    return Stage(target, base or BASE).play().source


def replayed(
    plan: Plan, source: SourceRun, target: CompiledVersion, base: Mapping[str, Any] | None = None
) -> Played:
    """A rerun by the plan: what it reuses is in the ledger from the start."""
    kept = set(plan.reuse)
    steps = [(key, step) for key, step in source.steps.items() if key in kept]
    stage = Stage(target, base or BASE)
    for key in plan.reopen:
        stage.steps[key] = source.steps[key]
    return stage.play(steps, {key: source.openings[key] for key in plan.reopen}, plan.only)


def planned(
    source: SourceRun | None,
    target: CompiledVersion,
    start: str | None,
    mode: str = "strict",
    base: Mapping[str, Any] | None = None,
    **more: Any,
) -> Plan:
    return plan_rerun(source, target, base or BASE, start, PlanMode(mode), **more)


def reasons(plan: Plan) -> dict[str, str]:
    return {step.step: str(step.reason) for step in plan.rerun}


def warned(plan: Plan) -> set[tuple[str | None, str]]:
    return {(warning.step, warning.code) for warning in plan.warnings}
