"""What the rerun planner takes and gives: a run's ledger as a source, and a plan (W24–W29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workflows.engine.types import BlockError, Effect, Opening, StepStatus


class Reason(StrEnum):
    """Why a step runs again (W24).

    ``target`` is the start, ``downstream`` comes after a step that reruns, ``pause_again`` does too and asks its
    question anew. The others are of steps before the start: what has changed about them since the source ran.
    """

    TARGET = "target"
    DOWNSTREAM = "downstream"
    DEFINITION_CHANGED = "definition_changed"
    INPUT_CHANGED = "input_changed"
    NEW_BLOCK = "new_block"
    NO_RESULT = "no_result"
    SECRET_CHANGED = "secret_changed"  # noqa: S105 - a word, not a password
    WAS_FAILED = "was_failed"
    PAUSE_AGAIN = "pause_again"


class PlanMode(StrEnum):
    """What becomes of changed steps that lead to the start: they rerun first, or keep their results (W25)."""

    STRICT = "strict"
    PINNED = "pinned"


class PlanRefused(Exception):
    """There is no such plan. ``code`` is ``block_missing``, ``scope_missing``, ``iteration_missing``,
    ``stop_unreachable`` or ``not_alone``; ``block`` is what was named, or what stands in the way.
    """

    def __init__(self, code: str, block: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.block = block
        self.message = message


@dataclass(frozen=True, slots=True)
class SourceStep:
    """A step of the source run. ``answered`` says that it was a pause, and somebody has answered it."""

    status: StepStatus
    fingerprint: str = ""
    input_hash: str = ""
    handle: str | None = None
    output: Any = None
    error: BlockError | None = None
    answered: bool = False


@dataclass(frozen=True, slots=True)
class SourceRun:
    """The run to fork from: its steps in the ledger's order, and how its containers were opened, by step key.

    ``blocks`` are the keys that its version had; None if unknown, then no step is called ``new_block``. ``roots`` are
    ``input``, ``row`` and ``vars`` as it read them: with them a changed secret can be told from a changed input.
    Containers without an opening are never continued: they restart as a whole.
    """

    run_id: str
    steps: Mapping[str, SourceStep]
    openings: Mapping[str, Opening] = field(default_factory=dict)
    blocks: frozenset[str] | None = None
    roots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that runs again, and why."""

    step: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class PlannedEffect:
    """What rerunning a step may do to the world. ``step`` holds ``[*]`` for the iterations yet unknown (W15)."""

    step: str
    type: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something to know before agreeing to a plan; ``step`` is None when it is about the whole."""

    step: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rerun keeps of its source, what it runs, and why (W24).

    ``reuse``: step keys whose records are copied, skipped ones included. ``rerun``: steps that may start, the
    decisions before them permitting; of a container that restarts, itself alone. ``reopen``: containers among them
    that keep their opening and the reused steps inside. ``discard``: steps of the source that the new run does not
    have, or makes anew inside restarted containers. ``only``: block keys that may start, None for all. All in
    topological order, iterations by number.
    """

    reuse: tuple[str, ...]
    rerun: tuple[PlannedStep, ...]
    reopen: tuple[str, ...]
    discard: tuple[str, ...]
    effects: tuple[PlannedEffect, ...]
    warnings: tuple[PlanWarning, ...]
    only: frozenset[str] | None
    is_full: bool
    plan_hash: str

    def as_json(self) -> dict[str, Any]:
        """The dry run's answer, and what the run keeps of its plan (W29)."""
        return {
            "reuse": list(self.reuse),
            "rerun": [{"step": planned.step, "reason": str(planned.reason)} for planned in self.rerun],
            "reopen": list(self.reopen),
            "discard": list(self.discard),
            "effects": [
                {"step": effect.step, "type": effect.type, "effect": str(effect.effect)}
                for effect in self.effects
            ],
            "warnings": [
                {"step": warning.step, "code": warning.code, "message": warning.message}
                for warning in self.warnings
            ],
            "only": None if self.only is None else sorted(self.only),
            "is_full": self.is_full,
            "plan_hash": self.plan_hash,
        }
