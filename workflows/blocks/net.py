"""The guard between blocks and the inside of the house: none calls a private address by accident (W32).

Checked is the **address that is dialled**, not the name: a name is resolved once, every answer must be
public, and the connection goes to one of those very literals, while TLS (SNI, certificate) and the Host
header keep the name. So spellings (``0x7f000001``), redirects and rebinding DNS all meet the same check.
``RUNSHEET_HTTP_ALLOW`` lists ``host:port`` pairs that pass: a name as it is written in the URL, or an
address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpcore
import httpx

from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass

Resolve = Callable[[str, int], Awaitable[list[str]]]
Allowed = frozenset[tuple[str, int]]

_NAT64: Final = IPv6Network("64:ff9b::/96")
_REFUSED: Final = tuple(
    IPv6Network(network)
    for network in (
        "64:ff9b:1::/48",  # local NAT64: what is behind it is the operator's own
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4 embeds any IPv4 address
        "3fff::/20",  # documentation
        "fec0::/10",  # site-local, deprecated but still routed somewhere
    )
)
KEPT_CONNECTIONS: Final = 256
KEPT_SECONDS: Final = 30.0


def is_public(address: str) -> bool:
    """Whether an IP literal stands for a host on the public internet; False for what is no literal."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return _is_public(found.ipv4_mapped)
        if found in _NAT64:
            return _is_public(IPv4Address(int(found) & 0xFFFFFFFF))
        if any(found in network for network in _REFUSED):
            return False
    return _is_public(found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def parse_allowed(pairs: Iterable[str]) -> Allowed:
    """``host:port`` texts as comparable pairs; IPv6 addresses stand in brackets."""
    split = (pair.rpartition(":") for pair in pairs)
    return frozenset((host.strip("[]").lower(), int(port)) for host, _, port in split)


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order; spellings of addresses resolve too."""
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for httpcore, to checked addresses only."""

    def __init__(self, allowed: Callable[[], Allowed], resolve: Resolve = resolve) -> None:
        """``allowed`` is asked at each connection, so that a changed setting needs no new pool."""
        self._allowed = allowed
        self._resolve = resolve
        self._dial = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every answer, and connect to the first that answers. Raises ``BlockFailed``."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self.checked_addresses(host, port)
                return await self._connect(addresses, port, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"connecting to {host} took too long") from None

    async def checked_addresses(self, host: str, port: int) -> list[str]:
        """The addresses that may be dialled for a host; ``blocked_address`` when any of them may not."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from None
        allowed = self._allowed()
        if (host.rstrip(".").lower(), port) in allowed:
            return addresses
        if not addresses or not all(
            is_public(found) or (found.lower(), port) in allowed for found in addresses
        ):
            raise BlockFailed.because(
                ErrorClass.VALIDATION,
                "blocked_address",
                f"{host} is not a public address. Whoever runs this install can allow it: "
                f"RUNSHEET_HTTP_ALLOW={host}:{port}",
            )
        return addresses

    async def _connect(
        self, addresses: list[str], port: int, local_address: str | None, options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        refused: Exception = httpcore.ConnectError("no address to connect to")
        for address in addresses:
            try:
                return await self._dial.connect_tcp(
                    address, port, local_address=local_address, socket_options=options
                )
            except httpcore.ConnectError as error:
                refused = error
        raise refused


class GuardedPool(httpcore.AsyncConnectionPool):
    """httpcore's pool, which loses a connection when its request is cancelled at the wrong moment, without the loss.

    Between being given a connection and using it, a cancelled request leaves it behind in no state in which the
    pool would ever use or close it. Here such connections are found and closed when a request fails.
    """

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """As the parent does."""
        try:
            return await super().handle_async_request(request)
        except BaseException:
            await self._close_forsaken()
            raise

    async def _close_forsaken(self) -> None:
        used = {id(waiting.connection) for waiting in self._requests}
        forsaken = [
            connection
            for connection in self._connections
            if id(connection) not in used and not connection.is_idle() and not connection.is_closed()
        ]
        for connection in forsaken:
            self._connections.remove(connection)
        for connection in forsaken:
            await connection.aclose()


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, over a pool that connects through the guard. Reads nothing from the environment."""

    def __init__(self, backend: GuardedBackend) -> None:
        """Give httpx the pool it has no parameter for.

        The pool is not bounded: it looks at every waiting request whenever one comes or goes. Callers bound
        themselves (``fetch.MOST_AT_ONCE``).
        """
        ssl_context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=ssl_context, trust_env=False)
        self._pool = GuardedPool(
            ssl_context=ssl_context,
            max_connections=None,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=backend,
        )
