"""Lists of rows with their cells: filtered, sorted, found, by keyset or by ordinal, in a fixed number of queries."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tables.engine.filters import Clause
from tables.engine.sorting import Sort, decode_cursor, encode_cursor
from tables.engine.types import TableSpec
from tables.wire import CELL_FIELDS, cell_json, instant

COUNT_LIMIT: Final = 100_000
"""Filtered rows are counted exactly up to here; beyond, the answer says ``at least`` (T40)."""

_ROW = "r.id, r.data, r.edited, r.created_at, r.updated_at, r.position"
_CELLS = f"SELECT {', '.join(CELL_FIELDS)} FROM tables_rowexecution WHERE row_id = ANY(%s)"  # noqa: S608 - constants
_JSON_FIELDS = ("error", "running_blocks", "waits_for")


@dataclass(frozen=True, slots=True)
class Listing:
    """What to list: a table's rows that meet ``where``, in the order of ``sort``."""

    spec: TableSpec
    where: Clause
    sort: Sort
    fields: Collection[str] | None = None
    """Column keys to answer; ``None`` for all."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows as REST shows them, and the cursor of what follows (``None`` at the end)."""

    rows: list[dict[str, Any]]
    next: str | None


def rows_after(listing: Listing, *, limit: int, after: str | None) -> RowPage:
    """The page behind a cursor. Index: ``tables_row_order``. Raises ``CursorInvalid``."""
    where = listing.where & decode_cursor(listing.sort, after) if after else listing.where
    return _page(listing, where, limit, offset=0)


def rows_from(listing: Listing, *, limit: int, start: int) -> RowPage:
    """The page that begins at an ordinal. The offset is walked in the index alone, without touching rows."""
    return _page(listing, listing.where, limit, offset=start)


def rows_named(spec: TableSpec, row_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """These rows of the table, in its order; unknown and foreign ids are left out."""
    return _page(
        Listing(spec, Clause("r.id = ANY(%s)", [list(row_ids)]), Sort()), None, len(row_ids), offset=0
    ).rows


def count_rows(listing: Listing) -> tuple[int, bool]:
    """How many rows the listing has, and whether that is exact: beyond ``COUNT_LIMIT`` nobody counts on."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM tables_row r WHERE r.table_id = %s AND {listing.where.sql}"  # noqa: S608
            " LIMIT %s) AS counted",
            [listing.spec.table_id, *listing.where.params, COUNT_LIMIT + 1],
        )
        found = cursor.fetchone()
    count = int(found[0]) if found else 0
    return min(count, COUNT_LIMIT), count <= COUNT_LIMIT


def text_search(text: str) -> Clause:
    """Rows in which some value contains ``text``, whatever its case."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Clause(
        "EXISTS (SELECT 1 FROM jsonb_each_text(r.data) AS v WHERE v.value ILIKE %s)", [f"%{escaped}%"]
    )


def _page(listing: Listing, where: Clause | None, limit: int, *, offset: int) -> RowPage:
    where = where or listing.where
    with connection.cursor() as cursor:
        found = _rows(cursor, listing, where, limit + 1, offset)
        more, found = len(found) > limit, found[:limit]
        cells = _cells(cursor, listing.spec, [row[0] for row in found])
    rows = [_row_json(listing, row, cells.get(row[0], {})) for row in found]
    last = found[-1] if found else None
    following = encode_cursor(listing.sort, last[6:], last[5], last[0]) if more and last is not None else None
    return RowPage(rows, following)


def _rows(cursor: CursorWrapper, listing: Listing, where: Clause, limit: int, offset: int) -> list[Any]:
    """Only the ids are walked through an offset; the rows themselves are fetched for the page alone."""
    selected, order = listing.sort.selected(), listing.sort.order_by
    cursor.execute(
        f"SELECT {_ROW}{selected.sql}"  # noqa: S608 - all values are parameters
        "  FROM (SELECT r.id FROM tables_row r"
        f"         WHERE r.table_id = %s AND {where.sql} ORDER BY {order.sql} LIMIT %s OFFSET %s) AS page"
        f"  JOIN tables_row r ON r.id = page.id ORDER BY {order.sql}",
        [
            *selected.params,
            listing.spec.table_id,
            *where.params,
            *order.params,
            limit,
            offset,
            *order.params,
        ],
    )
    found: list[Any] = cursor.fetchall()
    return found


def _cells(cursor: CursorWrapper, spec: TableSpec, row_ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """Cells by row and group, of groups that exist."""
    revisions = {group.id: group.revision for group in spec.groups}
    if not row_ids or not revisions:
        return {}
    cursor.execute(_CELLS, [row_ids])
    cells: dict[UUID, dict[str, Any]] = {}
    for found in cursor.fetchall():
        cell = dict(zip(CELL_FIELDS, found, strict=True))
        if cell["group_id"] not in revisions:
            continue
        cell |= {name: _loaded(cell[name]) for name in _JSON_FIELDS}
        shown = cell_json(cell, group_revision=revisions[cell["group_id"]])
        cells.setdefault(cell["row_id"], {})[str(cell["group_id"])] = shown
    return cells


def _row_json(listing: Listing, row: Sequence[Any], cells: dict[str, Any]) -> dict[str, Any]:
    row_id, data, edited, created_at, updated_at, position = row[:6]
    keys = _shown_keys(listing)
    return {
        "id": str(row_id),
        "data": {key: value for key, value in _loaded(data).items() if key in keys},
        "edited": [key for key in edited if key in keys],
        "cells": cells,
        "position": position,
        "created_at": instant(created_at),
        "updated_at": instant(updated_at),
    }


def _shown_keys(listing: Listing) -> set[str]:
    """Values under the keys of deleted columns stay unseen."""
    keys: Iterable[str] = (column.key for column in listing.spec.columns)
    return {key for key in keys if listing.fields is None or key in listing.fields}


def _loaded(value: Any) -> Any:
    """Django leaves jsonb of raw queries as text."""
    return json.loads(value) if isinstance(value, str) else value
