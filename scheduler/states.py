"""The stored words of the scheduler: targets, policies, sources, and the one table of allowed invocation moves.

State chart of an invocation (`scheduler.md` section 1)::

    pending ──published──▶ queued ──started──▶ running ──▶ completed
      ▲  │                   │                 │  │  └───▶ failed
      │  └──────started──────┼─────────────────┘  │
      │                      │                    │
      └─────────────────── retry ─────────────────┤
    pending · queued · running ──▶ cancelled ◀────┘

``skipped`` (overlap) and ``missed`` (catch-up) are inserted as they are. What is over never changes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TargetKind(StrEnum):
    """What a trigger starts."""

    WORKFLOW = "workflow"
    TABLE_RUN = "table_run"


class Source(StrEnum):
    """Why an invocation exists."""

    SCHEDULE = "schedule"
    CATCHUP = "catchup"
    MANUAL = "manual"
    RERUN = "rerun"
    BACKFILL = "backfill"


class InvocationStatus(StrEnum):
    """Stored status of an invocation."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    MISSED = "missed"


class OverlapPolicy(StrEnum):
    """What a slot does that finds an earlier invocation of its trigger under way."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    CANCEL_OTHER = "cancel_other"
    ALLOW = "allow"


class CatchupPolicy(StrEnum):
    """What becomes of slots that passed while nothing fired."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class DisabledReason(StrEnum):
    """Why a trigger is off; empty while it is on."""

    NONE = ""
    USER = "user"
    ONE_TIME_DONE = "one_time_done"
    ENDED = "ended"
    TARGET_ARCHIVED = "target_archived"
    INVALID_SCHEDULE = "invalid_schedule"
    TOO_MANY_FAILURES = "too_many_failures"
    NO_RUN_AS_USER = "no_run_as_user"


IN_FLIGHT: Final = frozenset({InvocationStatus.PENDING, InvocationStatus.QUEUED, InvocationStatus.RUNNING})
"""Not over: somebody may still write to it."""

WAITING: Final = frozenset({InvocationStatus.PENDING, InvocationStatus.QUEUED})
"""Not begun: what the runner may start, and what a change of the schedule takes back."""

TERMINAL: Final = frozenset(InvocationStatus) - IN_FLIGHT
"""Over for good."""

SCHEDULED_SOURCES: Final = frozenset({Source.SCHEDULE, Source.CATCHUP})
"""Born of the schedule: these move ``last_scheduled_for``, count for ``pause_on_failures``, and end with an edit."""

INVOCATION_TRANSITIONS: Final[Mapping[InvocationStatus, frozenset[InvocationStatus]]] = MappingProxyType(
    {
        InvocationStatus.PENDING: frozenset(
            {
                InvocationStatus.QUEUED,
                InvocationStatus.RUNNING,
                InvocationStatus.FAILED,
                InvocationStatus.CANCELLED,
            }
        ),
        InvocationStatus.QUEUED: frozenset(
            {InvocationStatus.RUNNING, InvocationStatus.FAILED, InvocationStatus.CANCELLED}
        ),
        InvocationStatus.RUNNING: frozenset(
            {
                InvocationStatus.PENDING,
                InvocationStatus.COMPLETED,
                InvocationStatus.FAILED,
                InvocationStatus.CANCELLED,
            }
        ),
        **{status: frozenset() for status in TERMINAL},
    }
)
"""What may follow what; every guarded write names the statuses it expects."""


def may_move(source: InvocationStatus, target: InvocationStatus) -> bool:
    """Whether an invocation in ``source`` may become ``target``."""
    return target in INVOCATION_TRANSITIONS[source]
