"""Celery's messages kept in a list, and a broker that can be away: for tests that import the fixture."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app
from kombu.exceptions import OperationalError


class Post:
    """What would have gone to the broker, as (task, arguments).

    It takes so many messages (``takes``) more, then it is away; None: it never is.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[Any]]] = []
        self.takes: int | None = None

    def send(self, name: str, args: list[Any] | None = None, **_: Any) -> None:
        """In place of ``Celery.send_task``."""
        if self.takes is not None:
            if self.takes <= 0:
                raise OperationalError("the broker is away")
            self.takes -= 1
        self.messages.append((name, list(args or [])))

    def invocations(self) -> list[str]:
        """The ids of invocations that workers were told of, in that order."""
        return [told for name, args in self.messages if name == "scheduler.run_invocation" for told in args]


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    """A broker that is a list."""
    made = Post()
    monkeypatch.setattr(current_app._get_current_object(), "send_task", made.send)
    return made
