"""Limits of providers, kept by all workers together, in a real Valkey (W33, F34)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings

from config.local_llm.serving import Serving
from config.runtime import BASE_DIR
from tests.bed.llm_server import Asker, llm_server
from workflows.blocks import llm_limits
from workflows.blocks.base import BlockFailed, BlockPostponed
from workflows.blocks.llm_admission import MINUTE_MS, PARTS
from workflows.blocks.llm_limits import Caller, Place, hold, place_at
from workflows.blocks.llm_providers import Limits

__all__ = ["llm_server"]

pytestmark = pytest.mark.rule("W33")


@pytest.fixture
def store() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.RUNSHEET_LOCKS_URL) as client:
        yield client


@pytest.fixture
def provider(store: redis.Redis) -> Iterator[str]:
    """A provider nobody has called."""
    name = f"house-{uuid4().hex[:8]}"
    yield name
    assert all(store.ttl(key) > 0 for key in store.keys(f"*{name}*")), "every key goes by itself"


def on_a_loop(work: Callable[[], Awaitable[Any]]) -> Any:
    async def closing() -> Any:
        try:
            return await work()
        finally:
            await llm_limits.close()

    return asyncio.run(closing())


class Places:
    """Places held at one provider, and who was refused."""

    def __init__(self, provider: str, stack: AsyncExitStack, **limits: int) -> None:
        self.provider, self.stack, self.limits = provider, stack, Limits(**limits)

    async def take(self, ticket: str = "", workspace: UUID | None = None, tokens: int = 1) -> Place:
        caller = Caller(ticket or uuid4().hex, workspace or uuid4())
        return await self.stack.enter_async_context(place_at(self.provider, self.limits, caller, tokens))

    async def refused(
        self, ticket: str = "", workspace: UUID | None = None, tokens: int = 1
    ) -> BlockPostponed:
        with pytest.raises(BlockPostponed) as waiting:
            await self.take(ticket, workspace, tokens)
        return waiting.value


def key_of(provider: str, part: str) -> str:
    assert part in PARTS
    return f"runsheet:llm:{{{provider}}}:{part}"


def shift(store: redis.Redis, provider: str, part: str, milliseconds: int) -> None:
    """Have the past of a provider lie further back."""
    moments: Any = store.zrange(key_of(provider, part), 0, -1, withscores=True)
    store.zadd(key_of(provider, part), {member: moment - milliseconds for member, moment in moments})


def test_a_place_is_free_again_when_its_call_ends(provider: str) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            places = Places(provider, held, concurrency=2)
            await places.take()
            await places.take()
            refusal = await places.refused()
            assert 0 < refusal.seconds <= 60
            assert refusal.reason.startswith("rate_limited")
        async with AsyncExitStack() as held:
            await Places(provider, held, concurrency=2).take()

    on_a_loop(story)


def test_a_place_of_a_worker_that_was_killed_is_given_up(provider: str, store: redis.Redis) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            places = Places(provider, held, concurrency=1)
            await places.take()
            await places.refused()
            shift(store, provider, "busy", round(llm_limits.LIFE_SECONDS * 1000))
            await places.take()

    on_a_loop(story)


def test_calls_of_a_minute_are_counted_over_the_last_minute(provider: str, store: redis.Redis) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            places = Places(provider, held, requests_per_minute=3)
            for _ in range(3):
                await places.take()
            refusal = await places.refused("mine")
            assert 58 < refusal.seconds <= 60
            shift(store, provider, "requests", MINUTE_MS - 1_000)
            assert 0 < (await places.refused("mine")).seconds <= 1
            shift(store, provider, "requests", 1_000)
            await places.take("mine")

    on_a_loop(story)


def test_tokens_are_reckoned_with_and_then_counted(provider: str, store: redis.Redis) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            places = Places(provider, held, tokens_per_minute=100)
            async with AsyncExitStack() as first:
                place = await Places(provider, first, tokens_per_minute=100).take(tokens=90)
                await places.refused("mine", tokens=20)
                place.took = 30
            assert store.get(key_of(provider, "spent")) == b"30"
            await places.take("mine", tokens=20)
            assert (await places.refused(tokens=60)).reason.endswith("are used up.")
            shift(store, provider, "tokens", MINUTE_MS)
            await places.take(tokens=100)
            assert store.get(key_of(provider, "spent")) == b"100"

    on_a_loop(story)


def test_a_call_larger_than_a_minute_goes_alone(provider: str) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            places = Places(provider, held, tokens_per_minute=100)
            await places.take(tokens=5_000)
            await places.refused(tokens=1)

    on_a_loop(story)


@pytest.mark.rule("F34")
def test_who_waits_longest_comes_first(provider: str) -> None:
    async def story() -> None:
        mine = uuid4()
        async with AsyncExitStack() as held:
            places = Places(provider, held, concurrency=1)
            async with AsyncExitStack() as busy:
                await Places(provider, busy, concurrency=1).take()
                waits = [(await places.refused(f"{n}", mine)).seconds for n in range(5)]
            assert waits == sorted(waits)
            await places.refused("newcomer", mine)
            await places.refused("3", mine)
            await places.take("0", mine)

    on_a_loop(story)


@pytest.mark.rule("F34")
def test_a_flood_of_one_workspace_leaves_every_other_turn_to_another(provider: str) -> None:
    async def story() -> list[str]:
        flood, small = uuid4(), uuid4()
        waiting = [(f"flood {n}", flood) for n in range(20)] + [(f"small {n}", small) for n in range(3)]
        order = []
        async with AsyncExitStack() as busy:
            places = Places(provider, busy, concurrency=1)
            await places.take()
            for ticket, workspace in waiting:
                await places.refused(ticket, workspace)
        while waiting:
            for ticket, workspace in waiting:
                async with AsyncExitStack() as held:
                    try:
                        await Places(provider, held, concurrency=1).take(ticket, workspace)
                    except BlockPostponed:
                        continue
                    order.append(ticket)
                    waiting.remove((ticket, workspace))
                    break
        return order

    order = on_a_loop(story)
    assert sorted(order[:6]) == ["flood 0", "flood 1", "flood 2", "small 0", "small 1", "small 2"]
    assert order[6:] == [f"flood {n}" for n in range(3, 20)]


def test_a_place_in_the_line_that_nobody_claims_is_given_up(provider: str, store: redis.Redis) -> None:
    async def story() -> None:
        mine = uuid4()
        async with AsyncExitStack() as held:
            async with AsyncExitStack() as busy:
                places = Places(provider, busy, concurrency=1)
                await places.take()
                await places.refused("stopped", mine)
            waiting = Places(provider, held, concurrency=1)
            await waiting.refused("next", mine)
            shift(store, provider, "seen", 2 * MINUTE_MS)
            await waiting.take("next", mine)

    on_a_loop(story)


@pytest.mark.rule("F34")
def test_a_providers_wish_for_silence_holds_for_everybody(provider: str) -> None:
    async def story() -> None:
        async with AsyncExitStack() as held:
            await hold(provider, 30)
            await hold(provider, 5)
            waits = [(await Places(provider, held).refused()).seconds for _ in range(3)]
            assert all(29 < seconds < 31 for seconds in waits)
            assert len(set(waits)) == 3, "they do not all come back at once"
            await Places(f"not-{provider}", held).take()

    on_a_loop(story)


def test_a_long_silence_is_tried_out_after_ten_minutes(provider: str) -> None:
    async def story() -> float:
        await hold(provider, 86_400)
        async with AsyncExitStack() as held:
            return (await Places(provider, held).refused()).seconds

    assert 590 < on_a_loop(story) <= 600


@pytest.mark.parametrize("bounded", [True, False])
def test_without_redis_limited_calls_wait_and_others_go(
    bounded: bool, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "RUNSHEET_LOCKS_URL", "redis://127.0.0.1:1/0")

    async def story() -> None:
        async with AsyncExitStack() as held:
            if not bounded:
                await Places(provider, held).take()
                await hold(provider, 5)
                return
            refusal = await Places(provider, held, concurrency=5).refused()
            assert "limits unavailable" in refusal.reason

    on_a_loop(story)


def test_calls_that_end_by_a_stop_free_their_place(llm_server: Serving, store: redis.Redis) -> None:
    asker = Asker()
    config = {
        "base_url": llm_server.url,
        "model": "fault-slow,seconds=5",
        "prompt": "x",
        "limits": {"concurrency": 1},
    }

    async def story() -> None:
        asking = asyncio.create_task(asker.attempt("llm", config))
        await asyncio.wait_for(asyncio.to_thread(llm_server.app.asked.wait), 5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asker.asking("llm", {**config, "model": "local-small"}, 5, None)

    asyncio.run(story())


@pytest.mark.rule("F34")
def test_a_429_is_told_with_its_time_and_keeps_the_others_away(llm_server: Serving) -> None:
    config = {"base_url": llm_server.url, "model": "local-small", "prompt": "x"}
    with pytest.raises(BlockFailed) as failure:
        Asker().ask("llm", {**config, "model": "fault-429,retry_after=30"})
    assert failure.value.error.retry_after_seconds == 30
    with pytest.raises(BlockPostponed) as waiting:
        Asker().ask("llm", config)
    assert 25 < waiting.value.seconds < 31
    assert llm_server.of().calls == 1
    Asker().ask("llm", {**config, "api_key": "another-account"})


def test_calls_after_a_429_are_made_once_its_time_is_over(llm_server: Serving) -> None:
    calling = caller(llm_server, 3, {"model": "local-small", "prompt": "x"})
    wait_until_ready(calling)
    with pytest.raises(BlockFailed):
        Asker().ask("llm", {"base_url": llm_server.url, "model": "fault-429,retry_after=3", "prompt": "x"})
    told = time.monotonic()
    begin(calling)
    assert int(calling.communicate(timeout=60)[0]) >= 3, "each was told to wait"
    assert time.monotonic() - told > 2.9
    assert llm_server.of().statuses == {429: 1, 200: 3}


@pytest.mark.slow
def test_two_processes_never_exceed_the_concurrency_together(llm_server: Serving) -> None:
    config = {
        "model": "fault-slow,seconds=0.2",
        "prompt": "x",
        "api_key": "shared-key",
        "limits": {"concurrency": 3},
    }
    callers = [caller(llm_server, 8, config) for _ in range(2)]
    wait_until_ready(*callers)
    begin(*callers)
    waits = [int(calling.communicate(timeout=60)[0]) for calling in callers]
    counts = llm_server.of("shared-key")
    assert counts.calls == 16
    assert 1 < counts.most_under_way <= 3
    assert sum(waits) > 0


def caller(server: Serving, calls: int, config: dict[str, Any]) -> subprocess.Popen[str]:
    """A process that asks once `begin` lets it."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "RUNSHEET_HTTP_ALLOW": server.allowed,
        "REDIS_URL": settings.RUNSHEET_LOCKS_URL,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bed.llm_callers", server.url, str(calls), json.dumps(config)],
        cwd=BASE_DIR,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_ready(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdout.readline() == "ready\n"


def begin(*processes: subprocess.Popen[str]) -> None:
    """Have them ask, all at once."""
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
