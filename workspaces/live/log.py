"""The log of one topic, read: where it ends, what follows a point, whether a point is still there (T33).

A point is a `seq`, opaque to clients: `<epoch>.<entry id>`. The epoch is a random word kept in Redis beside
the logs; when Redis lost its data it is gone, a new one is made, and every older `seq` is known as worthless.
The server's own run id is part of it: one that began anew may stand on an older snapshot, which has the word and
the point, and not what came after it (F7).
An entry still present proves that nothing after it was trimmed, as logs are trimmed from their beginning;
so a log is never left empty while someone reads it: an opening entry gives the first reader its point.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from workspaces.live.publishing import EVENTS_FIELD, MAX_AGE_SECONDS, RESYNC_FIELD

EPOCH_KEY: Final = "runsheet:events:epoch"
OPENING_FIELD: Final = "o"
READ_ENTRIES: Final = 500
"""Entries one read takes; a full read means that the reader lags and may have been overtaken by trimming."""
REPLAY_ENTRIES: Final = 2_000
"""A socket that missed more is told to refetch, which is less work for everyone."""

SERVER_SECONDS: Final = 1.0
"""How long an answer about the server itself is believed."""

Event = dict[str, Any]
RawEntry = tuple[bytes, dict[bytes, bytes]]


@dataclass(slots=True)
class Batch:
    """Some consecutive entries, decoded: their events, the id of the last, whether something is missing."""

    last: str | None = None
    events: list[Event] = field(default_factory=list)
    gap: bool = False

    def extend(self, later: Batch) -> None:
        """Append the batch that follows this one."""
        self.last = later.last or self.last
        self.events += later.events
        self.gap = self.gap or later.gap


class EventLog:
    """Reads one topic's log. Every method may raise `RedisError` or `OSError`."""

    def __init__(self, client: Redis, topic: str) -> None:
        self._client = client
        self._key = topic
        self._run_id, self._ask_again_at = "", 0.0

    async def epoch(self) -> str:
        """Return the epoch of this Redis, making one when it has none."""
        found = await self._client.get(EPOCH_KEY)
        if found is None:
            await self._client.set(EPOCH_KEY, secrets.token_hex(4), nx=True)
            found = await self._client.get(EPOCH_KEY)
        return epoch_make(cast("bytes", found).decode(), await self._server())

    async def _server(self) -> str:
        """Which run of which server this is, as of a second ago at most; nothing where it may not be asked.

        Readers ask with every frame, and the answer is long.
        """
        now = time.monotonic()
        if now >= self._ask_again_at:
            try:
                told = await self._client.info("server")
            except NoPermissionError:
                told = {}
            self._run_id = run_of(told)
            self._ask_again_at = now + SERVER_SECONDS
        return self._run_id

    def interrupted(self) -> None:
        """Some call has failed: another server may be the next to answer."""
        self._ask_again_at = 0.0

    async def tail(self) -> str:
        """Return the id of the last entry, opening the log when it is empty."""
        newest = await self._client.xrevrange(self._key, count=1)
        if newest:
            return cast("bytes", newest[0][0]).decode()
        opened = cast("bytes", await self._client.xadd(self._key, {OPENING_FIELD: "1"}))
        await self._client.expire(self._key, MAX_AGE_SECONDS)
        return opened.decode()

    async def read(self, after: str, block_ms: int | None) -> Batch:
        """Return what follows `after`; with `block_ms` wait that long for a first entry."""
        answer: Any = await self._client.xread({self._key: after}, count=READ_ENTRIES, block=block_ms)
        entries: list[RawEntry] = answer[0][1] if answer else []
        batch = _decode(entries)
        if len(entries) == READ_ENTRIES and not await self.holds(after):
            batch.gap = True
        return batch

    async def holds(self, entry_id: str) -> bool:
        """Tell whether an entry is still in the log, hence everything after it."""
        return bool(await self._client.xrange(self._key, entry_id, entry_id, count=1))

    async def between(self, after: str, until: str) -> Batch | None:
        """Return the entries after `after` up to `until`; `None` when they are not all there, or too many."""
        if not await self.holds(after):
            return None
        entries: Any = await self._client.xrange(self._key, f"({after}", until, count=REPLAY_ENTRIES + 1)
        if len(entries) > REPLAY_ENTRIES:
            return None
        batch = _decode(entries)
        return None if batch.gap else batch


def epoch_make(word: str, run: str) -> str:
    """Join the word kept beside the logs and the server's run."""
    return f"{word}{run}"


def run_of(server: Mapping[str, Any]) -> str:
    """A server's run, of what it tells about itself; nothing where it tells nothing."""
    return str(server.get("run_id", ""))[:8]


def seq_make(epoch: str, entry_id: str) -> str:
    """Join an epoch and an entry's id to what clients see."""
    return f"{epoch}.{entry_id}"


def seq_split(seq: str) -> tuple[str, str] | None:
    """Return epoch and entry id; `None` if this is no `seq` of ours."""
    epoch, _, entry_id = seq.partition(".")
    milliseconds, _, counter = entry_id.partition("-")
    if not (epoch.isalnum() and _is_number(milliseconds) and _is_number(counter)):
        return None
    return epoch, entry_id


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20


def _decode(entries: list[RawEntry]) -> Batch:
    batch = Batch()
    for entry_id, fields in entries:
        batch.last = entry_id.decode()
        batch.gap = batch.gap or RESYNC_FIELD.encode() in fields
        if text := fields.get(EVENTS_FIELD.encode()):
            batch.events += json.loads(text)
    return batch
