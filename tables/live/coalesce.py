"""What sockets are told of a batch of events: the last state per cell, dispatch and job (T34). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tables.events import MOST_IDS
from workspaces.live.log import Event
from workspaces.live.rate import Rate

Key = tuple[str, ...]

DENSE_CELLS_PER_SECOND: Final = 2_000
"""Above this rate a table's frames carry row ids only, and clients fetch what they show."""

ROW_LISTS: Final = ("changed", "inserted", "deleted")


def coalesce(events: Iterable[Event]) -> list[Event]:
    """Keep one event per cell, dispatch and job, one `schema`, one `rows`, in order of first appearance.

    Of two events of a cell the one with the larger version stays (T35); values both wrote are merged, so that
    an output streamed early (T19) is not lost under the status that follows it.
    """
    kept: dict[Key, Event] = {}
    for event in events:
        key = _key(event)
        known = kept.get(key)
        kept[key] = event if known is None else _merged(known, event)
    return list(kept.values())


def thinned(events: Iterable[Event]) -> list[Event]:
    """Return the same news with every cell event reduced to its row's id."""
    rows: dict[str, None] = {}
    rest = []
    for event in events:
        if event["kind"] == "cell":
            rows[event["row"]] = None
        else:
            rest.append(event)
    return coalesce([_bounded({"kind": "rows", "changed": list(rows)}), *rest]) if rows else rest


def cell_count(events: Iterable[Event]) -> int:
    """How many cell events a batch holds."""
    return sum(event["kind"] == "cell" for event in events)


class TableNews:
    """What the sockets of one table are told: the last state per cell, or row ids when there is too much (T34)."""

    def __init__(self) -> None:
        self._rate = Rate()

    def told(self, events: Iterable[Event]) -> list[Event]:
        """A batch as it is replayed to one socket."""
        return coalesce(events)

    def news(self, events: Iterable[Event], now: float) -> list[Event]:
        """A batch as it is handed to every socket at `now` (seconds)."""
        told = coalesce(events)
        return thinned(told) if self._rate.add(cell_count(told), now) > DENSE_CELLS_PER_SECOND else told

    def shorter(self, events: Iterable[Event]) -> list[Event]:
        """The same news when a frame grew too long."""
        return thinned(events)


def _key(event: Mapping[str, Any]) -> Key:
    match event["kind"]:
        case "cell":
            return ("cell", event["row"], event["group"])
        case "dispatch" | "job" as kind:
            return (kind, event["id"])
        case kind:
            return (kind,)


def _merged(known: Event, event: Event) -> Event:
    if event["kind"] == "rows":
        return _merged_rows(known, event)
    if event["kind"] != "cell":
        return event
    older, newer = (known, event) if known["version"] <= event["version"] else (event, known)
    if "data" not in older:
        return newer
    return {**newer, "data": {**older["data"], **newer.get("data", {})}}


def _merged_rows(known: Event, event: Event) -> Event:
    merged: Event = {"kind": "rows"}
    if known.get("more") or event.get("more"):
        return {**merged, "more": True}
    for name in ROW_LISTS:
        if ids := list(dict.fromkeys([*known.get(name, ()), *event.get(name, ())])):
            merged[name] = ids
    return _bounded(merged)


def _bounded(event: Event) -> Event:
    """Rows by their ids, or, when these are too many to be told, that there are more."""
    if any(len(event.get(name, ())) > MOST_IDS for name in ROW_LISTS):
        return {"kind": "rows", "more": True}
    return event
