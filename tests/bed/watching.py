"""A client's end of live events in Python: what a grid knows from frames and pages, by `version` alone (T35)."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

READ_SECONDS: Final = 0.2
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 10.0

Rows = list[dict[str, Any]]


class Grid:
    """What one grid shows: cells by row and group, values by row, dispatches."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], dict[str, Any]] = {}
        self.data: dict[str, dict[str, Any]] = {}
        self.dispatches: dict[str, dict[str, Any]] = {}

    def read(self, rows: Rows) -> None:
        """All rows, as REST shows them: cells that are only foretold are no records."""
        self.data = {row["id"]: dict(row["data"]) for row in rows}
        self.cells = {
            (row["id"], group): cell
            for row in rows
            for group, cell in row["cells"].items()
            if cell["version"]
        }

    def take(self, events: Iterable[dict[str, Any]]) -> bool:
        """Take events in; whether they asked for rows to be read anew."""
        is_stale = False
        for event in events:
            if event["kind"] == "cell":
                self._take_cell(event)
            elif event["kind"] == "dispatch":
                self.dispatches[event["id"]] = event
            elif event["kind"] == "rows":
                is_stale = True
        return is_stale

    def _take_cell(self, event: dict[str, Any]) -> None:
        place = event["row"], event["group"]
        if event["row"] not in self.data or event["version"] < self.cells.get(place, event)["version"]:
            return
        self.cells[place] = event
        self.data[event["row"]].update(event.get("data", {}))

    def counts(self) -> dict[str, dict[str, int]]:
        """Cells by group and status, as `GET /tables/{t}/summary/` counts them."""
        found: dict[str, Counter[str]] = {}
        for (_, group), cell in self.cells.items():
            if cell["status"] is not None:
                found.setdefault(group, Counter())[cell["status"]] += 1
        return {group: dict(counts) for group, counts in found.items()}

    def statuses(self) -> dict[tuple[str, str], tuple[str, int]]:
        """Status and version of every cell that has a record."""
        shown = self.cells.items()
        return {place: (cell["status"], cell["version"]) for place, cell in shown if cell["status"]}


class Watching(threading.Thread):
    """A grid on a socket in a thread: it resumes by `since`, and reads its rows anew when told `pruned`.

    `ticket` makes a one-time ticket, `rows` reads all rows; both are asked from the thread and may raise `OSError`.
    """

    def __init__(self, url: str, path: str, ticket: Callable[[], str], rows: Callable[[], Rows]) -> None:
        super().__init__(name="watching", daemon=True)
        self.grid = Grid()
        self.hellos: list[tuple[float, bool]] = []
        self.reads: list[float] = []
        self.faults: list[BaseException] = []
        self.seq: str | None = None
        self._origin = Origin(url)
        self._address = url.replace("http", "ws", 1) + path
        self._ticket, self._rows = ticket, rows
        self._over = threading.Event()
        self._socket: ClientConnection | None = None

    def drop(self) -> None:
        """Cut the socket as a network does: no closing handshake."""
        if self._socket is not None:
            self._socket.socket.close()

    def leave(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(30)

    def run(self) -> None:
        """Keep a socket open until told to leave."""
        pause = FIRST_PAUSE_SECONDS
        while not self._over.is_set():
            known = len(self.hellos)
            try:
                self._listen()
            except (OSError, ConnectionClosed, InvalidStatus, TimeoutError):
                pass
            except (AssertionError, KeyError, TypeError, ValueError) as fault:  # shown by the test
                self.faults.append(fault)
                return
            pause = FIRST_PAUSE_SECONDS if len(self.hellos) > known else min(2 * pause, LONGEST_PAUSE_SECONDS)
            self._over.wait(pause * random.uniform(0.5, 1.5))

    def _listen(self) -> None:
        query = {"token": self._ticket(), **({"since": self.seq} if self.seq else {})}
        address = f"{self._address}?{urlencode(query)}"
        with connect(address, origin=self._origin, open_timeout=20, close_timeout=1) as socket:
            self._socket = socket
            while not self._over.is_set():
                try:
                    text = socket.recv(timeout=READ_SECONDS)
                except TimeoutError:
                    continue
                self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        is_stale = frame["type"] == "pruned"
        if frame["type"] == "hello":
            self.hellos.append((time.monotonic(), frame["resumed"]))
            is_stale = not frame["resumed"]
        elif frame["type"] == "events":
            is_stale = self.grid.take(frame["events"])
        if is_stale:
            self.reads.append(time.monotonic())
            self.grid.read(self._rows())
        self.seq = frame.get("seq", self.seq)  # not before what it brought has been taken in
