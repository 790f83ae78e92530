"""What becomes of one due trigger: the rows of its slots, and where it goes from here (`scheduler.md` section 3).

Decides only; `claiming` writes. What fires is judged by the trigger's overlap policy against what is in flight. Slots
caught up at once (catch-up ``all``) do not overlap each other: of a trigger that forbids two at a time, the later ones
wait for the earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from scheduler.engine.keys import slot_key
from scheduler.engine.misfire import CaughtUp, Fire, Missed, catch_up
from scheduler.engine.next_run import Schedule
from scheduler.engine.overlap import OverlapDecision, judge_overlap
from scheduler.states import CatchupPolicy, DisabledReason, InvocationStatus, OverlapPolicy, Source

OVERLAP: Final = "overlap"
"""Reason of a slot that was skipped because an earlier one was under way."""


@dataclass(frozen=True, slots=True)
class Due:
    """A claimed trigger. ``slot`` is its ``next_run_at``; ``now`` the database's, the same for the whole batch."""

    id: UUID
    revision: int
    slot: datetime
    schedule: Schedule
    overlap: str
    catchup: str
    window_seconds: int
    limit: int
    now: datetime

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Due:
        """From the columns that ``sql.CLAIM`` answers."""
        return cls(row[0], row[1], row[2], Schedule(*row[3:9]), *row[9:14])

    @property
    def lateness_ms(self) -> int:
        """How long the slot has been due."""
        return int((self.now - self.slot).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in flight of a trigger: ``waiting`` of ``ids`` wait for an earlier one."""

    waiting: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Birth:
    """One invocation to store."""

    source: Source
    status: InvocationStatus
    slot: datetime
    available_at: datetime
    key: str
    waits: bool = False
    reason: str = ""
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Where a trigger goes: ``next_run_at``, or off for ``reason``; what is to be stored, and counted."""

    due: Due
    next_run_at: datetime | None
    reason: DisabledReason = DisabledReason.NONE
    error: str = ""
    births: tuple[Birth, ...] = ()
    missed: int = 0

    def count(self, status: InvocationStatus) -> int:
        """How many of its births have this status."""
        return sum(birth.status is status for birth in self.births)


def step_of(due: Due, standing: Standing) -> Step:
    """What a claimed trigger does now. Raises whatever its stored schedule makes the engine raise."""
    caught = catch_up(
        due.id,
        due.schedule,
        due=due.slot,
        now=due.now,
        policy=CatchupPolicy(due.catchup),
        window_seconds=due.window_seconds,
        limit=due.limit,
    )
    return Step(
        due,
        caught.next_run_at,
        reason=_reason(due, caught),
        births=_births(due, caught, standing),
        missed=caught.missed.count if caught.missed else 0,
    )


def step_invalid(due: Due, words: str) -> Step:
    """What a claimed trigger does whose schedule cannot be used: it goes off, and says which slot was the last."""
    last = Missed(count=1, exact=True, first=due.slot, last=due.slot)
    reason = DisabledReason.INVALID_SCHEDULE
    return Step(due, None, reason, words, births=(_missed_as(due, last, reason),), missed=1)


def _reason(due: Due, caught: CaughtUp) -> DisabledReason:
    if caught.next_run_at is not None:
        return DisabledReason.NONE
    return DisabledReason.ENDED if due.schedule.run_at is None else DisabledReason.ONE_TIME_DONE


def _births(due: Due, caught: CaughtUp, standing: Standing) -> tuple[Birth, ...]:
    missed = () if caught.missed is None else (_missed(due, caught.missed),)
    if not caught.fires:
        return missed
    policy = OverlapPolicy(due.overlap)
    decision = judge_overlap(policy, in_flight=len(standing.ids), waiting=standing.waiting)
    first, *others = caught.fires
    if decision is OverlapDecision.SKIP:
        return (*missed, *(_skipped(due, fire) for fire in caught.fires))
    replaces = {"replaces": list(standing.ids)} if decision is OverlapDecision.REPLACE else None
    begins = _pending(due, first, waits=decision is not OverlapDecision.START, details=replaces)
    queue_up = policy is not OverlapPolicy.ALLOW
    return (*missed, begins, *(_pending(due, fire, waits=queue_up) for fire in others))


def _pending(due: Due, fire: Fire, *, waits: bool, details: dict[str, Any] | None = None) -> Birth:
    key = slot_key(due.id, due.revision, fire.slot)
    return Birth(
        fire.source,
        InvocationStatus.PENDING,
        fire.slot,
        fire.available_at,
        key,
        waits=waits,
        details=details,
    )


def _skipped(due: Due, fire: Fire) -> Birth:
    key = slot_key(due.id, due.revision, fire.slot)
    return Birth(fire.source, InvocationStatus.SKIPPED, fire.slot, fire.available_at, key, reason=OVERLAP)


def _missed(due: Due, missed: Missed) -> Birth:
    """One row for all of them, under the key of the last: none of them starts under this revision any more."""
    return _missed_as(due, missed, f"catchup_{due.catchup}")


def _missed_as(due: Due, missed: Missed, reason: str) -> Birth:
    return Birth(
        Source.CATCHUP,
        InvocationStatus.MISSED,
        missed.last,
        missed.last,
        slot_key(due.id, due.revision, missed.last),
        reason=reason,
        details=missed.details,
    )
