"""Records of a file as rows of a table: values are read a column at a time, which is what makes big files quick (P10).

A row is the JSON text PostgreSQL is given. It is put together of *fragments*, one per value: ``"key":value,``, or
nothing for an empty value. What cannot be a row is refused with its line, why, and its values. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from tables.engine.coercion import is_empty, text_reader
from tables.engine.csv_rows import Record, fit
from tables.engine.types import ColumnSpec
from tables.errors import ValueInvalid

_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_STORED_AS_WRITTEN: Final = re.compile(
    r"(?:0|-?[1-9][0-9]{0,14})\Z|-?(?:0|[1-9][0-9]{0,8})\.[0-9]{0,3}[1-9]\Z"
)
_HARD: Final = re.compile("[\x00\ud800-\udfff]")
_WIDEST_CHARACTER: Final = 4
_REMEMBERED: Final = 50_000
"""So many read values are kept, over all columns, to be read once."""

_REMEMBERED_LENGTH: Final = 64


class Refusal(NamedTuple):
    """A record that became no row: the number of its first line, why, and its values."""

    line: int
    reason: str
    values: Sequence[str]


@dataclass(slots=True)
class Rows:
    """Rows by their place: line, values as they were, JSON text, and keys of workflow columns they fill (T30).

    ``fragments`` has the JSON of the values of each column that is asked for again, ``lacking`` why a row could not
    be a new one. ``refused`` are the records that are in none of these.
    """

    lines: list[int] = field(default_factory=list)
    sources: list[Sequence[str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    edited: list[tuple[str, ...]] = field(default_factory=list)
    fragments: dict[str, list[str]] = field(default_factory=dict)
    lacking: dict[int, str] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Move the rows at these places to the refused ones."""
        if not reasons:
            return
        self.refused += [Refusal(self.lines[at], reasons[at], self.sources[at]) for at in sorted(reasons)]
        kept = self.only([place for place in range(len(self)) if place not in reasons])
        self.lines, self.sources, self.texts = kept.lines, kept.sources, kept.texts
        self.edited, self.fragments, self.lacking = kept.edited, kept.fragments, kept.lacking

    def only(self, places: Sequence[int]) -> Rows:
        """These rows, in this order."""
        return Rows(
            lines=[self.lines[place] for place in places],
            sources=[self.sources[place] for place in places],
            texts=[self.texts[place] for place in places],
            edited=[self.edited[place] for place in places] if self.edited else [],
            fragments={key: [each[at] for at in places] for key, each in self.fragments.items()},
            lacking={new: self.lacking[old] for new, old in enumerate(places) if old in self.lacking},
        )

    def value(self, key: str, place: int) -> Any:
        """The stored value of a column in ``fragments``; ``None`` for nothing."""
        text = self.fragments[key][place]
        return json.loads(text) if text else None


class RowReader:
    """Reads the records of one file, whose columns fill ``targets`` (``None``: skipped)."""

    def __init__(
        self,
        targets: Sequence[ColumnSpec | None],
        columns: Sequence[ColumnSpec],
        *,
        max_cell_bytes: int,
        max_row_bytes: int,
        key: str | None = None,
    ) -> None:
        """``columns`` are the table's. ``key`` is the column that finds stored rows: it must be filled, and new rows
        are told from others only later.
        """
        self._width = len(targets)
        filled = [(place, column) for place, column in enumerate(targets) if column is not None]
        remembered = _REMEMBERED // max(1, len(filled))
        self._readers = [
            (place, column, _column_reader(column, max_cell_bytes, remembered)) for place, column in filled
        ]
        self._required = [column for column in columns if column.required and column.group_id is None]
        self._kept = {column.key for column in columns if column.unique} | ({key} if key else set())
        self._kept &= {column.key for _, column, _ in self._readers}
        self._workflow_keys = [column.key for _, column, _ in self._readers if column.group_id is not None]
        self._max_row_bytes = max_row_bytes
        self._key = key

    def read(self, records: Sequence[Record]) -> Rows:
        """The records as rows and refusals."""
        rows = Rows()
        table = self._fitted(records, rows)
        if not rows.sources:
            return rows
        faults: dict[int, str] = {}
        fragments: dict[str, list[str]] = {}
        for place, column, read in self._readers:
            fragments[column.key], found = read(table[place])
            for at, words in found.items():
                faults.setdefault(at, f"{column.name}: {words}")
        self._require(fragments, rows, faults)
        rows.texts = ["{" + "".join(each)[:-1] + "}" for each in zip(*fragments.values(), strict=True)]
        self._check_sizes(rows, faults)
        for key in self._kept:
            start = len(_prefix(key))
            rows.fragments[key] = [each[start:-1] for each in fragments[key]]
        if self._workflow_keys:
            rows.edited = [
                tuple(key for key in self._workflow_keys if fragments[key][at]) for at in range(len(rows))
            ]
        rows.refuse(faults)
        return rows

    def _fitted(self, records: Sequence[Record], rows: Rows) -> list[Sequence[str]]:
        """The records' values by column; those that have not the file's width are refused, or filled up."""
        lines, sources, faults = zip(*records, strict=True) if records else ((), (), ())
        if not any(faults) and all(len(each) == self._width for each in sources):
            table: list[Sequence[str]] = list(zip(*sources, strict=True))
            if not any("\x00" in "".join(column) for column in table):
                rows.lines, rows.sources = list(lines), list(sources)
                return table
        for record in records:
            values, fault = fit(record, self._width)
            if fault:
                rows.refused.append(Refusal(record.line, fault, values))
            else:
                rows.lines.append(record.line)
                rows.sources.append(values)
        return list(zip(*rows.sources, strict=True))

    def _require(self, fragments: Mapping[str, list[str]], rows: Rows, faults: dict[int, str]) -> None:
        for column in self._required:
            words = f"{column.name}: a value is required."
            lacking = rows.lacking if self._key else faults
            for at in range(len(rows.sources)):
                if column.key not in fragments or _is_missing(column, fragments[column.key][at]):
                    lacking.setdefault(at, words)
        if self._key:
            for at, text in enumerate(fragments[self._key]):
                if not text:
                    faults.setdefault(at, "The row has no value in the key column.")

    def _check_sizes(self, rows: Rows, faults: dict[int, str]) -> None:
        if max(map(len, rows.texts)) * _WIDEST_CHARACTER <= self._max_row_bytes:
            return
        for at, text in enumerate(rows.texts):
            size = len(text.encode("utf-8", "replace"))
            if size > self._max_row_bytes:
                limit = f"a row holds at most {self._max_row_bytes:,}"
                faults.setdefault(at, f"The row would take {size:,} bytes; {limit}.")


Column = tuple[list[str], dict[int, str]]
"""A column's fragments, and by place why a value does not fit."""


def _column_reader(column: ColumnSpec, max_bytes: int, remembered: int) -> Callable[[Sequence[str]], Column]:
    read, prefix = text_reader(column, max_bytes=max_bytes), _prefix(column.key)
    is_number = column.type in {"number", "currency"}
    known: dict[str, str] = {"": ""}

    def carefully(values: Sequence[str]) -> Column:
        found: list[str] = []
        faults: dict[int, str] = {}
        for place, text in enumerate(values):
            fragment = known.get(text)
            if fragment is None:
                if is_number and _STORED_AS_WRITTEN.match(text):
                    fragment = f"{prefix}{text},"
                else:
                    try:
                        value = read(text)
                    except ValueInvalid as fault:
                        faults[place], value = fault.detail, None
                    fragment = f"{prefix}{_ENCODE(value)}," if value is not None else ""
                    if place not in faults and len(text) <= _REMEMBERED_LENGTH and len(known) < remembered:
                        known[text] = fragment
            found.append(fragment)
        return found, faults

    def as_text(values: Sequence[str]) -> Column:
        if max(map(len, values)) * _WIDEST_CHARACTER > max_bytes or _HARD.search("".join(values)):
            return carefully(values)
        return [f"{prefix}{encode_basestring(text)}," if text else "" for text in values], {}

    return as_text if column.type == "text" else carefully


def _prefix(key: str) -> str:
    return f"{encode_basestring(key)}:"


def _is_missing(column: ColumnSpec, fragment: str) -> bool:
    """Whether a required column is left empty; an unchecked box is an answer."""
    if not fragment or column.type == "boolean":
        return not fragment
    return column.type == "json" and is_empty(
        column.type, json.loads(fragment[len(_prefix(column.key)) : -1])
    )
