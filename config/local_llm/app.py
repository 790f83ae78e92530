"""The server: an ASGI application that counts, misbehaves when asked, and answers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config.local_llm import mind
from config.local_llm.chats import send_chat, send_refusal
from config.local_llm.faults import Fault, fault_wished
from config.local_llm.wire import Receive, Reply, Scope, Send, body_of, headers_of

MODELS: Final = ("local-small", "local-typist", "local-embed")
KEPT_REQUESTS: Final = 200


@dataclass(slots=True)
class Counts:
    """What one key has asked: ``most_under_way`` is the high-water mark of calls at the same time."""

    calls: int = 0
    under_way: int = 0
    most_under_way: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """As ``/counts`` tells it."""
        return {
            "calls": self.calls,
            "under_way": self.under_way,
            "most_under_way": self.most_under_way,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }


class LocalLlm:
    """One server's memory, and the application itself. ``asked`` is set once somebody has asked a model."""

    def __init__(self) -> None:
        """Nobody has asked anything yet."""
        self.forget()

    def forget(self) -> None:
        """Begin counting anew."""
        self.counts: dict[str, Counts] = {}
        self.sinks: Counter[str] = Counter()
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT_REQUESTS)
        self.asked = threading.Event()
        self._met: Counter[tuple[str, str]] = Counter()

    def of(self, key: str = "") -> Counts:
        """What a key has asked so far; the empty one is whoever has none."""
        return self.counts.setdefault(key, Counts())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        reply, headers, path = Reply(send), headers_of(scope), scope["path"].rstrip("/")
        content = await body_of(receive)
        if path == "/counts" and scope["method"] == "DELETE":
            self.forget()
            await reply.json({})
        elif path == "/counts":
            counted = {key: counts.as_json() for key, counts in self.counts.items()}
            await reply.json({"keys": counted, "sinks": dict(self.sinks)})
        elif path == "/requests":
            await reply.json(list(self.requests))
        elif path.startswith("/sink/"):
            self.sinks[path.removeprefix("/sink/")] += 1
            await reply.json({"heard": True})
        elif path == "/v1/models":
            await reply.json({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})
        elif path in {"/v1/chat/completions", "/v1/embeddings"} and scope["method"] == "POST":
            await self._asked(path, headers, content, reply)
        else:
            await reply.json({"error": {"message": f"Nothing at {path}."}}, 404)

    async def _asked(self, path: str, headers: Mapping[str, str], content: bytes, reply: Reply) -> None:
        try:
            body = json.loads(content)
        except ValueError:
            await reply.json({"error": {"message": "The body is not JSON."}}, 400)
            return
        key = headers.get("authorization", "").removeprefix("Bearer ")
        self.requests.append({"path": path, "key": key, "body": body})
        counts = self.of(key)
        counts.calls += 1
        counts.under_way += 1
        counts.most_under_way = max(counts.most_under_way, counts.under_way)
        self.asked.set()
        try:
            fault = self._fault(key, fault_wished(headers, body))
            counts.statuses[fault.status] += 1
            if fault.kind == "slow":
                await asyncio.sleep(fault.number("seconds", 0))
            await self._answer(path, key, body, fault, reply)
        finally:
            counts.under_way -= 1

    def _fault(self, key: str, fault: Fault) -> Fault:
        """The fault, unless it was met as often as it was asked for."""
        self._met[key, fault.wish] += 1
        times = fault.number("times", 0)
        return fault if not times or self._met[key, fault.wish] <= times else Fault()

    async def _answer(self, path: str, key: str, body: Mapping[str, Any], fault: Fault, reply: Reply) -> None:
        if fault.status != 200:
            await send_refusal(reply, fault, key)
            return
        if path == "/v1/embeddings":
            texts = mind.texts_of(body.get("input"))
            self.of(key).input_tokens += sum(map(mind.tokens_of, texts))
            await _send_embeddings(reply, body, texts)
            return
        sent = await send_chat(reply, body, fault, key)
        self.of(key).input_tokens += sent.input_tokens
        self.of(key).output_tokens += sent.output_tokens


async def _send_embeddings(reply: Reply, body: Mapping[str, Any], texts: Any) -> None:
    dimensions = int(body.get("dimensions") or mind.DIMENSIONS)
    tokens = sum(map(mind.tokens_of, texts))
    await reply.json(
        {
            "object": "list",
            "model": body.get("model"),
            "data": [
                {"object": "embedding", "index": index, "embedding": mind.vector_of(text, dimensions)}
                for index, text in enumerate(texts)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )
