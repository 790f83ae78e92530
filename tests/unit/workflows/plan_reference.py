"""The rules of a rerun word by word: slow, and obviously right (W24–W26, W28)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from tests.unit.workflows.plan_bed import record_of
from tests.unit.workflows.plan_stories import NOW, Story, reached
from workflows.engine.expressions import SKIPPED, ExpressionError
from workflows.engine.fingerprint import input_hash
from workflows.engine.roots import block_value
from workflows.engine.types import Edge, StepStatus


class Reference:
    """Every question is asked anew of every block, until no answer changes any more."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.edges = story.edges
        self.keys = list(story.target.blocks)
        self.steps = story.source.steps
        targets = {edge.target for edge in self.edges}
        self.entries = {key for key in self.keys if key not in targets}
        self.after = {key: reached(key, self.edges) for key in self.keys}
        stop = story.stop
        self.allowed = {key for key in self.keys if stop is None or key == stop or stop in self.after[key]}

    def port(self, key: str) -> str | None:
        """By which port the step of the source leads on."""
        step = self.steps.get(key)
        if step is None:
            return None
        if step.status is StepStatus.COMPLETED:
            return step.handle
        caught = any(edge.source == key and edge.handle == "error" for edge in self.edges)
        return "error" if step.status is StepStatus.FAILED and caught else None

    @cached_property
    def judged(self) -> dict[str, tuple[bool, str | None]]:
        """Per block whether anything leads to it, and why its step is stale; of the blocks not behind the start."""
        found: dict[str, tuple[bool, str | None]] = {}
        behind = self.after[self.story.start] | {self.story.start}
        while True:
            for key in self.keys:
                incoming = [edge for edge in self.edges if edge.target == key]
                if key in behind or key in found or any(edge.source not in found for edge in incoming):
                    continue
                led = key in self.entries or any(self.leads(edge, found) for edge in incoming)
                stale = any(found[edge.source][1] for edge in incoming)
                found[key] = (led, self.why(key, stale, found) if led else None)
                break
            else:
                return found

    def leads(self, edge: Edge, found: Mapping[str, tuple[bool, str | None]]) -> bool:
        led, reason = found[edge.source]
        if reason is not None and self.must_run(edge.source, reason):
            return True
        return led and self.port(edge.source) == edge.handle

    def must_run(self, key: str, reason: str | None) -> bool:
        return reason is not None and (self.story.mode == "strict" or self.port(key) is None)

    def why(self, key: str, stale: bool, found: Mapping[str, tuple[bool, str | None]]) -> str | None:
        step = self.steps.get(key)
        if step is None:
            return "no_result" if key in (self.story.source.blocks or ()) else "new_block"
        if step.status is StepStatus.SKIPPED:
            return "downstream" if stale else "no_result"
        if self.port(key) is None:
            return "was_failed" if step.status is StepStatus.FAILED else "no_result"
        compiled = self.story.target.blocks[key]
        if step.fingerprint != compiled.fingerprint:
            return "definition_changed"
        if stale:
            return "downstream"
        values = {
            other: block_value(record_of(other, self.steps[other])) if led else SKIPPED
            for other, (led, _) in found.items()
            if not led or other in self.steps
        }
        roots = {**NOW, "blocks": values}
        try:
            hashed = input_hash(compiled.resolve(roots), compiled.config.reads(roots))
        except ExpressionError:
            hashed = ""
        return None if hashed == step.input_hash else "input_changed"

    @cached_property
    def scope(self) -> tuple[set[str], set[str]]:
        """What always reruns, and what leads there."""
        inside = (self.after[self.story.start] | {self.story.start}) & self.allowed
        while True:
            needed = {key for key in self.keys if self.after[key] & inside}
            more = set(inside)
            for key in needed - inside:
                if self.must_run(key, self.judged[key][1]) and self.decides(key):
                    more |= self.after[key] & self.allowed
            if more == inside:
                return inside, needed
            inside = more

    def decides(self, key: str) -> bool:
        caught = any(edge.source == key and edge.handle == "error" for edge in self.edges)
        return caught or self.story.target.blocks[key].type.name == "pick"

    @cached_property
    def fates(self) -> dict[str, str]:
        """What becomes of each block: a reason to run, ``stands``, ``skipped``, or ``out``."""
        inside, needed = self.scope
        sources = inside | {
            key for key in needed if self.decides(key) and key in self.runners(inside, needed)
        }
        cut = {key for key in self.keys if any(key in self.after[other] for other in sources)} - self.allowed
        fates: dict[str, str] = {}
        while len(fates) < len(self.keys):
            for key in self.keys:
                incoming = [edge for edge in self.edges if edge.target == key]
                if key not in fates and all(edge.source in fates for edge in incoming):
                    fates[key] = self.fate(key, incoming, fates, inside, needed, cut)
        return fates

    def runners(self, inside: set[str], needed: set[str]) -> set[str]:
        return {key for key in needed - inside if self.must_run(key, self.judged[key][1])}

    def fate(
        self,
        key: str,
        incoming: list[Edge],
        fates: Mapping[str, str],
        inside: set[str],
        needed: set[str],
        cut: set[str],
    ) -> str:
        def dead(edge: Edge) -> bool:
            before = fates[edge.source]
            return before == "skipped" or (before == "stands" and self.port(edge.source) != edge.handle)

        if key not in self.entries and all(dead(edge) for edge in incoming):
            return "skipped"
        if key in inside:
            return "target" if key == self.story.start else "downstream"
        if key in self.runners(inside, needed):
            return self.judged[key][1] or ""
        if key in cut:
            return "out"
        return "stands" if self.port(key) is not None else "out"
