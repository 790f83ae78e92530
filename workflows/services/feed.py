"""What an executor tells those who watch its runs (W30): for runs nobody watches it costs a set lookup.

One ``Feed`` belongs to one call of ``execute`` and is used by its thread; only ``tell`` may be called from elsewhere.
How the executor uses it::

    feed = Feed()
    feed.note(live, "block_started", key, n=flight.n)            # take_off: a block leaves the executor's thread
    feed.note(live, "block_retried", key, n=1, error=…, retry_at=iso)
    feed.note(live, "block_completed", key, handle=…)            # gathered, told after the commit that records them
    feed.flush(committed)                                        # ids of the runs just committed; () before a wait
    feed.drop(run_id)                                            # refused: what was not committed is never told
    feed.look()                                                  # in the executor's look, about once a second
    BlockContext(tell=partial(feed.tell, live, key))             # chunks and progress, from the block's own thread

Kinds and what they carry are those of ``workflows.engine.feed``. Nothing here ever raises, and nothing waits longer
than a second for Redis: what could not be said makes sockets refetch from PostgreSQL.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from workflows.services.watching import run_topic, watched
from workspaces.live.publishing import event_text, publisher
from workspaces.secrets import secrets_redact

OPENS: Final = frozenset({"block_started"})
"""Tells of no record, so it waits for no commit; whoever begins to watch later is told again."""

CLOSES: Final = frozenset(
    {"block_completed", "block_failed", "block_retried", "block_paused", "block_unknown", "block_skipped"}
)

TELL_SECONDS: Final = 0.05
"""Chunks and progress are gathered for so long."""
MAX_CHUNK_CHARS: Final = 32_768
"""Of one gathered piece; the whole output comes with the step."""

Event = dict[str, Any]


class Told(Protocol):
    """What the feed needs to know of a live run."""

    @property
    def run_id(self) -> UUID:
        """Whose events these are."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """What must not be shown."""


class Feed:
    """The events of one batch of runs, on their way to whoever watches."""

    def __init__(self) -> None:
        self._noted: dict[UUID, list[Event]] = {}
        self._at_once: dict[UUID, list[Event]] = {}
        self._open: dict[UUID, dict[str, Event]] = {}
        self._untold: set[UUID] = set()
        self._pieces = _Pieces()

    def note(self, live: Told, kind: str, step_key: str = "", **data: Any) -> None:
        """Gather one event. ``data`` is JSON, redacted already where the ledger redacts (outputs never belong here)."""
        run_id = live.run_id
        is_watched = run_id in watched.ids()
        if not is_watched:
            self._untold.add(run_id)
        if kind in OPENS:
            event = self._open.setdefault(run_id, {})[step_key] = _event(kind, step_key, data)
            if is_watched:
                self._at_once.setdefault(run_id, []).append(event)
            return
        if kind in CLOSES and run_id in self._open:
            self._open[run_id].pop(step_key, None)
        if is_watched:
            self._pieces.forget(run_id, step_key or None)
            self._noted.setdefault(run_id, []).append(_event(kind, step_key, data))
        elif _leaves(kind, data):
            self.drop(run_id)

    def missed(self, run_id: UUID) -> None:
        """Remember that something of this run was not noted: whoever begins to watch it is made to refetch."""
        self._untold.add(run_id)

    def flush(self, committed: Iterable[UUID] = ()) -> None:
        """Send what waits for no commit, and what was noted of the runs in ``committed``."""
        self._greet()
        due, self._at_once = self._at_once, {}
        for run_id in committed:
            due.setdefault(run_id, []).extend(self._noted.pop(run_id, ()))
        _send(due)
        for run_id, events in due.items():
            if any(_leaves(event["kind"], event) for event in events):
                self.drop(run_id)

    def drop(self, run_id: UUID) -> None:
        """Forget a run that has left this executor, and what was noted of it and not sent."""
        for lane in (self._noted, self._at_once, self._open):
            lane.pop(run_id, None)
        self._untold.discard(run_id)
        self._pieces.forget(run_id)

    def look(self) -> None:
        """Notice who has begun to watch, and tell them what is under way."""
        self._greet()

    def tell(self, live: Told, step_key: str, kind: str, value: Any) -> None:
        """Pass on a ``chunk`` of output or the ``progress`` of an attempt, gathered for ~50 ms. From any thread."""
        if live.run_id in watched.ids():
            self._pieces.add(live, step_key, kind, value)

    def _greet(self) -> None:
        """Whoever has just begun to watch may have missed something: have them refetch, then show what runs."""
        new = self._untold & watched.ids()
        if not new:
            return
        self._untold -= new
        publisher().remember(run_topic(run_id) for run_id in new)
        _send({run_id: [*self._open[run_id].values()] for run_id in new if self._open.get(run_id)})
        publisher().catch_up()


class _Pieces:
    """Chunks and progress between two sendings: texts joined, of progress the last. Used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[tuple[UUID, str], str] = {}
        self._progress: dict[tuple[UUID, str], Any] = {}
        self._secrets: dict[UUID, tuple[str, ...]] = {}
        self._timer: threading.Timer | None = None

    def add(self, live: Told, step_key: str, kind: str, value: Any) -> None:
        place = (live.run_id, step_key)
        with self._lock:
            if live.secrets:
                self._secrets[live.run_id] = tuple(live.secrets.values())
            if kind == "chunk":
                self._texts[place] = (self._texts.get(place, "") + str(value))[-MAX_CHUNK_CHARS:]
            else:
                self._progress[place] = value
            if self._timer is None:
                self._timer = threading.Timer(TELL_SECONDS, self.send)
                self._timer.daemon = True
                self._timer.start()

    def send(self) -> None:
        """Send what has gathered; of a run with secrets a tail stays back in which one might begin (W6)."""
        with self._lock:
            self._timer = None
            due: dict[UUID, list[Event]] = {}
            for (run_id, key), value in self._progress.items():
                shown = secrets_redact(value, self._secrets.get(run_id, ()))
                due.setdefault(run_id, []).append(_event("progress", key, {"value": shown}))
            self._progress.clear()
            for (run_id, key), text in list(self._texts.items()):
                shown, self._texts[run_id, key] = _safe_part(text, self._secrets.get(run_id, ()))
                if shown:
                    due.setdefault(run_id, []).append(_event("chunk", key, {"text": shown}))
        _send(due)

    def forget(self, run_id: UUID, step_key: str | None = None) -> None:
        """A step that has finished, or a run that is gone, has nothing more to say."""
        with self._lock:
            for kept in (self._texts, self._progress):
                for place in [p for p in kept if p[0] == run_id and step_key in (None, p[1])]:
                    del kept[place]
            if step_key is None:
                self._secrets.pop(run_id, None)


def runs_changed(run_ids: Iterable[UUID], status: str, **data: Any) -> None:
    """Tell whoever watches these runs of a status they took outside an executor. Call it after the commit."""
    _send(
        {
            run_id: [_event("run_status", "", {"status": status, **data})]
            for run_id in watched.ids().intersection(run_ids)
        }
    )


def _leaves(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether an event says that its run leaves the executor."""
    return kind == "run_status" and data.get("status") != "running"


def _event(kind: str, step_key: str, data: Mapping[str, Any]) -> Event:
    event: Event = {"kind": kind, "at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    if step_key:
        event["step_key"] = step_key
    return {**event, **data}


def _safe_part(text: str, secrets: tuple[str, ...]) -> tuple[str, str]:
    """What may be shown of a growing text, and the rest that may hold the beginning of a secret."""
    if not secrets:
        return text, ""
    held = 3 * max(map(len, secrets))  # a secret may come percent-encoded
    clean: str = secrets_redact(text, secrets)
    return clean[:-held], clean[-held:]


def _send(due: Mapping[UUID, list[Event]]) -> None:
    entries = [(run_topic(run_id), _text(events)) for run_id, events in due.items() if events]
    if entries:
        publisher().append_many(entries)


def _text(events: list[Event]) -> str:
    texts = (event_text(event) or event_text(_short(event)) or "null" for event in events)
    return "[" + ",".join(texts) + "]"


def _short(event: Event) -> Event:
    """What is left of an event too long to send: what happened to which step; the page brings the rest."""
    return {name: event[name] for name in ("kind", "at", "step_key", "status") if name in event}
