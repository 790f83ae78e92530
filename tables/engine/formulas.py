"""Texts that a spreadsheet would take for a formula (trust.md 13): told apart, and made harmless."""

from __future__ import annotations

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""As OWASP lists them."""


def harmless(text: str) -> str:
    """The text as no spreadsheet runs it: with an apostrophe before what begins like a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
