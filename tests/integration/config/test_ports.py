"""The port of the web process."""

import socket
import urllib.request
from collections.abc import Callable

import pytest

from config.embedded import ServiceFailed
from config.supervisor import Stack, listen
from tests.bed.processes import StartStack
from tests.bed.services import TestServices

pytestmark = pytest.mark.slow


@pytest.fixture
def another(services: TestServices) -> Callable[..., Stack]:
    """An install without processes: all it does is to take a port."""
    env = {"DATABASE_URL": "postgres://unused", "REDIS_URL": "redis://unused"}
    return lambda name, port: Stack(services.folder / name, processes=(), env=env, port=port, migrate=False)


def test_two_installs_never_get_the_same_port(another: Callable[..., Stack]) -> None:
    with another("one", None) as one, another("two", None) as two:
        assert one.url != two.url


def test_what_is_answered_is_sent_at_once() -> None:
    with (
        listen("127.0.0.1", None) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_refused_in_words(another: Callable[..., Stack]) -> None:
    with (
        another("one", None) as one,
        pytest.raises(ServiceFailed, match=f"port {one.port}: Address already in use"),
        another("two", one.port),
    ):
        pass


def test_a_request_during_a_restart_waits_instead_of_being_refused(start_stack: StartStack) -> None:
    stack = start_stack("web")
    stack.kill("web")
    with urllib.request.urlopen(f"{stack.url}/healthz", timeout=30) as answer:
        assert answer.status == 200
