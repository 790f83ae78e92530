"""Guesses about a file's columns, from its first rows: which type each has, and which column of the table it fills."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from tables.engine import casts
from tables.engine.coercion import COLUMN_TYPES, text_reader
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec, TableSpec
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


def misfits(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    mapping: Mapping[str, Any],
    spec: TableSpec,
    max_bytes: int,
) -> list[dict[str, Any]]:
    """Per header ``{filled, misfits, misfit?}``: how many values are not empty, and how many of those do not fit.

    A target is a column's id, key or name, ``{"type", "options"?}`` of a column to be made, or null.
    """
    index = ColumnIndex(spec.columns)
    found: list[dict[str, Any]] = []
    for place, header in enumerate(headers):
        values = [row[place] for row in rows if row[place]]
        faults = _faults(_reader(mapping.get(header), index, max_bytes), values)
        found.append(
            {"filled": len(values), "misfits": len(faults), **({"misfit": faults[0]} if faults else {})}
        )
    return found


def _reader(target: Any, index: ColumnIndex, max_bytes: int) -> Callable[[str], Any] | None:
    if isinstance(target, str):
        column = index.find(target)
        return text_reader(column, max_bytes=max_bytes) if column is not None else None
    named = target.get("type", "text") if isinstance(target, Mapping) else None
    if not isinstance(named, str) or named not in COLUMN_TYPES:
        return None
    options = target.get("options")
    made = ColumnSpec(
        id=UUID(int=0),
        key="",
        name="",
        type=named,
        options=options if isinstance(options, Mapping) else {},
        required=False,
        unique=False,
        ordinal=0,
        group_id=None,
        output_path="",
    )
    return text_reader(made, max_bytes=max_bytes)


def _faults(read: Callable[[str], Any] | None, values: Sequence[str]) -> list[str]:
    faults: list[str] = []
    for value in values if read is not None else ():
        try:
            read(value)  # type: ignore[misc]  # not None here
        except ValueInvalid as fault:
            faults.append(fault.detail)
    return faults


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
