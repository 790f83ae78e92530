"""What a tick does with the slots that have passed: which it fires, which it records as missed (section 3, catch-up).

The slots looked at are the trigger's ``due`` one and every later one up to ``now``; all of them end either among the
fires or in the one summary of missed ones.

    =======  ====================================================================
    skip     the newest, if it is on time (at most 60 s late)
    latest   the newest, if it is inside the window
    all      the oldest ones inside the window, up to the limit, paced 1 s apart
    =======  ====================================================================

An outage of a year of minutes costs as little as one of an hour: the newest slot is looked for backwards from now, the
window's forwards from its beginning, and what lies between is counted, never gone through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from scheduler.engine.next_run import Schedule, jitter_of, newest_slot, next_slot, slots_between, slots_count
from scheduler.states import CatchupPolicy, Source

ON_TIME: Final = timedelta(seconds=60)
"""A slot at most this late has not been missed by anybody."""
PACE: Final = timedelta(seconds=1)
COUNTED: Final = timedelta(days=3653)
"""Missed slots further back than ten years are not counted any more."""


@dataclass(frozen=True, slots=True)
class Fire:
    """An invocation to make: its slot, the instant before which it must not start, and why it exists."""

    slot: datetime
    available_at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class Missed:
    """Slots that nothing fires: how many (at least, unless ``exact``), the first and the last of them."""

    count: int
    exact: bool
    first: datetime
    last: datetime

    @property
    def details(self) -> dict[str, Any]:
        """As the one row that stands for them keeps it."""
        return {
            "count": self.count,
            "exact": self.exact,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What a due trigger comes to. ``next_run_at`` of ``None``: it never fires again."""

    fires: tuple[Fire, ...]
    missed: Missed | None
    next_run_at: datetime | None


def catch_up(
    trigger_id: UUID,
    schedule: Schedule,
    *,
    due: datetime,
    now: datetime,
    policy: CatchupPolicy,
    window_seconds: int,
    limit: int,
) -> CaughtUp:
    """What becomes of a trigger whose slot ``due`` has come. Raises only `InvalidSchedule`.

    ``due`` counts as a slot even if a new time zone law has moved the schedule since it was stored.
    """
    window = timedelta(seconds=window_seconds)
    following = next_slot(schedule, due, due)
    if following is None or following > now:
        return _alone(trigger_id, schedule, due, now, policy, window, following)
    newest = newest_slot(schedule, due, now) or due
    fired = {
        CatchupPolicy.SKIP: lambda: [newest] if now - newest <= ON_TIME else [],
        CatchupPolicy.LATEST: lambda: [newest] if now - newest <= window else [],
        CatchupPolicy.ALL: lambda: _oldest(schedule, due, now, window, limit),
    }[policy]()
    late = newest != due or now - due > ON_TIME
    source = Source.CATCHUP if late and policy is not CatchupPolicy.SKIP else Source.SCHEDULE
    return CaughtUp(
        fires=tuple(
            Fire(
                slot, _available_at(trigger_id, schedule, slot, now + place * PACE if place else slot), source
            )
            for place, slot in enumerate(fired)
        ),
        missed=_missed(schedule, due, now, newest, fired),
        next_run_at=next_slot(schedule, due, now),
    )


def missed_all(schedule: Schedule, *, due: datetime, now: datetime) -> Missed:
    """The slot ``due`` and every later one up to ``now``, none of which is to fire. Raises only `InvalidSchedule`."""
    newest = newest_slot(schedule, due, now) or due
    return _missed(schedule, due, now, newest, []) or Missed(count=1, exact=True, first=due, last=due)


def _alone(
    trigger_id: UUID,
    schedule: Schedule,
    due: datetime,
    now: datetime,
    policy: CatchupPolicy,
    window: timedelta,
    following: datetime | None,
) -> CaughtUp:
    """The same where no later slot has come yet: what nearly every tick finds, and so with one computation."""
    age = now - due
    if age > (ON_TIME if policy is CatchupPolicy.SKIP else window):
        return CaughtUp((), Missed(count=1, exact=age <= COUNTED, first=due, last=due), following)
    late = age > ON_TIME and policy is not CatchupPolicy.SKIP
    source = Source.CATCHUP if late else Source.SCHEDULE
    return CaughtUp((Fire(due, _available_at(trigger_id, schedule, due, due), source),), None, following)


def _oldest(
    schedule: Schedule, due: datetime, now: datetime, window: timedelta, limit: int
) -> list[datetime]:
    """The first ``limit`` slots from ``due`` on that are inside the window."""
    if now - due <= window:
        return [due, *islice(slots_between(schedule, due, now), limit - 1)]
    return list(islice(slots_between(schedule, now - window - timedelta(microseconds=1), now), limit))


def _available_at(trigger_id: UUID, schedule: Schedule, slot: datetime, earliest: datetime) -> datetime:
    return max(slot + jitter_of(trigger_id, slot, schedule.jitter_seconds), earliest)


def _missed(
    schedule: Schedule, due: datetime, now: datetime, newest: datetime, fired: list[datetime]
) -> Missed | None:
    """The summary of all that is not fired; the fired ones follow each other without a gap."""
    counted_from = max(due, now - COUNTED)
    count = 1 + slots_count(schedule, counted_from, now) - len(fired)
    if count <= 0:
        return None
    first = due if due not in fired else next(slots_between(schedule, fired[-1], now))
    last = newest
    if newest in fired:
        last = newest_slot(schedule, due, fired[0] - timedelta(microseconds=1)) or due
    return Missed(count=count, exact=counted_from == due, first=first, last=last)
