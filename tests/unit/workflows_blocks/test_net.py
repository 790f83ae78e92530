"""The guard checks the address that is dialled, whatever it was called (W32, trust rows 1 and 3)."""

import asyncio
from typing import Any

import httpcore
import pytest
from pytest_django import Settings

from tests.unit.workflows_blocks.conftest import LocalServer, run
from workflows.blocks.base import BlockFailed
from workflows.blocks.fetch import Call, _exchange, guarded_client
from workflows.blocks.net import GuardedBackend, is_public, parse_allowed

SPELLINGS = [
    "127.1",
    "0x7f000001",
    "2130706433",
    "0",
    "localhost",
    "127.0.0.1",
    "127.255.255.254",
    "[::1]",
    "[::]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "127。0。0。1",
    "169.254.169.254",
    "0xa9fea9fe",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "100.64.0.1",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fec0::1]",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "198.18.0.1",
]


@pytest.mark.rule("W32", "S1")
@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_is_called(host: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        run("http", {"url": f"http://{host}/"})
    assert failure.value.error.code == "blocked_address"


@pytest.mark.rule("W32")
@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_pass(address: str) -> None:
    assert is_public(address)


@pytest.mark.rule("W32")
def test_a_closed_server_is_never_connected_to(closed_server: LocalServer) -> None:
    with pytest.raises(BlockFailed):
        run("http", {"url": closed_server.url})
    assert not closed_server.received


@pytest.mark.rule("W32", "S1")
def test_an_allowed_address_is_allowed_on_its_port_only(server: LocalServer, settings: Settings) -> None:
    server.answers("/", b"in")
    assert run("http", {"url": server.url}).output["body"] == "in"
    settings.RUNSHEET_HTTP_ALLOW = [f"127.0.0.1:{server.port + 1}"]
    with pytest.raises(BlockFailed) as failure:
        run("http", {"url": server.url})
    assert failure.value.error.code == "blocked_address"


@pytest.mark.rule("W32")
def test_a_name_can_be_allowed_as_it_is_written(server: LocalServer, settings: Settings) -> None:
    settings.RUNSHEET_HTTP_ALLOW = [f"LOCALHOST:{server.port}"]
    server.answers("/", b"in")
    assert run("http", {"url": f"http://localhost:{server.port}/"}).output["body"] == "in"


def test_bracketed_addresses_are_read() -> None:
    assert parse_allowed(["[::1]:80", "Db.Local:5432"]) == {("::1", 80), ("db.local", 5432)}


class Rebinding:
    """A resolver whose answer changes from public to loopback, as a hostile name server's would."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0)


async def exchange(backend: GuardedBackend, url: str) -> Any:
    client = guarded_client(backend)
    try:
        return await _exchange(client, Call("GET", url))
    finally:
        await client.aclose()


@pytest.mark.rule("W32", "S3")
def test_one_private_answer_among_public_ones_blocks_the_name(closed_server: LocalServer) -> None:
    backend = GuardedBackend(frozenset, Rebinding(["8.8.8.8", "127.0.0.1"]))
    with pytest.raises(BlockFailed) as failure:
        asyncio.run(exchange(backend, f"http://evil.example:{closed_server.port}/"))
    assert failure.value.error.code == "blocked_address"
    assert not closed_server.received


@pytest.mark.rule("W32", "S3")
def test_the_address_checked_is_the_address_dialled(closed_server: LocalServer) -> None:
    resolve = Rebinding(["192.0.2.1"], ["127.0.0.1"])
    dialled: list[str] = []

    class Refusing(httpcore.AsyncMockBackend):
        async def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> Any:
            dialled.append(host)
            raise httpcore.ConnectError("refused")

    backend = GuardedBackend(lambda: frozenset({("192.0.2.1", closed_server.port)}), resolve)
    backend._dial = Refusing([])  # type: ignore[assignment]
    with pytest.raises(Exception, match="refused"):
        asyncio.run(exchange(backend, f"http://evil.example:{closed_server.port}/"))
    assert dialled == ["192.0.2.1"]
    assert resolve.asked == 1
    assert not closed_server.received


@pytest.mark.rule("W32")
def test_the_name_stays_in_the_host_header(server: LocalServer) -> None:
    server.answers("/", b"")
    backend = GuardedBackend(lambda: frozenset({("127.0.0.1", server.port)}), Rebinding(["127.0.0.1"]))
    asyncio.run(exchange(backend, f"http://shop.example:{server.port}/"))
    assert server.received[0].headers["host"] == f"shop.example:{server.port}"


@pytest.mark.rule("W32")
def test_proxies_of_the_environment_are_not_used(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers("/", b"direct")
    assert run("http", {"url": server.url}).output["body"] == "direct"
