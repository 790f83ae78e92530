"""Races on purpose: several callables at once, each in a thread with a database connection of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Outcome:
    """What one runner of a race returned, or raised."""

    value: Any = None
    error: BaseException | None = None


class Race:
    """`race(first, second)` starts both at one moment and answers their outcomes in order.

    `race.meet()` inside a callable waits until every runner has got there: the way to place a step of one exactly
    between two steps of another. A runner that never comes breaks the meeting for all after 20 seconds.
    """

    def __init__(self) -> None:
        self._barrier = threading.Barrier(1)

    def meet(self) -> None:
        """Wait here for all the others."""
        self._barrier.wait(PATIENCE_SECONDS)

    def __call__(self, *runners: Callable[[], Any]) -> list[Outcome]:
        """Run them all; an exception is an outcome, not an error of the race."""
        self._barrier = threading.Barrier(len(runners))
        outcomes = [Outcome() for _ in runners]

        def run(place: int, runner: Callable[[], Any]) -> None:
            try:
                self.meet()
                outcomes[place] = Outcome(value=runner())
            except BaseException as error:  # noqa: BLE001 - handed to the test
                outcomes[place] = Outcome(error=error)
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(runners)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a runner of the race hangs"
        return outcomes


@pytest.fixture
def two_connections(transactional_db: None) -> Race:
    """`two_connections(lambda: claim(cell), lambda: claim(cell))`; data must be committed, hence no transaction."""
    return Race()
