"""The registry of column types: one place that owns each type's label, cast, format, options and allowed filters.

To add a type: write its cast in ``casts.py`` and its text in ``formats.py``, add a line to ``COLUMN_TYPES`` here, name
its family of operators, and give the grid an editor for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tables.engine import casts, formats
from tables.engine.types import ColumnSpec
from tables.engine.values import MAX_CELL_BYTES, check_text, check_value
from tables.errors import ValueInvalid

_EMPTINESS: Final = ("is_empty", "not_empty")
_EQUALITY: Final = ("eq", "ne", "in", "not_in")
_ORDER: Final = ("gt", "gte", "lt", "lte", "between")
_DAYS: Final = ("before", "after", "today", "yesterday", "tomorrow", "last_days", "next_days")
_SUBSTRING: Final = ("contains", "not_contains", "starts_with", "ends_with")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """One column type.

    ``family`` says how filters and sorts compare it: text, number, boolean, instant (fixed-width text), list or
    json. ``operators`` are those a filter may use, ``option_names`` the options a column of it may have.
    """

    name: str
    label: str
    cast: casts.Cast
    show: formats.Format
    family: str
    operators: tuple[str, ...]
    option_names: tuple[str, ...] = ()


def _type(
    name: str,
    label: str,
    cast: casts.Cast,
    show: formats.Format,
    family: str,
    *operators: str,
    options: tuple[str, ...] = (),
) -> ColumnType:
    return ColumnType(name, label, cast, show, family, (*operators, *_EMPTINESS), options)


COLUMN_TYPES: Final[Mapping[str, ColumnType]] = {
    each.name: each
    for each in (
        _type(
            "text",
            "Text",
            casts.to_text,
            formats.as_text,
            "text",
            *_EQUALITY,
            *_SUBSTRING,
            *_ORDER,
            options=("long",),
        ),
        _type(
            "number",
            "Number",
            casts.to_number,
            formats.as_number,
            "number",
            *_EQUALITY,
            *_ORDER,
            options=("decimals",),
        ),
        _type("boolean", "Checkbox", casts.to_boolean, formats.as_boolean, "boolean", "eq", "ne"),
        _type(
            "date",
            "Date",
            casts.to_date,
            formats.as_date,
            "instant",
            *_EQUALITY,
            *_ORDER,
            *_DAYS,
            options=("date_format",),
        ),
        _type(
            "datetime",
            "Date and time",
            casts.to_datetime,
            formats.as_datetime,
            "instant",
            *_EQUALITY,
            *_ORDER,
            *_DAYS,
            options=("date_format",),
        ),
        _type(
            "select",
            "Single choice",
            casts.to_select,
            formats.as_text,
            "text",
            *_EQUALITY,
            options=("choices", "colours"),
        ),
        _type(
            "multi_select",
            "Several choices",
            casts.to_multi_select,
            formats.as_list,
            "list",
            "contains",
            "not_contains",
            "any_of",
            "all_of",
            "none_of",
            options=("choices", "colours"),
        ),
        _type("url", "Web address", casts.to_url, formats.as_text, "text", *_EQUALITY, *_SUBSTRING),
        _type("email", "E-mail", casts.to_email, formats.as_text, "text", *_EQUALITY, *_SUBSTRING),
        _type(
            "currency",
            "Currency",
            casts.to_currency,
            formats.as_number,
            "number",
            *_EQUALITY,
            *_ORDER,
            options=("currency", "decimals"),
        ),
        _type("json", "JSON", casts.to_json, formats.as_json, "json", "contains", "not_contains"),
    )
}


def is_empty(type_name: str, value: Any) -> bool:
    """Whether a value counts as empty for a dependency (T7): null, "", [], and an unchecked box; 0 is filled."""
    if type_name == "boolean":
        return value is not True
    return value is None or value == "" or value == []


def coerce(column: ColumnSpec, value: Any, *, max_bytes: int = MAX_CELL_BYTES) -> Any:
    """The form in which ``value`` is stored in ``column``; ``None`` means nothing.

    Used for the API, imports and outputs of workflows. Raises ``ValueInvalid`` with words that name what is wrong
    and how to write it, and never half accepts.
    """
    if value is None:
        return None
    check_value(value, max_bytes=max_bytes)
    stored = COLUMN_TYPES[column.type].cast(value, column.options)
    if isinstance(stored, str) and not isinstance(value, str):
        check_text(stored, max_bytes=max_bytes)
    return stored


def text_reader(column: ColumnSpec, *, max_bytes: int = MAX_CELL_BYTES) -> Callable[[str], Any]:
    """A function that coerces one cell of a file, bound once per import. JSON columns parse their text."""
    cast, options = COLUMN_TYPES[column.type].cast, column.options

    def read(text: str) -> Any:
        if not text:
            return None
        check_text(text, max_bytes=max_bytes)
        return cast(text, options)

    def read_json(text: str) -> Any:
        return coerce(column, parse_json(text), max_bytes=max_bytes) if text.strip() else None

    return read_json if column.type == "json" else read


def parse_json(text: str) -> Any:
    """The JSON value written in ``text``; raises ``ValueInvalid`` for anything else, NaN and Infinity included."""

    def refuse(constant: str) -> Any:
        raise ValueInvalid(f"{constant} is not JSON. Use null or a number.")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueInvalid("The JSON is nested too deeply.") from None
    except ValueError as fault:
        raise ValueInvalid(f"This is not JSON: {fault}.") from None


def format_value(column: ColumnSpec, value: Any) -> str:
    """The stored value as one line of text, for exports and the admin; empty for nothing. Never raises."""
    return "" if value is None else COLUMN_TYPES[column.type].show(value, column.options)
