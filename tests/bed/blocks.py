"""Functions for workflows under test: they leave a trace outside PostgreSQL and Redis of each time they were called."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

from workflows.blocks.base import BlockContext
from workflows.blocks.functions import function
from workflows.states import Effect

TRACE = "TEST_TRACE"
"""Environment variable naming the file that calls are appended to."""


def trace(*words: object) -> None:
    """Append one line, whole or not at all: short appends to one file are atomic."""
    with Path(os.environ[TRACE]).open("ab", buffering=0) as file:
        file.write((" ".join(map(str, words)) + "\n").encode())


@function("traced_step", effect=Effect.REPEATABLE)
def traced_step(label: str, text: str, milliseconds: int = 0, *, context: BlockContext) -> str:
    """Note the start and the end of this call; answer ``label(text)``."""
    trace("start", label, text, context.attempt, f"{time.time():.3f}")
    until = time.monotonic() + milliseconds / 1000
    while (left := until - time.monotonic()) > 0:
        context.cancelled.wait(min(left, 0.05))
        context.check_cancelled()
    trace("end", label, text, context.attempt, f"{time.time():.3f}")
    return f"{label}({text})"


class Trace:
    """What a trace file tells."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def lines(self) -> list[list[str]]:
        """Every note, in order, as words."""
        return [line.split(" ") for line in self.path.read_text().splitlines()]

    def counts(self, kind: str) -> Counter[tuple[str, str]]:
        """How often each (label, text) noted ``start`` or ``end``."""
        return Counter((words[1], words[2]) for words in self.lines() if words[0] == kind)

    def starts_after(self, moment: float) -> int:
        """Calls begun later than that instant of ``time.time()``."""
        return sum(1 for words in self.lines() if words[0] == "start" and float(words[4]) > moment)


PUBLISH = "TEST_PUBLISH"
"""``twice``: each message of ours is delivered two times; ``lossy``: every fifth is lost on its way; ``late``: one in
ten, by chance, arrives ``LATE_SECONDS`` after it was sent.
"""

SEED = "TEST_SEED"
"""Environment variable: which messages chance picks."""

LATE_SECONDS = 8.0


def spoil_publishing(how: str) -> None:
    """Make this process's broker connection an unreliable one, below Celery: where messages are put on the queue."""
    from celery import current_app
    from kombu.transport.redis import Channel

    put = Channel._put
    sent = Counter[str]()
    chance = Random(f"{os.environ.get(SEED)} {os.environ.get('RUNSHEET_PROCESS')}")

    def spoiled(self: Channel, queue: str, message: dict[str, object], **kwargs: object) -> None:
        sent["n"] += 1
        if how == "lossy" and sent["n"] % 5 == 0:
            return
        if how == "late" and chance.random() < 0.1:
            timer = threading.Timer(LATE_SECONDS, deliver, [queue, message])
            timer.daemon = True
            timer.start()
            return
        put(self, queue, message, **kwargs)
        if how == "twice":
            put(self, queue, message, **kwargs)

    def deliver(queue: str, message: dict[str, object]) -> None:
        with current_app.connection_for_write() as line, line.channel() as channel:
            put(channel, queue, message)

    Channel._put = spoiled


if how := os.environ.get(PUBLISH):
    spoil_publishing(how)
