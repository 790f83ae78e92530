"""Real processes on the test's own database and Valkey: the `stack` and `start_stack` fixtures."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.db import connection

from config.embedded.valkey import free_port
from config.processes import ONE_BOX
from config.supervisor import Stack
from tests.bed import emptying
from tests.bed.services import TestServices


class StartStack(Protocol):
    """The `start_stack` fixture."""

    def __call__(self, *processes: str, **env: str) -> Stack:
        """Start these processes of the Procfile (all of one box when none is named) and wait until web answers."""


@pytest.fixture
def start_stack(transactional_db: None, services: TestServices) -> Iterator[StartStack]:
    """`start_stack("worker", "control", WORKER_SLOTS="4")`; everything is stopped before the database is emptied.

    The test's process and the stack share the Valkey `services.valkey`, which a test may kill, wipe and start again.
    """
    with stacks_on(services) as start:
        yield start


class KeptStack:
    """At most one stack, kept from test to test for as long as the same one is asked for.

    Starting five processes takes longer than most tests that look at a page. Its processes see the database emptied
    between two tests, as they would see everything deleted; their own rows stay.
    """

    def __init__(self, services: TestServices) -> None:
        self._services = services
        self._asked: tuple[tuple[str, ...], dict[str, str]] | None = None
        self._running = ExitStack()
        self._stack: Stack | None = None

    def get(self, *processes: str, **env: str) -> Stack:
        """The stack of these processes, started unless it is the one that runs."""
        if self._stack is None or self._asked != (processes, env):
            self.stop()
            self._asked = (processes, env)
            self._stack = self._running.enter_context(stacks_on(self._services))(*processes, **env)
            emptying.STAYS.add("workflows_instance")
        return self._stack

    def stop(self) -> None:
        """End the one that runs, if any."""
        self._running.close()
        self._stack = None
        emptying.STAYS.discard("workflows_instance")


@pytest.fixture(scope="session")
def kept_stack(services: TestServices, django_db_setup: None) -> Iterator[KeptStack]:
    """One for all tests of this worker that ask for no other."""
    kept = KeptStack(services)
    yield kept
    kept.stop()


@contextmanager
def stacks_on(services: TestServices) -> Iterator[StartStack]:
    """What `start_stack` is for one test, for as long as this lasts; the database is the caller's affair."""
    with ExitStack() as running:

        def start(*processes: str, **env: str) -> Stack:
            stack = Stack(
                services.folder / f"stack-{uuid.uuid4().hex[:8]}",
                processes=processes or ONE_BOX,
                env={**addresses(), **env},
                port=free_port(),
                migrate=False,
            )
            running.enter_context(stack)
            if "web" in stack.processes:
                stack.wait_until_ready()
            return stack

        _empty_redis()
        yield start
    if services.valkey is not None:
        services.valkey.start()


@pytest.fixture
def stack(start_stack: StartStack) -> Stack:
    """All processes of one box, ready."""
    return start_stack()


def addresses() -> dict[str, str]:
    """Where the test's own database and Valkey are."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return {
        "RUNSHEET_MODE": "test",
        "DATABASE_URL": database.geturl(),
        "REDIS_URL": settings.RUNSHEET_REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
    }


def _empty_redis() -> None:
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        client.flushall()
