"""JSON text for jsonb parameters, which refuses nothing that PostgreSQL would (F23)."""

from __future__ import annotations

import json
from typing import Any

from workflows.engine.outputs import storable

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode


def to_json(value: Any) -> str | None:
    """Compact JSON text for a jsonb parameter; ``None`` stays SQL NULL.

    Outputs are clean by then; inputs and errors may hold what jsonb refuses (NUL, half surrogates, NaN) and are
    mended, for one refused value would roll back a whole pack (F23).
    """
    if value is None:
        return None
    try:
        text = _encode(value)
        if "\\u0000" not in text:
            _ = text.isascii() or text.encode()
            return text
    except (ValueError, RecursionError):
        pass
    return _encode(storable(value))
