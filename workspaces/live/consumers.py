"""The websocket of one topic: who may listen, what they are sent, when they are put out.

`config/asgi.py` checks the origin.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from workspaces.live.access import Visitor, visitor_by_session, visitor_by_ticket
from workspaces.live.frames import PING, Subscription
from workspaces.live.hub import hub
from workspaces.live.rate import Rate
from workspaces.live.reader import News, ReaderUnavailable

Found = TypeVar("Found")
log = logging.getLogger(__name__)

PING_SECONDS: Final = 20.0
RECHECK_SECONDS: Final = 30.0
"""How long a revoked membership or an ended session may go on watching, at most."""
SEND_SECONDS: Final = 60.0
"""A socket that takes nothing in for so long is given up, with what waits for it (F19)."""
MAX_CLIENT_CHARS: Final = 65_536
MAX_CLIENT_FRAMES_PER_SECOND: Final = 20

UNAUTHENTICATED: Final = 4401
FOREIGN: Final = 4404
"""No such thing, or not theirs: outsiders cannot tell which."""
TOO_MANY: Final = 4429
MALFORMED: Final = 4400
TOO_BIG: Final = 1009
TRY_LATER: Final = 1013


class LiveConsumer(AsyncWebsocketConsumer):
    """Admits, then runs three things until one ends: frames, pings, the look whether they may still watch.

    It holds no database connection between two looks. Who derives says what is watched (`watched_id`, from the path),
    under which topic its events are logged, how they are told, and who may watch.
    """

    @property
    def watched_id(self) -> UUID:
        """What this socket is about."""
        raise NotImplementedError

    def topic(self) -> str:
        """The key of its log."""
        raise NotImplementedError

    def news(self) -> News:
        """How its events are told; made once per reader."""
        raise NotImplementedError

    def may_watch(self, visitor: Visitor) -> bool:
        """Whether this visitor may listen. Reads the database."""
        raise NotImplementedError

    def log_place(self, since: str) -> str | None:
        """The place in the log that `since` names; None if it names one elsewhere."""
        return since

    async def opened(self, subscription: Subscription, since: str | None) -> None:
        """Called before the first frame is sent: the place to add what came before the log."""

    def beside(self, subscription: Subscription) -> list[Coroutine[Any, Any, int]]:
        """What else is done while the socket lives; whatever ends first closes it with the code it answers."""
        return []

    async def connect(self) -> None:
        """Accept first, so that a refusal can carry its code, then admit and serve in a task."""
        self._frames = Rate()
        self._serving: asyncio.Task[None] | None = None
        await self.accept()
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"))
        visitor = await self._visitor(query)
        if visitor is None:
            await self.close(UNAUTHENTICATED)
        elif not await in_thread(self.may_watch, visitor):
            await self.close(FOREIGN)
        else:
            since = query.get("since", [None])[0]
            self._serving = asyncio.create_task(self._serve(visitor, since))

    async def disconnect(self, code: int) -> None:
        """End the serving with the socket."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take `watch` and `presence`, which are hints; refuse what is too much, too often or no JSON."""
        if len(text_data or bytes_data or "") >= MAX_CLIENT_CHARS:
            await self.close(TOO_BIG)
        elif self._frames.add(1, asyncio.get_running_loop().time()) > MAX_CLIENT_FRAMES_PER_SECOND:
            await self.close(TOO_MANY)
        elif not _is_hint(text_data):
            await self.close(MALFORMED)

    async def _visitor(self, query: dict[str, list[str]]) -> Visitor | None:
        if tickets := query.get("token"):
            return await in_thread(visitor_by_ticket, tickets[0])
        return await in_thread(visitor_by_session, self.scope["session"].session_key)

    async def _serve(self, visitor: Visitor, since: str | None) -> None:
        """Close with the code that says why whenever serving ends by itself."""
        try:
            place = None if since is None else self.log_place(since)
            async with hub().subscription(self.topic(), place, self.news) as subscription:
                await self.opened(subscription, since)
                code = await self._until_ended(subscription, visitor)
        except (ReaderUnavailable, OSError):  # the latter, a timeout too: nobody listens any more
            code = TRY_LATER
        except Exception:
            log.exception("a socket broke")
            code = 1011
        with suppress(OSError, RuntimeError):  # closed already
            await self.close(code)

    async def _until_ended(self, subscription: Subscription, visitor: Visitor) -> int:
        tasks = [
            asyncio.create_task(self._forward(subscription)),
            asyncio.create_task(self._ping()),
            asyncio.create_task(self._recheck(visitor)),
            *(asyncio.create_task(work) for work in self.beside(subscription)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, subscription: Subscription) -> int:
        while True:
            await self._tell(await subscription.next())

    async def _ping(self) -> int:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._tell(PING)

    async def _tell(self, frame: str) -> None:
        """Send a frame. Raises ``OSError`` when the client is gone, closed meanwhile, or takes nothing in."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self.send(text_data=frame)
        except RuntimeError as error:  # how a server says that it has closed the socket itself
            raise ConnectionAbortedError from error

    async def _recheck(self, visitor: Visitor) -> int:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if not await in_thread(self.may_watch, visitor):
                return FOREIGN


async def in_thread(read: Callable[..., Found], *arguments: object) -> Found:
    """Read the database in a thread, which gives its connection back afterwards."""
    return cast("Found", await database_sync_to_async(read)(*arguments))


def _is_hint(text: str | None) -> bool:
    try:
        frame: Any = json.loads(text or "")
    except (ValueError, RecursionError):
        return False
    return isinstance(frame, dict) and frame.get("type") in {"watch", "presence"}
