"""What a block gives back, made storable or refused with its reason (F21, F22, F23)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from workflows.engine.canonical import MAX_JSON_DEPTH, json_fault
from workflows.engine.types import BlockError, ErrorClass

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_MENDABLE: Final = ("bad_text", "not_json")


def clean_output(value: Any, max_bytes: int) -> Any | BlockError:
    """``value`` as JSON that PostgreSQL takes, or the `BlockError` (class validation) to fail the step with.

    NULs and lone surrogates in texts become U+FFFD; tuples become lists. ``bad_output``: NaN, Infinity, foreign
    types, non-text keys, nested deeper than 64. ``output_too_large``: more than ``max_bytes`` of JSON.
    Most outputs are clean and are answered as they are, not copied.
    """
    fault = json_fault(value)
    if fault is not None and fault[0] in _MENDABLE:
        value = _mended(value, MAX_JSON_DEPTH + 1)
        fault = json_fault(value)
    if fault is not None:
        return _refused("bad_output", f"the output cannot be stored: {fault[1]}")
    if isinstance(value, str | list | dict):
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > max_bytes:
            return _refused(
                "output_too_large", f"the output has {size:,} bytes; at most {max_bytes:,} are kept"
            )
    return value


def storable(value: Any, depth: int = MAX_JSON_DEPTH) -> Any:
    """Any value as JSON that PostgreSQL takes, mended rather than refused: for inputs and errors as they are noted.

    Texts as in `clean_output`; what is no JSON, or nested deeper than 64, becomes its text.
    """
    if isinstance(value, str):
        return _mended(value, 0)
    if isinstance(value, Mapping | list | tuple) and depth == 0:
        return _REPLACEMENT
    if isinstance(value, Mapping):
        return {storable(str(key)): storable(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item, depth - 1) for item in value]
    if json_fault(value) is not None:
        return storable(str(value))
    return value


def _mended(value: Any, depth: int) -> Any:
    """``value`` with storable texts and lists for tuples; below ``depth`` left as it is, to be refused."""
    if isinstance(value, str):
        return value.replace("\0", _REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if depth == 0:
        return value
    if isinstance(value, Mapping):
        return {_mended(key, depth): _mended(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item, depth - 1) for item in value]
    return value


def _refused(code: str, message: str) -> BlockError:
    return BlockError(ErrorClass.VALIDATION, code, message)
