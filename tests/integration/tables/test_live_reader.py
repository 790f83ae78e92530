"""Events from append to frame, over a real Valkey."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from redis import Redis

from tables import events
from tables.live.coalesce import TableNews
from tables.wire import CELL_FIELDS
from tests.bed.services import TestServices
from workspaces.ids import uuid7
from workspaces.live import log, reader
from workspaces.live.frames import Subscription
from workspaces.live.hub import Hub
from workspaces.live.place import topic_place
from workspaces.live.publishing import MAX_AGE_SECONDS, Publisher


@pytest.fixture
def redis() -> Redis:
    client = Redis.from_url(settings.RUNSHEET_EVENTS_URL)
    client.flushall()
    return client


@pytest.fixture
def table() -> UUID:
    return uuid7()


class Watcher:
    """A socket's end of the reader: `hello` first, then frames as they come."""

    def __init__(self, subscription: Subscription, hello: dict[str, Any]) -> None:
        self.subscription, self.hello = subscription, hello

    async def frame(self) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.subscription.next(), 5)))


@pytest.fixture
async def watch(redis: Redis, table: UUID) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        hub = Hub()
        stack.push_async_callback(hub.close)

        async def open_one(since: str | None = None, table_id: UUID = table) -> Watcher:
            subscription = await stack.enter_async_context(
                hub.subscription(events.stream_key(table_id), since, TableNews)
            )
            return Watcher(subscription, json.loads(await subscription.next()))

        yield open_one


def cell(row: UUID, version: int, status: str = "running") -> dict[str, Any]:
    fields = dict.fromkeys(CELL_FIELDS) | {
        "row_id": row,
        "group_id": row,
        "status": status,
        "version": version,
    }
    return events.cell_event(fields)


@pytest.mark.rule("T33")
async def test_every_socket_of_a_table_gets_the_same_events(watch: Any, table: UUID) -> None:
    first, second = await watch(), await watch()
    events.emit(table, [cell(table, 1)])
    frame = await first.frame()
    assert frame == await second.frame()
    assert [event["version"] for event in frame["events"]] == [1]
    assert first.hello["resumed"] is False


@pytest.mark.rule("T33")
async def test_a_table_does_not_hear_of_another(watch: Any, table: UUID) -> None:
    watcher = await watch()
    events.emit(uuid7(), [cell(table, 1)])
    events.emit(table, [cell(table, 2)])
    assert (await watcher.frame())["events"][0]["version"] == 2


@pytest.mark.rule("T33")
async def test_a_socket_that_comes_back_gets_what_it_missed_and_no_more(watch: Any, table: UUID) -> None:
    before = await watch()
    events.emit(table, [cell(table, 1)])
    seen = (await before.frame())["seq"]
    events.emit(table, [cell(table, 2)])
    events.emit(table, [cell(uuid7(), 3)])
    current = (await before.frame())["seq"]
    after = await watch(since=seen)
    assert after.hello == {"type": "hello", "seq": seen, "resumed": True}
    replay = await after.frame()
    assert [event["version"] for event in replay["events"]] == [2, 3]
    assert replay["seq"] == current
    assert (await watch(since=current)).hello["resumed"] is True


@pytest.mark.rule("T33")
async def test_nothing_happened_yet_is_a_place_too(watch: Any, table: UUID) -> None:
    nothing = (await watch()).hello["seq"]
    events.emit(table, [cell(table, 1)])
    again = await watch(since=nothing)
    assert again.hello["resumed"] is True
    assert (await again.frame())["events"][0]["version"] == 1


@pytest.mark.rule("T33")
@pytest.mark.parametrize("since", ["nonsense", "00000000.1-1"])
async def test_a_place_that_is_not_in_the_log_is_answered_pruned(watch: Any, since: str) -> None:
    watcher = await watch(since=since)
    assert watcher.hello["resumed"] is False
    assert await watcher.frame() == {"type": "pruned", "seq": watcher.hello["seq"]}


@pytest.mark.rule("T33")
async def test_a_trimmed_log_is_answered_pruned(watch: Any, redis: Redis, table: UUID) -> None:
    seen = (await watch()).hello["seq"]
    events.emit(table, [cell(table, 1)])
    redis.xtrim(events.stream_key(table), maxlen=1, approximate=False)
    assert (await watch(since=seen)).hello["resumed"] is False


@pytest.mark.rule("T33")
async def test_a_flushed_redis_changes_the_epoch_and_tells_everyone(
    watch: Any, redis: Redis, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK_MS", 50)
    watcher = await watch()
    events.emit(table, [cell(table, 1)])
    seen = (await watcher.frame())["seq"]
    redis.flushall()
    pruned = await watcher.frame()
    assert pruned["type"] == "pruned"
    assert pruned["seq"].partition(".")[0] != seen.partition(".")[0]
    events.emit(table, [cell(table, 2)])
    assert (await watcher.frame())["events"][0]["version"] == 2
    assert (await watch(since=seen)).hello["resumed"] is False


@pytest.mark.rule("T33", "F7")
async def test_a_server_that_began_anew_proves_nothing_about_what_it_still_holds(
    watch: Any, services: TestServices, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    if services.valkey is None:
        pytest.skip("Redis is somebody else's, and cannot be stopped")
    monkeypatch.setattr(reader, "BLOCK_MS", 50)
    watcher = await watch()
    events.emit(table, [cell(table, 1)])
    seen = (await watcher.frame())["seq"]
    services.valkey.stop()
    services.valkey.start()
    pruned = await watcher.frame()
    assert pruned["type"] == "pruned"
    assert pruned["seq"].partition(".")[2] == seen.partition(".")[2], "the entry is still there"
    assert (await watch(since=seen)).hello["resumed"] is False


@pytest.mark.rule("T33")
async def test_a_publisher_that_failed_says_so_with_its_next_success(
    watch: Any, redis: Redis, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = await watch()
    publisher = Publisher(Redis.from_url("redis://127.0.0.1:1"))
    publisher.append(events.stream_key(table), "[]")
    monkeypatch.setattr(publisher, "_client", redis)
    monkeypatch.setattr(publisher, "_try_after", 0.0)
    publisher.append(events.stream_key(uuid7()), "[]")
    assert (await watcher.frame())["type"] == "pruned"


@pytest.mark.rule("T33")
async def test_whoever_declares_an_instance_dead_makes_clients_refetch(watch: Any, table: UUID) -> None:
    watcher = await watch()
    events.resync([table])
    assert (await watcher.frame())["type"] == "pruned"


@pytest.mark.rule("T33")
async def test_a_reader_cut_off_from_redis_comes_back_and_says_what_it_cannot_know(
    watch: Any, redis: Redis, table: UUID
) -> None:
    watcher = await watch()
    redis.client_kill_filter(_type="normal", skipme=True)
    assert (await watcher.frame())["type"] == "pruned"
    events.emit(table, [cell(table, 2)])
    assert (await watcher.frame())["events"][0]["version"] == 2


@pytest.mark.rule("T33")
async def test_a_reader_overtaken_by_trimming_says_so(
    watch: Any, redis: Redis, table: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "READ_ENTRIES", 2)
    watcher = await watch()
    with redis.pipeline() as pipe:  # at once, so that the reader cannot read in between
        for version in range(6):
            pipe.xadd(events.stream_key(table), {"e": json.dumps([cell(table, version)])})
        pipe.xtrim(events.stream_key(table), maxlen=3, approximate=False)
        pipe.execute()
    assert (await watcher.frame())["type"] == "pruned"


@pytest.mark.rule("T34")
async def test_a_burst_becomes_few_frames_with_one_event_per_cell(watch: Any, table: UUID) -> None:
    watcher = await watch()
    for version in range(1, 101):
        events.emit(table, [cell(table, version)])
    versions: list[int] = []
    while not versions or versions[-1] < 100:
        versions += [event["version"] for event in (await watcher.frame())["events"]]
    assert versions == sorted(set(versions))
    assert len(versions) < 50


@pytest.mark.rule("T34")
async def test_above_two_thousand_cells_a_second_only_row_ids_are_sent(watch: Any, table: UUID) -> None:
    watcher = await watch()
    rows = [uuid7() for _ in range(700)]
    events.emit(table, [cell(row, version) for version in range(3) for row in rows])
    events.emit(table, [cell(uuid7(), 1) for _ in range(1_400)])
    assert {event["kind"] for event in (await watcher.frame())["events"]} <= {"rows", "cell"}
    events.emit(table, [cell(row, 9) for row in rows])
    told: list[Any] = []
    while {"kind": "rows", "changed": [str(row) for row in rows]} not in told:
        told += (await watcher.frame())["events"]


@pytest.mark.rule("T33")
def test_emit_never_raises_and_does_not_wait_for_a_dead_redis(table: UUID) -> None:
    publisher = Publisher(Redis.from_url("redis://127.0.0.1:1"))
    for _ in range(1_000):
        publisher.append(events.stream_key(table), "[]")
    assert publisher._missed == {events.stream_key(table)}


@pytest.mark.rule("T33")
def test_the_log_of_a_table_is_bounded_in_number_and_age(redis: Redis, table: UUID) -> None:
    for version in range(30):
        events.emit(table, [cell(table, version)])
    assert 0 < redis.ttl(events.stream_key(table)) <= MAX_AGE_SECONDS
    assert redis.xlen(events.stream_key(table)) <= settings.RUNSHEET_EVENTS_MAXLEN + 200


@pytest.mark.rule("T33", "T35")
@pytest.mark.parametrize("known", [True, False], ids=["a log with entries", "a log that nobody has opened"])
async def test_a_page_says_where_its_socket_goes_on(watch: Any, table: UUID, known: bool) -> None:
    if known:
        events.emit(table, [cell(table, 1)])
    seq = topic_place(events.stream_key(table))
    assert seq is not None
    events.emit(table, [cell(table, 2)])
    watcher = await watch(seq)
    assert watcher.hello["resumed"] is True
    assert [event["version"] for event in (await watcher.frame())["events"]] == [2]
    assert topic_place(events.stream_key(table)) == watcher.subscription.seq


def test_a_page_is_sent_without_its_place_when_redis_does_not_answer(
    unused_tcp_port: int, table: UUID, settings: Any
) -> None:
    settings.RUNSHEET_EVENTS_URL = f"redis://127.0.0.1:{unused_tcp_port}/0"
    assert topic_place(events.stream_key(table)) is None
