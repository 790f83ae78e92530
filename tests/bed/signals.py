"""Waiting for a stated condition with a deadline: what tests use instead of sleeping."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import pytest

Found = TypeVar("Found")


class Signals(Protocol):
    """The `signals` fixture."""

    def __call__(self, condition: Callable[[], Found], what: str, timeout: float = 10.0) -> Found:
        """The first truthy answer of `condition`; fails naming `what` was awaited, and the last answer."""


def wait_for(condition: Callable[[], Found], what: str, timeout: float = 10.0) -> Found:
    """Ask `condition` every few milliseconds until it answers something truthy, and return that.

    `what` completes the sentence "waited 10 s for …" when it never does. `timeout` is in seconds. Works inside
    `django_db(transaction=True)` tests, where each look reads what others have committed.
    """
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout:g} s for {what}; the last look found {found!r}", pytrace=False)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


@pytest.fixture
def signals() -> Signals:
    """`signals(lambda: Dispatch.objects.get().status == "complete", "the dispatch to complete")`."""
    return wait_for
