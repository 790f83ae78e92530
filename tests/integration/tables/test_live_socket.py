"""The websocket of a table: who gets in, what they are told, when they are put out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone

from tables import events
from tables.wire import CELL_FIELDS
from tests.bed.factories import Sheet, sheet_make, workspace_make
from tests.bed.sockets import HOST, Socket
from workspaces.actors import Actor
from workspaces.ids import uuid7
from workspaces.live import consumers
from workspaces.live.hub import hub
from workspaces.models import ApiToken, Membership, User
from workspaces.services.tickets import ticket_create
from workspaces.services.tokens import token_create
from workspaces.states import Role, Scope

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sheet() -> Sheet:
    return sheet_make()


@pytest.fixture
def member(sheet: Sheet) -> User:
    user = User.objects.create_user(username="mk", password="a password of words")
    Membership.objects.create(user=user, workspace=sheet.workspace, role=Role.VIEWER)
    return user


@pytest.fixture
def session(member: User) -> str:
    client = Client()
    client.force_login(member)
    return str(client.session.session_key)


@pytest.fixture
async def dial() -> AsyncIterator[Callable[..., Any]]:
    opened: list[Socket] = []

    async def open_one(
        table_id: UUID, query: str = "", session: str = "", headers: list[tuple[bytes, bytes]] = HOST
    ) -> Socket:
        cookie = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())] if session else []
        socket = Socket(f"/ws/tables/{table_id}/", query, [*headers, *cookie])
        await socket.connect()
        opened.append(socket)
        return socket

    yield open_one
    for socket in opened:
        if socket.accepted:
            await socket.leave()
    await hub().close()


def cell(row: UUID, version: int) -> dict[str, Any]:
    fields = dict.fromkeys(CELL_FIELDS) | {
        "row_id": row,
        "group_id": row,
        "status": "running",
        "version": version,
    }
    return events.cell_event(fields)


@pytest.mark.rule("T33")
async def test_a_member_is_greeted_and_told_what_happens(dial: Any, sheet: Sheet, session: str) -> None:
    socket = await dial(sheet.table.id, session=session)
    assert (await socket.frame())["type"] == "hello"
    await sync_to_async(events.emit)(sheet.table.id, [cell(sheet.table.id, 1)])
    told = await socket.frame()
    assert (told["type"], told["events"][0]["version"]) == ("events", 1)


@pytest.mark.rule("S10")
async def test_a_ticket_opens_one_socket_once(dial: Any, sheet: Sheet, member: User) -> None:
    ticket = await sync_to_async(ticket_create)(workspace=sheet.workspace, user=member)
    assert (await (await dial(sheet.table.id, f"token={ticket}")).frame())["type"] == "hello"
    assert await (await dial(sheet.table.id, f"token={ticket}")).close_code() == consumers.UNAUTHENTICATED


@pytest.mark.rule("S10")
async def test_a_ticket_is_good_for_its_own_workspace_only(dial: Any, sheet: Sheet, member: User) -> None:
    def elsewhere() -> str:
        other = workspace_make("Other")
        Membership.objects.create(user=member, workspace=other, role=Role.ADMIN)
        return ticket_create(workspace=other, user=member)

    ticket = await sync_to_async(elsewhere)()
    assert await (await dial(sheet.table.id, f"token={ticket}")).close_code() == consumers.FOREIGN


@pytest.mark.rule("S10")
async def test_nobody_signed_in_is_put_out(dial: Any, sheet: Sheet) -> None:
    assert await (await dial(sheet.table.id)).close_code() == consumers.UNAUTHENTICATED


@pytest.mark.rule("S10")
async def test_a_foreign_table_and_none_at_all_look_the_same(dial: Any, member: User, session: str) -> None:
    foreign = await sync_to_async(sheet_make)()
    assert await (await dial(foreign.table.id, session=session)).close_code() == consumers.FOREIGN
    assert await (await dial(uuid7(), session=session)).close_code() == consumers.FOREIGN


@pytest.mark.rule("S10")
async def test_another_sites_page_is_refused_at_the_door(dial: Any, sheet: Sheet, session: str) -> None:
    evil = [(b"host", b"testserver"), (b"origin", b"https://evil.example")]
    assert not (await dial(sheet.table.id, session=session, headers=evil)).accepted


def sign_out(member: User, sheet: Sheet) -> None:
    client = Client()
    client.force_login(member)
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


def change_password(member: User, sheet: Sheet) -> None:
    member.set_password("another password of words")
    member.save()


def leave(member: User, sheet: Sheet) -> None:
    Membership.objects.filter(user=member).delete()


def archive(member: User, sheet: Sheet) -> None:
    sheet.table.archived_at = timezone.now()
    sheet.table.save()


@pytest.mark.rule("S10")
@pytest.mark.parametrize("ending", [sign_out, change_password, leave, archive])
async def test_who_may_not_watch_any_more_is_put_out(
    ending: Callable[[User, Sheet], None], dial: Any, sheet: Sheet, member: User, session: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    socket = await dial(sheet.table.id, session=session)
    await socket.frame()
    await sync_to_async(ending)(member, sheet)
    assert await socket.close_code() == consumers.FOREIGN


def revoke(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).revoke()


def expire(token: ApiToken) -> None:
    token.expires_at = timezone.now()
    token.save()


@pytest.mark.rule("S10")
@pytest.mark.parametrize("ending", [revoke, expire])
async def test_a_socket_ends_with_the_token_that_asked_for_its_ticket(
    ending: Callable[[ApiToken], None], dial: Any, sheet: Sheet, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_token() -> tuple[ApiToken, str]:
        place = Membership.objects.select_related("user").get(user=member)
        token, plain = token_create(membership=place, name="n", scope=Scope.READ, actor=Actor.system("test"))
        answer = Client().post(
            "/api/v1/ws-tickets/", {}, "application/json", headers={"Authorization": f"Bearer {plain}"}
        )
        return token, answer.json()["ticket"]

    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    token, ticket = await sync_to_async(by_token)()
    socket = await dial(sheet.table.id, f"token={ticket}")
    assert (await socket.frame())["type"] == "hello"
    await sync_to_async(ending)(token)
    assert await socket.close_code() == consumers.FOREIGN


@pytest.mark.rule("S10")
async def test_a_ticket_whose_token_was_changed_by_hand_opens_nothing(
    dial: Any, sheet: Sheet, member: User
) -> None:
    ticket = await sync_to_async(ticket_create)(workspace=sheet.workspace, user=member)
    forged = f"token={ticket}.{uuid7().hex}"
    assert await (await dial(sheet.table.id, forged)).close_code() == consumers.UNAUTHENTICATED


def test_the_look_comes_at_least_once_a_minute() -> None:
    assert consumers.RECHECK_SECONDS <= 60


async def test_pings_keep_the_line_open(
    dial: Any, sheet: Sheet, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "PING_SECONDS", 0.01)
    socket = await dial(sheet.table.id, session=session)
    await socket.frame()
    assert await socket.frame() == {"type": "ping"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("x" * 70_000, consumers.TOO_BIG),
        ("no json", consumers.MALFORMED),
        ('{"type":"run"}', consumers.MALFORMED),
    ],
)
async def test_a_frame_that_is_too_big_or_means_nothing_closes_the_socket(
    sent: str, code: int, dial: Any, sheet: Sheet, session: str
) -> None:
    socket = await dial(sheet.table.id, session=session)
    await socket.frame()
    await socket.say(sent)
    assert await socket.close_code() == code


async def test_too_many_frames_close_the_socket_and_a_few_do_not(
    dial: Any, sheet: Sheet, session: str
) -> None:
    socket = await dial(sheet.table.id, session=session)
    await socket.frame()
    for _ in range(consumers.MAX_CLIENT_FRAMES_PER_SECOND + 1):
        await socket.say('{"type":"watch","from":0,"to":40}')
    assert await socket.close_code() == consumers.TOO_MANY


@pytest.mark.rule("T33")
async def test_without_redis_the_socket_says_try_later(
    dial: Any, sheet: Sheet, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.live.reader.READY_SECONDS", 0.0)
    socket = await dial(sheet.table.id, session=session)
    assert await socket.close_code() == consumers.TRY_LATER


async def test_the_last_socket_to_go_ends_the_tables_reader(dial: Any, sheet: Sheet, session: str) -> None:
    sockets = [await dial(sheet.table.id, session=session) for _ in range(2)]
    for socket in sockets:
        await socket.frame()
    readers = {task for task in asyncio.all_tasks() if task.get_name().startswith("live events")}
    assert len(readers) == 1
    for socket in sockets:
        await socket.leave()
        socket.accepted = False
    assert all(task.done() for task in readers)
