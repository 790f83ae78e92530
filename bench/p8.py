"""P8: from a commit to the frame on a socket, at 500 cells a second, for few and many sockets of one web process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlencode

import psycopg
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from bench.client import Client
from bench.install import install
from bench.report import Figure
from config.supervisor import Stack
from tables.events import stream_key
from workspaces.live.publishing import Publisher

SOCKETS: Final = (20, 200)
CELLS_PER_SECOND: Final = 500
PACK: Final = 25
"""Cells a commit carries, as a pack of a run does."""
SECONDS: Final = 10.0
ROWS: Final = int(SECONDS * CELLS_PER_SECOND)
"""Each cell is told of once: of two states of one cell in a frame only the last would be told (T34)."""
GOALED: Final = 20
"""Sockets that the goals are for."""
PATIENCE_SECONDS: Final = 30.0
CODE: Final = "P8"


@dataclass(slots=True)
class Heard:
    """What all sockets were told: a frame is the same text on each, so it is read once."""

    took_ms: list[float] = field(default_factory=list)
    versions: list[set[int]] = field(default_factory=list)
    pruned: int = 0
    known: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    goal: int | None = None
    is_all: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, place: int, text: str) -> None:
        """A frame that has just arrived on the socket of that number."""
        now = time.monotonic()
        if text not in self.known:
            frame = json.loads(text)
            self.known[text] = [(event["version"], event["data"]["at"]) for event in frame.get("events", ())]
        self.pruned += text.startswith('{"type":"pruned"')
        for version, at in self.known[text]:
            self.took_ms.append((now - at) * 1_000)
            self.versions[place].add(version)
        self.look()

    def look(self) -> None:
        """Note when every socket has been told of all there is, which the load knows at its end."""
        if self.goal is not None and len(self.took_ms) >= self.goal:
            self.is_all.set()


def figures() -> list[Figure]:
    """Percentiles in milliseconds over every cell on every socket, and how many cells some socket was not told of."""
    with install(workers=1) as (stack, client):
        table = client.table("p8", ROWS)
        found = []
        for sockets in SOCKETS:
            heard, sent = asyncio.run(_measure(stack, client, table, sockets))
            cuts = quantiles(heard.took_ms, n=100)
            lost = sum(sent - len(versions) for versions in heard.versions) + heard.pruned
            what = f"commit to frame, {CELLS_PER_SECOND} cells/s, {sockets} sockets"
            goals = ("< 60 ms", "< 300 ms") if sockets == GOALED else ("—", "—")
            found += [
                Figure(CODE, f"{what}: p50", cuts[49], "ms", None, goals[0]),
                Figure(CODE, f"{what}: p99", cuts[98], "ms", None, goals[1]),
                Figure(CODE, f"{what}: lost", float(lost), "cells", None, "0"),
            ]
        return found


async def _measure(stack: Stack, client: Client, table: str, count: int) -> tuple[Heard, int]:
    heard = Heard(versions=[set() for _ in range(count)])
    address = stack.url.replace("http", "ws", 1) + f"/ws/tables/{table}/?"
    sockets = []
    for _ in range(count):
        query = urlencode({"token": client.call("POST", "/ws-tickets/")["ticket"]})
        sockets.append(await connect(address + query, origin=Origin(stack.url), max_queue=None))
    for each in sockets:
        await each.recv()  # `hello`: from here on it is owed everything
    listening = [asyncio.create_task(_listen(heard, place, each)) for place, each in enumerate(sockets)]
    sent: list[int] = []
    await asyncio.to_thread(_load, stack, table, sent)
    heard.goal = len(sent) * count
    heard.look()
    with suppress(TimeoutError):  # what is missing then is lost
        await asyncio.wait_for(heard.is_all.wait(), PATIENCE_SECONDS)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await asyncio.gather(*(each.close() for each in sockets))
    return heard, len(sent)


async def _listen(heard: Heard, place: int, socket: ClientConnection) -> None:
    async for text in socket:
        heard.take(place, str(text))


def _load(stack: Stack, table: str, sent: list[int]) -> None:
    """Commit a pack, then publish it by the very publisher that workers use; on a clock, so that no delay is hidden."""
    with (
        psycopg.connect(stack.env["DATABASE_URL"]) as connection,
        Redis.from_url(log_address(stack)) as redis,
    ):
        publisher = Publisher(redis)
        found = connection.execute("SELECT id FROM tables_row WHERE table_id = %s", [table]).fetchall()
        rows = [str(row) for (row,) in found]
        connection.commit()
        began = time.monotonic()
        for turn in range(len(rows) // PACK):
            pack = rows[turn * PACK : (turn + 1) * PACK]
            time.sleep(max(0.0, began + turn * PACK / CELLS_PER_SECOND - time.monotonic()))
            connection.execute("UPDATE tables_row SET updated_at = now() WHERE id = ANY(%s::uuid[])", [pack])
            connection.commit()
            publisher.append(stream_key(table), json.dumps(_events_of(pack, sent), separators=(",", ":")))


def _events_of(rows: Sequence[str], sent: list[int]) -> list[dict[str, Any]]:
    """A cell of each row, numbered on, as a worker tells of it; sockets do not look its group up."""
    at = time.monotonic()
    events = []
    for row in rows:
        sent.append(len(sent) + 1)
        cell = {"status": "completed", "version": sent[-1], "execution_id": row, "attempt": 1}
        data = {"at": at, "text": "as long as a short answer of a model " * 4}
        events.append({"kind": "cell", "row": row, "group": row, **cell, "data": data})
    return events


def log_address(stack: Stack) -> str:
    """Where live events are logged."""
    return stack.env.get("RUNSHEET_EVENTS_URL") or stack.env["REDIS_URL"]
