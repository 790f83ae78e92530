"""Which steps of a source run are still valid in a version: one walk per scope, in topological order (W24).

A step is *stale* when it would come out differently in a full run of the target, or could: it has no result, its
definition or resolved input changed, or a step before it is stale. Being stale does not mean that it reruns: that
depends on where the start is, and is decided in `plan_scope`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.canonical import NotJson
from workflows.engine.expressions import SKIPPED, ExpressionError, Path
from workflows.engine.fingerprint import input_hash
from workflows.engine.graph import ScopeGraph
from workflows.engine.iterations import iteration_window
from workflows.engine.plan_source import SourceIndex
from workflows.engine.plan_types import PlanMode, Reason, SourceRun, SourceStep
from workflows.engine.roots import block_value
from workflows.engine.scopes import iteration_path, step_key
from workflows.engine.settling import fatal_failure, scope_result
from workflows.engine.types import (
    ERROR_HANDLE,
    SOURCE_HANDLE,
    Opening,
    StepRecord,
    StepStatus,
)
from workflows.engine.version import CompiledBlock, CompiledVersion

_DEAD: Final = 0
_OPEN: Final = 1
_LED: Final = 2
_ITERATION_ROOTS: Final = ("item", "index")
_FINISHED: Final = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Scope:
    """The top of a version, or one iteration of a container in the source run."""

    path: str
    graph: ScopeGraph
    steps: Mapping[str, SourceStep]


@dataclass(frozen=True, slots=True)
class Walk:
    """By number of block: why its step is stale (None: it is not), and whether it reruns if it leads to the start.

    ``kept`` are failures that stand although nothing leads on from them, as their container collected them. ``led``
    and ``stale`` are what the blocks judged so far say about those behind them: whether some edge leads there, and
    whether something before is stale.
    """

    reasons: list[Reason | None]
    reruns: list[bool]
    kept: set[int]
    led: list[int]
    stale: list[bool]


class Judge:
    """Judges the steps of one source run against one version and the roots of the new run."""

    def __init__(
        self, version: CompiledVersion, source: SourceRun, index: SourceIndex, roots: Mapping[str, Any]
    ) -> None:
        self.version = version
        self.source = source
        self.index = index
        self._blocks: dict[str, Any] = {}
        self._roots: dict[str, Any] = {**roots, "blocks": self._blocks}
        self._chained = {
            str(path[1]) for path in version.references if path[0] == "blocks" and path[2:3] == ("previous",)
        }

    def top(self) -> Scope:
        """The scope that no container holds."""
        return Scope("", self.version.root, self.index.scope(""))

    def iteration(self, container: str, block: str, number: int) -> Scope:
        """One iteration of the container ``block`` whose step is ``container``."""
        path = iteration_path(container, number)
        return Scope(path, self.version.scopes[block], self.index.scope(path))

    def enter(self, container: str, block: str, number: int) -> tuple[Any, ...]:
        """Let expressions read what exists in an iteration (`roots`); answers what `leave` takes back."""
        before = tuple(self._roots.get(name, _ABSENT) for name in _ITERATION_ROOTS)
        around = self._blocks.get(block, _ABSENT)
        opening = self.source.openings.get(container)
        items = () if opening is None or opening.items is None else opening.items
        item = items[number] if number < len(items) else None
        self._roots["item"], self._roots["index"] = item, number
        previous = self._previous(container, block, number, opening)
        self._blocks[block] = {"item": item, "index": number, "previous": previous}
        return (block, around, *before)

    def leave(self, entered: tuple[Any, ...]) -> None:
        """Undo an `enter`."""
        block, around, *before = entered
        _put_back(self._blocks, block, around)
        for name, value in zip(_ITERATION_ROOTS, before, strict=True):
            _put_back(self._roots, name, value)

    def _previous(self, container: str, block: str, number: int, opening: Opening | None) -> Any:
        """The result of the iteration before, where they run one after the other and some block reads it."""
        if not number or opening is None or iteration_window(opening) > 1 or block not in self._chained:
            return None
        scope = self.iteration(container, block, number - 1)
        records = {
            (key := step_key(scope.path, inner)): _record(key, step)
            for inner, step in scope.steps.items()
            if inner in scope.graph.index
        }
        if fatal_failure(scope.graph, records.values()) is not None:
            return None
        return scope_result(scope.graph, scope.path, records)

    def walk(
        self, scope: Scope, mode: PlanMode, apart: Collection[int] = (), *, cut_short: bool = False
    ) -> Walk:
        """Judge the steps of a scope, but for those ``apart``: a set that is closed under what comes after.

        ``cut_short`` says that a failure ended the scope and yet stands, so that nothing is missing behind it.
        """
        graph = scope.graph
        size = len(graph.keys)
        walk = Walk([None] * size, [False] * size, set(), [_DEAD] * size, [False] * size)
        for i in graph.entries:
            walk.led[i] = _LED
        for i in graph.order:
            if i in apart:
                continue
            if walk.led[i] == _DEAD:
                self._blocks[graph.keys[i]] = SKIPPED
            elif cut_short and self._never_went_on(scope, walk, i, mode):
                for _, target in graph.outgoing[i]:
                    walk.led[target] = max(walk.led[target], _OPEN)
            else:
                self._judge(scope, walk, i, mode)
        return walk

    def _judge(self, scope: Scope, walk: Walk, i: int, mode: PlanMode) -> None:
        """Judge a step that something leads to, and pass on what that means for those behind it."""
        key = scope.graph.keys[i]
        step = scope.steps.get(key)
        handle = None if step is None else taken_handle(scope.graph, i, step)
        reason = walk.reasons[i] = self._reason(scope, i, step, handle, stale=walk.stale[i])
        reruns = walk.reruns[i] = reason is not None and (mode is PlanMode.STRICT or handle is None)
        if step is not None and not reruns:
            self._blocks[key] = (
                step.output if step.status is StepStatus.COMPLETED else block_value(_record(key, step))
            )
        for port, target in scope.graph.outgoing[i]:
            if reruns or port == handle:
                walk.led[target] = _LED
            if reason is not None:
                walk.stale[target] = True

    def _never_went_on(self, scope: Scope, walk: Walk, i: int, mode: PlanMode) -> bool:
        """Whether nothing leads on from a block of a scope that was cut short, and rightly so.

        Pinned, a failure stands as any result does, whatever has changed about it.
        """
        key = scope.graph.keys[i]
        step = scope.steps.get(key)
        if walk.stale[i] and mode is PlanMode.STRICT:
            return False
        if step is None or step.status not in _FINISHED:
            return True
        if taken_handle(scope.graph, i, step) is not None:
            return walk.led[i] == _OPEN
        reason = self._changed(scope.path, key, step, stale=walk.stale[i])
        if reason is not None and mode is PlanMode.STRICT:
            return False
        walk.reasons[i] = reason
        walk.kept.add(i)
        return True

    def _reason(
        self, scope: Scope, i: int, step: SourceStep | None, handle: str | None, *, stale: bool
    ) -> Reason | None:
        key = scope.graph.keys[i]
        if step is None:
            known = self.source.blocks
            return Reason.NO_RESULT if known is None or key in known else Reason.NEW_BLOCK
        if step.status is StepStatus.SKIPPED:
            return Reason.DOWNSTREAM if stale else Reason.NO_RESULT
        if handle is None:
            return Reason.WAS_FAILED if step.status is StepStatus.FAILED else Reason.NO_RESULT
        return self._changed(scope.path, key, step, stale=stale)

    def _changed(self, path: str, key: str, step: SourceStep, *, stale: bool) -> Reason | None:
        """What has changed about a finished step: its definition, what comes before it, its input, what it holds."""
        reason = self.own_reason(key, step, stale=stale)
        if reason is None and key in self.version.scopes:
            return self._inner_reason(step_key(path, key), key, step)
        return reason

    def own_reason(self, key: str, step: SourceStep, *, stale: bool) -> Reason | None:
        """What has changed about a step as such; of a container, not what is inside."""
        block = self.version.blocks[key]
        if key in self.version.scopes:
            self._blocks.pop(key, None)
        if step.fingerprint != block.fingerprint:
            return Reason.DEFINITION_CHANGED
        return Reason.DOWNSTREAM if stale else self._input_reason(block, step)

    def _input_reason(self, block: CompiledBlock, step: SourceStep) -> Reason | None:
        """Whether what the block reads has changed. A config that reads nothing is in the fingerprint already."""
        if not block.config.uses:
            return None
        try:
            found = input_hash(block.resolve(self._roots), block.config.reads(self._roots))
        except (ExpressionError, NotJson):
            found = ""
        if found == step.input_hash:
            return None
        return Reason.SECRET_CHANGED if self._only_secrets(block) else Reason.INPUT_CHANGED

    def _only_secrets(self, block: CompiledBlock) -> bool:
        """Whether a changed input can only be a changed secret: all else that the block reads is as it was."""
        paths = block.config.references
        if not any(path[0] == "secrets" for path in paths):
            return False
        rest = [path for path in paths if path[0] not in (*_ITERATION_ROOTS, "secrets", "blocks")]
        return all(
            path[0] in self.source.roots and _at(self.source.roots, path) == _at(self._roots, path)
            for path in rest
        )

    def _inner_reason(self, container: str, block: str, step: SourceStep) -> Reason | None:
        """Why a finished container is stale though nothing about itself has changed: the first stale step inside."""
        cut_short = may_be_cut_short(self.source.openings.get(container), step)
        for number in self.index.iterations(container):
            scope = self.iteration(container, block, number)
            entered = self.enter(container, block, number)
            walk = self.walk(scope, PlanMode.STRICT, cut_short=cut_short)
            self.leave(entered)
            reason = next((walk.reasons[i] for i in scope.graph.order if walk.reasons[i] is not None), None)
            if reason is not None:
                return reason
        return None


def may_be_cut_short(opening: Opening | None, step: SourceStep) -> bool:
    """Whether iterations of a finished container may have ended in a failure: collected, or the container's own."""
    return step.status is StepStatus.FAILED or opening is None or opening.collect


def taken_handle(graph: ScopeGraph, i: int, step: SourceStep) -> str | None:
    """The port a step was left by; None when nothing leads on: unfinished, skipped, or failed for good."""
    if step.status is StepStatus.COMPLETED:
        return step.handle or SOURCE_HANDLE
    return ERROR_HANDLE if step.status is StepStatus.FAILED and graph.catches[i] else None


def _record(key: str, step: SourceStep) -> StepRecord:
    return StepRecord(key, step.status, step.handle, step.output, step.error)


def _put_back(mapping: dict[str, Any], name: str, value: Any) -> None:
    if value is _ABSENT:
        mapping.pop(name, None)
    else:
        mapping[name] = value


def _at(roots: Mapping[str, Any], path: Path) -> Any:
    value: Any = roots
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return value
