"""The websocket of one run: `/ws/runs/{id}/?since=<seq>` (W30).

Without a `since` that the live log can go on from, `hello` is followed by the run's history out of PostgreSQL, then by
what happens. Redis only hurries here as well: a socket asks PostgreSQL every few seconds whether the ledger has moved
without its having been told, and is told `pruned` then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, Final
from uuid import UUID

from redis import RedisError

from workflows.engine.feed import cursor_read
from workflows.models import Run
from workflows.services.history import OPENING_EVENTS, run_events, run_mark
from workflows.services.watching import RENEW_SECONDS, WATCH_SECONDS, WATCHED_KEY, run_topic
from workspaces.live.access import Visitor, may_see
from workspaces.live.consumers import LiveConsumer, in_thread
from workspaces.live.frames import Subscription
from workspaces.live.hub import hub
from workspaces.live.log import Event, seq_split

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""How long a change may go untold when Redis, or a worker on its way down, did not say so."""


class RunNews:
    """What the sockets of one run are told: chunks of a step joined, of its progress the last."""

    def told(self, events: list[Event]) -> list[Event]:
        """A batch as it is replayed."""
        return merged(events)

    def news(self, events: list[Event], now: float) -> list[Event]:
        """A batch as it is handed to every socket."""
        return merged(events)

    def shorter(self, events: list[Event]) -> list[Event]:
        """Too much to say: clients read the ledger."""
        return []


def merged(events: list[Event]) -> list[Event]:
    """Join the chunks of a step, keep the last of its progress; everything else stays, in order."""
    kept: dict[Any, Event] = {}
    for number, event in enumerate(event for event in events if event):
        kind = event["kind"]
        key: Any = (kind, event.get("step_key")) if kind in {"chunk", "progress"} else number
        joins = kind == "chunk" and key in kept
        kept[key] = {**event, "text": kept[key]["text"] + event["text"]} if joins else event
    return list(kept.values())


class RunConsumer(LiveConsumer):
    """Who may watch a run, what it is told first, and that executors know of it."""

    @property
    def watched_id(self) -> UUID:
        """The run."""
        found: UUID = self.scope["url_route"]["kwargs"]["run_id"]
        return found

    def topic(self) -> str:
        """Its live log."""
        return run_topic(self.watched_id)

    def news(self) -> RunNews:
        """Runs are quiet next to tables."""
        return RunNews()

    def may_watch(self, visitor: Visitor) -> bool:
        """Members of the run's workspace; a foreign run looks like none."""
        found = Run.objects.filter(pk=self.watched_id).values_list("workspace_id", flat=True).first()
        return may_see(visitor, found)

    def log_place(self, since: str) -> str | None:
        """A place in the history is none in the log."""
        return since if seq_split(since) else None

    async def opened(self, subscription: Subscription, since: str | None) -> None:
        """Say that somebody watches, then add the history, unless the log could go on from where the client was."""
        await self._watch()
        self._mark = await in_thread(run_mark, self.watched_id)
        self._told = subscription.seq
        if since is None or not seq_split(since):
            events = await in_thread(_history, self.watched_id, since)
            if events:
                subscription.open_with(events)

    def beside(self, subscription: Subscription) -> list[Coroutine[Any, Any, int]]:
        """Keep the interest alive, and look whether something was not told."""
        return [self._keep_watching(), self._keep_looking(subscription)]

    async def _keep_watching(self) -> int:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._watch()

    async def _watch(self) -> None:
        now = time.time()
        try:
            async with hub().client.pipeline(transaction=False) as pipe:
                pipe.zadd(WATCHED_KEY, {self.watched_id.bytes: now + WATCH_SECONDS})
                pipe.zremrangebyscore(WATCHED_KEY, "-inf", now)
                pipe.expire(WATCHED_KEY, 2 * WATCH_SECONDS)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("executors do not know that a run is watched: %s", error)

    async def _keep_looking(self, subscription: Subscription) -> int:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            mark = await in_thread(run_mark, self.watched_id)
            if mark != self._mark and subscription.seq == self._told:
                subscription.prune()
            self._mark, self._told = mark, subscription.seq


def _history(run_id: UUID, since: str | None) -> list[Event]:
    """What a client that knows `since` (a place in the history, or nothing) is told first."""
    try:
        after = cursor_read(since) if since else None
    except ValueError:
        after = None
    return run_events(run_id, after)[-OPENING_EVENTS:]
