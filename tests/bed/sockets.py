"""The client's end of a websocket, spoken to as a server would."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from config.asgi import application

HOST = [(b"host", b"testserver"), (b"origin", b"http://testserver")]


class Socket:
    """One websocket to the whole application."""

    def __init__(self, path: str, query: str, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {
            "type": "websocket", "path": path, "query_string": query.encode(), "headers": headers, "subprotocols": [],
        }  # fmt: skip
        communicator: Any = ApplicationCommunicator  # it has no types
        self.line = communicator(application, scope)
        self.accepted = False

    async def connect(self) -> None:
        await self.line.send_input({"type": "websocket.connect"})
        self.accepted = (await self.line.receive_output(5))["type"] == "websocket.accept"

    async def say(self, text: str) -> None:
        await self.line.send_input({"type": "websocket.receive", "text": text})

    async def frame(self) -> dict[str, Any]:
        return dict(json.loads((await self.line.receive_output(5))["text"]))

    async def close_code(self) -> int:
        told = await self.line.receive_output(5)
        assert told["type"] == "websocket.close", told
        return int(told["code"])

    async def leave(self) -> None:
        await self.line.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.line.wait(5)
