"""Several workers at once in one process: threads that take messages from one inbox, with a connection each."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tests.bed.running import Inbox

PATIENCE_SECONDS = 60.0


class Crew:
    """Worker slots over one inbox. Messages for later are delivered when their time has come."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.later: list[tuple[float, int, Callable[[], Any]]] = []
        self.order = itertools.count()
        self.news = threading.Condition()
        self.busy = 0
        self.faults: list[BaseException] = []
        keep = inbox.keep

        def kept(message: Any) -> None:
            with self.news:
                keep(message)
                inbox.unpack()
                self.news.notify_all()

        inbox.keep = kept  # type: ignore[method-assign]

    def postpone(self, seconds: float, what: Callable[[], Any]) -> None:
        """Have ``what`` done by one of the slots after so long."""
        with self.news:
            heapq.heappush(self.later, (time.monotonic() + seconds, next(self.order), what))
            self.news.notify_all()

    def work(self, slots: int, *, patience: float = PATIENCE_SECONDS) -> float:
        """Deliver with that many slots until nothing is left, now or later; the seconds it took."""
        began = time.monotonic()
        threads = [
            threading.Thread(target=self._slot, args=(began + patience,), daemon=True) for _ in range(slots)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience + 20)
            assert not thread.is_alive(), "a slot hangs"
        if self.faults:
            raise self.faults[0]
        return time.monotonic() - began

    def _slot(self, until: float) -> None:
        try:
            while (todo := self._take(until)) is not None:
                try:
                    todo()
                except BaseException as fault:  # noqa: BLE001 - told to the test
                    self.faults.append(fault)
                finally:
                    with self.news:
                        self.busy -= 1
                        self.news.notify_all()
        finally:
            connection.close()

    def _take(self, until: float) -> Callable[[], Any] | None:
        with self.news:
            while True:
                now = time.monotonic()
                if self.later and self.later[0][0] <= now:
                    self.busy += 1
                    return heapq.heappop(self.later)[2]
                if self.inbox.waiting:
                    self.busy += 1
                    message = self.inbox.waiting.popleft()
                    return lambda: self.inbox.deliver(message)
                if (not self.later and not self.busy) or now > until:
                    return None
                self.news.wait(self.later[0][0] - now if self.later else until - now)


@pytest.fixture
def crew(inbox: Inbox) -> Iterator[Crew]:
    """Slots over this test's inbox."""
    yield Crew(inbox)
