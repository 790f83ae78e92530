"""Live events: what changed in a table, appended after commit to one Redis Stream per table (T33).

`emit` is on the hot path of every pack: it serialises once, sends one pipeline and never raises. Losing Redis
loses no truth, only hurry: a table whose events could not be appended is remembered, and the next append that
succeeds brings a `resync` entry for it, which every socket sees as `pruned` and answers by refetching.

An entry has one field: `e`, a JSON list of events, or `r`, which says that something was missed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError  # noqa: A004  the name redis-py gives it
from redis.retry import Retry

from tables.wire import cell_json

log = logging.getLogger(__name__)

EVENTS_FIELD: Final = "e"
RESYNC_FIELD: Final = "r"
MAX_EVENT_CHARS: Final = 65_536
"""A longer event is replaced by the id of its row: the page brings the body (F21)."""
MAX_AGE_SECONDS: Final = 3_600
"""A table's log is forgotten after so long without an append."""
PAUSE_SECONDS: Final = 1.0
"""After a failure appends rest for so long: a hanging Redis must not slow every pack by its timeout."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=str).encode


def stream_key(table_id: UUID | str) -> str:
    """Return where the log of a table lives."""
    return f"runsheet:{table_id}:events"


def emit(table_id: UUID, events: Sequence[Mapping[str, Any]]) -> None:
    """Append a batch of events of one table as one entry. Call it after the commit; it never raises."""
    if events:
        _publisher().append(str(table_id), "[" + ",".join(_event_text(event) for event in events) + "]")


def resync(table_ids: Iterable[UUID]) -> None:
    """Tell readers of these tables that events may be missing (T33): for who declares an instance dead."""
    publisher = _publisher()
    publisher.remember(str(table_id) for table_id in table_ids)
    publisher.catch_up()


def resync_missed() -> None:
    """Announce now what earlier failures left unsaid; `emit` does so too, the heartbeat when nothing is emitted."""
    _publisher().catch_up()


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
    """Name rows to fetch again, added, gone. Give counts beyond a page's reach to a `job` event instead."""
    lists = {"changed": changed, "inserted": inserted, "deleted": deleted}
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


Entry = tuple[str, str, str]
"""Table, field, text."""


class Publisher:
    """The appending end of one process: a pooled client and the memory of what could not be said."""

    def __init__(self, client: Redis) -> None:
        """`client` must have short socket timeouts."""
        self._client = client
        self._lock = threading.Lock()
        self._missed: set[str] = set()
        self._try_after = 0.0

    def remember(self, tables: Iterable[str]) -> None:
        """Note tables whose readers must be told that something is missing."""
        with self._lock:
            self._missed.update(tables)

    def append(self, table: str, events: str) -> None:
        """Append one entry, and a resync for whatever was missed before; on failure remember the table."""
        self._send([(table, EVENTS_FIELD, events)])

    def catch_up(self) -> None:
        """Append the resync entries that are due."""
        self._send([])

    def _take_missed(self) -> set[str]:
        with self._lock:
            missed, self._missed = self._missed, set()
        return missed

    def _send(self, entries: list[Entry]) -> None:
        if time.monotonic() < self._try_after:
            self.remember(table for table, _, _ in entries)
            return
        entries += [(table, RESYNC_FIELD, "1") for table in self._take_missed()]
        if not entries:
            return
        try:
            self._pipeline(entries)
        except (RedisError, OSError) as error:
            self._try_after = time.monotonic() + PAUSE_SECONDS
            self.remember(table for table, _, _ in entries)
            log.warning("live events of %d tables not appended: %s", len(entries), error)

    def _pipeline(self, entries: list[Entry]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for table, field, text in entries:
                key = stream_key(table)
                pipe.xadd(key, {field: text}, maxlen=settings.RUNSHEET_EVENTS_MAXLEN, approximate=True)
                pipe.expire(key, MAX_AGE_SECONDS)
            pipe.execute()


def _publisher() -> Publisher:
    return _publisher_at(settings.RUNSHEET_EVENTS_URL)


@cache
def _publisher_at(url: str) -> Publisher:
    """One per process and address; the pool underneath notices a fork by itself."""
    return Publisher(
        Redis.from_url(
            url,
            socket_timeout=1.0,
            socket_connect_timeout=0.5,
            # a pooled connection may be stale, so once more; a timeout is final
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        )
    )


def _event_text(event: Mapping[str, Any]) -> str:
    """One event as JSON; what is too long or is no JSON (NaN) shrinks to "fetch this row again"."""
    try:
        text = _encode(event)
    except (ValueError, RecursionError):
        text = ""
    if text and len(text) <= MAX_EVENT_CHARS:
        return text
    if event.get("kind") == "cell":
        return _encode({"kind": "rows", "changed": [event["row"]]})
    return _encode({"kind": "schema"})  # clients read the table anew
