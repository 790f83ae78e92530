"""Time zones: their names, and where their offsets change. Datetimes without a zone are UTC here, or walls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from scheduler.errors import InvalidSchedule

PROBE: Final = timedelta(days=3)
"""Offsets are compared at this distance. Recife changed back after seven days in 2000, Freetown after four in 1939."""
SECOND: Final = timedelta(seconds=1)
OF_THE_MACHINE: Final = frozenset({"localtime", "Factory"})
"""Names that mean something else on every machine, or nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """From ``at`` (UTC, naive) on, the offset is ``after``; until then it was ``before``."""

    at: datetime
    before: timedelta
    after: timedelta


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of that name. Raises `InvalidSchedule` if the installed `tzdata` has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        # A name that is a folder, or that leaves the folder, is a ValueError or an OSError.
        words = f"There is no time zone “{name}”."
        raise InvalidSchedule(words, errors={"cron_timezone": [words]}) from unknown


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone the installed `tzdata` knows."""
    return frozenset(available_timezones() - OF_THE_MACHINE)


def offset_at(zone: ZoneInfo, instant: datetime) -> timedelta:
    """The offset from UTC at that instant (UTC, naive)."""
    return wall_at(zone, instant) - instant


def wall_at(zone: ZoneInfo, instant: datetime) -> datetime:
    """What the clock on the wall shows at that instant (UTC, naive); naive itself."""
    return zone.fromutc(instant.replace(tzinfo=zone)).replace(tzinfo=None, fold=0)


def instant_of(zone: ZoneInfo, wall: datetime) -> datetime:
    """When the clock first shows ``wall`` or, if it never does, leaps over it (UTC, naive)."""
    before = _offset(zone, wall.replace(fold=0))
    instant = wall - before
    if offset_at(zone, instant) == before:
        return instant
    after = _offset(zone, wall.replace(fold=1))
    return next(changes_between(zone, wall - after, instant)).at


def changes_between(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Change]:
    """The changes of offset later than ``since`` and not later than ``until`` (UTC, naive), in order."""
    for year in range(since.year, until.year + 1):
        for change in _changes_of(zone.key, year):
            if since < change.at <= until:
                yield change


@lru_cache(maxsize=32768)
def _changes_of(name: str, year: int) -> tuple[Change, ...]:
    zone = zone_of(name)
    # A change in the year's first instant belongs to it.
    at, last = datetime(year, 1, 1) - SECOND, datetime(year + 1, 1, 1) - SECOND  # noqa: DTZ001
    offset = offset_at(zone, at)
    found = []
    while at < last:
        at, since = min(at + PROBE, last), at
        if offset_at(zone, at) != offset:
            change = _first_change(zone, since, at)
            found.append(change)
            at, offset = change.at, change.after
    return tuple(found)


def _first_change(zone: ZoneInfo, since: datetime, until: datetime) -> Change:
    """Halve the time between two instants of different offsets until one second is left."""
    before = offset_at(zone, since)
    low, high = since, until
    while high - low > SECOND:
        middle = low + ((high - low) / 2 // SECOND) * SECOND
        low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)
    return Change(high, before, offset_at(zone, high))


def _offset(zone: ZoneInfo, wall: datetime) -> timedelta:
    offset = wall.replace(tzinfo=zone).utcoffset()
    return offset if offset is not None else timedelta()


def aware(instant: datetime) -> datetime:
    """The same instant, saying that it is UTC."""
    return instant.replace(tzinfo=UTC)


def naive(instant: datetime) -> datetime:
    """The same instant as UTC without a zone."""
    return instant.astimezone(UTC).replace(tzinfo=None)
