"""Who reads what in this web process: one reader per topic that somebody watches, on one Redis pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from workspaces.live.frames import Subscription
from workspaces.live.reader import BLOCK_MS, News, Reader

SOCKET_SECONDS: Final = BLOCK_MS / 1000 + 3
"""Silence on a blocked read that means Redis hangs rather than waits."""


class Hub:
    """The readers of one event loop."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}
        self.client = Redis.from_url(
            str(settings.RUNSHEET_EVENTS_URL),
            protocol=2,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),  # the reader must see every loss: it may have missed something
        )

    async def close(self) -> None:
        """Give the connections back, when the loop ends before the process."""
        await self.client.aclose()

    @asynccontextmanager
    async def subscription(
        self, topic: str, since: str | None, news: Callable[[], News]
    ) -> AsyncIterator[Subscription]:
        """Listen to a topic while the block lasts; the last listener to go ends the reader.

        `news` makes what a reader of this topic needs. Raises `ReaderUnavailable` when Redis does not answer.
        """
        reader = self._readers.get(topic)
        if reader is None:
            reader = self._readers[topic] = Reader(self.client, topic, news())
        reader.users += 1
        try:
            subscription = await reader.subscribe(since)
            try:
                yield subscription
            finally:
                reader.unsubscribe(subscription)
        finally:
            reader.users -= 1
            if not reader.users:
                del self._readers[topic]
                await reader.stop()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop, made at first use."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
