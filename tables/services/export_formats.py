"""The files that exports write: a header, rows, an end, each as bytes (T39, S13). No database, no clock.

CSV and XLSX hold texts that a spreadsheet would run with an apostrophe before them, unless they are told not to; typed
numbers stay numbers. JSON lines hold every value as it is stored.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.formulas import harmless
from tables.engine.types import ColumnSpec, GroupSpec

NO_OPTIONS: Final[Mapping[str, Any]] = {}
"""Files hold whole values: without options that shorten them (``decimals``, ``date_format``)."""


class ExportFormat(StrEnum):
    """What a table can be exported as."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"

    @property
    def content_type(self) -> str:
        """Its media type."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES: Final = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.JSONL: "application/jsonl",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a workflow group's cell came to: its status, and its error as stored."""

    status: str
    error: Mapping[str, Any] | None = None

    @property
    def fault(self) -> str:
        """The error on one line: its code and its words."""
        if not self.error:
            return ""
        return ": ".join(str(part) for part in (self.error.get("code"), self.error.get("message")) if part)


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One row: the values of the columns exported, by key, and its cells by workflow group."""

    id: UUID
    data: Mapping[str, Any]
    cells: Mapping[UUID, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file holds: columns in order, and the groups whose status and error stand behind them.

    ``title`` is the table's name. ``is_safe``: formulas are made harmless. ``has_bom``: a CSV begins with a byte order
    mark, by which Excel knows UTF-8.
    """

    title: str
    columns: Sequence[ColumnSpec]
    groups: Sequence[GroupSpec] = ()
    is_safe: bool = True
    has_bom: bool = False

    @property
    def headers(self) -> list[str]:
        """The header row."""
        told = [f"{group.name}: {what}" for group in self.groups for what in ("status", "error")]
        return [self.text(name) for name in (*(column.name for column in self.columns), *told)]

    def text(self, text: str) -> str:
        """A text as the file may hold it."""
        return harmless(text) if self.is_safe else text

    def status_texts(self, row: ExportRow) -> list[str]:
        """What stands in the columns of statuses."""
        found = [row.cells.get(group.id) for group in self.groups]
        return [
            text for cell in found for text in ((cell.status, self.text(cell.fault)) if cell else ("", ""))
        ]


class Writer(Protocol):
    """Makes a file piece by piece; ``rows`` may answer nothing yet."""

    def start(self) -> bytes:
        """What stands before the first row."""

    def rows(self, rows: Sequence[ExportRow]) -> bytes:
        """The next rows."""

    def end(self) -> bytes:
        """What stands behind the last row."""


class CsvWriter:
    """RFC 4180 in UTF-8: dates and instants in ISO 8601, choices joined by commas, JSON as JSON."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._readers = [(column.key, COLUMN_TYPES[column.type].show) for column in shape.columns]

    def start(self) -> bytes:
        """The header."""
        return (b"\xef\xbb\xbf" if self._shape.has_bom else b"") + _csv([self._shape.headers])

    def rows(self, rows: Sequence[ExportRow]) -> bytes:
        """Lines, each ended by CR LF."""
        return _csv([[*self._texts(row.data), *self._shape.status_texts(row)] for row in rows])

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def _texts(self, data: Mapping[str, Any]) -> list[str]:
        texts = []
        for key, show in self._readers:
            value = data.get(key)
            if value is None:
                texts.append("")
                continue
            text = show(value, NO_OPTIONS)
            texts.append(text if isinstance(value, int | float) else self._shape.text(text))
        return texts


class JsonLinesWriter:
    """One object a line: ``{"id", "data": {key: value}}``, and ``"cells": {group: {status, error}}`` if asked for."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def start(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, rows: Sequence[ExportRow]) -> bytes:
        """Lines."""
        return "".join(f"{_json(self._row(row))}\n" for row in rows).encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def _row(self, row: ExportRow) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": str(row.id), "data": row.data}
        if self._shape.groups:
            told = [(group, row.cells.get(group.id)) for group in self._shape.groups]
            shown["cells"] = {
                group.name: {"status": cell.status, "error": cell.error} for group, cell in told if cell
            }
        return shown


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
