"""The grammar of the names that definitions and refs are made of (W2)."""

from __future__ import annotations

import re
from typing import Final

BLOCK_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""Keys stand in expressions (``blocks.fetch``) and step keys (``each[7]/fetch``), so they hold no ``. [ ] / @``."""

MAX_REF_LENGTH: Final = 256
_REF: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_REF_FORBIDDEN_INSIDE: Final = ("..", "//", "@{")
_REF_FORBIDDEN_ENDS: Final = ("/", ".", ".lock")


def is_block_key(text: str) -> bool:
    """Whether ``text`` can be a block's key."""
    return BLOCK_KEY.fullmatch(text) is not None


def is_ref_name(text: str) -> bool:
    """Whether ``text`` can be the name of a ref: ``draft``, ``live``, ``v2``, ``feature/x`` (W2)."""
    return (
        len(text) <= MAX_REF_LENGTH
        and _REF.fullmatch(text) is not None
        and not any(part in text for part in _REF_FORBIDDEN_INSIDE)
        and not text.endswith(_REF_FORBIDDEN_ENDS)
    )
