"""PostgreSQL restarts, loses connections, or has too few of them (F8, F9, F10): no acknowledged write is lost."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from websockets.asyncio.client import connect

from config.embedded import Postgres
from tests.bed.services import TestServices
from tests.bed.signals import wait_for
from tests.chaos.site import Member, Site, check_honest, check_persisted, site

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CUTS_SECONDS = 10.0
BETWEEN_CUTS_SECONDS = 0.2
FEW_CONNECTIONS = 16
SOCKETS = 50
TOLD_SECONDS = 60.0
"""A socket that was let in is told where it stands within this, or it is a fault."""

SLOTS = 16

OURS = """
SELECT pid FROM pg_stat_activity
 WHERE application_name LIKE 'runsheet %'
   AND application_name <> 'runsheet cli' ORDER BY pid
"""


@pytest.fixture
def postgres(services: TestServices) -> Postgres:
    """The test run's own server, which a test may stop."""
    if services.postgres is None:
        pytest.skip("PostgreSQL is somebody else's, and cannot be stopped")
    return services.postgres


@pytest.fixture
def durable(transactional_db: None) -> Iterator[None]:
    """Commits reach the operating system before they are acknowledged, as they do wherever people work."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
    yield
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit')


@pytest.mark.rule("F8")
@pytest.mark.selection
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_postgres_restarts_under_load_and_no_write_is_lost(
    site: Site, postgres: Postgres, durable: None, invariants_hold: Callable[..., None], how: str
) -> None:
    site.start()
    member, sheet = site.member, site.sheet(rows=60, milliseconds=100)
    dispatch = site.started(sheet)
    site.half_way(40)
    with member.keeps(lambda: member.insert(sheet)) as writes:
        wait_for(
            lambda: any(answer.ok for answer in writes), "a write to be acknowledged", 10 * site.slowness
        )
        connections.close_all()
        getattr(postgres, how)()  # SIGINT, or SIGKILL to the postmaster
        fell = time.monotonic()
        wait_for(lambda: any(a.at > fell for a in writes), "a write to be refused", 30 * site.slowness)
        postgres.start()
        up = time.monotonic()
        wait_for(lambda: any(a.ok and a.at > up for a in writes), "writes to go on", 30 * site.slowness)
        back = next(answer for answer in list(writes) if answer.ok and answer.at > up)
    assert back.at + back.seconds - up < 5 * site.slowness
    check_honest(writes, 6 * site.slowness)
    done = site.completes(dispatch)
    assert check_persisted(writes) > 1
    crawls = (
        site.slowness > 2
    )  # a worker may not be heard in time there, and its steps under way are sent again
    site.check_filled(sheet, done, 60, repeated_at_most=SLOTS if crawls else 0)
    invariants_hold()


@contextmanager
def cutting(seed: int) -> Iterator[list[int]]:
    """Every moment one connection of an install, chosen at random, is ended by the server; their pids."""
    settings = connection.get_connection_params()
    keys = ("dbname", "user", "password", "host", "port")
    chosen, cut, over = random.Random(seed), list[int](), threading.Event()

    def go_on() -> None:
        with psycopg.connect(
            autocommit=True, **{key: settings[key] for key in keys if key in settings}
        ) as mine:
            while not over.wait(BETWEEN_CUTS_SECONDS):
                if found := [row[0] for row in mine.execute(OURS).fetchall()]:
                    cut.append(chosen.choice(found))
                    mine.execute("SELECT pg_terminate_backend(%s)", [cut[-1]])

    thread = threading.Thread(target=go_on, name="cutter")
    thread.start()
    try:
        yield cut
    finally:
        over.set()
        thread.join()


@pytest.mark.rule("F9", "T18", "W13")
@pytest.mark.selection
def test_connections_cut_at_random_harm_nothing(
    site: Site, invariants_hold: Callable[..., None], seed: int
) -> None:
    site.start()
    member, sheet = site.member, site.sheet(rows=120, milliseconds=200)
    dispatch = site.started(sheet)
    until = time.monotonic() + CUTS_SECONDS
    with member.keeps(lambda: member.insert(sheet)) as writes, cutting(seed) as cut:
        wait_for(lambda: time.monotonic() > until, "enough connections to be cut", CUTS_SECONDS + 1)
    done = site.completes(dispatch)
    assert len(cut) > 10
    check_honest(writes, 6 * site.slowness)
    check_persisted(writes)
    site.check_filled(sheet, done, 120, repeated_at_most=0)
    invariants_hold()


@pytest.fixture
def few_connections(postgres: Postgres, transactional_db: None) -> Iterator[None]:
    """PostgreSQL takes only so many connections while this test lasts."""

    def restart(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connections.close_all()
        postgres.stop()
        postgres.start()

    restart(f"ALTER SYSTEM SET max_connections = {FEW_CONNECTIONS}")
    yield
    restart("ALTER SYSTEM RESET max_connections")


@pytest.mark.rule("F10", "S10")
def test_exhausted_connections_delay_and_never_deadlock(
    few_connections: None, site: Site, invariants_hold: Callable[..., None]
) -> None:
    workers = [f"worker@{n}" for n in range(1, 4)]
    site.start("web", "reserve", "control", "beat", *workers, WORKER_SLOTS="8")
    member, sheet = site.member, site.sheet(rows=200, milliseconds=20)
    with watching(member, site.url, str(sheet.table.pk)) as sockets:
        dispatch = site.started_at_last(sheet)
        with (
            member.keeps(lambda: member.read(sheet)) as reads,
            member.keeps(lambda: member.insert(sheet)) as writes,
        ):
            done = site.completes(dispatch)
        wait_for(lambda: len(sockets) > 0, "sockets to be told", 20 * site.slowness)
    check_honest([*reads, *writes], 12 * site.slowness)  # the pool's own patience, and a little
    check_persisted(writes)
    site.check_filled(sheet, done, 200, repeated_at_most=0)
    invariants_hold()
    calm = [member.read(sheet) for _ in range(5)]
    assert all(answer.ok for answer in calm), calm


@contextmanager
def watching(member: Member, url: str, table: str) -> Iterator[list[str]]:
    """Many sockets watch the table while this lasts; the first frames they were sent."""
    frames: list[str] = []
    over = threading.Event()

    async def watch() -> None:
        ticket = (await asyncio.to_thread(member.call, "POST", "/ws-tickets/")).body
        if not (isinstance(ticket, dict) and "ticket" in ticket):
            return  # refused for want of a connection: so be it
        address = f"{url.replace('http', 'ws', 1)}/ws/tables/{table}/?token={ticket['ticket']}"
        async with connect(address, additional_headers={"Origin": url}) as line:
            frames.append(str(await asyncio.wait_for(line.recv(), TOLD_SECONDS)))
            while not over.is_set():
                await listen(line)

    async def all_of_them() -> None:
        await asyncio.gather(*(watch() for _ in range(SOCKETS)), return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()), name="sockets")
    thread.start()
    try:
        yield frames
    finally:
        over.set()
        thread.join()


async def listen(line: Any) -> None:
    """The next frame, or none for a while."""
    try:
        await asyncio.wait_for(line.recv(), 0.5)
    except TimeoutError:
        return
