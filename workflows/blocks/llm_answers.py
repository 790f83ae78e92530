"""What comes back from a chat model, put together from one JSON answer or from server-sent events (W33).

It is data. Texts are taken; whatever else it holds, tool calls among it, is left where it is (S26).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from workflows.blocks.base import BlockFailed
from workflows.blocks.llm_providers import Usage
from workflows.engine.types import BlockError, ErrorClass

MOST_TEXT_BYTES: Final = 1024 * 1024
MOST_LINE_BYTES: Final = 1024 * 1024
DONE: Final = "[DONE]"

Show = Callable[[str], None]


class EventLines:
    """Cuts a stream of bytes into the data of server-sent events, wherever the pieces begin and end."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data of every event that ``piece`` completes. Comments and other fields are passed over."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise malformed("a line of it never ends")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", errors="replace")
            if text.startswith("data:"):
                self._data.append(text[5:].removeprefix(" "))
            elif not text and self._data:
                yield "\n".join(self._data)
                self._data = []


@dataclass(slots=True)
class ChatAnswer:
    """A chat model's answer as far as it has come. ``show`` is told each piece of text, in order."""

    show: Show
    finish_reason: str | None = None
    model: str = ""
    refusal: str = ""
    usage: Usage | None = None
    cost: Decimal | None = None
    _texts: list[str] = field(default_factory=list)
    _size: int = 0
    _choices: int = 0

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._texts)

    def account(self) -> dict[str, Any]:
        """What an output says of it beside the answer itself."""
        return {"usage": self.usage.as_json() if self.usage else None, "model": self.model}

    def take(self, part: Mapping[str, Any]) -> None:
        """Take in a whole answer, or one event of a stream. Raises ``BlockFailed`` when it tells of an error."""
        if part.get("error"):
            raise BlockFailed(stream_error(part["error"]))
        self.model = str(part.get("model") or self.model)
        self.usage = usage_of(part) or self.usage
        choices = part.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if not isinstance(choice, dict):
                raise malformed("a choice is no object")
            if choice.get("index") in (0, None):
                self._choices += 1
                self._choose(choice)

    def redact(self, clean: Callable[[str], str]) -> None:
        """Take secrets out of it, once it is whole."""
        self._texts, self.refusal, self.model = [clean(self.text)], clean(self.refusal), clean(self.model)

    def check(self) -> ChatAnswer:
        """The answer, if it is one. Raises ``BlockFailed`` for none at all, and for what the provider held back."""
        if not self._choices:
            raise BlockFailed.because(
                ErrorClass.UPSTREAM, "no_choices", "The provider answered without an answer."
            )
        if self.finish_reason == "content_filter":
            message = "The provider's content filter held the answer back."
            raise BlockFailed.because(ErrorClass.VALIDATION, "content_filtered", message)
        if self.refusal:  # in words of its own, which are redacted by now
            message = f"The model refused: {self.refusal[:500]}"
            raise BlockFailed.because(ErrorClass.VALIDATION, "model_refused", message)
        return self

    def _choose(self, choice: Mapping[str, Any]) -> None:
        said = choice.get("delta") or choice.get("message") or {}
        if not isinstance(said, dict):
            raise malformed("its message is no object")
        if choice.get("finish_reason"):
            self.finish_reason = str(choice["finish_reason"])
        self.refusal += str(said.get("refusal") or "")
        text = _text_of(said.get("content"))
        if text:
            self._size += len(text.encode("utf-8", errors="replace"))
            if self._size > MOST_TEXT_BYTES:
                raise BlockFailed.because(
                    ErrorClass.VALIDATION,
                    "response_too_large",
                    f"The answer exceeds {MOST_TEXT_BYTES:,} bytes.",
                )
            self._texts.append(text)
            self.show(text)


def parsed(text: str | bytes) -> dict[str, Any]:
    """One JSON object off the wire. Raises ``BlockFailed``: what is cut short or garbled may be whole next time."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise malformed("it is not JSON, or was cut short") from None
    if not isinstance(found, dict):
        raise malformed("it is no object")
    return found


def usage_of(part: Mapping[str, Any]) -> Usage | None:
    """The tokens that an answer says it took; None when it does not say."""
    usage = part.get("usage")
    if not isinstance(usage, dict):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens", 0)]
    if all(isinstance(count, int) and 0 <= count < 2**31 for count in counts):
        return Usage(*(int(count) for count in counts))
    return None


def json_of(text: str) -> Any:
    """The JSON that a model wrote, with or without a Markdown fence around it. Raises ``BlockFailed``."""
    written = text.strip()
    if written.startswith("```"):
        written = written.partition("\n")[2].rpartition("```")[0]
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        raise mismatch("it is not JSON", text) from None


def mismatch(reason: str, text: str) -> BlockFailed:
    """The model did not keep to the schema it was given."""
    return BlockFailed.because(
        ErrorClass.VALIDATION,
        "schema_mismatch",
        f"The model's answer does not fit the schema: {reason}.",
        detail={"answer": text[:1_000]},
    )


def stream_error(error: Any) -> BlockError:
    """An error told in the middle of an answer, when the status was already sent."""
    told = error if isinstance(error, dict) else {"message": str(error)}
    words = " ".join(str(told.get(name, "")) for name in ("code", "type", "status")).lower()
    message = f"The provider broke off: {told.get('message', '')}"
    if "429" in words or "rate_limit" in words:
        return BlockError(ErrorClass.RATE_LIMITED, "rate_limited", message)
    return BlockError(ErrorClass.UPSTREAM, "upstream_error", message)


def malformed(reason: str) -> BlockFailed:
    """An answer that is none of the protocol."""
    message = f"The provider's answer cannot be read: {reason}."
    return BlockFailed.because(ErrorClass.UPSTREAM, "answer_malformed", message)


def cut_short() -> BlockFailed:
    """The answer stopped before its end."""
    message = "The provider's answer stopped before its end."
    return BlockFailed.because(ErrorClass.UPSTREAM, "answer_cut", message)


def _text_of(content: Any) -> str:
    """The text of a message: plain, or in parts of which those that are texts count."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
