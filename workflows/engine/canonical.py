"""One spelling per JSON value, and the search for what JSON or PostgreSQL cannot hold (F22, F23)."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Final

MAX_JSON_DEPTH: Final = 64
_MAX_INT_BITS: Final = 1023
"""Larger ones become Infinity in every reader that knows only doubles."""


class NotJson(ValueError):
    """This value cannot be stored as JSON."""


def canonical_json(value: Any) -> str:
    """``value`` as JSON text with sorted keys and no spaces: equal values, equal text.

    Raises `NotJson` for NaN, Infinity, lone surrogates, foreign types and too deep nesting.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(type(error).__name__) from None
    return text


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex. Raises `NotJson`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def json_fault(value: Any) -> tuple[str, str] | None:
    """``(code, message)`` of the first thing in ``value`` that cannot be stored; None when all can.

    Codes: ``too_deep``, ``bad_text`` (NUL, lone surrogates), ``bad_number`` (NaN, Infinity), ``not_json``.
    Walks without recursion, so that depth 100,000 is an answer and not a crash.
    """
    level: list[Any] = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            fault = _fault_of(item, below)
            if fault is not None:
                return fault
        if not below:
            return None
        level = below
    return "too_deep", f"JSON may be nested {MAX_JSON_DEPTH} levels deep at most"


def _fault_of(item: Any, below: list[Any]) -> tuple[str, str] | None:
    if isinstance(item, str):
        return None if _is_storable(item) else ("bad_text", "text holds a NUL or half of a surrogate pair")
    if isinstance(item, float):
        return None if math.isfinite(item) else ("bad_number", "numbers must be finite")
    if isinstance(item, int):
        return None if item.bit_length() <= _MAX_INT_BITS else ("bad_number", "a number is too large")
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            return "not_json", "keys of an object must be text"
        below.extend(item)
        below.extend(item.values())
    elif isinstance(item, list):
        below.extend(item)
    elif item is not None:
        return "not_json", f"{type(item).__name__} is not a JSON value"
    return None


def _is_storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
