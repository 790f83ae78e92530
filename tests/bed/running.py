"""Running without processes: Celery's messages, the worker's life and what blocks do are all in the test's hand."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import chord, current_app
from celery.canvas import Signature
from celery.canvas import _chord as Chord  # noqa: N812 - a class in all but its name
from kombu.exceptions import OperationalError

from workflows.blocks.base import BlockContext
from workflows.blocks.functions import function
from workflows.engine.types import Effect


class WorkerKilled(BaseException):
    """The process is gone at this very point: nothing after it happens."""


class Inbox:
    """Messages sent and not yet delivered. A chord is its header followed by its body once the header is through."""

    def __init__(self) -> None:
        self.waiting: deque[Any] = deque()
        self.away = False

    def keep(self, message: Any) -> None:
        """Take a message in, or refuse it as a broker that is ``away`` does."""
        if self.away:
            raise OperationalError("the broker is away")
        self.waiting.append(message)

    def take(self) -> Any:
        """The next message, undelivered."""
        return self.waiting.popleft()

    def newest(self) -> Any:
        """The message sent last, undelivered."""
        return self.waiting.pop()

    def chord(self) -> Any:
        """The first chord that waits, taken out."""
        found = next(message for message in self.waiting if isinstance(message, Chord))
        self.waiting.remove(found)
        return found

    def deliver(self, message: Any) -> None:
        """Run a message here and now, as a worker would."""
        if isinstance(message, Chord):
            for task in message.tasks:
                self.deliver(task)
            self.deliver(message.body)
            return
        current_app.tasks[message.task](*message.args, **message.kwargs)

    def unpack(self) -> None:
        """Cut chords into their messages: a body proves nothing, so it may come at any time (T11)."""
        self.waiting = deque(
            itertools.chain.from_iterable(
                [*message.tasks, message.body] if isinstance(message, Chord) else [message]
                for message in self.waiting
            )
        )

    def run_all(self, most: int = 10_000) -> int:
        """Deliver until nothing is left; how many there were."""
        for delivered in range(most):
            if not self.waiting:
                return delivered
            self.deliver(self.take())
        raise AssertionError(f"still sending after {most} messages")


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """Every Celery message of this test goes here instead of to the broker."""
    import tables.tasks  # registers the tasks; needs settings  # noqa: F401

    box = Inbox()

    def keep(self: Signature, *_args: Any, **_kwargs: Any) -> None:
        box.keep(self)

    def keep_called(self: Any, body: Signature | None = None, **_kwargs: Any) -> None:
        self.kwargs["body"] = body or self.kwargs["body"]
        box.keep(self)

    def keep_chord(header: list[Signature], body: Signature) -> None:
        box.keep(chord(header, body))

    monkeypatch.setattr("tables.enqueue._send_chord", keep_chord)
    monkeypatch.setattr(Signature, "apply_async", keep)
    monkeypatch.setattr(Chord, "apply_async", keep)
    monkeypatch.setattr(Chord, "__call__", keep_called)
    return box


class Worker:
    """This process as a worker whose heartbeat is the test's: it dies when told, and the next one is another."""

    def start(self, *, queues: tuple[str, ...] = ("rows", "interactive", "control"), slots: int = 4) -> Any:
        """Register; the instance's id."""
        from workflows.services.instances import instance_start

        return instance_start(role="worker", queues=list(queues), slots=slots)

    def die(self) -> None:
        """As after SIGKILL, once somebody has noticed: the row says dead, and whoever runs next is a new process."""
        from workflows.models import Instance
        from workflows.services.instances import current_instance, instance_forget

        Instance.objects.filter(id=current_instance()).update(stopped_at="2000-01-01T00:00:00Z")
        instance_forget()
        self.beat_by_hand()

    def beat_by_hand(self) -> None:
        """No heartbeat thread: this one passes for it."""
        from workflows.services import instances

        instances._thread = threading.current_thread()


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Worker]:
    """An identity of this test's own, without a heartbeat thread; told to live on at the end."""
    from workflows.services import instances

    instances.instance_stop()
    instances.instance_forget()
    made = Worker()
    made.beat_by_hand()
    yield made
    instances.instance_forget()
    instances._draining.clear()
    instances._renounced.clear()


@dataclass(frozen=True)
class Call:
    """One call of a probe."""

    tag: Any
    key: str
    attempt: int
    idempotency_key: str


class Probe:
    """What the ``probe_…`` functions do when a block calls them, and which calls there were."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: answer the tag."""
        self.calls: list[Call] = []
        self.faults: list[AssertionError] = []
        self.does: Callable[[Any, BlockContext], Any] = lambda tag, _context: tag
        self.async_does: Callable[[Any, BlockContext], Any] | None = None

    def counts(self) -> Counter[Any]:
        """Calls by tag."""
        return Counter(call.tag for call in self.calls)

    def note(self, tag: Any, context: BlockContext) -> None:
        """Remember a call."""
        self.calls.append(Call(tag, context.step_key, context.attempt, context.idempotency_key))

    def called(self, tag: Any, context: BlockContext) -> Any:
        """One call."""
        from django.db import connection

        self.note(tag, context)
        try:
            return self.does(tag, context)
        except AssertionError as fault:
            self.faults.append(fault)
            raise
        finally:
            if threading.current_thread() is not threading.main_thread():
                connection.close()  # what the test looked up from here


PROBE = Probe()


@function("probe_pure", effect=Effect.PURE)
def probe_pure(tag: Any, *, context: BlockContext) -> Any:
    """Counted, in the executor's own thread."""
    return PROBE.called(tag, context)


@function("probe_repeatable", effect=Effect.REPEATABLE)
def probe_repeatable(tag: Any, *, context: BlockContext) -> Any:
    """Counted, in the thread pool."""
    return PROBE.called(tag, context)


@function("probe_idempotent", effect=Effect.IDEMPOTENT)
def probe_idempotent(tag: Any, *, context: BlockContext) -> Any:
    """Counted, sends a key."""
    return PROBE.called(tag, context)


@function("probe_unsafe", effect=Effect.UNSAFE)
def probe_unsafe(tag: Any, *, context: BlockContext) -> Any:
    """Counted, must not be sent twice."""
    return PROBE.called(tag, context)


@function("probe_async", effect=Effect.REPEATABLE)
async def probe_async(tag: Any, *, context: BlockContext) -> Any:
    """Counted, on the event loop."""
    PROBE.note(tag, context)
    return await PROBE.async_does(tag, context) if PROBE.async_does else tag


@pytest.fixture
def probe() -> Iterator[Probe]:
    """The probe, as new."""
    PROBE.reset()
    yield PROBE
    faults = PROBE.faults
    PROBE.reset()
    for (
        fault
    ) in faults:  # what a test asserts inside a block becomes the block's failure; here it becomes the test's
        raise fault


@pytest.fixture
def kill_at_commit(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> Callable[..., None]:
    """`kill_at_commit(2)`: the process dies before its second commit of a pack from now on (`after=True`: after it)."""
    from tables.services.pack import PackSink

    commit = PackSink.commit

    def arm(nth: int = 1, *, after: bool = False) -> None:
        left = itertools.count(nth, -1)

        def dying(self: PackSink, writes: Any) -> Any:
            if next(left) != 1:
                return commit(self, writes)
            if after:
                commit(self, writes)
            worker.die()
            raise WorkerKilled

        monkeypatch.setattr(PackSink, "commit", dying)

    return arm
