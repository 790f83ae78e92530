"""When an expression comes true in a zone. Instants are UTC without a zone here.

A **real-time** expression (minute or hour begins with ``*``) is true in every minute whose wall clock matches: nothing
is made up for where the clock leaps ahead, and an hour that comes twice counts twice. Between two changes of the offset
that is plain arithmetic, so the search goes from change to change.

Every **other** expression names times of day. Each comes exactly once: at its first pass where the clock goes back, at
the instant of the leap where the clock leaps over it; times that fall together so are one (`scheduler.md` 2.5).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.engine.fields import Cron
from scheduler.engine.walls import MINUTE, wall_next, wall_previous, walls_count
from scheduler.engine.zones import changes_between, instant_of, offset_at, wall_at

MOMENT = timedelta(microseconds=1)


def instant_next(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first instant later than ``after``; ``None``: never again."""
    return _real_next(cron, zone, after) if cron.real_time else _timed_next(cron, zone, after)


def instant_newest(cron: Cron, zone: ZoneInfo, since: datetime, until: datetime) -> datetime | None:
    """The last instant from ``since`` on, up to and with ``until``; ``None``: there is none."""
    newest = _real_newest(cron, zone, since, until) if cron.real_time else _timed_newest(cron, zone, until)
    return newest if newest is not None and newest >= since else None


def instants_count(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> int:
    """How many instants are later than ``after`` and not later than ``until``, without going through them."""
    if until <= after:
        return 0
    return (_real_count if cron.real_time else _timed_count)(cron, zone, after, until)


def _real_next(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    base, since, offset = after, after, offset_at(zone, after)
    while True:
        wall = wall_next(cron, base + offset)
        if wall is None:
            return None
        change = next(changes_between(zone, since, wall - offset), None)
        if change is None:
            return wall - offset
        # Beyond the change another offset holds; its very first instant may be one.
        base, since, offset = change.at - MOMENT, change.at, change.after


def _timed_next(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    wall = wall_next(cron, wall_at(zone, after))
    while wall is not None:
        instant = instant_of(zone, wall)
        # While an hour is repeated, its times have had their first pass.
        if instant > after:
            return instant
        wall = wall_next(cron, wall)
    return None


def _real_newest(cron: Cron, zone: ZoneInfo, since: datetime, until: datetime) -> datetime | None:
    base, offset = until, offset_at(zone, until)
    while True:
        wall = wall_previous(cron, base + offset)
        found = since if wall is None else max(wall - offset, since)
        changes = list(changes_between(zone, found, base))
        if not changes:
            return None if wall is None else wall - offset
        base, offset = changes[-1].at - MOMENT, changes[-1].before


def _timed_newest(cron: Cron, zone: ZoneInfo, until: datetime) -> datetime | None:
    wall = wall_previous(cron, _reached(zone, until) - MOMENT)
    return None if wall is None else instant_of(zone, wall)


def _real_count(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> int:
    begin, offset, count = after + MOMENT, offset_at(zone, after), 0
    for change in changes_between(zone, after, until):
        count += walls_count(cron, begin + offset, change.at + offset)
        begin, offset = change.at, change.after
    return count + walls_count(cron, begin + offset, until + MOMENT + offset)


def _timed_count(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> int:
    count = walls_count(cron, _reached(zone, after), _reached(zone, until))
    for change in changes_between(zone, after, until):
        leap, landing = change.at + change.before, change.at + change.after
        # What was leapt over comes at the instant of the leap, together with what stands there anyway.
        count -= max(walls_count(cron, leap, landing + MINUTE) - 1, 0) if landing > leap else 0
    return count


def _reached(zone: ZoneInfo, instant: datetime) -> datetime:
    """The first wall that the clock has not shown, or leapt over, by then."""
    wall = wall_at(zone, instant) + MOMENT
    # A clock that went back lately has shown more than it shows now.
    repeated = (c for c in changes_between(zone, instant - timedelta(days=2), instant) if c.after < c.before)
    return max([wall, *(change.at + change.before for change in repeated)])
