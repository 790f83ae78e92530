"""Sorts by several columns, nulls last, and the keyset that walks a sorted or unsorted list (T4, T40).

A list is walked by ``(sort values…, position, id)``. The cursor given to clients holds those of the last row and a
print of the order they belong to, so that it is refused under another order.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.conditions import EVERYTHING, Clause, subject_of
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec
from tables.errors import CursorInvalid, SortInvalid

MAX_SORTS: Final = 8
_NUMBER: Final = re.compile(r"-?\d{1,400}(\.\d{1,400})?", re.ASCII)


Keyset = tuple[Sequence[str | None], str, UUID]
"""Where a row stands in an order: its sort values as text, its position, its id."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key: its expression over ``r``, its SQL type, its direction."""

    expression: Clause
    sql_type: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Sort:
    """A whole order; without keys it is the table's own."""

    keys: tuple[SortKey, ...] = ()
    print: str = ""
    order_by: Clause = field(default_factory=lambda: Clause("r.position, r.id"))

    def selected(self) -> Clause:
        """The sort values as text, to be selected beside a row; empty SQL for the table's own order."""
        sql = "".join(f", ({key.expression.sql})::text" for key in self.keys)
        return Clause(sql, [param for key in self.keys for param in key.expression.params])


def compile_sort(sort: Any, columns: Iterable[ColumnSpec]) -> Sort:
    """The order a list asks for: ``[{"column": reference, "direction": "asc" | "desc"}]`` or ``["name", "-name"]``.

    Empty values come last in both directions; equal rows keep the table's order. Raises ``SortInvalid``.
    """
    if not sort:
        return Sort()
    if not isinstance(sort, list) or len(sort) > MAX_SORTS:
        raise SortInvalid(f"Give a list of at most {MAX_SORTS} columns to sort by.")
    index = ColumnIndex(columns)
    asked = [_asked(each, index, f"sort[{place}]") for place, each in enumerate(sort)]
    keys = tuple(_key(column, descending=descending) for column, descending in asked)
    spelled = json.dumps([[str(column.id), descending] for column, descending in asked])
    order = ", ".join(
        f"{key.expression.sql} {'DESC' if key.descending else 'ASC'} NULLS LAST" for key in keys
    )
    return Sort(
        keys,
        hashlib.sha256(spelled.encode()).hexdigest()[:12],
        Clause(f"{order}, r.position, r.id", [param for key in keys for param in key.expression.params]),
    )


def beyond(sort: Sort, values: Sequence[str | None], position: str, row_id: UUID) -> Clause:
    """Rows strictly after the one that had these sort values, this position and this id."""
    level = EVERYTHING
    parts: list[Clause] = []
    for key, value in zip(sort.keys, values, strict=True):
        sql, params = key.expression.sql, key.expression.params
        if value is not None:
            sign = "<" if key.descending else ">"
            past = Clause(f"({sql} {sign} %s::{key.sql_type} OR {sql} IS NULL)", [*params, value, *params])
            parts.append(level & past)
            level &= Clause(f"{sql} = %s::{key.sql_type}", [*params, value])
        else:
            level &= Clause(f"{sql} IS NULL", list(params))
    parts.append(level & Clause("(r.position, r.id) > (%s, %s)", [position, row_id]))
    return Clause(
        f"({' OR '.join(part.sql for part in parts)})", [param for part in parts for param in part.params]
    )


def encode_cursor(sort: Sort, values: Sequence[str | None], position: str, row_id: str | UUID) -> str:
    """The opaque ``next`` of a page."""
    text = json.dumps(
        [sort.print, list(values), position, str(row_id)], separators=(",", ":"), ensure_ascii=False
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(sort: Sort, cursor: str) -> Clause:
    """The condition a client's ``after`` stands for. Raises ``CursorInvalid`` for anything we did not give out."""
    return beyond(sort, *decode_keyset(sort, cursor))


def decode_keyset(sort: Sort, cursor: str) -> Keyset:
    """The sort values, the position and the id that a cursor holds. Raises ``CursorInvalid``."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        belongs_to, values, position, row_id = json.loads(text)
        if belongs_to != sort.print or len(values) != len(sort.keys) or "\x00" in f"{position}{values}":
            raise CursorInvalid
        _check_numbers(sort, values)
        return [None if v is None else str(v) for v in values], str(position), UUID(row_id)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise CursorInvalid from None


def _check_numbers(sort: Sort, values: Sequence[Any]) -> None:
    """PostgreSQL must not be the one to find out that a cursor was tampered with."""
    for key, value in zip(sort.keys, values, strict=True):
        if value is not None and key.sql_type == "numeric" and not _NUMBER.fullmatch(str(value)):
            raise CursorInvalid
        if value is not None and key.sql_type == "boolean" and value not in {"true", "false"}:
            raise CursorInvalid


def _asked(each: Any, index: ColumnIndex, place: str) -> tuple[ColumnSpec, bool]:
    if isinstance(each, str):
        descending = each.startswith("-") and index.find(each) is None
        reference = each[1:] if descending else each
    elif isinstance(each, dict) and set(each) <= {"column", "direction"}:
        reference, direction = str(each.get("column")), each.get("direction", "asc")
        if direction not in ("asc", "desc"):
            raise _invalid(f"{place}.direction", "Give asc or desc.")
        descending = direction == "desc"
    else:
        raise _invalid(place, "Give {“column”: …, “direction”: “asc” or “desc”}.")
    column = index.find(reference)
    if column is None:
        raise _invalid(place, index.unknown(reference))
    return column, descending


def _key(column: ColumnSpec, *, descending: bool) -> SortKey:
    subject = subject_of(column)
    family = COLUMN_TYPES[column.type].family
    if family in {"text", "list", "json"}:
        return SortKey(Clause(f"lower({subject.sql})", subject.params), "text", descending)
    sql_type = {"number": "numeric", "boolean": "boolean"}.get(family, "text")
    return SortKey(subject, sql_type, descending)


def _invalid(place: str, message: str) -> SortInvalid:
    return SortInvalid(f"{place}: {message}", errors={place: [message]})
