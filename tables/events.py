"""Live events: what changed in a table, appended after commit to one Redis Stream per table (T33).

`emit` is on the hot path of every pack: it serialises once, sends one pipeline and never raises; what could not be
said makes every socket refetch (`workspaces.live.publishing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from tables.wire import cell_json
from workspaces.live.publishing import event_text, publisher

MOST_IDS: Final = 1_000
"""A longer list of rows is not told: clients read what they show."""


def stream_key(table_id: UUID | str) -> str:
    """Return where the log of a table lives."""
    return f"runsheet:{table_id}:events"


def emit(table_id: UUID, events: Sequence[Mapping[str, Any]]) -> None:
    """Append a batch of events of one table as one entry. Call it after the commit; it never raises."""
    if events:
        publisher().append(stream_key(table_id), "[" + ",".join(_event_text(event) for event in events) + "]")


def resync(table_ids: Iterable[UUID]) -> None:
    """Tell readers of these tables that events may be missing (T33): for who declares an instance dead."""
    found = publisher()
    found.remember(stream_key(table_id) for table_id in table_ids)
    found.catch_up()


def resync_missed() -> None:
    """Announce now what earlier failures left unsaid; `emit` does so too, the heartbeat when nothing is emitted."""
    publisher().catch_up()


def cell_event(cell: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Show a cell as it is now (`wire.cell_json`), its place and the values it wrote by column key."""
    event = {"kind": "cell", "row": str(cell["row_id"]), "group": str(cell["group_id"]), **cell_json(cell)}
    if outputs is not None:
        event["data"] = dict(outputs)
    return event


def cell_cleared_event(row_id: UUID, group_id: UUID, version: int) -> dict[str, Any]:
    """Say that the record of a cell is gone; its values stay and are stale (T35)."""
    return {"kind": "cell", "row": str(row_id), "group": str(group_id), "status": None, "version": version}


def rows_event(
    *, changed: Sequence[UUID] = (), inserted: Sequence[UUID] = (), deleted: Sequence[UUID] = ()
) -> dict[str, Any]:
    """Name rows to fetch again, added, gone; `{"kind": "rows", "more": true}`, more than can be named."""
    lists = {"changed": changed, "inserted": inserted, "deleted": deleted}
    if any(len(ids) > MOST_IDS for ids in lists.values()):
        return {"kind": "rows", "more": True}
    return {"kind": "rows", **{name: [str(row_id) for row_id in ids] for name, ids in lists.items() if ids}}


def dispatch_event(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Carry a dispatch as REST shows it."""
    return {"kind": "dispatch", **shown}


def job_event(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Carry a job as REST shows it; its own `kind` moves to `job_kind`."""
    return {**shown, "job_kind": shown.get("kind"), "kind": "job"}


def schema_event() -> dict[str, Any]:
    """Say that columns, workflow groups or the layout changed: fetch the table again."""
    return {"kind": "schema"}


def _scope_shortened(event: Mapping[str, Any]) -> dict[str, Any]:
    """A dispatch whose scope is told by its size: `{rows|filter|exclude_rows: {"chars": n}}`; REST has it whole."""
    return {**event, "scope": {part: {"chars": len(str(value))} for part, value in event["scope"].items()}}


def _event_text(event: Mapping[str, Any]) -> str:
    """One event as JSON; what is too long or is no JSON (NaN) shrinks to "fetch this row again"."""
    if text := event_text(event):
        return text
    if event.get("kind") == "dispatch" and (text := event_text(_scope_shortened(event))):
        return text
    if event.get("kind") == "cell":
        return event_text({"kind": "rows", "changed": [event["row"]]}) or "null"
    return event_text({"kind": "schema"}) or "null"  # clients read the table anew
