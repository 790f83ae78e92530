"""The answer to a conversation: the same one every time."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.local_llm import tickets
from config.local_llm.schemas import Filler

DIMENSIONS: Final = 64
_LABEL: Final = re.compile(r"^- ([^:\n]+): (.+)$", re.MULTILINE)
_SHOWN_SCHEMA: Final = re.compile(r"JSON schema:\s*(?=\{)")


def answer_to(body: Mapping[str, Any]) -> str:
    """What is said to a request: JSON where a schema asks for it, else a text."""
    said = [(str(turn.get("role")), text_of(turn)) for turn in body.get("messages", [])]
    asked = next((text for role, text in reversed(said) if role == "user"), "")
    told = "\n".join(text for role, text in said if role == "system")
    schema = _schema_of(body, told)
    if schema is not None:
        described = {label.strip(): meaning for label, meaning in _LABEL.findall(told)}
        return json.dumps(Filler(schema, asked, described).fill(schema), ensure_ascii=False)
    return _text(asked, told)


def text_of(turn: Mapping[str, Any]) -> str:
    """The text of one message, parts joined."""
    content = turn.get("content", "")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)


def pieces_of(text: str) -> list[str]:
    """The text as it is streamed: word by word, nothing lost."""
    return re.findall(r"\s*\S+|\s+$", text)


def tokens_of(text: str) -> int:
    """Words and signs."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A unit vector in which texts with common words lie near each other."""
    found = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
        place = int.from_bytes(digest[:4]) % dimensions
        found[place] += 1.0 if digest[4] % 2 else -1.0
    length = math.sqrt(sum(value * value for value in found))
    return [round(value / length, 6) for value in found] if length else [1.0] + [0.0] * (dimensions - 1)


def texts_of(given: Any) -> Sequence[str]:
    """The texts to embed: one or several."""
    return [given] if isinstance(given, str) else [str(text) for text in given or []]


def _schema_of(body: Mapping[str, Any], told: str) -> Mapping[str, Any] | None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema: Mapping[str, Any] = wanted["json_schema"]["schema"]
        return schema
    shown = _SHOWN_SCHEMA.search(told)
    if shown is None:
        return None
    found: Mapping[str, Any] = json.JSONDecoder().raw_decode(told, shown.end())[0]
    return found


def _text(asked: str, told: str) -> str:
    wish = f"{told}\n{asked}".lower()
    if any(word in wish for word in ("reply", "draft", "respond", "answer the customer")):
        return tickets.drafted(asked)
    if "summar" in wish:
        return tickets.subject(asked)
    return f"You said: {tickets.first_sentence(asked)}"
