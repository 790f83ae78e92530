"""Which runs somebody watches: nobody pays for the events of the others (W30).

Sockets note their run in a sorted set in Redis and renew it while they live; every process that executes runs reads the
set at most once a second, in one call for all its runs. Redis away means that nobody is seen to watch: sockets then
learn of changes by asking PostgreSQL.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final, cast
from uuid import UUID

from django.conf import settings
from redis import RedisError

from workspaces.live.publishing import publisher

log = logging.getLogger(__name__)

WATCHED_KEY: Final = "runsheet:runs:watched"
WATCH_SECONDS: Final = 45
"""How long a socket's interest holds unless it is renewed."""
RENEW_SECONDS: Final = 20.0
READ_SECONDS: Final = 1.0
REST_SECONDS: Final = 5.0
"""After a failure the set is left alone for so long."""


def run_topic(run_id: UUID) -> str:
    """The key of a run's live log."""
    return f"runsheet:run:{run_id}:events"


class Watched:
    """The watched runs as this process last read them; shared by all its executors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: frozenset[UUID] = frozenset()
        self._read_at = float("-inf")
        self._failing = False

    def ids(self) -> frozenset[UUID]:
        """The runs somebody watches, at most a second old. Never raises, and never waits for another's reading."""
        if time.monotonic() >= self._read_at + READ_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._lock.release()
        return self._ids

    def _read(self) -> None:
        if not settings.RUNSHEET_EVENTS_URL:  # a process without Redis, such as a unit test's
            return
        try:
            found = publisher().client.zrangebyscore(WATCHED_KEY, time.time(), "+inf")
        except (RedisError, OSError) as error:
            if not self._failing:
                log.warning("nobody is told of runs for now: %s", error)
            self._failing, self._ids = True, frozenset()
            self._read_at = time.monotonic() + REST_SECONDS - READ_SECONDS
            return
        self._failing = False
        self._ids = frozenset(UUID(bytes=raw) for raw in cast("list[bytes]", found) if len(raw) == 16)
        self._read_at = time.monotonic()


watched: Final = Watched()
"""The one of this process."""
