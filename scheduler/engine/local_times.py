"""Slots as the clock on the wall shows them, with a word where that clock is put forward or back (`scheduler.md` 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.engine.instants import MOMENT
from scheduler.engine.zones import changes_between, naive, zone_of


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A slot (``at``, UTC) in its zone (``local``); ``note`` is empty on ordinary days."""

    at: datetime
    local: datetime
    note: str


def local_times(slots: Iterable[datetime], zone_name: str, since: datetime) -> list[LocalTime]:
    """The slots in their zone; ``since`` is the instant they follow. Raises ``InvalidSchedule`` for an unknown zone."""
    zone = zone_of(zone_name)
    found, before = [], since.astimezone(zone)
    for slot in slots:
        local = slot.astimezone(zone)
        found.append(LocalTime(slot, local, _note(zone, before, local)))
        before = local
    return found


def instant_text(at: datetime | None) -> str | None:
    """An instant as files have it: ISO 8601 in UTC with ``Z``, nothing cut off; None stays None."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def offset_text(local: datetime) -> str:
    """The offset of an aware local time: ``+05:45``."""
    return local.isoformat(timespec="seconds")[len("YYYY-MM-DDTHH:MM:SS") :]


def _note(zone: ZoneInfo, before: datetime, local: datetime) -> str:
    at = naive(local)
    for change in changes_between(zone, at - MOMENT, at):
        if change.after > change.before:
            jumped = (change.at + change.before, change.at + change.after)
            return (
                f"The clocks jump from {jumped[0]:%H:%M} to {jumped[1]:%H:%M}; what falls between runs then."
            )
    if _comes_twice(local):
        which = "second" if local.fold else "first"
        return f"The clocks go back: {local:%H:%M} comes twice that day, and this is the {which} time."
    shift = (local.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    if not shift:
        return ""
    way = "forward" if shift > timedelta() else "back"
    return f"The clocks were put {way} by {_length(abs(shift))} since the run before."


def _comes_twice(local: datetime) -> bool:
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return first is not None and second is not None and first > second


def _length(shift: timedelta) -> str:
    hours, minutes = divmod(int(shift.total_seconds()) // 60, 60)
    words = [f"{hours} h"] if hours else []
    return " ".join([*words, f"{minutes} min"] if minutes or not words else words)
