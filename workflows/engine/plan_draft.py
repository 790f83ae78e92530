"""A plan while it is being made: steps are noted in topological order, and the rest follows (W24, W28)."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.engine.canonical import digest
from workflows.engine.plan_source import natural_order
from workflows.engine.plan_types import (
    Plan,
    PlannedEffect,
    PlannedStep,
    PlanWarning,
    Reason,
    SourceRun,
)
from workflows.engine.scopes import block_of, step_key
from workflows.engine.types import Effect
from workflows.engine.version import CompiledVersion


class Draft:
    """Gathers what a plan says. ``held_back`` turns true once something that could start must not."""

    def __init__(self, version: CompiledVersion, source: SourceRun) -> None:
        self._version = version
        self._source = source
        self._reuse: list[str] = []
        self._rerun: dict[str, Reason] = {}
        self._reopen: list[str] = []
        self._effects: list[PlannedEffect] = []
        self._warnings: list[PlanWarning] = []
        self._startable: set[str] = set()
        self.held_back = False

    def reuse(self, step: str) -> None:
        """Keep a step of the source."""
        self._reuse.append(step)

    def rerun(self, step: str, reason: Reason) -> None:
        """Run a step again; a pause that somebody has answered is asked again, and says so (W26)."""
        known = self._source.steps.get(step)
        if known is not None and known.answered:
            if reason is Reason.DOWNSTREAM:
                reason = Reason.PAUSE_AGAIN
            self._warn_asks_again(step)
        self._rerun[step] = reason
        block = block_of(step)
        self._startable.add(block)
        self._effect(step, block)

    def reopen(self, container: str) -> None:
        """Keep a rerunning container's opening, and what is reused inside."""
        self._reopen.append(container)

    def iterations_anew(self, container: str) -> None:
        """Iterations of a container run that the source has nothing of: every block inside may start."""
        path = f"{container}[*]"
        for block in self._inside(block_of(container)):
            self._startable.add(block)
            self._effect(step_key(path, block), block)

    def may_be_skipped(self, block: str) -> None:
        """Nothing leads to a block, and the source has not said so: routing is to find out by itself."""
        self._startable.add(block)

    def may_start(self, block: str) -> bool:
        """Whether some step of a block may run, as far as the plan goes by now."""
        return block in self._startable

    def warn(self, step: str | None, code: str, message: str) -> None:
        """Add a warning."""
        self._warnings.append(PlanWarning(step, code, message))

    def plan(self, decided_by: object, *, is_full: bool) -> Plan:
        """The finished plan. ``decided_by`` is JSON: what was asked for, and of what; it counts for the hash."""
        kept = set(self._reuse)
        discard = tuple(
            sorted(
                (step for step in self._source.steps if step not in kept and step not in self._rerun),
                key=natural_order,
            )
        )
        for step in discard:
            if self._source.steps[step].answered and block_of(step) in self._startable:
                self._warn_asks_again(step)
        only = frozenset(self._startable) if self.held_back else None
        return Plan(
            reuse=tuple(self._reuse),
            rerun=tuple(PlannedStep(step, reason) for step, reason in self._rerun.items()),
            reopen=tuple(self._reopen),
            discard=discard,
            effects=tuple(self._effects),
            warnings=tuple(self._warnings),
            only=only,
            is_full=is_full,
            plan_hash=digest(
                [
                    self._version.content_hash,
                    decided_by,
                    sorted(self._reuse),
                    self._rerun,
                    sorted(self._reopen),
                    discard,
                    None if only is None else sorted(only),
                ]
            ),
        )

    def _warn_asks_again(self, step: str) -> None:
        self.warn(step, "asks_again", "This step was answered before, and will ask again.")

    def _effect(self, step: str, block: str) -> None:
        compiled = self._version.blocks[block]
        if compiled.effect is not Effect.PURE:
            self._effects.append(PlannedEffect(step, compiled.spec.type, compiled.effect))

    def _inside(self, container: str) -> Iterator[str]:
        """The blocks in a container, at any depth."""
        graph = self._version.scopes[container]
        for i in graph.order:
            yield graph.keys[i]
            if graph.keys[i] in self._version.scopes:
                yield from self._inside(graph.keys[i])
