"""Where blocks run that cannot run in the executor's own thread: this process's event loop and its thread pool.

A *flight* is one attempt under way. Its completion is put on the executor's queue; a flight that timed out or was
stopped is forgotten, and its late completion matches nothing.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from typing import Any
from uuid import UUID

from workflows.blocks.base import BlockResult
from workflows.engine.types import BlockError

BLOCK_THREADS = 128
"""Sync blocks under way at once in one process; they mostly wait."""

_guard = threading.Lock()
_pid = 0
_loop: asyncio.AbstractEventLoop | None = None
_threads: ThreadPoolExecutor | None = None


@dataclass(slots=True)
class Flight:
    """One attempt under way. ``deadline`` is an instant of ``time.monotonic()``, None for no limit of its own."""

    run_id: UUID
    key: str
    n: int
    started_at: datetime
    started: float
    deadline: float | None
    values: dict[str, Any]
    input_hash: str
    future: Future[BlockResult] | None = None


Landing = tuple[Flight, BlockResult | BlockError | BaseException]
Landings = SimpleQueue[Landing]


def take_off_async(flight: Flight, work: Callable[[], Awaitable[BlockResult]], landings: Landings) -> None:
    """Run an ``async def`` block on the process's event loop; cancelling its future really ends it."""

    async def run() -> BlockResult:
        return await work()

    flight.future = asyncio.run_coroutine_threadsafe(run(), _event_loop())
    flight.future.add_done_callback(lambda future: landings.put((flight, _landed(future))))


def take_off_thread(flight: Flight, work: Callable[[], BlockResult], landings: Landings) -> None:
    """Run a sync block in the thread pool; cancelling is cooperative there (W17)."""
    flight.future = _thread_pool().submit(work)
    flight.future.add_done_callback(lambda future: landings.put((flight, _landed(future))))


def _landed(future: Future[BlockResult]) -> BlockResult | BaseException:
    if future.cancelled():
        return asyncio.CancelledError()
    error = future.exception()
    return future.result() if error is None else error


def _fresh_process() -> None:
    """Loops and threads do not survive a fork: a child makes its own. Called under the guard."""
    global _pid, _loop, _threads
    if _pid != os.getpid():
        _pid, _loop, _threads = os.getpid(), None, None


def _event_loop() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603
    with _guard:
        _fresh_process()
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="blocks", daemon=True).start()
        return _loop


def _thread_pool() -> ThreadPoolExecutor:
    global _threads  # noqa: PLW0603
    with _guard:
        _fresh_process()
        if _threads is None:
            _threads = ThreadPoolExecutor(BLOCK_THREADS, thread_name_prefix="block")
        return _threads
