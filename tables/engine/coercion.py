"""The registry of column types: one place that owns each type's label, cast, display and allowed filters.

To add a type: write its cast in ``casts.py``, add a line to ``COLUMN_TYPES`` here, name its family of operators,
and give the grid an editor for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tables.engine import casts
from tables.engine.types import ColumnSpec
from tables.engine.values import MAX_CELL_BYTES, check_text, check_value
from tables.errors import ValueInvalid

MAX_CHOICES: Final = 500
MAX_CHOICE_LENGTH: Final = 200

_EMPTINESS: Final = ("is_empty", "not_empty")
_EQUALITY: Final = ("eq", "ne", "in", "not_in")
_ORDER: Final = ("gt", "gte", "lt", "lte", "between")
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
    family: str
    operators: tuple[str, ...]
    option_names: tuple[str, ...] = ()


def _type(
    name: str, label: str, cast: casts.Cast, family: str, *operators: str, options: tuple[str, ...] = ()
) -> ColumnType:
    return ColumnType(name, label, cast, family, (*operators, *_EMPTINESS), options)


COLUMN_TYPES: Final[Mapping[str, ColumnType]] = {
    each.name: each
    for each in (
        _type("text", "Text", casts.to_text, "text", *_EQUALITY, *_SUBSTRING, *_ORDER, options=("long",)),
        _type("number", "Number", casts.to_number, "number", *_EQUALITY, *_ORDER, options=("decimals",)),
        _type("boolean", "Checkbox", casts.to_boolean, "boolean", "eq", "ne"),
        _type("date", "Date", casts.to_date, "instant", *_EQUALITY, *_ORDER),
        _type("datetime", "Date and time", casts.to_datetime, "instant", *_EQUALITY, *_ORDER),
        _type("select", "Single choice", casts.to_select, "text", *_EQUALITY, options=("choices",)),
        _type(
            "multi_select",
            "Several choices",
            casts.to_multi_select,
            "list",
            "contains",
            "not_contains",
            options=("choices",),
        ),
        _type("url", "Web address", casts.to_url, "text", *_EQUALITY, *_SUBSTRING),
        _type("email", "E-mail", casts.to_email, "text", *_EQUALITY, *_SUBSTRING),
        _type(
            "currency",
            "Currency",
            casts.to_currency,
            "number",
            *_EQUALITY,
            *_ORDER,
            options=("currency", "decimals"),
        ),
        _type("json", "JSON", casts.to_json, "json", "contains", "not_contains"),
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


def display(type_name: str, value: Any) -> str:
    """The value as one line of text, for exports and the admin; empty for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if type_name == "multi_select" and isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check_options(type_name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a column of this type, checked; raises ``ValueInvalid``.

    ``choices``: distinct non-empty texts. ``currency``: a three-letter code. ``decimals``: 0 to 10. ``long``: bool.
    """
    allowed = COLUMN_TYPES[type_name].option_names
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        known = f"It takes: {', '.join(allowed)}." if allowed else "It takes none."
        raise ValueInvalid(f"A {type_name} column has no option “{unknown[0]}”. {known}")
    checks: dict[str, Callable[[Any], bool]] = {
        "choices": _are_choices,
        "currency": lambda code: (
            isinstance(code, str) and len(code) == 3 and code.isalpha() and code.isupper()
        ),
        "decimals": lambda count: type(count) is int and 0 <= count <= 10,
        "long": lambda flag: isinstance(flag, bool),
    }
    for name, value in options.items():
        if not checks[name](value):
            raise ValueInvalid(f"The option “{name}” is not valid. {_OPTION_HINTS[name]}")
    return dict(options)


_OPTION_HINTS: Final = {
    "choices": f"Give up to {MAX_CHOICES} different texts of at most {MAX_CHOICE_LENGTH} characters, without commas.",
    "currency": "Give a three-letter code such as EUR.",
    "decimals": "Give a whole number from 0 to 10.",
    "long": "Give true or false.",
}


def _are_choices(choices: Any) -> bool:
    return (
        isinstance(choices, list)
        and len(choices) <= MAX_CHOICES
        and all(
            isinstance(choice, str)
            and choice == choice.strip()
            and 0 < len(choice) <= MAX_CHOICE_LENGTH
            and "," not in choice
            and "\x00" not in choice
            for choice in choices
        )
        and len(set(choices)) == len(choices)
    )
