"""The websocket of a workspace: who gets in, and what they are told of runs, jobs, triggers and approvals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from redis import Redis

from config import workspace_look as looking
from config.workspace_look import changes, workspace_look, workspace_shown, workspace_topic
from tables.models import Job
from tests.bed.factories import chain, setting, sheet_make, workflow_make, workspace_make
from tests.bed.sockets import HOST, Socket
from workflows.models import Run
from workflows.services.runs import run_cancel, run_start
from workflows.services.versions import version_for_ref
from workspaces.actors import Actor
from workspaces.live import consumers
from workspaces.live.hub import hub
from workspaces.models import Membership, User, Workspace
from workspaces.services.tickets import ticket_create
from workspaces.states import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    Redis.from_url(settings.RUNSHEET_EVENTS_URL).flushall()
    return workspace_make()


@pytest.fixture
def member(workspace: Workspace) -> User:
    user = User.objects.create_user(username="mk", password="a password of words")
    Membership.objects.create(user=user, workspace=workspace, role=Role.VIEWER)
    return user


@pytest.fixture
def session(member: User) -> str:
    client = Client()
    client.force_login(member)
    return str(client.session.session_key)


@pytest.fixture
async def dial(session: str) -> AsyncIterator[Callable[..., Any]]:
    opened: list[Socket] = []

    async def open_one(query: str = "", signed_in: bool = True) -> Socket:
        cookie = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())] if signed_in else []
        socket = Socket("/ws/workspace/", query, [*HOST, *cookie])
        await socket.connect()
        opened.append(socket)
        return socket

    yield open_one
    for socket in opened:
        if socket.accepted:
            await socket.leave()
    await hub().close()


def started(workspace: Workspace) -> Run:
    workflow = workflow_make(workspace, chain(setting("say", "x")))
    version = version_for_ref(workflow, "live")
    return run_start(workflow=workflow, version=version, input={}, actor=Actor.system("test"))[0]


def kinds(frame: dict[str, Any]) -> set[str]:
    return {event["kind"] for event in frame["events"]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.workspace_socket.LOOK_SECONDS", 0.05)
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.01)


@pytest.mark.rule("T33", "W30")
async def test_a_member_is_told_what_becomes_of_runs_and_only_what_changed(
    dial: Any, workspace: Workspace, quick: None
) -> None:
    socket = await dial()
    assert (await socket.frame())["type"] == "hello"
    assert kinds(await socket.frame()) == {"approvals", "scheduler"}
    run = await sync_to_async(started)(workspace)
    told = (await socket.frame())["events"]
    assert [(event["kind"], event["id"], event["status"]) for event in told] == [
        ("run", str(run.pk), "queued")
    ]
    await sync_to_async(run_cancel)(run=run, actor=Actor.system("test"))
    again = (await socket.frame())["events"]
    assert [(event["id"], event["status"]) for event in again] == [(str(run.pk), "cancelled")]


@pytest.mark.rule("T33")
async def test_who_comes_back_is_told_what_happened_meanwhile(
    dial: Any, workspace: Workspace, quick: None
) -> None:
    socket = await dial()
    await socket.frame()
    seq = (await socket.frame())["seq"]
    run = await sync_to_async(started)(workspace)
    await socket.frame()
    back = await dial(f"since={seq}")
    assert (await back.frame())["resumed"] is True
    assert [event["id"] for event in (await back.frame())["events"]] == [str(run.pk)]


@pytest.mark.rule("S10")
async def test_only_members_are_let_in(dial: Any, workspace: Workspace, member: User) -> None:
    def elsewhere() -> Workspace:
        return workspace_make("Other")

    other = await sync_to_async(elsewhere)()
    assert await (await dial(f"workspace={other.pk}")).close_code() == consumers.FOREIGN
    assert await (await dial(signed_in=False)).close_code() == consumers.UNAUTHENTICATED
    ticket = await sync_to_async(ticket_create)(workspace=workspace, user=member)
    assert (await (await dial(f"token={ticket}&workspace={other.pk}", signed_in=False)).frame())["seq"]


@pytest.mark.rule("S10")
async def test_a_member_who_leaves_is_put_out(
    dial: Any, workspace: Workspace, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    socket = await dial()
    assert (await socket.frame())["type"] == "hello"
    await Membership.objects.filter(user=member).adelete()
    while (told := await socket.line.receive_output(5))["type"] != "websocket.close":
        pass
    assert told["code"] == consumers.FOREIGN


def test_jobs_and_open_questions_are_shown_and_others_are_nobodys_business(workspace: Workspace) -> None:
    sheet = sheet_make(workspace)
    job = Job.objects.create(table=sheet.table, kind="import_csv")
    Job.objects.create(table=sheet_make(workspace_make("Other")).table, kind="import_csv")
    shown = workspace_shown(workspace.pk)
    assert set(shown) == {f"job:{job.pk}", "approvals", "scheduler"}
    assert shown[f"job:{job.pk}"]["job_kind"] == "import_csv"
    assert shown["approvals"] == {"kind": "approvals", "open": 0, "newest": None}


def test_a_look_costs_the_same_however_much_there_is(
    workspace: Workspace, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        started(workspace)
    with django_assert_num_queries(6):
        workspace_shown(workspace.pk)


def test_one_process_looks_at_a_time_and_the_same_is_not_told_twice(workspace: Workspace) -> None:
    client = Redis.from_url(settings.RUNSHEET_EVENTS_URL)
    started(workspace)
    for _ in range(3):
        workspace_look(workspace.pk)
    assert client.xlen(workspace_topic(workspace.pk)) == 1
    client.delete(f"runsheet:workspace:{workspace.pk}:look")
    workspace_look(workspace.pk)
    assert client.xlen(workspace_topic(workspace.pk)) == 1
    assert changes({"a": {"n": 1}}, {"a": {"n": 1}, "b": {"n": 2}}) == [{"n": 2}]
