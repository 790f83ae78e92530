"""One reader task per topic and web process: it reads, coalesces, serialises once for all sockets (T33, T34).

The reader's place (`epoch`, `last`) moves in the same synchronous step that hands a frame out, so a socket
that subscribes between two steps knows exactly what it will and will not be given. Whenever something may be
missing (Redis was away, lost its data, trimmed the log past the reader, or a publisher says so) every socket
is told `pruned`: an announced gap costs a refetch, a silent one costs trust.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from workspaces.live.frames import Subscription, events_frame, hello_frame, pruned_frame
from workspaces.live.log import Batch, Event, EventLog, seq_make, seq_split

log = logging.getLogger(__name__)

FRAME_SECONDS: Final = 0.03
"""At most one frame in so long (T34); the first after a quiet moment leaves at once."""
BLOCK_MS: Final = 2_000
READY_SECONDS: Final = 2.0
RECONNECT_SECONDS: Final = (0.1, 5.0)
MAX_FRAME_CHARS: Final = 1_000_000


class ReaderUnavailable(Exception):
    """Redis does not answer, so no place in the log can be named."""


class News(Protocol):
    """What the sockets of a topic are told of its events; one per reader."""

    def told(self, events: list[Event]) -> list[Event]:
        """A batch as it is replayed to one socket."""

    def news(self, events: list[Event], now: float) -> list[Event]:
        """A batch as it is handed to every socket at `now` (seconds)."""

    def shorter(self, events: list[Event]) -> list[Event]:
        """The same news when a frame grew too long; nothing makes clients refetch."""


class Reader:
    """Reads one topic's log for all sockets of this process, from the first subscription to `stop`."""

    def __init__(self, client: Redis, topic: str, news: News) -> None:
        self.users = 0  # sockets listening or about to, counted by the hub
        self._log = EventLog(client, topic)
        self._news = news
        self._subscriptions: set[Subscription] = set()
        self._ready = asyncio.Event()
        self._epoch = self._last = ""
        self._frame_at = 0.0
        self._task = asyncio.create_task(self._run(), name=f"live events of {topic}")

    @property
    def seq(self) -> str:
        """The place up to which sockets have been told everything."""
        return seq_make(self._epoch, self._last)

    async def subscribe(self, since: str | None) -> Subscription:
        """Open a subscription: `hello`, then what followed `since` or `pruned`, then everything from now on.

        Raises `ReaderUnavailable` when Redis does not answer in time.
        """
        subscription = Subscription()
        try:
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
            seq = self.seq
            self._subscriptions.add(subscription)  # from here on it misses nothing
            subscription.open(*await self._opening(since, seq), seq=seq)
        except (TimeoutError, RedisError, OSError) as error:
            self._subscriptions.discard(subscription)
            raise ReaderUnavailable from error
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Hand no more frames to a socket that is gone."""
        self._subscriptions.discard(subscription)

    async def stop(self) -> None:
        """End the task. The Redis client can swallow a cancellation that meets its answer, hence again."""
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=0.2)

    async def _opening(self, since: str | None, seq: str) -> list[str]:
        """Return the frames that bring a client from `since` to `seq`."""
        if since is None:
            return [hello_frame(seq, resumed=False)]
        batch = await self._missed(since, seq)
        if batch is None:
            return [hello_frame(seq, resumed=False), pruned_frame(seq)]
        hello = hello_frame(since, resumed=True)
        return [hello, events_frame(seq, self._news.told(batch.events))] if batch.events else [hello]

    async def _missed(self, since: str, seq: str) -> Batch | None:
        """Return what happened between two places, or `None` when that cannot be told in full."""
        then, now = seq_split(since), seq_split(seq)
        if then is None or now is None or then[0] != now[0]:
            return None
        return await self._log.between(then[1], now[1])

    async def _run(self) -> None:
        """Read for ever; after trouble begin again, telling everyone that something may be missing."""
        pause = RECONNECT_SECONDS[0]
        while True:
            try:
                await self._begin()
                pause = RECONNECT_SECONDS[0]
                while True:
                    await self._turn()
            except (RedisError, OSError) as error:
                self._log.interrupted()
                log.warning("live events cannot be read, trying again: %s", error)
            except Exception:  # an entry that cannot be understood must not end the topic's events
                log.exception("live events were skipped")
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311  jitter, no secret
            pause = min(pause * 2, RECONNECT_SECONDS[1])

    async def _begin(self) -> None:
        """Stand at the end of the log as it is now."""
        self._epoch, self._last = await self._log.epoch(), await self._log.tail()
        self._hand_out(pruned_frame(self.seq))
        self._ready.set()

    async def _turn(self) -> None:
        """Wait for news, gather what comes within a frame, hand it out."""
        batch = await self._log.read(self._last, BLOCK_MS)
        if batch.last is not None:
            await asyncio.sleep(self._frame_at + FRAME_SECONDS - asyncio.get_running_loop().time())
            batch.extend(await self._log.read(batch.last, None))
        if await self._log.epoch() != self._epoch:
            await self._begin()
        elif batch.last is not None:
            self._advance(batch, batch.last)

    def _advance(self, batch: Batch, last: str) -> None:
        """Move the place and tell every socket, in one step."""
        now = asyncio.get_running_loop().time()
        self._frame_at, self._last = now, last
        events = self._news.news(batch.events, now)
        if batch.gap:
            self._hand_out(pruned_frame(self.seq))
        if events:
            self._hand_out(self._frame(events))

    def _frame(self, events: list[Event]) -> str:
        frame = events_frame(self.seq, events)
        if len(frame) <= MAX_FRAME_CHARS:
            return frame
        shorter = self._news.shorter(events)
        return events_frame(self.seq, shorter) if shorter else pruned_frame(self.seq)

    def _hand_out(self, frame: str) -> None:
        seq = self.seq
        for subscription in self._subscriptions:
            subscription.put(frame, seq)
