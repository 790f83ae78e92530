"""Text that a block is still writing, shown in its cell while it comes (T19, W33). Live only: nothing here is stored.

Blocks speak from many threads, some of them on the event loop that all of them share, so what they say is only noted
there. One thread of the process tells it, ten times a second at most; of one cell it tells the newest.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from tables.events import emit
from workspaces.secrets import secrets_redact

TELL_SECONDS: Final = 0.1
"""Least time between two tellings."""

SHOWN_CHARS: Final = 2_000
"""A cell shows a line; beyond this only the end of the block brings more."""

QUOTED: Final = 3
"""A secret in an address may be three times as long."""

Event = dict[str, Any]


class Streams:
    """What the blocks of one pack have said so far, by run, step and attempt."""

    def __init__(self, table_id: UUID) -> None:
        self.table_id = table_id
        self._guard = threading.Lock()
        self._said: dict[UUID, dict[tuple[str, int], str]] = {}
        self._partial: dict[UUID, dict[str, str]] = {}

    def hear(
        self,
        run_id: UUID,
        speaker: tuple[str, int],
        text: str,
        columns: Collection[str],
        cell: Mapping[str, Any],
        secrets: Collection[str],
    ) -> None:
        """Take in text of ``speaker``, a step key and the number of its try; ``cell`` is the cell's event."""
        with self._guard:
            said = self._said.setdefault(run_id, {})
            before = said.get(speaker, "")
            if len(before) >= SHOWN_CHARS:
                return
            said[speaker] = before + text
            partial = self._partial.setdefault(run_id, {})
            partial.update(dict.fromkeys(columns, shown(said[speaker], secrets)))
            event = {**cell, "partial": dict(partial)}
            event.pop("data", None)
        _teller.note(self.table_id, event)

    def forget(self, run_id: UUID) -> None:
        """The run has left: its outputs are told by its commits."""
        with self._guard:
            self._said.pop(run_id, None)
            self._partial.pop(run_id, None)


def shown(text: str, secrets: Collection[str]) -> str:
    """As much of a text under way as may be shown: no secret, nor what may be the beginning of one (W6)."""
    if secrets:
        text = str(secrets_redact(text, secrets))
        text = text[: max(0, len(text) - QUOTED * max(map(len, secrets)) + 1)]
    return text[:SHOWN_CHARS]


class _Teller:
    """The one thread that tells, made when there is something to tell; a forked child makes its own."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._news = threading.Event()
        self._waiting: dict[tuple[UUID, str, str], Event] = {}
        self._pid = 0

    def note(self, table_id: UUID, event: Event) -> None:
        """Have this told soon, unless something newer of the same cell comes before."""
        with self._guard:
            self._waiting[table_id, event["row"], event["group"]] = event
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="streams", daemon=True).start()
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._guard:
                waiting, self._waiting = self._waiting, {}
            by_table: dict[UUID, list[Event]] = {}
            for (table_id, _, _), event in waiting.items():
                by_table.setdefault(table_id, []).append(event)
            for table_id, events in by_table.items():
                emit(table_id, events)
            time.sleep(TELL_SECONDS)


_teller = _Teller()
