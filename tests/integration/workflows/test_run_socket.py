"""The websocket of a run, its history, and what executors say when somebody watches."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from redis import Redis

from tests.bed.sockets import HOST, Socket
from tests.integration.workflows.people import ACTOR, started, workspace_of
from workflows import consumers
from workflows.models import Run, Workflow
from workflows.services.feed import Feed
from workflows.services.instances import instance_forget, instance_stop
from workflows.services.runs import run_cancel
from workflows.services.watching import WATCHED_KEY, run_topic, watched
from workflows.tasks import execute_run
from workspaces.live import consumers as live
from workspaces.live.hub import hub
from workspaces.live.publishing import Publisher, publisher
from workspaces.models import User, Workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_instance(transactional_db: None) -> Iterator[None]:
    """This process's row goes with the test's data; nobody watches but who says so."""
    publisher().client.delete(WATCHED_KEY)
    yield
    instance_stop()
    instance_forget()


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    return workspace_of("ada")


@pytest.fixture
def run(workflow: Workflow) -> Run:
    return started(workflow)


@pytest.fixture
def session(workspace: Workspace) -> str:
    client = Client()
    client.force_login(User.objects.get(username="ada"))
    return str(client.session.session_key)


@pytest.fixture
async def dial(session: str) -> AsyncIterator[Callable[..., Any]]:
    opened: list[Socket] = []

    async def open_one(run_id: UUID, query: str = "", session: str = session) -> Socket:
        cookie = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())]
        socket = Socket(f"/ws/runs/{run_id}/", query, [*HOST, *cookie])
        await socket.connect()
        opened.append(socket)
        return socket

    yield open_one
    for socket in opened:
        if socket.accepted:
            await socket.leave()
    await hub().close()


async def until(socket: Socket, kind: str, status: str | None = None) -> list[dict[str, Any]]:
    """Events up to the first of that kind, whatever frames they come in."""
    found: list[dict[str, Any]] = []
    while not any(event["kind"] == kind and status in {None, event.get("status")} for event in found):
        frame = await socket.frame()
        found += frame.get("events", ())
    return found


def see_watchers() -> None:
    """Read the set of watched runs now, not within the second."""
    watched._read_at = float("-inf")
    watched.ids()


@pytest.mark.rule("W30")
async def test_history_comes_first_and_what_happens_then_after_it(dial: Any, run: Run) -> None:
    socket = await dial(run.pk)
    assert (await socket.frame())["type"] == "hello"
    assert [event["status"] for event in (await socket.frame())["events"]] == ["queued"]
    await sync_to_async(see_watchers)()
    await sync_to_async(execute_run)(str(run.pk))
    told = await until(socket, "run_status", "completed")
    assert {event["step_key"] for event in told if event["kind"] == "block_completed"} == {"start", "say"}
    assert told[-1]["status"] == "completed"


@pytest.mark.rule("W30")
async def test_a_late_watcher_gets_the_whole_story_and_can_read_on_from_any_place(
    dial: Any, run: Run
) -> None:
    await sync_to_async(execute_run)(str(run.pk))
    socket = await dial(run.pk)
    await socket.frame()
    events = (await socket.frame())["events"]
    assert [event["kind"] for event in events] == [
        "run_status", "run_status", "block_started", "block_completed", "block_started", "block_completed",
        "run_status",
    ]  # fmt: skip
    later = await dial(run.pk, f"since={events[3]['seq']}")
    await later.frame()
    assert (await later.frame())["events"] == events[4:]


@pytest.mark.rule("W30")
async def test_a_reconnected_socket_is_given_what_it_missed(dial: Any, run: Run) -> None:
    socket = await dial(run.pk)
    seq = (await socket.frame())["seq"]
    await sync_to_async(see_watchers)()
    await sync_to_async(execute_run)(str(run.pk))
    await until(socket, "block_completed")
    again = await dial(run.pk, f"since={seq}")
    hello = await again.frame()
    assert hello["resumed"] is True
    assert "block_completed" in {event["kind"] for event in (await again.frame())["events"]}


@pytest.mark.rule("W30")
async def test_chunks_and_progress_pass_live_with_secrets_masked(dial: Any, run: Run) -> None:
    socket = await dial(run.pk)
    await socket.frame()
    await sync_to_async(see_watchers)()

    class Live:
        run_id = run.pk
        secrets = {"TOKEN": "hush-hush"}

    def talk() -> None:
        feed = Feed()
        feed.note(Live(), "block_started", "say", n=1)
        feed.flush()
        feed.tell(Live(), "say", "progress", {"done": 0.5, "message": "half"})
        for piece in ("I say hush-", "hush and ", "much more text " * 4):
            feed.tell(Live(), "say", "chunk", piece)

    await sync_to_async(talk)()
    told = await until(socket, "chunk")
    chunk = next(event for event in told if event["kind"] == "chunk")
    assert chunk["text"].startswith("I say *** and much more")
    assert {"done": 0.5, "message": "half"} in [event.get("value") for event in told]


@pytest.mark.rule("W30")
async def test_whoever_begins_to_watch_is_told_what_is_under_way(dial: Any, run: Run) -> None:
    class Live:
        run_id = run.pk
        secrets: dict[str, str] = {}

    feed = Feed()
    await sync_to_async(feed.note)(Live(), "block_started", "slow", n=1)
    socket = await dial(run.pk)
    await socket.frame()
    await sync_to_async(see_watchers)()
    await sync_to_async(feed.look)()
    frames = [await socket.frame() for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["events", "pruned", "events"]
    assert frames[2]["events"][0]["step_key"] == "slow"


@pytest.mark.rule("W30")
async def test_a_change_nobody_told_of_is_noticed(
    dial: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.05)
    socket = await dial(run.pk)
    await socket.frame()
    await socket.frame()
    await sync_to_async(Run.objects.filter(pk=run.pk).update)(status="running")
    assert (await socket.frame())["type"] == "pruned"


async def test_a_foreign_run_and_none_at_all_look_the_same(dial: Any, run: Run) -> None:
    def stranger() -> str:
        workspace_of("eve")
        client = Client()
        client.force_login(User.objects.get(username="eve"))
        return str(client.session.session_key)

    eve = await sync_to_async(stranger)()
    assert await (await dial(run.pk, session=eve)).close_code() == live.FOREIGN
    assert await (await dial(uuid4())).close_code() == live.FOREIGN


@pytest.mark.rule("W30")
def test_a_run_nobody_watches_leaves_nothing_in_redis(run: Run) -> None:
    see_watchers()
    execute_run(str(run.pk))
    assert not publisher().client.exists(run_topic(run.pk))


@pytest.mark.rule("W30")
def test_without_redis_nobody_is_told_and_nothing_is_raised(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Publisher(Redis.from_url("redis://127.0.0.1:1"))
    monkeypatch.setattr("workflows.services.watching.publisher", lambda: dead)
    monkeypatch.setattr("workflows.services.feed.publisher", lambda: dead)
    see_watchers()
    execute_run(str(run.pk))
    run.refresh_from_db()
    assert run.status == "completed"
    watched._read_at = time.monotonic() - 60


@pytest.mark.rule("W30")
def test_the_set_is_read_once_a_second_by_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    see_watchers()
    monkeypatch.setattr("workflows.services.watching.publisher", lambda: 1 / 0)
    assert [watched.ids() for _ in range(1000)][-1] == frozenset()


@pytest.mark.rule("W30")
async def test_a_stop_is_told(dial: Any, run: Run) -> None:
    socket = await dial(run.pk)
    await socket.frame()
    await socket.frame()
    await sync_to_async(see_watchers)()
    await sync_to_async(lambda: run_cancel(run=run, actor=ACTOR))()
    assert (await until(socket, "run_status"))[-1]["status"] == "cancelled"
