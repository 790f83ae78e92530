"""Faults at named points of a real process, asked for by a test.

A process of a stack that is started with ``RUNSHEET_BLOCKS=tests.bed.crashing`` and ``TEST_CRASHES=<folder>`` passes
the points below. A test arms one (``Crashes.arm``); the first process that passes it takes the fault, once, and is
killed or stopped right there. The points are wrapped around the product's own functions here: the product knows
nothing of them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

CRASHES = "TEST_CRASHES"
"""Environment variable naming the folder in which faults are armed and taken."""


class Point(StrEnum):
    """Where a process may be struck; in brackets the details that a test may ask for."""

    AFTER_CLAIM = "after_claim"
    """Runs are claimed, by commit, and none of their blocks has begun."""

    AFTER_ATTEMPT_ROW = "after_attempt_row"
    """A failed attempt (of this step) is committed, its step still to be tried again."""

    AFTER_EFFECT = "after_effect"
    """An HTTP block has its answer (from this last part of a path), and nothing tells of it yet."""

    AFTER_COMMIT = "after_commit"
    """A completed step (of this key) is committed, and nobody was told: no event, no message."""

    IN_PAUSE_COMMIT = "in_pause_commit"
    """A run was parked, and the transaction that says so is still open."""

    AFTER_PAUSE_COMMIT = "after_pause_commit"
    """A run was parked, by commit."""

    BEFORE_END_COMMIT = "before_end_commit"
    """A run is about to end, and the transaction that will say so has just begun."""

    IN_RESUME_UPDATE = "in_resume_update"
    """A run was put back into the queue, and the transaction that says so is still open."""

    BEFORE_SEND = "before_send"
    """A run is queued, by commit, and its message was not sent."""


class Crashes:
    """The test's side: a folder in which it arms faults and sees who took them."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made if it is missing."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def arm(self, point: Point, detail: str = "", *, stop: bool = False) -> None:
        """Strike the next process that passes this point (with this detail): SIGKILL, or SIGSTOP to ``stop`` it."""
        for old in self.folder.glob(f"{point}.*"):
            old.unlink()
        draft = self.folder / f"draft-{point}"
        draft.write_text(f"{signal.SIGSTOP if stop else signal.SIGKILL:d} {detail}")
        draft.rename(self.folder / point)  # it appears whole

    def taken(self, point: Point) -> int | None:
        """The pid of the process that took the fault; None as long as nobody has."""
        return next((int(found.suffix[1:]) for found in self.folder.glob(f"{point}.*")), None)


def reach(point: Point, *details: str) -> None:
    """This process passes a point. Renaming the armed file claims it: of several processes one succeeds."""
    armed = Path(os.environ[CRASHES]) / point
    try:
        number, _, wanted = armed.read_text().partition(" ")
        if wanted and wanted not in details:
            return
        armed.rename(armed.with_name(f"{point}.{os.getpid()}"))
    except FileNotFoundError:  # not armed, or somebody else was quicker
        return
    signal.pthread_kill(
        threading.get_ident(), int(number)
    )  # this very thread, so that not one line more is run


def _wrap(module: ModuleType, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    original = getattr(module, name)
    setattr(module, name, wraps(original)(make(original)))


def _claimed(execute: Callable[..., Any]) -> Callable[..., Any]:
    def claimed(batch: Sequence[Any], *rest: Any) -> Any:
        if batch:
            reach(Point.AFTER_CLAIM)
        return execute(batch, *rest)

    return claimed


def _written(ledger_write: Callable[..., Any]) -> Callable[..., Any]:
    def written(cursor: Any, writes: Sequence[Any], *rest: Any, **more: Any) -> Any:
        from django.db import transaction

        ends = [write.end for write in writes if write.end is not None]
        tried = [attempt.key for write in writes for attempt in write.attempts if attempt.error is not None]
        done = [step.key for write in writes for step in write.steps if step.status == "completed"]
        if any(end.status == "completed" for end in ends):
            reach(Point.BEFORE_END_COMMIT)
        # Registered before those of the product: they come first once the transaction is committed.
        if tried:
            transaction.on_commit(partial(reach, Point.AFTER_ATTEMPT_ROW, *tried))
        if done:
            transaction.on_commit(partial(reach, Point.AFTER_COMMIT, *done))
        if any(end.parks for end in ends):
            transaction.on_commit(partial(reach, Point.AFTER_PAUSE_COMMIT))
        answer = ledger_write(cursor, writes, *rest, **more)
        if any(end.parks for end in ends):
            reach(Point.IN_PAUSE_COMMIT)
        return answer

    return written


def _answered(fetch: Callable[..., Any]) -> Callable[..., Any]:
    async def answered(call: Any) -> Any:
        answer = await fetch(call)
        reach(Point.AFTER_EFFECT, urlsplit(call.url).path.rpartition("/")[2])
        return answer

    return answered


def _before(point: Point) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def struck(*arguments: Any, **more: Any) -> Any:
            reach(point)
            return original(*arguments, **more)

        return struck

    return make


def _after(point: Point) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def struck(*arguments: Any, **more: Any) -> Any:
            answer = original(*arguments, **more)
            reach(point)
            return answer

        return struck

    return make


def pass_points() -> None:
    """Have this process pass the points."""
    from tables.services import cascade
    from workflows import enqueue
    from workflows.blocks import http
    from workflows.services import ledger, resuming, running

    _wrap(running, "execute", _claimed)
    _wrap(cascade, "execute", _claimed)
    _wrap(ledger, "ledger_write", _written)
    _wrap(http, "fetch", _answered)
    _wrap(resuming, "run_requeue", _after(Point.IN_RESUME_UPDATE))
    _wrap(enqueue, "run_send", _before(Point.BEFORE_SEND))


if CRASHES in os.environ:
    pass_points()
