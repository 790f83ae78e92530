"""From what a caller sent to what a row stores: references resolved, values coerced, every fault with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from tables.engine.coercion import coerce, is_empty
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec, TableSpec
from tables.engine.values import check_value
from tables.errors import RowTooLarge, ValueInvalid

Faults = dict[str, list[str]]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Values:
    """One row's stored values by key, their JSON text, the keys the caller named, and those now edited (T30).

    ``line`` and ``source`` are where an import read it, and what.
    """

    data: Mapping[str, Any]
    text: str
    given: frozenset[str]
    edited: tuple[str, ...]
    line: int = 0
    source: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What a row is to hold still, by column key, in JSON: values as they were sent, and as a cell stores them."""

    sent: str
    stored: str


class RowValues:
    """Reads rows for one schema."""

    def __init__(self, spec: TableSpec) -> None:
        self._columns = spec.columns
        self._index = ColumnIndex(spec.columns)

    def of_new_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Values]:
        """The values of new rows. Raises ``ValueInvalid`` with faults by ``rows[3].<column>``, ``RowTooLarge``."""
        faults: Faults = {}
        read = [self._read(row, f"rows[{place}].", faults, is_new=True) for place, row in enumerate(rows)]
        return self._without(faults, read)

    def of_edit(self, data: Mapping[str, Any]) -> Values:
        """The values of an edit, only those named. Raises ``ValueInvalid`` with faults by ``data.<column>``."""
        faults: Faults = {}
        read = self._read(data, "data.", faults, is_new=False)
        return self._without(faults, [read])[0]

    def of_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Values]:
        """The values that rows name, new ones or not; faults as for new rows."""
        faults: Faults = {}
        read = [self._read(row, f"rows[{place}].", faults, is_new=False) for place, row in enumerate(rows)]
        return self._without(faults, read)

    def of_expected(self, rows: Mapping[int, Mapping[str, Any]]) -> dict[int, Expected]:
        """What rows, by their place among those given, are to hold still.

        A value that does not fit its column is expected as it is: it may have been stored before the column changed.
        Raises ``ValueInvalid`` with faults by ``rows[3].expected.<column>``.
        """
        faults: Faults = {}
        read = {
            place: self._expect(row, f"rows[{place}].expected.", faults) for place, row in rows.items() if row
        }
        self._without(faults, [])
        return read

    def check_required(self, rows: Mapping[int, Values]) -> None:
        """Raise ``ValueInvalid`` for what new rows, by their place among those given, must hold and lack."""
        faults: Faults = {}
        for place, values in rows.items():
            for column in self._columns:
                self._require(column, values.data, f"rows[{place}].{column.name}", faults)
        self._without(faults, [])

    def _without(self, faults: Faults, read: list[Values]) -> list[Values]:
        if faults:
            place, words = next(iter(faults.items()))
            raise ValueInvalid(f"{place}: {words[0]}", errors=faults)
        for values in read:
            check_row_size(len(values.text.encode()), RowTooLarge)
        return read

    def _read(self, row: Mapping[str, Any], place: str, faults: Faults, *, is_new: bool) -> Values:
        data: dict[str, Any] = {}
        given: set[str] = set()
        for reference, value in row.items():
            column = self._index.find(reference)
            if column is None:
                faults[f"{place}{reference}"] = [self._index.unknown(reference)]
                continue
            given.add(column.key)
            try:
                stored = coerce(column, value, max_bytes=settings.RUNSHEET_MAX_CELL_BYTES)
            except ValueInvalid as fault:
                faults[f"{place}{reference}"] = [fault.detail]
                continue
            if stored is not None:
                data[column.key] = stored
        for column in self._columns:
            if column.key in given or is_new:
                self._require(column, data, f"{place}{column.name}", faults)
        edited = tuple(c.key for c in self._columns if c.group_id and c.key in data)
        return Values(data, row_text(data) if not faults else "{}", frozenset(given), edited)

    def _expect(self, row: Mapping[str, Any], place: str, faults: Faults) -> Expected:
        sent: dict[str, Any] = {}
        stored: dict[str, Any] = {}
        for reference, value in row.items():
            column = self._index.find(reference)
            if column is None:
                faults[f"{place}{reference}"] = [self._index.unknown(reference)]
                continue
            try:
                check_value(value, max_bytes=settings.RUNSHEET_MAX_CELL_BYTES)
            except ValueInvalid as fault:
                faults[f"{place}{reference}"] = [fault.detail]
                continue
            sent[column.key] = stored[column.key] = value
            with suppress(ValueInvalid):
                stored[column.key] = coerce(column, value, max_bytes=settings.RUNSHEET_MAX_CELL_BYTES)
        return Expected(row_text(sent), row_text(stored)) if not faults else Expected("{}", "{}")

    def _require(self, column: ColumnSpec, data: Mapping[str, Any], place: str, faults: Faults) -> None:
        if column.required and column.group_id is None and missing(column, data.get(column.key)):
            faults.setdefault(place, [f"“{column.name}” is required."])


def missing(column: ColumnSpec, value: Any) -> bool:
    """Whether a required column is left empty; an unchecked box is an answer."""
    return value is None if column.type == "boolean" else is_empty(column.type, value)


def row_text(data: Mapping[str, Any]) -> str:
    """The row as PostgreSQL is given it."""
    return _encode(data)


def check_row_size(size: int, error: type[RowTooLarge]) -> None:
    """Raise unless a row of ``size`` bytes of JSON is within the limit (T6)."""
    limit: int = settings.RUNSHEET_MAX_ROW_BYTES
    if size > limit:
        raise error(f"The row would take {size:,} bytes; a row holds at most {limit:,}.")


# A value of a unique column that rows hold more than once. Index: none; only tables with unique columns ask.
_TWICE = """
SELECT r.data -> %(column)s FROM tables_row r
 WHERE r.table_id = %(table)s AND r.data -> %(column)s = ANY(%(values)s::jsonb[])
 GROUP BY 1 HAVING count(*) > 1 LIMIT 1
"""


def check_unique_written(
    table_id: UUID, column: ColumnSpec, values: Sequence[Values], places: Sequence[str]
) -> None:
    """Raise ``ValueInvalid`` when the column, just written, holds one of these values twice, naming its place.

    Call it under the table's lock.
    """
    texts = {
        value_text(each.data[column.key]): number
        for number, each in reversed(list(enumerate(values)))
        if column.key in each.data
    }
    if not texts:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TWICE, {"column": column.key, "table": table_id, "values": list(texts)})
        found = cursor.fetchone()
    if found is None:
        return
    taken = value_text(json.loads(found[0]))
    where = f"{places[texts[taken]]}.{column.name}" if taken in texts else column.name
    words = f"“{column.name}” must be unique, and {taken[:80]} is there already."
    raise ValueInvalid(f"{where}: {words}", errors={where: [words]})


def check_unique(spec: TableSpec, rows: Sequence[Values]) -> None:
    """Raise ``ValueInvalid`` when a unique column would hold a value twice; call it under the table's lock."""
    for column in spec.columns:
        if column.unique and (taken := _taken(spec.table_id, column, rows)) is not None:
            shown = json.dumps(taken, ensure_ascii=False)[:80]
            raise ValueInvalid(
                f"“{column.name}” must be unique, and {shown} is there already.",
                errors={column.name: [f"{shown} is there already."]},
            )


def _taken(table_id: UUID, column: ColumnSpec, rows: Sequence[Values]) -> Any:
    """A value of ``rows`` that occurs twice, among themselves or with stored ones; ``None`` when there is none."""
    seen = taken_texts(table_id, column, rows)
    for row in rows:
        if column.key in row.data:
            text = value_text(row.data[column.key])
            if text in seen:
                return row.data[column.key]
            seen.add(text)
    return None


def taken_texts(table_id: UUID, column: ColumnSpec, rows: Sequence[Values]) -> set[str]:
    """Those values of ``rows`` that stored rows hold already, as ``value_text``."""
    texts = {value_text(row.data[column.key]) for row in rows if column.key in row.data}
    if not texts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT r.data -> %s FROM tables_row r WHERE r.table_id = %s AND r.data -> %s = ANY(%s::jsonb[])",
            [column.key, table_id, column.key, list(texts)],
        )
        return {value_text(json.loads(found)) for (found,) in cursor.fetchall()}


def value_text(value: Any) -> str:
    """A value as text that is equal exactly when the values are."""
    return json.dumps(value, sort_keys=True)
