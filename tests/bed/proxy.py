"""A TCP proxy whose wire a test can hold, cut and slow: the network between a process and PostgreSQL or Redis."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlsplit

CHUNK_BYTES = 65_536


class Proxy:
    """Listens on a loopback port and passes everything on to ``(host, port)``, or to a Unix socket.

    ``hold`` keeps what comes, in both directions, until ``release`` delivers it, late and in order. ``cut`` breaks all
    connections, and refuses new ones until ``mend``. Use it as a context manager.
    """

    def __init__(self, target: tuple[str, int] | Path) -> None:
        """``target`` is looked up anew for every connection: a server that restarts is found again."""
        self.target = target
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._refuses = False
        self._delay = (0.0, 0.0)
        self._random = random.Random(0)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self.port = self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    def hold(self) -> None:
        """From now on nothing comes through; connections stay, and new ones get no answer."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        """What was held is delivered, and all that follows at once."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def cut(self) -> None:
        """Every connection breaks, and none is made."""
        self._refuses = True
        self._do(self._break())

    def mend(self) -> None:
        """New connections are taken again."""
        self._refuses = False

    def delay(self, share: float, seconds: float, seed: int = 0) -> None:
        """Of what comes from the client a random share waits so long, and what follows on its connection with it."""
        self._delay, self._random = (share, seconds), random.Random(seed)

    # ---- inside, on the loop's thread ----------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> int:
        self._flows = asyncio.Event()
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._refuses:
                return
            await self._flows.wait()
            there, back = await self._connect()
            self._writers.add(back)
            ways = [self._pass(reader, back, *self._delay), self._pass(there, writer)]
            done, rest = await asyncio.wait(
                [asyncio.ensure_future(way) for way in ways], return_when=asyncio.FIRST_COMPLETED
            )
            for task in rest:
                task.cancel()
            await asyncio.gather(*done, *rest, return_exceptions=True)
            self._writers.discard(back)
            back.close()
        except (
            OSError,
            asyncio.CancelledError,
        ):  # the server is away, or the proxy ends: so does this connection
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(str(self.target))
        return await asyncio.open_connection(*self.target)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        share: float = 0.0,
        seconds: float = 0.0,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                if share and self._random.random() < share:
                    await asyncio.sleep(seconds)
                await self._flows.wait()
                sink.write(data)
                await sink.drain()

    async def _break(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _close(self) -> None:
        self._server.close()
        await self._break()
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def to_redis(url: str) -> tuple[Proxy, str]:
    """A proxy to that Redis, not entered yet, and a template of the address through it: ``…{address}…``."""
    parts = urlsplit(url)
    proxy = Proxy((parts.hostname or "127.0.0.1", parts.port or 6379))
    return proxy, f"redis://:{quote(parts.password or '')}@{{address}}{parts.path}"


def to_postgres(url: str, database: str) -> tuple[Proxy, str]:
    """A proxy to that PostgreSQL, and a template of the address of one of its databases through it."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    target = Path(folder) / ".s.PGSQL.5432" if folder else (parts.hostname or "127.0.0.1", parts.port or 5432)
    person = f"{parts.username}:{parts.password}" if parts.password else f"{parts.username}"
    return Proxy(target), f"postgres://{person}@{{address}}/{database}"
