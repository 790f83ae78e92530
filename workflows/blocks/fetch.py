"""One bounded HTTP exchange over the process's shared, guarded connection pool (W32).

Bounded are: redirects (each hop checked again), bytes of the body *after* decompression, bytes of the
headers, and the time of the whole exchange, which is not the time between two bytes. Used by every block
that calls out.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from weakref import WeakKeyDictionary

import httpx
from django.conf import settings

from workflows.blocks.base import BlockFailed
from workflows.blocks.net import Allowed, GuardedBackend, GuardedTransport, parse_allowed
from workflows.engine.types import ErrorClass

MOST_REDIRECTS: Final = 5
MOST_HEADER_BYTES: Final = 32 * 1024
_TIMEOUT: Final = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=30.0)
_KEPT_ACROSS_ORIGINS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "user-agent"}
)

MOST_AT_ONCE: Final = 256
"""Exchanges under way at once in one process; further ones wait, within their deadline."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What the exchanges of one event loop share."""

    client: httpx.AsyncClient
    places: asyncio.Semaphore


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Call:
    """What to send, and how much may come back. ``deadline_seconds`` bounds the whole exchange."""

    method: str
    url: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    max_bytes: int = 1024 * 1024
    max_redirects: int = MOST_REDIRECTS
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case, the body decompressed."""

    status: int
    headers: dict[str, str]
    content: bytes
    encoding: str


async def fetch(call: Call) -> Answer:
    """Carry out ``call``. Raises ``BlockFailed`` for everything but an answer, whatever its status."""
    pool = shared_pool()
    with _faults_named(call):
        async with asyncio.timeout(call.deadline_seconds), pool.places:
            return await _exchange(pool.client, call)


@asynccontextmanager
async def opened(call: Call) -> AsyncIterator[Incoming]:
    """Carry out ``call`` up to the headers of its answer; the body comes piece by piece. Redirects are not followed.

    Raises as `fetch` does, also while the body is being read.
    """
    pool = shared_pool()
    with _faults_named(call):
        async with asyncio.timeout(call.deadline_seconds), pool.places:
            request = _request(pool.client, call)
            response = await pool.client.send(request, stream=True, follow_redirects=False)
            try:
                yield Incoming(response, call.max_bytes)
            finally:
                await response.aclose()


@contextmanager
def _faults_named(call: Call) -> Iterator[None]:
    """What goes wrong with an exchange, as the failure it is to a block."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise BlockFailed.because(ErrorClass.TIMEOUT, "timeout", f"{_host(call)} took too long.") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
        raise _invalid("request_invalid", f"The request cannot be sent: {error}") from None
    except httpx.TransportError as error:
        message = f"{_host(call)} cannot be reached: {str(error) or type(error).__name__}"
        raise BlockFailed.because(ErrorClass.UPSTREAM, "unreachable", message) from None


def shared_pool() -> Pool:
    """The pool of the running event loop: connections are kept, cookies are not, no environment is read."""
    loop = asyncio.get_running_loop()
    pool = _pools.get(loop)
    if pool is None:
        client = guarded_client(GuardedBackend(_allowed))
        pool = _pools[loop] = Pool(client, asyncio.Semaphore(MOST_AT_ONCE))
    return pool


def guarded_client(backend: GuardedBackend) -> httpx.AsyncClient:
    """A client that connects through ``backend``. Its jar refuses every cookie: callers share the client."""
    return httpx.AsyncClient(
        transport=GuardedTransport(backend),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": "Runsheet", "Accept-Encoding": "gzip, deflate"},
        timeout=_TIMEOUT,
        trust_env=False,
    )


def _allowed() -> Allowed:
    return parse_allowed(settings.RUNSHEET_HTTP_ALLOW)


def _request(client: httpx.AsyncClient, call: Call) -> httpx.Request:
    url = httpx.URL(call.url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise _invalid("url_invalid", "The URL must begin with http:// or https:// and name a host.")
    url = url.copy_merge_params(call.query) if call.query else url
    return client.build_request(call.method, url, headers=call.headers, content=call.content)


async def _exchange(client: httpx.AsyncClient, call: Call) -> Answer:
    request = _request(client, call)
    for _ in range(call.max_redirects + 1):
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is None or call.max_redirects == 0:
                return await Incoming(response, call.max_bytes).whole()
            request = _next_hop(request, response.next_request)
        finally:
            await response.aclose()
    raise _invalid("too_many_redirects", f"More than {call.max_redirects} redirects.")


def _next_hop(before: httpx.Request, after: httpx.Request) -> httpx.Request:
    """The request of the next hop; another origin learns none of the headers that could be secret."""
    if before.url.scheme == "https" and after.url.scheme != "https":
        raise _invalid("redirect_to_http", f"{before.url.host} redirects from https to {after.url.scheme}.")
    if _origin(before.url) != _origin(after.url):
        for name in (
            set(after.headers) - _KEPT_ACROSS_ORIGINS - {"host", "content-length", "transfer-encoding"}
        ):
            del after.headers[name]
    return after


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


class Incoming:
    """An answer whose body is still on its way: header names in lower case."""

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        """Refuses headers without end."""
        if sum(len(name) + len(value) for name, value in response.headers.raw) > MOST_HEADER_BYTES:
            raise _too_large(f"The headers of the answer exceed {MOST_HEADER_BYTES} bytes.")
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._body = _Body(response.headers.get("content-encoding", "identity"), max_bytes)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, decompressed. Raises ``BlockFailed`` once it exceeds the cap."""
        async for chunk in self._response.aiter_raw():
            yield self._body.unpacked(chunk)
        self._body.end()

    async def whole(self) -> Answer:
        """All of it."""
        content = b"".join([piece async for piece in self.pieces()])
        return Answer(self.status, self.headers, content, self._response.charset_encoding or "utf-8")


class _Body:
    """Measures a body and decompresses it piecewise: a bomb is noticed at the cap, not after it went off."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise BlockFailed.because(
                ErrorClass.UPSTREAM,
                "encoding_unknown",
                f"The answer is compressed by {encoding!r}, which was not asked.",
            )
        compressed = encoding not in {"", "identity"}
        self._unpack = zlib.decompressobj(wbits=47) if compressed else None  # 47: gzip or zlib, by its header
        self._max_bytes = max_bytes
        self._size = 0
        self._begun = False

    def unpacked(self, chunk: bytes) -> bytes:
        """Take the next bytes off the wire, and answer what they mean; raises once the cap is exceeded."""
        self._begun = True
        room = self._max_bytes - self._size
        try:
            piece = chunk if self._unpack is None else self._unpack.decompress(chunk, room + 1)
        except zlib.error:
            raise _broken() from None
        if len(piece) > room:
            raise _too_large(f"The answer exceeds {self._max_bytes} bytes. Raise max_bytes, or ask for less.")
        self._size += len(piece)
        return piece

    def end(self) -> None:
        """Raises when compressed data ends too early."""
        if self._unpack is not None and self._begun and not self._unpack.eof:
            raise _broken()


def _host(call: Call) -> str:
    """The host for messages; never the URL, whose path and query may hold secrets."""
    try:
        return httpx.URL(call.url).host or "The server"
    except httpx.InvalidURL:
        return "The server"


def _broken() -> BlockFailed:
    return BlockFailed.because(
        ErrorClass.UPSTREAM, "body_broken", "The compressed answer is damaged or cut short."
    )


def _too_large(message: str) -> BlockFailed:
    return _invalid("response_too_large", message)


def _invalid(code: str, message: str) -> BlockFailed:
    return BlockFailed.because(ErrorClass.VALIDATION, code, message)
