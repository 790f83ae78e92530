"""An HTTP server that counts: the outside world of a chaos test, on which every effect of a block is seen."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LONGEST_HOLD_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to ``/<tag>/<step>``, and the idempotency key that it showed."""

    tag: str
    step: str
    idempotency_key: str | None


class Sink:
    """``{url}/<tag>/<step>`` answers 200 and notes the call. Tags keep the tests that share one apart."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.statuses: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.gates: dict[tuple[str, str], threading.Event] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.address}"

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for gate in self.gates.values():
            gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def will_answer(self, tag: str, step: str, *statuses: int) -> None:
        """The next calls of this step are answered like this, and those after them 200."""
        self.statuses[tag, step] = list(statuses)

    @contextmanager
    def holding(self, tag: str, step: str) -> Iterator[None]:
        """Calls of this step are noted at once and answered only when this ends."""
        gate = self.gates[tag, step] = threading.Event()
        try:
            yield
        finally:
            gate.set()

    def counts(self, tag: str) -> Counter[str]:
        """How often each step was called."""
        return Counter(call.step for call in list(self.calls) if call.tag == tag)

    def idempotency_keys(self, tag: str, step: str) -> set[str | None]:
        """The different keys that a step's calls showed."""
        return {call.idempotency_key for call in list(self.calls) if (call.tag, call.step) == (tag, step)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                sink.take(self)

            do_POST = do_PUT

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Note a call, wait at its gate, answer it; whoever asked may be gone by then."""
        tag, step = request.path.strip("/").split("/")
        request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.calls.append(Call(tag, step, request.headers.get("Idempotency-Key")))
        statuses = self.statuses[tag, step]
        status = statuses.pop(0) if statuses else 200
        if (gate := self.gates.get((tag, step))) is not None:
            gate.wait(LONGEST_HOLD_SECONDS)
        try:
            request.send_response(status)
            request.send_header("Content-Length", "0")
            request.end_headers()
        except OSError:  # killed meanwhile
            request.close_connection = True
