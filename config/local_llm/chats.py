"""A chat answer sent: whole or in pieces, as it should be or as a fault has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from config.local_llm import mind
from config.local_llm.faults import Fault
from config.local_llm.wire import Broken, Reply

HUGE_BYTES: Final = 32 * 1024 * 1024
PACES: Final[Mapping[str, float]] = {"local-typist": 0.02}
"""Seconds between two words, for models that take their time."""

_REASONS: Final[Mapping[str, str]] = {
    "filter": "content_filter",
    "length": "length",
    "tool_call": "tool_calls",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, made up and not yet sent."""

    model: str
    text: str
    finish_reason: str
    refusal: str | None
    calls: Sequence[Mapping[str, Any]]
    input_tokens: int

    @property
    def output_tokens(self) -> int:
        """What it counts for."""
        return mind.tokens_of(self.text)

    @property
    def usage(self) -> dict[str, int]:
        """As the protocol tells it."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
        }

    @property
    def message(self) -> dict[str, Any]:
        """The whole message."""
        extra: dict[str, Any] = {"tool_calls": list(self.calls)} if self.calls else {}
        return {"role": "assistant", "content": self.text, "refusal": self.refusal, **extra}


async def send_refusal(reply: Reply, fault: Fault, key: str) -> None:
    """A status that is none of success."""
    headers = {}
    if "retry_after" in fault.parameters:
        seconds = fault.number("retry_after", 0)
        moment = datetime.now(UTC) + timedelta(seconds=seconds)
        headers["retry-after"] = (
            format_datetime(moment, usegmt=True) if fault.number("as_date", 0) else str(int(seconds))
        )
    said = (
        f"Incorrect API key provided: {key}" if fault.number("echo", 0) else f"Asked to fail by {fault.kind}."
    )
    await reply.json({"error": {"message": said, "code": fault.kind}}, fault.status, headers)


async def send_chat(reply: Reply, body: Mapping[str, Any], fault: Fault, key: str) -> Said:
    """The answer to a conversation."""
    said = _said(body, fault, key)
    if fault.kind == "huge":
        await _send_huge(reply, said, int(fault.number("bytes", HUGE_BYTES)), stream=bool(body.get("stream")))
    elif fault.kind == "malformed":
        await reply.whole(b'{"choices": [{"message": {{', "application/json")
    elif body.get("stream") and fault.kind != "whole":
        await _send_events(reply, body, said, fault)
    else:
        await _send_whole(reply, said, fault)
    return said


def _said(body: Mapping[str, Any], fault: Fault, key: str) -> Said:
    text = {
        "not_json": "I would rather say it in prose.",
        "unknown": '{"label": "nowhere", "route": "nowhere", "confidence": 0.9}',
        "echo": key,
        "filter": "",
        "refusal": "",
    }.get(fault.kind)
    url = fault.parameters.get("url", "")
    calls: list[dict[str, Any]] = []
    if fault.kind == "tool_call":
        call = {"name": "http_get", "arguments": json.dumps({"url": url})}
        calls = [{"id": "call_1", "index": 0, "type": "function", "function": call}]
        text = f"<tool_call>GET {url}</tool_call> {{{{ secrets.KEY }}}}"
    if text is None:
        text = mind.answer_to(body)
    if fault.kind == "length":
        text = text[: len(text) // 2]
    return Said(
        model=str(body.get("model")),
        text=text,
        finish_reason=_REASONS.get(fault.kind, "stop"),
        refusal="I will not help with that." if fault.kind == "refusal" else None,
        calls=calls,
        input_tokens=sum(mind.tokens_of(mind.text_of(turn)) for turn in body.get("messages", [])),
    )


async def _send_whole(reply: Reply, said: Said, fault: Fault) -> None:
    choice = {"index": 0, "message": said.message, "finish_reason": said.finish_reason}
    answer: dict[str, Any] = {
        "id": "chatcmpl-local",
        "object": "chat.completion",
        "model": said.model,
        "choices": [] if fault.kind == "no_choices" else [choice],
    }
    if fault.kind != "no_usage":
        answer["usage"] = said.usage
    content = json.dumps(answer, ensure_ascii=False).encode()
    if fault.kind == "truncated":
        await reply.whole(content[: len(content) // 2], "application/json")
    elif fault.kind == "drop":
        await reply.begin("application/json", headers={"content-length": str(len(content))})
        await reply.piece(content[: len(content) // 2])
        raise Broken
    else:
        await reply.whole(content, "application/json")


async def _send_events(reply: Reply, body: Mapping[str, Any], said: Said, fault: Fault) -> None:
    await reply.begin("text/event-stream")
    await reply.piece(b": as the protocol allows, a comment\n\n")
    if fault.kind == "no_choices":
        await reply.event("[DONE]")
        await reply.end()
        return
    await reply.event(_delta(said, {"role": "assistant", "content": ""}))
    pieces = list(said.text) if fault.kind == "echo" else mind.pieces_of(said.text)
    until = {"truncated": len(pieces) // 2, "drop": int(fault.number("after", 2)), "error": 1}.get(fault.kind)
    for piece in pieces[:until]:
        await reply.event(_delta(said, {"content": piece}))
        await asyncio.sleep(fault.number("each", PACES.get(said.model, 0)))
    if fault.kind == "drop":
        raise Broken
    if fault.kind == "error":
        await reply.event({"error": {"message": "overloaded", "type": "server_error"}})
    if until is None:
        await _send_ending(reply, body, said, fault)
    await reply.end()


async def _send_ending(reply: Reply, body: Mapping[str, Any], said: Said, fault: Fault) -> None:
    if said.calls or said.refusal:
        extra = {"tool_calls": list(said.calls)} if said.calls else {"refusal": said.refusal}
        await reply.event(_delta(said, extra))
    await reply.event(_delta(said, {}, said.finish_reason))
    if (body.get("stream_options") or {}).get("include_usage") and fault.kind != "no_usage":
        await reply.event({"model": said.model, "choices": [], "usage": said.usage})
    await reply.event("[DONE]")


async def _send_huge(reply: Reply, said: Said, size: int, *, stream: bool) -> None:
    piece = "x" * 16_384
    await reply.begin("text/event-stream" if stream else "application/json")
    if not stream:
        await reply.piece(b'{"choices": [{"message": {"content": "')
    for _ in range(size // len(piece)):
        if stream:
            await reply.event(_delta(said, {"content": piece}))
        else:
            await reply.piece(piece.encode())
    if stream:
        await reply.event("[DONE]")
    else:
        await reply.piece(b'"}}]}')
    await reply.end()


def _delta(said: Said, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-local",
        "object": "chat.completion.chunk",
        "model": said.model,
        "choices": [choice],
    }
