"""Tables streamed out as files: one snapshot, a server-side cursor, flat memory whatever the table's size (T39, S13).

An export reads on a connection of its own, outside the pool: a slow download neither takes a place that requests wait
for nor ends when a transaction of theirs would. It holds a repeatable-read transaction, so a file is one moment of the
table. The connection goes when the file ends, fails, or its reader goes away, be it in the middle of a statement.
"""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import IsolationLevel

from tables.errors import ExportBusy, ExportTooLarge
from tables.row_list import Listing
from tables.services.export_formats import (
    Cell,
    CsvWriter,
    ExportFormat,
    ExportRow,
    JsonLinesWriter,
    Shape,
    Writer,
)
from tables.services.export_xlsx import MAX_ROWS, XlsxWriter

BATCH_ROWS: Final = 200
"""Rows read and written at a time; at 400 KiB a row they are 80 MiB."""

MOST_EXPORTS: Final = 6
"""At once in one process: each has a connection."""

IDLE_SECONDS: Final = 60
MOST_SECONDS: Final = 3_600
"""How long a reader may take nothing, and take for all: its snapshot keeps PostgreSQL from cleaning up."""

LARGE_BYTES: Final = 1 << 30
SAMPLE_ROWS: Final = 200

_CELLS = """
SELECT row_id, group_id, status, error FROM tables_rowexecution
 WHERE row_id = ANY(%s::uuid[]) AND group_id = ANY(%s::uuid[])
"""

_SIZE = """
SELECT coalesce(avg(octet_length(s.data::text)), 0)::bigint
  FROM (SELECT data FROM tables_row WHERE table_id = %s LIMIT %s) AS s
"""

_slots = threading.BoundedSemaphore(MOST_EXPORTS)

S = TypeVar("S", bound="_Stream")


@dataclass(frozen=True, slots=True)
class Export:
    """What to export, and how. ``listing.fields`` says which columns; ``title`` is the table's name."""

    listing: Listing
    title: str
    row_count: int
    format: ExportFormat = ExportFormat.CSV
    keeps_formulas: bool = False
    has_bom: bool = False
    with_status: bool = False

    @property
    def shape(self) -> Shape:
        """What the file holds."""
        spec, fields = self.listing.spec, self.listing.fields
        columns = [column for column in spec.columns if fields is None or column.key in fields]
        return Shape(
            self.title,
            columns,
            spec.groups if self.with_status else (),
            is_safe=not self.keeps_formulas,
            has_bom=self.has_bom,
        )


def export_check(export: Export) -> None:
    """Raise ``ExportTooLarge`` for a listing of more rows than the format holds, before anything is sent."""
    if export.format is not ExportFormat.XLSX or export.row_count < MAX_ROWS:
        return
    where = export.listing.where
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM tables_row r WHERE r.table_id = %s AND {where.sql} LIMIT %s) AS n",  # noqa: S608
            [export.listing.spec.table_id, *where.params, MAX_ROWS],
        )
        (count,) = cursor.fetchone()
    if count >= MAX_ROWS:
        raise ExportTooLarge(f"A sheet holds at most {MAX_ROWS - 1:,} rows. Export CSV, or filter first.")


def export_blocks(export: Export) -> Iterator[bytes]:
    """The file, piece by piece, as the table is when the first piece is asked for."""
    shape, until = export.shape, monotonic() + MOST_SECONDS
    with _snapshot() as own, own.cursor() as beside, own.chunked_cursor() as cursor:
        writer = _writer(export, shape, beside)
        if block := writer.start():
            yield block
        cursor.execute(*_statement(export.listing))
        while found := cursor.fetchmany(BATCH_ROWS):
            if monotonic() > until:
                raise TimeoutError(f"an export took more than {MOST_SECONDS} s to read")
            if block := writer.rows(_rows(found, shape, beside)):
                yield block
        if block := writer.end():
            yield block


def _statement(listing: Listing) -> tuple[str, list[Any]]:
    """The listing's rows in its order. Index of an unsorted one: ``tables_row_order``."""
    order, where = listing.sort.order_by, listing.where
    statement = (
        f"SELECT r.id, r.data FROM tables_row r WHERE r.table_id = %s AND {where.sql} ORDER BY {order.sql}"  # noqa: S608
    )
    return statement, [listing.spec.table_id, *where.params, *order.params]


def _writer(export: Export, shape: Shape, cursor: CursorWrapper) -> Writer:
    if export.format is ExportFormat.CSV:
        return CsvWriter(shape)
    if export.format is ExportFormat.JSONL:
        return JsonLinesWriter(shape)
    cursor.execute(_SIZE, [export.listing.spec.table_id, SAMPLE_ROWS])
    (size,) = cursor.fetchone()
    cell = 30 + 20 * len(shape.headers)  # what XML puts around values
    return XlsxWriter(shape, is_large=(size + cell) * export.row_count > LARGE_BYTES)


def _rows(found: Sequence[Any], shape: Shape, cursor: CursorWrapper) -> list[ExportRow]:
    keys = {column.key for column in shape.columns}
    cells: dict[UUID, dict[UUID, Cell]] = {}
    if shape.groups:
        cursor.execute(_CELLS, [[row_id for row_id, _ in found], [group.id for group in shape.groups]])
        for row_id, group_id, status, error in cursor.fetchall():
            cells.setdefault(row_id, {})[group_id] = Cell(status, _loaded(error))
    return [
        ExportRow(row_id, {k: v for k, v in _loaded(data).items() if k in keys}, cells.get(row_id, {}))
        for row_id, data in found
    ]


def _loaded(value: Any) -> Any:
    """Django leaves jsonb of raw queries as text."""
    return json.loads(value) if isinstance(value, str) else value


@contextmanager
def _snapshot() -> Iterator[BaseDatabaseWrapper]:
    """A connection of our own in a read-only transaction that sees one moment."""
    own = connection.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    own.inc_thread_sharing()  # whoever collects a stream that was left may be any thread
    try:
        own.ensure_connection()
        own.connection.isolation_level = IsolationLevel.REPEATABLE_READ
        own.connection.read_only = True
        with own.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        own.set_autocommit(False)
        yield own
    finally:
        own.close()


def _finish(blocks: Iterator[bytes], pool: Executor | None) -> None:
    """End the reading, wherever it stands, and give its place back; in the thread that reads, when there is one."""

    def end() -> None:
        try:
            blocks.close()  # type: ignore[attr-defined]  # a generator
        finally:
            _slots.release()

    if pool is None:
        end()
    else:
        pool.submit(end)
        pool.shutdown(wait=False)


class _Stream:
    """A file on its way. It ends by itself, by ``close``, or when nobody holds it any more."""

    def __init__(self, blocks: Iterator[bytes], pool: Executor | None) -> None:
        self._blocks, self._pool = blocks, pool
        self._finish = weakref.finalize(self, _finish, blocks, pool)
        self._finish.atexit = False

    def close(self) -> None:
        """Give everything back. Safe to call again."""
        self._finish()


class ExportStream(_Stream):
    """For a server, or a command, that waits for each piece."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__(blocks, None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks, None)
        if block is None:
            self.close()
            raise StopIteration
        return block


class AsyncExportStream(_Stream):
    """For an event loop: the reading has a thread of its own, which works only while somebody takes what it read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="export")
        super().__init__(blocks, self._reader)

    def __aiter__(self) -> AsyncExportStream:
        return self

    async def __anext__(self) -> bytes:
        loop = asyncio.get_running_loop()
        block = await loop.run_in_executor(self._reader, next, self._blocks, None)
        if block is None:
            self.close()
            raise StopAsyncIteration
        return block


def export_stream(export: Export, kind: Callable[[Iterator[bytes]], S]) -> S:
    """Begin a file: ``ExportStream`` or ``AsyncExportStream``. Raises ``ExportTooLarge``, ``ExportBusy``.

    Nothing is read, and no connection is made, until its first piece is asked for.
    """
    export_check(export)
    if not _slots.acquire(blocking=False):
        raise ExportBusy
    return kind(export_blocks(export))
