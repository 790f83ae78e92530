"""Limits of providers, shared by all workers through Redis (W33): nobody sleeps for them.

A call that may not begin raises ``BlockPostponed``: the run gives its worker back and comes again, no attempt counted.
Redis only hurries: with limits to keep and no Redis to ask, calls wait (they fail closed); without limits they go.
What Redis forgets, a flush for instance, is counted anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from workflows.blocks.base import BlockPostponed
from workflows.blocks.llm_admission import ADMIT, HOLD, KEEP, PARTS, RELEASE
from workflows.blocks.llm_providers import Limits

LIFE_SECONDS: Final = 15.0
"""Life of a place without renewal: what a worker that was killed takes away from the others."""

RENEW_SECONDS: Final = 5.0

GRACE_SECONDS: Final = 10.0
"""How long a place in the line is kept beyond the moment at which its owner was told to come."""

LONGEST_HOLD_SECONDS: Final = 600.0
"""A provider that asked for longer is asked again after this: one call finds out for all."""

UNAVAILABLE_SECONDS: Final = 2.0
SOCKET_SECONDS: Final = 2.0

_REASONS: Final = {
    "hold": "The provider asked to wait.",
    "concurrency": "As many calls to the provider are under way as its limit allows.",
    "requests_per_minute": "The provider's calls for this minute are used up.",
    "tokens_per_minute": "The provider's tokens for this minute are used up.",
}

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()


@dataclass(slots=True)
class Place:
    """Leave to call once. ``took`` is set to the tokens it really used, when they are known."""

    call: str
    wanted: int
    took: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a step of a run (``ticket``, the same each time it comes again) of a workspace."""

    ticket: str
    workspace_id: UUID


@asynccontextmanager
async def place_at(provider: str, limits: Limits, caller: Caller, tokens: int) -> AsyncIterator[Place]:
    """One of the provider's places for as long as the block lasts; ``tokens`` is what the call may take.

    Raises ``BlockPostponed`` when a limit is reached, the provider asked for silence, or limits cannot be asked.
    """
    place = Place(uuid4().hex, _reckoned(tokens, limits))
    admitted = await _admit(provider, limits, caller, place)
    if not admitted:
        yield place
        return
    began = time.monotonic()
    renewal = asyncio.create_task(_keep(provider, place), name=f"place at {provider}")
    try:
        yield place
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError, RedisError, OSError):  # it expires by itself
            took = "" if place.took is None else place.took
            lasted = round((time.monotonic() - began) * 1000)
            await _run(RELEASE, provider, place.call, lasted, place.wanted, took)


async def hold(provider: str, seconds: float) -> None:
    """Have everybody leave the provider alone for ``seconds``, as it has asked. Without Redis nobody is told."""
    if not settings.RUNSHEET_LOCKS_URL or seconds <= 0:
        return
    with suppress(RedisError, OSError):
        await _run(HOLD, provider, round(min(seconds, LONGEST_HOLD_SECONDS) * 1000))


def tokens_reckoned(characters: int, max_tokens: int | None) -> int:
    """What a call is reckoned with until its usage is known: four characters a token, and what it may answer."""
    return characters // 4 + 1 + (500 if max_tokens is None else max_tokens)


async def close() -> None:
    """Give the connections of the running loop back, when it ends before the process."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


def _reckoned(tokens: int, limits: Limits) -> int:
    """A call that alone is more than a minute's share may still be made once the minute is empty."""
    return tokens if limits.tokens_per_minute is None else min(tokens, limits.tokens_per_minute)


async def _admit(provider: str, limits: Limits, caller: Caller, place: Place) -> bool:
    """Whether Redis counts the call; False: it cannot be asked, and there is no limit to keep."""
    try:
        wait_ms, reason = await _run(
            ADMIT,
            provider,
            place.call,
            caller.ticket,
            str(caller.workspace_id),
            limits.concurrency or 0,
            limits.requests_per_minute or 0,
            limits.tokens_per_minute or 0,
            place.wanted,
            round(LIFE_SECONDS * 1000),
            round(GRACE_SECONDS * 1000),
        )
    except (RedisError, OSError):
        if limits.bounded:
            raise BlockPostponed(
                UNAVAILABLE_SECONDS, "limits unavailable: Redis does not answer, and nobody calls on trust."
            ) from None
        return False
    if wait_ms:
        raise BlockPostponed(wait_ms / 1000, f"rate_limited: {_REASONS[reason.decode()]}")
    return True


async def _keep(provider: str, place: Place) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with suppress(RedisError, OSError):
            await _run(KEEP, provider, place.call, round(LIFE_SECONDS * 1000))


async def _run(script: str, provider: str, *arguments: Any) -> Any:
    keys = [f"runsheet:llm:{{{provider}}}:{part}" for part in PARTS]
    return await _client().register_script(script)(keys=keys, args=list(arguments))


def _client() -> Redis:
    """This loop's client: short timeouts, and every failure seen at once."""
    if not settings.RUNSHEET_LOCKS_URL:
        raise RedisError("no Redis is configured")
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = Redis.from_url(
            settings.RUNSHEET_LOCKS_URL,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 1),
        )
    return client
