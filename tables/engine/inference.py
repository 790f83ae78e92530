"""Guesses about a file's columns, from its first rows: which type each has, and which column of the table it fills."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tables.engine import casts
from tables.engine.types import ColumnSpec
from tables.errors import ValueInvalid

_WORDS: Final = frozenset({"true", "false", "yes", "no"})
_CODE: Final = re.compile(r"[+-]?0\d")
_MOST_DIGITS: Final = 15
"""Longer numbers are identifiers: a browser would round them."""


def infer_type(values: Iterable[str]) -> str:
    """The narrowest type all non-empty values fit; text when they disagree, or when there are none.

    Telephone numbers, postcodes and long identifiers (``007``, 16 digits and more) stay text.
    """
    held = [value.strip() for value in values if value.strip()]
    return next((name for name, fits in _CANDIDATES if held and all(map(fits, held))), "text")


def suggest_mapping(
    headers: Sequence[str], types: Sequence[str], columns: Sequence[ColumnSpec]
) -> dict[str, Any]:
    """Per header the id of the column of that name or key, whatever the case, else a new column to make.

    Columns that workflows fill are not suggested: importing over them is a choice to make on purpose.
    """
    free: dict[str, ColumnSpec] = {}
    for column in columns:
        if column.group_id is None:
            free.setdefault(column.name.casefold(), column)
            free.setdefault(column.key, column)
    mapping: dict[str, Any] = {}
    taken: set[Any] = set()
    for header, type_name in zip(headers, types, strict=True):
        match = free.get(header.casefold())
        if match is not None and match.id not in taken:
            taken.add(match.id)
            mapping[header] = str(match.id)
        else:
            mapping[header] = {"name": header, "type": type_name}
    return mapping


def _casts(cast: casts.Cast) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        try:
            cast(text, _NO_OPTIONS)
        except ValueInvalid:
            return False
        return True

    return fits


def _is_number(text: str) -> bool:
    if _CODE.match(text) or sum(character.isdigit() for character in text) > _MOST_DIGITS:
        return False
    return _casts(casts.to_number)(text)


def _is_iso_date(text: str) -> bool:
    return bool(re.match(r"\d{4}[-/]\d\d[-/]\d\d\Z", text)) and _casts(casts.to_date)(text)


def _is_iso_instant(text: str) -> bool:
    return bool(re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text)) and _casts(casts.to_datetime)(text)


def _is_web_address(text: str) -> bool:
    return text.startswith(("http://", "https://")) and _casts(casts.to_url)(text)


_NO_OPTIONS: Final[Mapping[str, Any]] = {}
_CANDIDATES: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("boolean", lambda text: text.lower() in _WORDS),
    ("number", _is_number),
    ("date", _is_iso_date),
    ("datetime", _is_iso_instant),
    ("url", _is_web_address),
    ("email", _casts(casts.to_email)),
)
