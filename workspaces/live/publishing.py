"""The appending end of live events: what changed goes, after commit, to one Redis Stream per topic (T33).

A topic is the stream's key: a table's, a run's. `emit` is on hot paths: it sends one pipeline and never raises. Losing
Redis loses no truth, only hurry: a topic whose events could not be appended is remembered, and the next append that
succeeds brings a `resync` entry for it, which every socket sees as `pruned` and answers by refetching.

An entry has one field: `e`, a JSON list of events, or `r`, which says that something was missed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError  # noqa: A004  the name redis-py gives it
from redis.retry import Retry

log = logging.getLogger(__name__)

EVENTS_FIELD: Final = "e"
RESYNC_FIELD: Final = "r"
MAX_EVENT_CHARS: Final = 65_536
"""A longer event is for its publisher to shorten: sockets carry news, pages carry bodies (F21)."""
MAX_AGE_SECONDS: Final = 3_600
"""A topic's log is forgotten after so long without an append."""
PAUSE_SECONDS: Final = 1.0
"""After a failure appends rest for so long: a hanging Redis must not slow every commit by its timeout."""

Entry = tuple[str, str, str]
"""Topic, field, text."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=str).encode


class Publisher:
    """The appending end of one process: a pooled client and the memory of what could not be said."""

    def __init__(self, client: Redis) -> None:
        """`client` must have short socket timeouts."""
        self._client = client
        self._lock = threading.Lock()
        self._missed: set[str] = set()
        self._try_after = 0.0

    @property
    def client(self) -> Redis:
        """The pooled connection, for small bookkeeping beside the logs."""
        return self._client

    def remember(self, topics: Iterable[str]) -> None:
        """Note topics whose readers must be told that something is missing."""
        with self._lock:
            self._missed.update(topics)

    def append(self, topic: str, events: str) -> None:
        """Append one entry, and a resync for whatever was missed before; on failure remember the topic."""
        self._send([(topic, EVENTS_FIELD, events)])

    def append_many(self, entries: Iterable[tuple[str, str]]) -> None:
        """Append an entry to each of several topics in one round trip."""
        self._send([(topic, EVENTS_FIELD, events) for topic, events in entries])

    def catch_up(self) -> None:
        """Append the resync entries that are due."""
        self._send([])

    def ask(self, question: Callable[[Redis], str]) -> str | None:
        """What Redis answers; `None` while it does not: who only reads rests with the appends after a failure."""
        if time.monotonic() < self._try_after:
            return None
        try:
            return question(self._client)
        except (RedisError, OSError) as error:
            self._try_after = time.monotonic() + PAUSE_SECONDS
            log.warning("live events could not be asked for their place: %s", error)
            return None

    def _take_missed(self) -> set[str]:
        with self._lock:
            missed, self._missed = self._missed, set()
        return missed

    def _send(self, entries: list[Entry]) -> None:
        if time.monotonic() < self._try_after:
            self.remember(topic for topic, _, _ in entries)
            return
        entries = [(topic, RESYNC_FIELD, "1") for topic in sorted(self._take_missed())] + entries
        if not entries:
            return
        try:
            self._pipeline(entries)
        except (RedisError, OSError) as error:
            self._try_after = time.monotonic() + PAUSE_SECONDS
            self.remember(topic for topic, _, _ in entries)
            log.warning("live events of %d topics not appended: %s", len(entries), error)

    def _pipeline(self, entries: list[Entry]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for topic, field, text in entries:
                pipe.xadd(topic, {field: text}, maxlen=settings.RUNSHEET_EVENTS_MAXLEN, approximate=True)
                pipe.expire(topic, MAX_AGE_SECONDS)
            pipe.execute()


def publisher() -> Publisher:
    """The one publisher of this process."""
    return _publisher_at(settings.RUNSHEET_EVENTS_URL)


def event_text(event: Mapping[str, Any]) -> str | None:
    """One event as JSON; None for what is too long or is no JSON (NaN)."""
    try:
        text = _encode(event)
    except (ValueError, RecursionError):
        return None
    return text if len(text) <= MAX_EVENT_CHARS else None


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
