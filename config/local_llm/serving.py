"""The server in a thread of this process, on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from config.local_llm.app import Counts, LocalLlm


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that runs, and what it remembers."""

    app: LocalLlm
    port: int

    @property
    def url(self) -> str:
        """The base URL, as configs of blocks name it."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root(self) -> str:
        """Where ``/counts`` and ``/sink/…`` are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def allowed(self) -> str:
        """The pair that `RUNSHEET_HTTP_ALLOW` must hold."""
        return f"127.0.0.1:{self.port}"

    def of(self, key: str = "") -> Counts:
        """What a key has asked."""
        return self.app.of(key)


@contextmanager
def serving(port: int = 0) -> Iterator[Serving]:
    """Run it while the block lasts; port 0 takes any that is free. Raises ``OSError`` when the port is taken."""
    app = LocalLlm()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        server = uvicorn.Server(configured(app, listener.getsockname()[1]))
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="local llm", daemon=True
        )
        thread.start()
        try:
            yield Serving(app, listener.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def configured(app: LocalLlm, port: int, host: str = "127.0.0.1") -> uvicorn.Config:
    """How uvicorn runs it: quietly, for broken connections are what it is for."""
    return uvicorn.Config(
        app, host=host, port=port, log_level="critical", access_log=False, lifespan="off", ws="none"
    )
