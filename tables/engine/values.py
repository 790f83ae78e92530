"""What any stored value must satisfy whatever its column: PostgreSQL and browsers can hold it, and it is bounded.

Refused: NaN and infinities (no JSON), ``U+0000`` (no text in PostgreSQL), lone surrogates (no UTF-8), nesting
deeper than 64 (readers recurse), more than the cell limit.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from tables.errors import ValueInvalid

MAX_DEPTH: Final = 64
MAX_CELL_BYTES: Final = 262_144
"""The default of ``RUNSHEET_MAX_CELL_BYTES``; callers that know the setting pass it."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WIDEST_CHARACTER: Final = 4
_DIGITS_SHOWN_BY_BROWSERS: Final = 308


def check_value(value: Any, *, max_bytes: int = MAX_CELL_BYTES) -> None:
    """Raise ``ValueInvalid``, in words, unless ``value`` can be stored as JSON in one cell."""
    if isinstance(value, str):
        check_text(value, max_bytes=max_bytes)
    elif value is not None and not isinstance(value, bool):
        _check_nested(value)
        if not isinstance(value, int | float) and json_size(value) > max_bytes:
            raise ValueInvalid(
                f"The value takes {json_size(value):,} bytes; a cell holds at most {max_bytes:,}."
            )


def check_text(text: str, *, max_bytes: int = MAX_CELL_BYTES) -> None:
    """The same for text, quick for what is short and plain."""
    if "\x00" in text:
        raise ValueInvalid("The value holds the character U+0000, which cannot be stored. Remove it.")
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueInvalid("The value holds half of a surrogate pair, which is not valid text. Remove it.")
    if len(text) * _WIDEST_CHARACTER > max_bytes and len(text.encode()) > max_bytes:
        raise ValueInvalid(
            f"The value takes {len(text.encode()):,} bytes; a cell holds at most {max_bytes:,}."
        )


def check_number(number: int | float) -> None:
    """Raise ``ValueInvalid`` for NaN, infinities and integers no floating-point reader can hold."""
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueInvalid("The value is not a finite number. NaN and infinities cannot be stored.")
    if isinstance(number, int) and abs(number) >= 10**_DIGITS_SHOWN_BY_BROWSERS:
        raise ValueInvalid(f"The number has more than {_DIGITS_SHOWN_BY_BROWSERS} digits. Store it as text.")


def json_size(value: Any) -> int:
    """Bytes of the value as compact JSON."""
    return len(
        json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace")
    )


def _check_nested(value: Any) -> None:
    """Walk without recursion: what arrives may be nested a hundred thousand deep (F22)."""
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueInvalid(f"The value is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(item, dict):
            for key, inner in item.items():
                _check_leaf(key)
                if not isinstance(key, str):
                    raise ValueInvalid("The keys of an object must be text.")
                pending.append((inner, depth + 1))
        elif isinstance(item, list | tuple):
            pending.extend((inner, depth + 1) for inner in item)
        else:
            _check_leaf(item)


def _check_leaf(item: Any) -> None:
    if isinstance(item, str):
        check_text(item, max_bytes=2**62)
    elif isinstance(item, int | float) and not isinstance(item, bool):
        check_number(item)
    elif item is not None and not isinstance(item, bool):
        raise ValueInvalid(f"A value of the kind {type(item).__name__} cannot be stored.")
