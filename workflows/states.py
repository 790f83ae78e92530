"""The stored statuses of runs and steps, the classes of errors, and the one table of allowed run moves (W12).

State chart of a run::

    queued ──claim──▶ running ──▶ completed
      ▲                │  │  └──▶ failed ────────────┐
      │                │  └─────▶ needs_decision ──┐ │
      ├──recovered─────┤                           │ │
      │                ├──▶ waiting ──▶ running    │ │
      │                └──▶ paused  ──▶ running    │ │
      └──────────────resume────────────────────────┴─┘

Every status that is not finished may become ``cancelled``, which is final. Models, guarded updates and the
database check derive from this file; nothing else lists statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RunStatus(StrEnum):
    """Stored status of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    NEEDS_DECISION = "needs_decision"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """Stored status of a step."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    WAITING = "waiting"
    UNKNOWN = "unknown"


class ErrorClass(StrEnum):
    """What kind of fault a block met; decides whether a retry makes sense (W16)."""

    VALIDATION = "validation"
    REFERENCE = "reference"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    UPSTREAM = "upstream"
    CANCELLED = "cancelled"
    UNKNOWN_OUTCOME = "unknown_outcome"
    INTERNAL = "internal"


class PauseKind(StrEnum):
    """What a waiting step waits for (W16, W19)."""

    TIMER = "timer"
    APPROVAL = "approval"
    RUN = "run"
    BACKOFF = "backoff"
    RATE_LIMITED = "rate_limited"


class PauseStatus(StrEnum):
    """Stored status of a pause point: open until it is answered, its time comes, or its run ends first."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    DEAD = "dead"


class Effect(StrEnum):
    """What running a block again may do to the world (W15)."""

    PURE = "pure"
    DATABASE = "database"
    IDEMPOTENT = "idempotent"
    REPEATABLE = "repeatable"
    UNSAFE = "unsafe"


TERMINAL: Final = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED})
"""Ended: nothing runs, nothing will unless a person resumes a failed run."""

FINAL: Final = frozenset({RunStatus.COMPLETED, RunStatus.CANCELLED})
"""Ended for good: no move leads out."""

PARKED: Final = frozenset({RunStatus.WAITING, RunStatus.PAUSED})
"""Holds no worker; a timer or a person's answer wakes it."""

UNATTENDED: Final = PARKED | {RunStatus.NEEDS_DECISION}
"""Unfinished and without a worker on purpose: nothing is wrong with such a run."""

RESUMABLE: Final = frozenset({RunStatus.FAILED, RunStatus.NEEDS_DECISION})
"""A person may reopen it (W22)."""

ACTIVE: Final = frozenset(RunStatus) - TERMINAL
"""Not ended: somebody may still write to it."""

CLAIMABLE: Final = frozenset({RunStatus.QUEUED}) | PARKED
"""A worker may make itself the owner (a parked run only once its timer or answer is due)."""

STEP_FINISHED: Final = frozenset({StepStatus.COMPLETED, StepStatus.SKIPPED, StepStatus.FAILED})
"""Decided steps: what routing folds over (W9)."""

STEP_ACTIVE: Final = frozenset(StepStatus) - STEP_FINISHED
"""Steps whose outcome is still open."""

RUN_TRANSITIONS: Final[Mapping[RunStatus, frozenset[RunStatus]]] = MappingProxyType(
    {
        RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.RUNNING: frozenset(RunStatus) - {RunStatus.RUNNING},
        RunStatus.WAITING: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
        RunStatus.NEEDS_DECISION: frozenset({RunStatus.QUEUED, RunStatus.CANCELLED}),
        RunStatus.FAILED: frozenset({RunStatus.QUEUED}),
        RunStatus.COMPLETED: frozenset(),
        RunStatus.CANCELLED: frozenset(),
    }
)
"""The one table of allowed moves, ``from -> to`` (W12)."""


def may_move(source: RunStatus, target: RunStatus) -> bool:
    """Whether a run in ``source`` may become ``target`` (W12); staying put is not a move."""
    return target in RUN_TRANSITIONS[source]


def sources_of(target: RunStatus) -> frozenset[RunStatus]:
    """The statuses a guarded update towards ``target`` must name in its ``WHERE``."""
    return frozenset(source for source, targets in RUN_TRANSITIONS.items() if target in targets)
