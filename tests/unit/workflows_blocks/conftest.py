"""A real HTTP server on loopback, and a context to run blocks with."""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from workflows.blocks.base import Answer, Block, BlockContext, BlockFailed, BlockPause, BlockResult
from workflows.blocks.fetch import shared_pool
from workflows.blocks.registry import block_types
from workflows.engine.config import compile_config
from workflows.engine.outputs import clean_output
from workflows.engine.types import BlockError, ErrorClass

Handler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Received:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LocalServer:
    """Answers by the handler registered for a path (without its query); remembers every request."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def allowed(self) -> str:
        return f"{self.address}:{self.port}"

    def answers(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.handlers[path] = lambda request: send(request, body, status, headers)


def send(request: BaseHTTPRequestHandler, body: bytes, status: int, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def serve(address: str = "127.0.0.1") -> Iterator[LocalServer]:
    local = LocalServer(address=address)

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            local.received.append(Received(self.command, self.path, headers, body))
            handler = local.handlers.get(self.path.partition("?")[0])
            handler(self) if handler else send(self, b"nothing here", 404, {})

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Clients that hang up are what some tests are about."""

    server = Server((address, 0), Requests)
    local.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield local
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed_server() -> Iterator[LocalServer]:
    """A local server that no setting allows to be called."""
    yield from serve()


@pytest.fixture
def server(settings: Settings) -> Iterator[LocalServer]:
    """A local server that the install allows."""
    for local in serve():
        settings.RUNSHEET_HTTP_ALLOW = [local.allowed]
        yield local


def context(seconds: float | None = 5.0, **roots: Any) -> BlockContext:
    return BlockContext(
        run_id=uuid4(),
        workspace_id=uuid4(),
        step_key="a",
        attempt=1,
        idempotency_key="key-1",
        roots={"input": {}, "blocks": {}, **roots},
        deadline_monotonic=None if seconds is None else time.monotonic() + seconds,
    )


def run(type_name: str, config: dict[str, Any], where: BlockContext | None = None) -> Any:
    """Run one block by its resolved config, awaiting it when it is async."""
    return run_block(block_types()[type_name], config, where or context())


def run_block(block: Block[Any], values: dict[str, Any], where: BlockContext) -> Any:
    """As the executor does: typed config in, storable output (or a pause) out."""
    config, faults = compile_config("a", block.config_model, values)
    assert not config.resolver, "resolve templates first"
    if faults:
        raise BlockFailed.because(
            ErrorClass.VALIDATION, faults[0].code, f"{faults[0].field}: {faults[0].message}"
        )
    answer = block.run(where, config.constant)
    result = asyncio.run(closing(answer)) if inspect.isawaitable(answer) else answer
    return result if isinstance(result, BlockPause) else cleaned(result)


def wake_block(block: Block[Any], values: dict[str, Any], answer: Answer, where: BlockContext) -> Any:
    """Go on after a pause, as the executor does."""
    config, _ = compile_config("a", block.config_model, values)
    result = block.wake(where, config.constant, answer)
    return result if isinstance(result, BlockPause) else cleaned(result)


def cleaned(result: BlockResult) -> BlockResult:
    """The result with its output as it would be stored."""
    output = clean_output(result.output, 1024 * 1024)
    if isinstance(output, BlockError):
        raise BlockFailed(output)
    return replace(result, output=output)


async def closing(answer: Awaitable[BlockResult | BlockPause]) -> BlockResult | BlockPause:
    """Await within this loop, then close the loop's connection pool."""
    try:
        return await answer
    finally:
        await shared_pool().client.aclose()
