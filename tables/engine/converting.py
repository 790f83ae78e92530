"""From a column's old type to its new one: what a stored value becomes, and which choices values make (T1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tables.engine.coercion import coerce, format_value, parse_json
from tables.engine.column_options import MAX_CHOICES, check_options
from tables.engine.types import ColumnSpec
from tables.engine.values import MAX_CELL_BYTES
from tables.errors import ValueInvalid

_CHOOSING = ("select", "multi_select")


class Conversion:
    """Reads values of ``old`` as values of ``new``. ``renamed`` maps choices to what they are called from now on."""

    def __init__(
        self,
        old: ColumnSpec,
        new: ColumnSpec,
        renamed: Mapping[str, str] | None = None,
        *,
        max_bytes: int = MAX_CELL_BYTES,
    ) -> None:
        self._old, self._new = replace(old, options={}), new
        self._renamed, self._max_bytes = renamed or {}, max_bytes

    def convert(self, value: Any) -> Any:
        """The new form; raises ``ValueInvalid`` in words when there is none.

        Values travel as the text people see: 5 becomes "5", several choices "a, b". JSON takes any value as it is, and
        what text there is JSON, as that.
        """
        if self._new.type == "json":
            value = self._parsed(value)
        elif self._old.type != self._new.type and not isinstance(value, str) and not self._is_number(value):
            value = format_value(self._old, value)
        elif self._renamed:
            value = self._choices_renamed(value)
        return coerce(self._new, value, max_bytes=self._max_bytes)

    def _parsed(self, value: Any) -> Any:
        if self._old.type != "text" or not isinstance(value, str):
            return value
        try:
            return parse_json(value)
        except ValueInvalid:
            return value

    def _is_number(self, value: Any) -> bool:
        """A number for a number's column needs no way through text, which could round it."""
        return isinstance(value, int | float) and self._new.type in {"number", "currency"}

    def _choices_renamed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._renamed.get(each, each) if isinstance(each, str) else each for each in value]
        return self._renamed.get(value, value) if isinstance(value, str) else value


def needs_conversion(old: ColumnSpec, new: ColumnSpec, renamed: Mapping[str, str] | None = None) -> bool:
    """Whether stored values could need another form: another type, a choice that is gone or called otherwise."""
    if old.type != new.type or renamed:
        return True
    return not set(old.options.get("choices", ())) <= set(new.options.get("choices", ()))


def choices_of(old: ColumnSpec, new_type: str, values: Iterable[Any]) -> list[str] | None:
    """The choices that these values make, in order; ``None`` when there are too many, or one cannot be a choice."""
    plain = replace(old, options={})
    texts = [format_value(plain, value) for value in values]
    if new_type == "multi_select":
        texts = [part for text in texts for part in text.split(",")]
    choices = sorted({text.strip() for text in texts} - {""})
    if len(choices) > MAX_CHOICES:
        return None
    try:
        check_options(new_type, {"choices": choices})
    except ValueInvalid:
        return None
    return choices


def wants_choices(old: ColumnSpec, new: ColumnSpec) -> bool:
    """Whether a column that becomes one of choices was given none: its values make them."""
    return new.type in _CHOOSING and old.type not in _CHOOSING and not new.options.get("choices")
