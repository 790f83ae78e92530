"""Bytes in and out: the little of ASGI that the server needs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Broken(Exception):
    """The connection ends here: uvicorn closes it when an answer is left unfinished."""


class Reply:
    """One answer, on its way."""

    def __init__(self, send: Send) -> None:
        """Nothing is sent before the first call."""
        self._send = send

    async def json(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A whole JSON answer."""
        await self.whole(json.dumps(value, ensure_ascii=False).encode(), "application/json", status, headers)

    async def whole(
        self, content: bytes, kind: str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer of any kind."""
        await self.begin(kind, status, {**(headers or {}), "content-length": str(len(content))})
        await self.piece(content)
        await self.end()

    async def begin(self, kind: str, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """The headers; pieces follow."""
        named = {"content-type": kind, **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in named.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def piece(self, content: bytes) -> None:
        """Some of the body, sent at once."""
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def event(self, value: Any) -> None:
        """One server-sent event."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        await self.piece(f"data: {text}\n\n".encode())

    async def end(self) -> None:
        """Nothing more comes."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def body_of(receive: Receive) -> bytes:
    """The whole body of a request."""
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def headers_of(scope: Scope) -> dict[str, str]:
    """Header names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
