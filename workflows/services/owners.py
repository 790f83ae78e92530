"""What apps above do for runs that work for them (W13a): a run names its owner, and knows nothing of it.

A run of a cell is stopped, woken and resumed by `tables`, one of an invocation by `scheduler`. Each app registers, when
it starts, what is to be done for its kind; a kind that registered nothing is treated as a run of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from workflows.models import Run
from workspaces.actors import Actor

CELL: Final = "cell"
"""Runs of this kind are claimed and executed by `tables`, under the row's lock; all others by message."""

PARENT: Final = "run"
"""A sub-run: its owner is the run whose block started it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has just ended, as its owner is told in the same transaction. ``status`` is a terminal one."""

    run_id: UUID
    owner_id: UUID
    status: str
    result: Any
    error: Any
    cost: Any


OwnerStop = Callable[[Run, Actor], object]
"""Stops what a run works for, and thereby the run."""

OwnerWake = Callable[[Sequence[tuple[UUID, UUID]]], object]
"""Has parked runs, as ``(run id, owner id)``, taken up again; called in a transaction, safe to repeat (W21)."""

OwnerResume = Callable[[Run, Actor], object]
"""Prepares the resume of a run before its row is locked; raises ``RunSuperseded`` for one that was replaced (W22)."""

OwnerRequeue = Callable[[Run], object]
"""Looks at a locked run about to be reopened; raises ``RunSuperseded`` when another works in its place (W22)."""

OwnerEnded = Callable[[Sequence[Ended]], object]
"""Takes in how runs ended, in the transaction that ends them (W13a)."""

_stops: dict[str, OwnerStop] = {}
_wakes: dict[str, OwnerWake] = {}
_resumes: dict[str, OwnerResume] = {}
_requeues: dict[str, OwnerRequeue] = {}
_ends: dict[str, OwnerEnded] = {}


def on_owner_stop(kind: str, stop: OwnerStop) -> None:
    """Have runs owned by ``kind`` stopped by ``stop(run, actor)``."""
    _stops[kind] = stop


def on_owner_wake(kind: str, wake: OwnerWake) -> None:
    """Have parked runs owned by ``kind`` taken up again by ``wake([(run id, owner id), …])``."""
    _wakes[kind] = wake


def on_owner_resume(kind: str, resume: OwnerResume) -> None:
    """Have ``resume(run, actor)`` called before a run owned by ``kind`` is resumed."""
    _resumes[kind] = resume


def on_owner_requeue(kind: str, requeue: OwnerRequeue) -> None:
    """Have ``requeue(run)`` called under the lock of a run owned by ``kind`` that is reopened; it may refuse."""
    _requeues[kind] = requeue


def on_owner_ended(kind: str, ended: OwnerEnded) -> None:
    """Have ``ended([Ended, …])`` called when runs owned by ``kind`` have ended."""
    _ends[kind] = ended


def owner_stop(kind: str) -> OwnerStop | None:
    """What stops runs of this kind, if anything does."""
    return _stops.get(kind)


def owner_wake(kind: str) -> OwnerWake | None:
    """What wakes runs of this kind, if anything does."""
    return _wakes.get(kind)


def owner_resume(kind: str) -> OwnerResume | None:
    """What prepares the resume of runs of this kind, if anything does."""
    return _resumes.get(kind)


def owner_requeue(kind: str) -> OwnerRequeue | None:
    """Who may refuse that runs of this kind are reopened, if anybody."""
    return _requeues.get(kind)


def owner_ended(kind: str) -> OwnerEnded | None:
    """Who wants to know that runs of this kind have ended."""
    return _ends.get(kind)
