"""Counting and finding rows of a listing in bounded time, on a table of any size (T40)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import QueryCanceled

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.conditions import EVERYTHING, Clause
from tables.engine.sorting import Keyset, beyond, decode_keyset, encode_cursor
from tables.engine.types import ColumnSpec
from tables.errors import CursorInvalid, SearchTooSlow
from tables.row_list import Listing, RowPage, count_rows

COUNT_SECONDS: Final = 0.5
"""A filtered list is counted exactly within this time; beyond it the count is estimated from a sample."""

SAMPLE_ROWS: Final = 2_000

FIND_SECONDS: Final = 1.0
"""A search answers what it has found by then, and where to go on."""

FIND_STATEMENT_SECONDS: Final = 10.0
"""What putting a table in a search's order may take at most."""

FIND_CHUNK: Final = 10_000
FIND_CHUNK_SORTED: Final = 50_000
"""Rows looked at by one statement; a sorted list pays for its order each time, so it takes larger steps."""


@dataclass(frozen=True, slots=True)
class Match:
    """One row that holds the text: its place in the listing, from 0, and the keys of the columns that hold it."""

    row_id: UUID
    ordinal: int
    columns: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. ``next`` goes on behind it; ``complete`` says that the listing was looked through."""

    matches: list[Match]
    next: str | None

    @property
    def complete(self) -> bool:
        """Nothing is left to look at."""
        return self.next is None


def text_search(text: str, columns: Iterable[ColumnSpec]) -> Clause:
    """Rows in which one of these columns shows ``text``, whatever its case; other keys stay unseen."""
    hits = _hits(text, columns)
    return Clause(f"EXISTS ({hits.sql})", hits.params)


def count_estimated(listing: Listing, row_count: int) -> tuple[int, bool]:
    """How many rows the listing has, and whether that is exact: up to ``COUNT_LIMIT`` rows, and in bounded time."""
    if listing.where.sql == "TRUE":
        return row_count, True
    try:
        with _within(COUNT_SECONDS):
            count, exact = count_rows(listing)
    except TimeoutError:
        count, exact = 0, False
    return (count, True) if exact else (max(count, _sampled(listing, row_count)), False)


def page_total(listing: Listing, page: RowPage, start: int, row_count: int) -> tuple[int, bool]:
    """How many rows the listing of an ordinal page has, and whether that is exact.

    A page that ends the listing tells by itself. An estimate is never less than what has been shown.
    """
    shown = start + len(page.rows)
    if page.next is None and (page.rows or not start):
        return shown, True
    count, exact = count_estimated(listing, row_count)
    return (count, True) if exact else (max(count, shown + (page.next is not None)), False)


def rows_find(
    listing: Listing, text: str, columns: Sequence[ColumnSpec], *, limit: int, after: str | None = None
) -> Found:
    """The rows of a listing in which one of ``columns`` shows ``text``, in its order, with their places in it.

    Looks at rows chunk by chunk until it has ``limit`` matches, has seen them all, or time is up. At least one chunk
    is looked at, so that ``next`` always leads further. Raises ``CursorInvalid``, ``SearchTooSlow``.
    """
    hits = _hits(text, columns)
    chunk = FIND_CHUNK_SORTED if listing.sort.keys else FIND_CHUNK
    seen, keyset = _place(listing, after)
    matches: list[Match] = []
    until = monotonic() + FIND_SECONDS
    while True:
        rows = _chunk(listing, hits, keyset, chunk)
        for row_id, position, is_match, columns_hit, listed, _, _, *values in rows:
            keyset, place = (values, position, row_id), seen + listed
            if is_match:
                matches.append(Match(row_id, place - 1, columns_hit))
                if len(matches) == limit:
                    return Found(matches, _next(listing, place, keyset))
        if not rows or rows[-1][6] < chunk:
            return Found(matches, None)
        seen += rows[-1][4]
        if monotonic() > until:
            return Found(matches, _next(listing, seen, keyset))


def _hits(text: str, columns: Iterable[ColumnSpec]) -> Clause:
    """A query for the keys under which a row shows ``text``. Checkboxes show a sign, not a text."""
    searched = [column for column in columns if column.type != "boolean"]
    lists = [column.key for column in searched if COLUMN_TYPES[column.type].family == "list"]
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Clause(
        "SELECT v.key FROM jsonb_each(r.data) AS v WHERE v.key = ANY(%s::text[]) AND"
        " CASE WHEN v.key = ANY(%s::text[]) AND jsonb_typeof(v.value) = 'array'"
        " THEN array_to_string(ARRAY(SELECT jsonb_array_elements_text(v.value)), ', ')"
        " ELSE v.value #>> '{}' END ILIKE %s::text",
        [[column.key for column in searched], lists, f"%{escaped}%"],
    )


# The next rows of the table in the listing's order: those that match, and the last one looked at. A row outside the
# listing is passed and not counted, so that a rare filter cannot make a chunk endless. Index: tables_row_order.
_CHUNK: Final = """
SELECT * FROM (
    SELECT r.id, r.position, ({where}) AND cardinality(r.hits) > 0 AS is_match, r.hits,
           count(*) FILTER (WHERE {where}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) AS listed,
           row_number() OVER (ORDER BY {order}) AS number, count(*) OVER () AS looked_at{values}
      FROM (SELECT r.*, ARRAY({hits}) AS hits
              FROM (SELECT r.* FROM tables_row r WHERE r.table_id = %s AND {beyond} ORDER BY {order} LIMIT %s) AS r
           ) AS r
) AS looked WHERE is_match OR number = looked_at ORDER BY number
"""


def _chunk(listing: Listing, hits: Clause, keyset: Keyset | None, size: int) -> list[Any]:
    """Matches of the next chunk, and its last row: id, position, is_match, hits, listed, number, looked_at, values."""
    order, values, where = listing.sort.order_by, listing.sort.selected(), listing.where
    behind = beyond(listing.sort, *keyset) if keyset else EVERYTHING
    statement = _CHUNK.format(
        where=where.sql, order=order.sql, values=values.sql, hits=hits.sql, beyond=behind.sql
    )
    params = [*where.params, *where.params, *order.params, *order.params, *values.params, *hits.params]
    params += [listing.spec.table_id, *behind.params, *order.params, size]
    try:
        with _within(FIND_STATEMENT_SECONDS) as cursor:
            cursor.execute(statement, params)
            return list(cursor.fetchall())
    except TimeoutError:
        raise SearchTooSlow from None


def _next(listing: Listing, seen: int, keyset: Keyset | None) -> str:
    """The cursor of a search: how many rows of the listing stand before, and the keyset."""
    assert keyset is not None, "a chunk was looked at"
    return f"{seen}.{encode_cursor(listing.sort, *keyset)}"


def _place(listing: Listing, after: str | None) -> tuple[int, Keyset | None]:
    if after is None:
        return 0, None
    seen, _, cursor = after.partition(".")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise CursorInvalid
    return int(seen), decode_keyset(listing.sort, cursor)


def _sampled(listing: Listing, row_count: int) -> int:
    """An estimate from rows picked by the random end of their ids: about ``SAMPLE_ROWS`` of them."""
    share = min(65_536, max(1, 65_536 * SAMPLE_ROWS // max(1, row_count)))
    with connection.cursor() as cursor:
        cursor.execute(
            _SAMPLE.format(where=listing.where.sql),
            [*listing.where.params, listing.spec.table_id, share],
        )
        matching, looked_at = cursor.fetchone()
    return round(row_count * matching / looked_at) if looked_at else 0


# Picked in the index alone (tables_row_order); only the rows picked are read.
_SAMPLE: Final = """
SELECT count(*) FILTER (WHERE {where}), count(*)
  FROM (SELECT id FROM tables_row WHERE table_id = %s
           AND get_byte(uuid_send(id), 14) * 256 + get_byte(uuid_send(id), 15) < %s OFFSET 0) AS picked
  JOIN tables_row r ON r.id = picked.id
"""


@contextmanager
def _within(seconds: float) -> Iterator[CursorWrapper]:
    """A cursor whose statements have so long together with what they wait for. Raises ``TimeoutError``."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute(_SET_TIMEOUT, [f"{round(1000 * seconds)}ms"])
            yield cursor
            cursor.execute(_SET_TIMEOUT, [before])
    except OperationalError as fault:
        if not isinstance(fault.__cause__, QueryCanceled):
            raise
        raise TimeoutError from None


_SET_TIMEOUT: Final = "SELECT set_config('statement_timeout', %s, true)"
