"""One call to a provider that speaks the OpenAI protocol: its place under the limits, its request, its answer (W33).

Goes through the guarded pool of `fetch`, so no private address is called unless the install allows it. What the
provider says is redacted before anything else reads it: the key may be the install's own, which no run knows of.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx

from workflows.blocks.base import BlockContext, BlockFailed
from workflows.blocks.fetch import Call, Incoming, opened
from workflows.blocks.http import retry_after
from workflows.blocks.json_schema import SchemaInvalid, TooLong, schema_errors
from workflows.blocks.llm_answers import (
    DONE,
    ChatAnswer,
    EventLines,
    cut_short,
    json_of,
    mismatch,
    parsed,
    usage_of,
)
from workflows.blocks.llm_config import ChatConfig, ModelConfig, Target
from workflows.blocks.llm_limits import Caller, Place, hold, place_at, tokens_reckoned
from workflows.blocks.llm_providers import Usage
from workflows.blocks.llm_redaction import Redactor
from workflows.engine.types import BlockError, ErrorClass

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one answer on the wire: an event stream takes some forty bytes for each of text."""

MOST_REFUSAL_BYTES: Final = 64 * 1024
MOST_MESSAGE: Final = 700
SCHEMA_SECONDS: Final = 0.5

_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("unauthorized", "The provider does not accept the key"),
    403: ("forbidden", "The provider does not allow this"),
    404: ("not_found", "The provider knows no such model or address"),
}
_BUSY: Final = frozenset({408, 409, 425, 529})

Message = Mapping[str, Any]


async def chat(
    context: BlockContext,
    config: ChatConfig,
    messages: Sequence[Message],
    *,
    schema: Mapping[str, Any] | None = None,
    strict: bool = True,
    stream: bool = False,
) -> ChatAnswer:
    """Ask a chat model. With ``schema`` the answer shall be JSON of it; `checked_json` reads it.

    With ``stream`` each piece of text is shown as it comes. Raises ``BlockFailed`` or ``BlockPostponed``.
    """
    target = config.target()
    redactor = _redactor(context, target)
    body = _chat_body(config, target, messages, schema, strict=strict, stream=stream)
    written = _shown_length(messages)
    answer = ChatAnswer(show=(lambda text: _show(context, redactor.feed(text))) if stream else _hide)
    async with _asked(
        context, target, "/chat/completions", body, tokens_reckoned(written, config.max_tokens)
    ) as (
        incoming,
        place,
    ):
        await _read_chat(incoming, answer)
        place.took = answer.usage.total if answer.usage else None
    _show(context, redactor.end() if stream else "")
    answer.redact(redactor.clean)
    answer.cost = _cost(target, answer.usage)
    answer.check()
    if schema is not None and answer.finish_reason == "length":
        message = "The answer reached max_tokens before it was complete, so it is no JSON."
        raise BlockFailed.because(ErrorClass.VALIDATION, "max_tokens_reached", message)
    return answer


@dataclass(frozen=True, slots=True)
class Vectors:
    """What an embedding model answered: its entries as they came, unchecked."""

    entries: list[Any]
    usage: Usage | None
    model: str
    cost: Decimal | None

    def account(self) -> dict[str, Any]:
        """What an output says of it beside the vectors."""
        return {"usage": self.usage.as_json() if self.usage else None, "model": self.model}


async def embeddings(
    context: BlockContext, config: ModelConfig, texts: list[str], dimensions: int | None
) -> Vectors:
    """Ask for the vectors of ``texts``. Raises ``BlockFailed`` or ``BlockPostponed``."""
    target = config.target()
    body = {"model": target.model, "input": texts, "encoding_format": "float", **config.options}
    if dimensions is not None:
        body["dimensions"] = dimensions
    reckoned = tokens_reckoned(sum(map(len, texts)), 0)
    async with _asked(context, target, "/embeddings", body, reckoned) as (incoming, place):
        answer = parsed(b"".join([piece async for piece in _pieces(incoming)]))
        usage = usage_of(answer)
        place.took = usage.total if usage else None
    entries, model = answer.get("data"), str(answer.get("model") or target.model)
    found = entries if isinstance(entries, list) else []
    return Vectors(found, usage, _redactor(context, target).clean(model), _cost(target, usage))


async def checked_json(answer: ChatAnswer, schema: Mapping[str, Any]) -> Any:
    """The JSON that the model answered. Raises ``BlockFailed`` (``schema_mismatch``) unless it keeps to ``schema``."""
    value = json_of(answer.text)
    try:
        errors = await asyncio.to_thread(schema_errors, schema, value, SCHEMA_SECONDS)
    except SchemaInvalid as error:
        raise BlockFailed.because(ErrorClass.VALIDATION, "schema_invalid", str(error)) from None
    except TooLong:
        raise mismatch("checking it took too long", answer.text) from None
    if errors:
        first = "; ".join(f"{error['path']}: {error['message']}" for error in errors[:3])
        raise mismatch(first, answer.text)
    return value


@asynccontextmanager
async def _asked(
    context: BlockContext, target: Target, path: str, body: Mapping[str, Any], tokens: int
) -> AsyncIterator[tuple[Incoming, Place]]:
    """The answer to a request, under the target's limits; a refusal is raised and, where it asks for it, kept to."""
    caller = Caller(context.idempotency_key, context.workspace_id)
    call = _call(context, target, path, body)
    try:
        async with place_at(target.name, target.limits, caller, tokens) as place, opened(call) as incoming:
            if not 200 <= incoming.status <= 299:
                error = await _refusal(incoming)
                if incoming.status == 429:
                    place.took = 0
                    await hold(target.name, error.retry_after_seconds or 0)
                raise BlockFailed(error)
            yield incoming, place
    except BlockFailed as failure:  # redacted before it is shortened: half a secret is one too
        message = _redactor(context, target).clean(failure.error.message)
        if failure.error.code == "response_too_large":
            message = f"The provider's answer exceeds {MOST_BYTES:,} bytes."
        raise BlockFailed(replace(failure.error, message=message[:MOST_MESSAGE])) from None


def _redactor(context: BlockContext, target: Target) -> Redactor:
    return Redactor([*context.secrets.values(), target.api_key])


def _cost(target: Target, usage: Usage | None) -> Decimal | None:
    return None if target.price is None or usage is None else target.price.of(usage)


def _call(context: BlockContext, target: Target, path: str, body: Mapping[str, Any]) -> Call:
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    if target.api_key:
        headers["Authorization"] = f"Bearer {target.api_key}"
    try:
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise BlockFailed.because(
            ErrorClass.VALIDATION, "request_invalid", f"The request cannot be written: {error}"
        ) from None
    return Call(
        method="POST",
        url=target.base_url + path,
        headers=headers,
        content=content,
        max_bytes=MOST_BYTES,
        deadline_seconds=context.remaining_seconds(),
    )


def _chat_body(
    config: ChatConfig,
    target: Target,
    messages: Sequence[Message],
    schema: Mapping[str, Any] | None,
    *,
    strict: bool,
    stream: bool,
) -> dict[str, Any]:
    body: dict[str, Any] = {"model": target.model, "messages": messages, "stream": stream, **config.options}
    if stream:
        body["stream_options"] = {"include_usage": True}
    for name in ("temperature", "max_tokens"):
        if getattr(config, name) is not None:
            body[name] = getattr(config, name)
    if schema is None:
        return body
    if config.json_mode == "schema":
        wanted = {"name": "answer", "schema": schema, "strict": strict}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body
    told = f"Answer with one JSON object and nothing else. It must keep to this JSON schema:\n{json.dumps(schema)}"
    body["messages"] = [{"role": "system", "content": told}, *messages]
    if config.json_mode == "object":
        body["response_format"] = {"type": "json_object"}
    return body


async def _read_chat(incoming: Incoming, answer: ChatAnswer) -> None:
    """Take the answer in, whole or as events: a server may do either, whatever it was asked."""
    if not incoming.headers.get("content-type", "").startswith("text/event-stream"):
        answer.take(parsed(b"".join([piece async for piece in _pieces(incoming)])))
        return
    lines, ended = EventLines(), False
    async for piece in _pieces(incoming):
        for data in lines.feed(piece):
            ended = ended or data.strip() == DONE
            if not ended:
                answer.take(parsed(data))
    if not ended and answer.finish_reason is None:
        raise cut_short()


async def _pieces(incoming: Incoming) -> AsyncIterator[bytes]:
    """The body as it comes; a connection that breaks is an answer cut short."""
    try:
        async for piece in incoming.pieces():
            yield piece
    except (httpx.RemoteProtocolError, httpx.ReadError):
        raise cut_short() from None


async def _refusal(incoming: Incoming) -> BlockError:
    """The failure that a status stands for, with what the provider says to it."""
    status, said = incoming.status, _message_of(await _beginning(incoming))
    code, words = _REFUSALS.get(status, ("request_refused", "The provider refused the request"))
    error_class = ErrorClass.VALIDATION
    if status == 429:
        error_class, code, words = ErrorClass.RATE_LIMITED, "rate_limited", "The provider asked to wait"
    elif status >= 500 or status in _BUSY:
        error_class, code, words = ErrorClass.UPSTREAM, "upstream_error", "The provider failed"
    return BlockError(
        error_class,
        code,
        f"{words} ({status}){': ' if said else '.'}{said}",
        {"status": status},
        retry_after(incoming.headers.get("retry-after"), datetime.now(UTC)),
    )


async def _beginning(incoming: Incoming) -> bytes:
    """As much of a refusal as anybody would read."""
    found = b""
    async for piece in _pieces(incoming):
        found += piece
        if len(found) >= MOST_REFUSAL_BYTES:
            break
    return found


def _message_of(content: bytes) -> str:
    """The provider's own words, out of the shapes in which providers put them."""
    try:
        told = parsed(content)
    except BlockFailed:
        return content.decode(errors="replace")
    error = told.get("error", told)
    if isinstance(error, dict):
        error = error.get("message") or told.get("message") or told.get("detail") or ""
    return str(error)


def _shown_length(messages: Sequence[Message]) -> int:
    return sum(len(str(message.get("content", ""))) for message in messages)


def _show(context: BlockContext, text: str) -> None:
    if text:
        context.chunk(text)


def _hide(text: str) -> None:
    """Nobody is shown pieces of an answer that is read as a whole."""
