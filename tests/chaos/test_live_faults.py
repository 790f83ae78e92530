"""Sockets that drop, that never read, and a web process that restarts: everybody ends up with the same grid (I8)."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from config.supervisor import Stack
from tables.events import emit
from tables.models import RowExecution
from tables.selectors import table_summary
from tables.states import IN_FLIGHT
from tests.bed.factories import Sheet
from tests.bed.signals import wait_for
from tests.bed.watching import Grid, Rows, Watching
from tests.chaos.site import PATIENCE_SECONDS, Site, site

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DROP_EVERY_SECONDS = 2.0


def rows_of(site: Site, sheet: Sheet) -> Rows:
    """All rows as REST shows them; ``OSError`` when there is no answer."""
    answer = site.member.call("GET", f"/tables/{sheet.table.pk}/rows/?limit=500")
    if not answer.ok:
        raise OSError(answer)
    found: Rows = answer.body["results"]
    return found


def ticket(site: Site) -> str:
    """A one-time ticket; ``OSError`` when there is no answer."""
    answer = site.member.call("POST", "/ws-tickets/", json={})
    if not answer.ok:
        raise OSError(answer)
    return str(answer.body["ticket"])


@contextmanager
def watching(site: Site, sheet: Sheet, count: int) -> Iterator[list[Watching]]:
    """So many grids on the table, each on its socket."""
    path = f"/ws/tables/{sheet.table.pk}/"
    found = [
        Watching(site.url, path, lambda: ticket(site), lambda: rows_of(site, sheet)) for _ in range(count)
    ]
    for each in found:
        each.start()
    try:
        patience = PATIENCE_SECONDS * site.slowness
        wait_for(lambda: all(each.reads or each.faults for each in found), "all to be greeted", patience)
        yield found
    finally:
        for each in found:
            each.leave()
        assert [fault for each in found for fault in each.faults] == []


def check_same(site: Site, sheet: Sheet, watchers: list[Watching]) -> None:
    """Every grid comes to show what REST shows, and counts what the summary and SQL count (I8, T37)."""
    truth = Grid()
    truth.read(rows_of(site, sheet))

    def agree() -> bool:
        return all(
            (each.grid.statuses(), each.grid.data) == (truth.statuses(), truth.data) for each in watchers
        )

    wait_for(agree, "the grids to agree", 15 * site.slowness)
    summary = table_summary(sheet.table)["groups"]
    for each in watchers:
        assert {group: counts for group, counts in summary.items() if counts} == each.grid.counts()


@pytest.mark.rule("F18", "T33", "T35", "T37")
@pytest.mark.selection
def test_sockets_dropped_every_two_seconds_end_up_with_the_same_grid(
    site: Site, invariants_hold: Callable[..., None]
) -> None:
    stack = site.start()
    sheet = site.sheet(rows=80, milliseconds=400)
    with watching(site, sheet, 3) as (steady, *dropped):
        site.started(sheet)
        over = threading.Event()

        def drop() -> None:
            while not over.wait(DROP_EVERY_SECONDS):
                for each in dropped:
                    each.drop()

        dropping = threading.Thread(target=drop, name="dropping")
        dropping.start()
        site.half_way(40)
        body = {"rows": [str(sheet.rows[70]), str(sheet.rows[2])]}
        assert site.member.call("POST", f"/tables/{sheet.table.pk}/cancel/", json=body).ok
        stack.kill("worker")
        in_flight = RowExecution.objects.filter(table=sheet.table, status__in=IN_FLIGHT)
        wait_for(
            lambda: not in_flight.exists() and not table_summary(sheet.table)["dispatches"],
            "the run to end", 2 * PATIENCE_SECONDS * site.slowness,
        )  # fmt: skip
        over.set()
        dropping.join()
        check_same(site, sheet, [steady, *dropped])
        assert all(len(each.hellos) > 2 for each in dropped)
        assert any(resumed for each in dropped for _, resumed in each.hellos)
        assert "cancelled" in {status for status, _ in steady.grid.statuses().values()}
    invariants_hold()


@pytest.mark.rule("F20", "T33")
@pytest.mark.selection
def test_a_restart_of_web_is_resumed_by_everybody_and_costs_no_snapshot(
    site: Site, invariants_hold: Callable[..., None]
) -> None:
    stack = site.start()
    sheet = site.sheet(rows=60, milliseconds=400)
    with watching(site, sheet, 8) as all_of_them:
        dispatch = site.started(sheet)
        site.half_way(30)
        before = [len(each.hellos) for each in all_of_them]
        restarted = time.monotonic()
        stack.stop("web")
        stack.start("web")
        patience = PATIENCE_SECONDS * site.slowness
        wait_for(
            lambda: all(len(each.hellos) > n for each, n in zip(all_of_them, before, strict=True)),
            "everybody to be back", patience,
        )  # fmt: skip
        site.completes(dispatch)
        check_same(site, sheet, all_of_them)
        back = [[hello for hello in each.hellos if hello[0] > restarted] for each in all_of_them]
        assert all(resumed for hellos in back for _, resumed in hellos)
        assert [at for each in all_of_them for at in each.reads if at > restarted] == []
    invariants_hold()


SLOW_SOCKETS = 10
BATCH = 25
BATCHES_PER_SECOND = 20
LOAD_SECONDS = 12.0
FAT = "x" * 2_000
MOST_GROWTH_BYTES = 120_000_000
WORST_MS = 300.0


class Deaf:
    """A socket that shakes hands and never reads: what it is sent stays in the kernel, then in the server."""

    def __init__(self, url: str, path: str) -> None:
        host, port = str(urlsplit(url).hostname), urlsplit(url).port or 80
        self.line = socket.socket()
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.line.settimeout(30)
        self.line.connect((host, port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Origin: {url}\r\n\r\n".encode()
        )
        assert b" 101 " in self.line.recv(512)

    def hears(self) -> tuple[bytes, bool]:
        """At last read what there is: all of it, and whether the server had closed the socket by then."""
        heard = b""
        self.line.settimeout(3)
        try:
            while piece := self.line.recv(1 << 20):
                heard += piece
        except TimeoutError:
            return heard, False
        except ConnectionError:
            pass
        return heard, True


class Latency(Watching):
    """A grid that notes how long after its making each event arrived."""

    def __init__(self, site: Site, sheet: Sheet) -> None:
        path = f"/ws/tables/{sheet.table.pk}/"
        super().__init__(site.url, path, lambda: ticket(site), lambda: rows_of(site, sheet))
        self.took_ms: list[float] = []
        self.last = 0

    def _take(self, frame: dict[str, Any]) -> None:
        now = time.monotonic()
        for event in frame.get("events", ()):
            if "at" in event.get("data", {}):
                self.took_ms.append((now - event["data"]["at"]) * 1_000)
                self.last = max(self.last, event["version"])
        super()._take(frame)


def load(sheet: Sheet, seconds: float) -> int:
    """500 cell events a second of two kilobytes, as a run would publish them; the last version."""
    group = str(next(iter(sheet.groups.values())).pk)
    began, version = time.monotonic(), 0
    over = threading.Event()
    while time.monotonic() - began < seconds:
        events = []
        for n in range(BATCH):
            version += 1
            data = {"at": time.monotonic(), "a": FAT}
            place = {"row": str(sheet.rows[n]), "group": group}
            events.append({"kind": "cell", **place, "status": "running", "version": version, "data": data})
        emit(sheet.table.pk, events)
        over.wait(1 / BATCHES_PER_SECOND)
    return version


def p99(took_ms: list[float]) -> float:
    """Milliseconds."""
    return quantiles(took_ms, n=100)[98]


@pytest.mark.rule("F19", "T34")
@pytest.mark.selection
def test_sockets_that_never_read_slow_nobody_and_cost_no_memory(site: Site) -> None:
    stack: Stack = site.start("web")
    sheet = site.sheet(rows=BATCH, milliseconds=0)
    path = f"/ws/tables/{sheet.table.pk}/?token="
    reader = Latency(site, sheet)
    reader.start()
    wait_for(lambda: reader.reads, "the reader to be greeted", PATIENCE_SECONDS * site.slowness)
    load(sheet, 2.0)
    alone = p99(reader.took_ms)
    web = psutil.Process(stack.pid("web"))
    deaf = [Deaf(site.url, path + ticket(site)) for _ in range(SLOW_SOCKETS)]
    before = web.memory_info().rss
    reader.took_ms.clear()
    last = load(sheet, LOAD_SECONDS)
    wait_for(lambda: reader.last == last, "the reader to be told everything", 15 * site.slowness)
    grown = web.memory_info().rss - before
    crowded = p99(reader.took_ms)
    print(json.dumps({"alone_ms": alone, "crowded_ms": crowded, "grown": grown}))  # noqa: T201
    assert crowded < max(WORST_MS * site.slowness, 2 * alone)
    assert grown < MOST_GROWTH_BYTES
    heard = [each.hears() for each in deaf]
    reader.leave()
    for each in deaf:
        each.line.close()
    assert reader.faults == []
    assert len(reader.hellos) == 1
    assert b'"type":"pruned"' in heard[0][0]
    assert all(is_closed or b'"type":"pruned"' in said for said, is_closed in heard)
