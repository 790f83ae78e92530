"""The import's work: a file streamed into ``tables_row`` by COPY, batch by batch, in flat memory (T38, F25, F26).

Each batch is one transaction: rows, the table's exact count and the job's progress commit together, guarded by the
job's owner. So a killed worker's job goes on behind the last committed batch, and a cancelled one keeps what it has.
While PostgreSQL takes one batch, a thread reads the next one (P10). Lock order: table, dispatch, cell, row, job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from operator import attrgetter
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from tables.engine.csv_rows import Record
from tables.engine.import_rows import RowReader, Rows
from tables.engine.seen_keys import SeenKeys
from tables.engine.types import ColumnSpec
from tables.errors import TableNotFound, UploadInvalid
from tables.models import Job
from tables.selectors import table_spec
from tables.services.autorun import rows_inserted
from tables.services.import_files import blocks_of
from tables.services.import_modes import (
    ImportMode,
    Progress,
    kept_words,
    key_text,
    old_delete,
    rows_append,
    rows_replace,
    rows_upsert_batch,
)
from tables.services.jobs import job_run, job_write
from tables.services.rejects import Rejects
from tables.services.schema_lock import schema_hold
from tables.states import JobStatus
from workspaces.actors import Actor
from workspaces.errors import RunsheetError

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 2_500
BATCH_CELLS: Final = 100_000
BATCH_CHARS: Final = 1 << 20
"""A batch ends at whichever comes first: so memory stays flat for wide rows and long ones, too."""

_BEFORE_ALL: Final = ("", UUID(int=0))


def import_run(job_id: UUID, *, tell: Callable[[Progress], None] | None = None) -> None:
    """Carry out an import, from its start or from the last committed batch. Never raises for what the job can say.

    A database that is away is waited for, a minute at most; then the reaper takes over. ``tell`` is called with the
    job's progress after each commit.
    """
    job_run(job_id, lambda job, instance: _Import(job, instance, tell).run())


class _Import:
    """One attempt at one job."""

    def __init__(self, job: Job, instance: UUID, tell: Callable[[Progress], None] | None) -> None:
        self.job, self.instance, self.tell = job, instance, tell
        self.progress: Progress = dict(job.progress)
        self.spec = table_spec(job.table_id)
        self.rejects = Rejects(job)
        self.mode = ImportMode(job.options.get("mode", ImportMode.APPEND))
        columns = {str(column.id): column for column in self.spec.columns}
        self._targets = [columns.get(each) if each else None for each in job.options["columns"]]
        self._key = columns.get(job.options.get("key", ""))

    def run(self) -> None:
        """Stream the file to its end, or fail the job with words."""
        try:
            with self.job.upload.open("rb") as upload:
                file: BinaryIO = upload.file.file
                with closing(_ahead(self._batches(file))) as batches:
                    for rows, records_read, position in batches:
                        self._write(rows, records_read, position)
            self._end()
        except TableNotFound:
            raise
        except RunsheetError as fault:
            self._fail(fault.code, fault.detail)
        except FileNotFoundError:
            self._fail("upload_missing", "The uploaded file is no longer there. Upload it again.")
        except OSError as fault:
            log.exception("an import could not use its files", extra={"job": str(self.job.pk)})
            self._fail("storage_failed", f"The server could not read or write a file: {fault.strerror}.")

    def _batches(self, file: BinaryIO) -> Iterator[tuple[Rows, int, int]]:
        """Batches that are not written yet: rows, how many records they were read from, the place in the file.

        It runs in a thread of its own, and touches no database.
        """
        reader, seen = self._reader(), SeenKeys()
        for records, is_done, position in self._chunks(file):
            rows = reader.read(records)
            if self._key is not None:
                rows.refuse(_repeated(rows, self._key, seen))
            if not is_done:
                yield rows, len(records), position

    def _chunks(self, file: BinaryIO) -> Iterator[tuple[list[Record], bool, int]]:
        """The file's records by the batch; and whether they were committed by an earlier attempt."""
        options = self.job.options
        most = max(1, min(self._batch_rows(), BATCH_CELLS // max(1, len(options["headers"]))))
        header, done = bool(options["has_header"]), self.progress.get("records_read", 0)
        waiting: list[Record] = []
        chars = 0
        for block in blocks_of(file, options):
            records, header = block.records[header:], False
            if done:
                if self._key is not None:  # its keys count as seen
                    yield records[:done], True, 0
                records, done = records[done:], max(0, done - len(records))
            waiting += records
            chars += block.chars
            while len(waiting) >= most or (waiting and chars >= BATCH_CHARS):
                yield waiting[:most], False, file.tell()
                waiting = waiting[most:]
                chars = 0 if not waiting else chars
        if waiting:
            yield waiting, False, file.tell()

    def _batch_rows(self) -> int:
        """Edits lock cells and invalidate them, so that they come in smaller batches."""
        if self.mode is ImportMode.UPSERT:
            return min(BATCH_ROWS, settings.RUNSHEET_MAX_BATCH_ROWS)
        return BATCH_ROWS

    def _reader(self) -> RowReader:
        if self.mode is ImportMode.UPSERT and (self._key is None or self._key not in self._targets):
            raise UploadInvalid("The key column is no longer there.")
        return RowReader(
            self._targets,
            self.spec.columns,
            max_cell_bytes=settings.RUNSHEET_MAX_CELL_BYTES,
            max_row_bytes=settings.RUNSHEET_MAX_ROW_BYTES,
            key=self._key.key if self._key is not None else None,
        )

    def _write(self, rows: Rows, records_read: int, position: int) -> None:
        """One batch, one transaction."""
        progress = dict(self.progress)
        with transaction.atomic(), connection.cursor() as cursor:
            schema_hold(
                self.job.table_id, self.spec, [each.key for each in self._targets if each is not None]
            )
            self._apply()(cursor, self.spec, rows, progress)
            rows.refused.sort(key=attrgetter("line"))
            progress["rejects_bytes"] = self.rejects.append(rows.refused, progress.get("rejects_bytes", 0))
            progress["bytes_done"] = min(position, progress.get("bytes_total", position))
            progress["rows_done"] = sum(
                progress.get(name, 0) for name in ("rows_inserted", "rows_updated", "rows_unchanged")
            )
            progress["rows_rejected"] = progress.get("rows_rejected", 0) + len(rows.refused)
            progress["records_read"] = progress.get("records_read", 0) + records_read
            self._guard(progress=progress)
        self._moved(progress)

    def _moved(self, progress: Progress) -> None:
        self.progress = progress
        if self.tell is not None:
            self.tell(progress)

    def _apply(self) -> Callable[..., None]:
        if self._key is None or self.mode is not ImportMode.UPSERT:
            return rows_replace if self.mode is ImportMode.REPLACE else rows_append
        return partial(
            rows_upsert_batch,
            key=self._key,
            filled=[column for column in self._targets if column is not None],
            clears=self.job.options.get("blanks") == "clear",
            actor=Actor(user_id=self.job.requested_by_id, label="import"),
        )

    def _guard(self, **changes: Any) -> None:
        """The write that proves the job is still ours; everything of the transaction falls with it."""
        if self.rejects.name:
            changes["rejects"] = self.rejects.name
        job_write(self.job, self.instance, **changes)

    def _end(self) -> None:
        """Everything is read: delete what was replaced, complete the job, start what runs by itself (T29)."""
        if self.mode is ImportMode.REPLACE:
            if not self.progress.get("rows_inserted"):
                self._fail("nothing_imported", "No row could be imported, so the old rows were left.")
                return
            place: tuple[str, UUID] | None = _BEFORE_ALL
            while place is not None:
                place = self._delete(place)
        progress = {**self.progress, "bytes_done": self.progress.get("bytes_total", 0)}
        with transaction.atomic():
            if ranges := progress.get("seq_ranges"):
                first, last = ranges[0][0], ranges[-1][1]
                rows_inserted(self.job.table_id, None, first, last, self.job.requested_by, seq_ranges=ranges)
            self._guard(status=JobStatus.COMPLETED, finished_at=Now(), progress=progress)

    def _delete(self, place: tuple[str, UUID]) -> tuple[str, UUID] | None:
        progress = dict(self.progress)
        with transaction.atomic(), connection.cursor() as cursor:
            following = old_delete(cursor, self.job.table_id, progress, place)
            self._guard(progress=progress)
        self._moved(progress)
        return following

    def _fail(self, code: str, message: str) -> None:
        error = {"code": code, "message": f"{message} {kept_words(self.progress)}"}
        with transaction.atomic():
            self._guard(status=JobStatus.FAILED, finished_at=Now(), error=error)


def _repeated(rows: Rows, key: ColumnSpec, seen: SeenKeys) -> dict[int, str]:
    words = f"{key.name}: an earlier row of the file has the same key."
    return {at: words for at in range(len(rows)) if not seen.add(key_text(rows.value(key.key, at)))}


def _ahead(batches: Iterator[tuple[Rows, int, int]]) -> Generator[tuple[Rows, int, int], None, None]:
    """The same, the next one being read in a thread while the caller works on this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="import") as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch
