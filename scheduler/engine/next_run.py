"""When a schedule fires: the slots of five cron fields in a zone, or the one instant (`scheduler.md` section 2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from uuid import UUID

from scheduler.engine.fields import Cron, cron_parse
from scheduler.engine.instants import MOMENT, instant_newest, instant_next, instants_count
from scheduler.engine.zones import aware, naive, zone_of
from scheduler.errors import InvalidSchedule


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a trigger fires. Either ``cron_expression`` (normalised) in ``cron_timezone``, or ``run_at``.

    Instants are aware UTC. No slot lies before ``start_at`` or after ``end_at``. ``jitter_seconds`` moves no slot, only
    the instant at which its invocation may start.
    """

    cron_expression: str | None
    cron_timezone: str
    run_at: datetime | None
    start_at: datetime | None = None
    end_at: datetime | None = None
    jitter_seconds: int = 0


def slots_after(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The slots later than ``after``, strictly ascending. Raises `InvalidSchedule` when the first is asked for."""
    cron = _cron(schedule)
    if cron is None:
        yield from _the_one(schedule, after)
        return
    zone = zone_of(schedule.cron_timezone)
    start = schedule.start_at
    begin = after if start is None or start <= after else start - MOMENT
    slot = instant_next(cron, zone, naive(begin))
    while slot is not None and (schedule.end_at is None or aware(slot) <= schedule.end_at):
        yield aware(slot)
        slot = instant_next(cron, zone, slot)


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots later than ``after`` and not later than ``until``, ascending."""
    for slot in slots_after(schedule, after):
        if slot > until:
            return
        yield slot


def next_slot(schedule: Schedule, after: datetime, now: datetime) -> datetime | None:
    """What ``next_run_at`` becomes; ``None``: it never fires again. Raises only `InvalidSchedule`.

    A cron slot is always later than ``now``, whatever was missed. A one-time schedule's instant stays due when it has
    passed, unless ``after``, the last slot claimed, has reached it.
    """
    begin = after if schedule.cron_expression is None else max(after, now)
    return next(slots_after(schedule, begin), None)


def next_runs(schedule: Schedule, now: datetime, count: int) -> list[datetime]:
    """The next ``count`` slots later than ``now``, or as many as there are."""
    return list(islice(slots_after(schedule, now), count))


def newest_slot(schedule: Schedule, since: datetime, until: datetime) -> datetime | None:
    """The last slot from ``since`` on, up to and with ``until``, found backwards from there."""
    begin, end = _bounded(schedule, since, until)
    cron = _cron(schedule)
    if cron is None:
        at = schedule.run_at
        return at if at is not None and begin <= at <= end else None
    newest = instant_newest(cron, zone_of(schedule.cron_timezone), naive(begin), naive(end))
    return None if newest is None else aware(newest)


def slots_count(schedule: Schedule, after: datetime, until: datetime) -> int:
    """How many slots are later than ``after`` and not later than ``until``, without going through them."""
    begin, end = _bounded(schedule, after + MOMENT, until)
    cron = _cron(schedule)
    if cron is None:
        return int(schedule.run_at is not None and begin <= schedule.run_at <= end)
    return instants_count(cron, zone_of(schedule.cron_timezone), naive(begin - MOMENT), naive(end))


def jitter_of(trigger_id: UUID, slot: datetime, seconds: int) -> timedelta:
    """How much later than ``slot`` it may start: between 0 and ``seconds``, always the same for the same slot."""
    if not seconds:
        return timedelta()
    drawn = blake2b(f"{trigger_id}:{int(slot.timestamp())}".encode(), digest_size=8).digest()
    return timedelta(milliseconds=int.from_bytes(drawn) % (seconds * 1000 + 1))


def _cron(schedule: Schedule) -> Cron | None:
    """Its expression, parsed; ``None``: it has an instant instead."""
    if schedule.cron_expression is not None:
        return cron_parse(schedule.cron_expression)
    if schedule.run_at is None:
        raise InvalidSchedule(errors={"cron_expression": ["Give a cron expression or an instant."]})
    return None


def _the_one(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    begin, end = _bounded(schedule, after + MOMENT, schedule.run_at or after)
    if schedule.run_at is not None and begin <= schedule.run_at <= end:
        yield schedule.run_at


def _bounded(schedule: Schedule, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The part of that time, both ends included, in which there may be slots."""
    first = begin if schedule.start_at is None else max(begin, schedule.start_at)
    last = end if schedule.end_at is None else min(end, schedule.end_at)
    return first, last
