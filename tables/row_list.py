"""Lists of rows with their cells: filtered, sorted, found, by keyset or by ordinal, in a fixed number of queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tables.engine.conditions import EVERYTHING, Clause
from tables.engine.overlay import PlacedRow
from tables.engine.sorting import Sort, decode_cursor, encode_cursor
from tables.engine.types import CellState, RowState, TableSpec
from tables.states import CellStatus
from tables.wire import CELL_FIELDS, cell_json, instant_sql

COUNT_LIMIT: Final = 100_000
"""Filtered rows are counted exactly up to here; beyond, the answer says ``at least`` (T40)."""

_ROW = (
    "r.id::text, r.data, r.edited, "
    f"{instant_sql('r.created_at')}, {instant_sql('r.updated_at')}, r.seq, r.position"
)
_INSTANTS = {"started_at", "finished_at", "wake_at"}
_JUDGED = ("id", "window_id", "crashes", "cancelled_sequence")
_CELL = (*CELL_FIELDS, *_JUDGED, "requested")


def _selected(field: str) -> str:
    return instant_sql(f"c.{field}") if field in _INSTANTS else f"c.{field}"


# All of a page's cells come as one JSON document: to load six hundred records with six identifiers each as Python
# values, only to write them as text again, took twice as long.
_CELLS = (
    f"SELECT json_agg(json_build_array({', '.join(map(_selected, _CELL[:-1]))}, d.requested_sequence))::text"  # noqa: S608 - constants
    "  FROM tables_rowexecution c LEFT JOIN tables_dispatch d ON d.id = c.dispatch_id"
    " WHERE c.row_id = ANY(%s::uuid[])"
)
_TOTAL = "(SELECT t.row_count FROM tables_table t WHERE t.id = %s)"
_FROM_END = (
    "SELECT r.id FROM (SELECT r.id FROM tables_row r WHERE r.table_id = %s ORDER BY r.position DESC, r.id DESC"  # noqa: S608
    f" LIMIT greatest(0, least(%s, {_TOTAL} - %s)) OFFSET greatest(0, {_TOTAL} - %s)) AS r LIMIT %s"
)
"""A page by its ordinal, counted back from the table's exact count, which the statement's own snapshot holds.

The outer limit says the same once more, in a way that the planner understands.
"""


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
    placed: Callable[[], list[PlacedRow]]
    """The same rows as decisions see them, made when asked for: most pages have nothing to decide."""


def rows_after(listing: Listing, *, limit: int, after: str | None) -> RowPage:
    """The page behind a cursor. Index: ``tables_row_order``. Raises ``CursorInvalid``."""
    where = listing.where & decode_cursor(listing.sort, after) if after else listing.where
    return _page(listing, where, limit, offset=0)


def rows_from(listing: Listing, *, limit: int, start: int, row_count: int = 0) -> RowPage:
    """The page that begins at an ordinal. The offset is walked in the index alone, without touching rows.

    Of a whole table in its own order, which has about ``row_count`` rows, it is walked from the nearer end.
    """
    is_whole = listing.where == EVERYTHING and not listing.sort.keys
    return _page(listing, listing.where, limit, offset=start, from_end=is_whole and 2 * start > row_count > 0)


def rows_named(spec: TableSpec, row_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """These rows of the table, in its order; unknown and foreign ids are left out."""
    return page_named(spec, row_ids).rows


def page_named(spec: TableSpec, row_ids: Sequence[UUID]) -> RowPage:
    """The same as a page."""
    named = Clause("r.id = ANY(%s)", [list(row_ids)])
    return _page(Listing(spec, named, Sort()), named, len(row_ids), offset=0)


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


def _page(listing: Listing, where: Clause, limit: int, *, offset: int, from_end: bool = False) -> RowPage:
    table_id = listing.spec.table_id
    picked = (
        Clause(_FROM_END, [table_id, limit + 1, table_id, offset, table_id, offset + limit + 1, limit + 1])
        if from_end
        else _picked(listing, where, limit + 1, offset)
    )
    with connection.cursor() as cursor:
        found = _rows(cursor, listing, picked)
        more, found = len(found) > limit, found[:limit]
        cells = _cells(cursor, listing.spec, [row[0] for row in found])
    following = encode_cursor(listing.sort, found[-1][7:], found[-1][6], found[-1][0]) if more else None
    keys, revisions = _shown_keys(listing), {str(group.id): group.revision for group in listing.spec.groups}
    found = [(row[0], json.loads(row[1]), *row[2:]) for row in found]
    rows = [_row_json(row, cells.get(row[0], ()), keys, revisions) for row in found]
    return RowPage(rows, following, partial(_placed, found, cells))


def _picked(listing: Listing, where: Clause, limit: int, offset: int) -> Clause:
    """The ids of a page: only these are walked through an offset."""
    order = listing.sort.order_by
    return Clause(
        f"SELECT r.id FROM tables_row r WHERE r.table_id = %s AND {where.sql}"  # noqa: S608 - values are parameters
        f" ORDER BY {order.sql} LIMIT %s OFFSET %s",
        [listing.spec.table_id, *where.params, *order.params, limit, offset],
    )


def _rows(cursor: CursorWrapper, listing: Listing, picked: Clause) -> list[Any]:
    """The rows themselves are fetched for the page alone."""
    selected, order = listing.sort.selected(), listing.sort.order_by
    cursor.execute(
        f"SELECT {_ROW}{selected.sql} FROM ({picked.sql}) AS page"  # noqa: S608 - all values are parameters
        f"  JOIN tables_row r ON r.id = page.id ORDER BY {order.sql}",
        [*selected.params, *picked.params, *order.params],
    )
    found: list[Any] = cursor.fetchall()
    return found


def _cells(cursor: CursorWrapper, spec: TableSpec, row_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Cells by row, of groups that exist; identifiers and instants as text."""
    groups = {str(group.id) for group in spec.groups}
    if not row_ids or not groups:
        return {}
    cursor.execute(_CELLS, [row_ids])
    (found,) = cursor.fetchone() or (None,)
    cells: dict[str, list[dict[str, Any]]] = {}
    for values in json.loads(found or "[]"):
        cell = dict(zip(_CELL, values, strict=True))
        if cell["group_id"] in groups:
            cells.setdefault(cell["row_id"], []).append(cell)
    return cells


def _placed(
    found: Sequence[Sequence[Any]], cells: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[PlacedRow]:
    placed = []
    for row_id, data, edited, _created_at, _updated_at, seq, position, *_keys in found:
        states = [_cell_state(cell) for cell in cells.get(row_id, ())]
        state = RowState(UUID(row_id), data, frozenset(edited), {cell.group_id: cell for cell in states})
        placed.append(PlacedRow(state, position, seq))
    return placed


def _cell_state(cell: Mapping[str, Any]) -> CellState:
    return CellState(
        id=UUID(cell["id"]),
        row_id=UUID(cell["row_id"]),
        group_id=UUID(cell["group_id"]),
        status=CellStatus(cell["status"]),
        version=cell["version"],
        execution_id=_identifier(cell["execution_id"]),
        dispatch_id=_identifier(cell["dispatch_id"]),
        window_id=_identifier(cell["window_id"]),
        run_id=_identifier(cell["run_id"]),
        attempt=cell["attempt"],
        crashes=cell["crashes"],
        cancelled_sequence=cell["cancelled_sequence"],
        requested=cell["requested"] or 0,
    )


def _identifier(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _row_json(
    row: Sequence[Any], cells: Iterable[Mapping[str, Any]], keys: set[str], revisions: Mapping[str, int]
) -> dict[str, Any]:
    row_id, data, edited, created_at, updated_at, _seq, position = row[:7]
    return {
        "id": row_id,
        "data": {key: value for key, value in data.items() if key in keys},
        "edited": [key for key in edited if key in keys],
        "cells": {
            cell["group_id"]: cell_json(cell, group_revision=revisions[cell["group_id"]]) for cell in cells
        },
        "position": position,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _shown_keys(listing: Listing) -> set[str]:
    """Values under the keys of deleted columns stay unseen."""
    keys: Iterable[str] = (column.key for column in listing.spec.columns)
    return {key for key in keys if listing.fields is None or key in listing.fields}
