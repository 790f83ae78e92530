"""The frames of a live socket (`api.md`) and the short queue in which they wait for one socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from workspaces.live.log import Event

QUEUED_FRAMES: Final = 64
"""Frames a socket may lag behind before it is told `pruned` instead."""
PING: Final = '{"type":"ping"}'

_dump = json.JSONEncoder(separators=(",", ":")).encode


def hello_frame(seq: str, *, resumed: bool) -> str:
    """Open a conversation: `resumed` says that nothing since the client's own `seq` is missing."""
    return _dump({"type": "hello", "seq": seq, "resumed": resumed})


def events_frame(seq: str, events: Sequence[Event]) -> str:
    """Carry events; after it the client stands at `seq`."""
    return _dump({"type": "events", "seq": seq, "events": events})


def pruned_frame(seq: str) -> str:
    """Say that events may be missing: the client refetches and stands at `seq`."""
    return _dump({"type": "pruned", "seq": seq})


class Subscription:
    """What one socket still has to be sent: a short queue that forgets rather than grows (T34)."""

    def __init__(self) -> None:
        self.seq = ""  # where the socket stands once it has read everything queued
        self._opening: list[str] = []
        self._frames: asyncio.Queue[str] = asyncio.Queue(QUEUED_FRAMES)

    def open(self, *frames: str, seq: str = "") -> None:
        """Set what is sent before anything queued meanwhile; it brings the client to `seq`."""
        self._opening = list(frames)
        self.seq = self.seq or seq  # something queued meanwhile is further already

    def open_with(self, events: Sequence[Event]) -> None:
        """Add events for this socket alone to what is sent first."""
        self._opening.append(events_frame(self.seq, events))

    def prune(self) -> None:
        """Have this socket alone refetch."""
        self.put(pruned_frame(self.seq), self.seq)

    def put(self, frame: str, seq: str) -> None:
        """Queue a frame that brings the client to `seq`; too much unread becomes one `pruned`."""
        if self._frames.full():
            while not self._frames.empty():
                self._frames.get_nowait()
            frame = pruned_frame(seq)
        self._frames.put_nowait(frame)
        self.seq = seq

    async def next(self) -> str:
        """Wait for the next frame to send."""
        return self._opening.pop(0) if self._opening else await self._frames.get()
