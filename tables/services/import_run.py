"""The import's work: a file streamed into ``tables_row`` by COPY, batch by batch, in flat memory (T38, F25, F26).

Each batch is one transaction: rows, the table's exact count and the job's progress commit together, guarded by the
job's owner. So a killed worker's job goes on behind the last committed batch, and a cancelled one keeps what it has.
Lock order: table, row, job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from tables.engine.coercion import text_reader
from tables.engine.csv_rows import Dialect, Record, fit, records
from tables.engine.types import ColumnSpec, TableSpec
from tables.errors import RowTooLarge, TableNotFound, UploadInvalid, ValueInvalid
from tables.models import Job
from tables.selectors import table_spec
from tables.services.autorun import rows_inserted
from tables.services.job_events import job_announce
from tables.services.rejects import Rejects
from tables.services.row_values import Values, check_row_size, missing, row_text, taken_texts, value_text
from tables.services.rows import Place, positions_for
from tables.services.schema_lock import table_lock
from tables.states import JobStatus
from workflows.services.instances import current_instance
from workspaces.ids import uuid7

log = logging.getLogger(__name__)

BATCH_ROWS: Final = 5_000
BLOCK_ROWS: Final = 250
PATIENCE_SECONDS: Final = 2.0
DATABASE_TRIES: Final = 30

_COPY = "COPY tables_row (id, table_id, data, position, edited, created_at, updated_at) FROM STDIN"


class JobLost(Exception):
    """The job was cancelled, or belongs to another process by now."""


def import_run(job_id: UUID) -> None:
    """Carry out an import, from its start or from the last committed batch. Never raises for what the job can say.

    A database that is away is waited for, a minute at most; then the reaper takes over.
    """
    instance = current_instance()
    for _ in range(DATABASE_TRIES):
        try:
            with suppress(JobLost, Job.DoesNotExist, TableNotFound):
                _Import(_claim(job_id, instance), instance).run()
            return
        except (OperationalError, InterfaceError):
            log.warning("the database went away during an import", exc_info=True, extra={"job": str(job_id)})
            connection.close()
            threading.Event().wait(PATIENCE_SECONDS)


def _claim(job_id: UUID, instance: UUID) -> Job:
    """Become the job's owner; raises ``JobLost`` when somebody else is, or it has ended."""
    mine = Job.objects.filter(pk=job_id, instance_id=instance, status=JobStatus.RUNNING)
    free = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED)
    if (
        not free.update(status=JobStatus.RUNNING, instance_id=instance, started_at=Now())
        and not mine.exists()
    ):
        raise JobLost
    return Job.objects.select_related("table", "requested_by").get(pk=job_id)


@dataclass(slots=True)
class Batch:
    """Rows ready to be written, and the records that were refused: their line, why, their values."""

    rows: list[Values] = field(default_factory=list)
    refused: list[tuple[int, str, Sequence[str]]] = field(default_factory=list)


class _Import:
    """One attempt at one job."""

    def __init__(self, job: Job, instance: UUID) -> None:
        self.job, self.instance = job, instance
        self.progress: dict[str, Any] = dict(job.progress)
        self.spec = table_spec(job.table_id)
        self.rejects = Rejects(job)
        self.read = RecordReader(self.spec, job.options)

    def run(self) -> None:
        """Stream the file to its end, or fail the job with words."""
        try:
            with self.job.upload.open("rb") as upload:
                file: BinaryIO = upload.file.file
                for chunk in self._chunks(file):
                    self._write(self.read.batch(chunk), len(chunk), file.tell())
            self._finish()
        except (UploadInvalid, RowTooLarge) as fault:
            self._fail(fault.code, fault.detail)
        except FileNotFoundError:
            self._fail("upload_missing", "The uploaded file is no longer there. Upload it again.")

    def _chunks(self, file: BinaryIO) -> Iterator[list[Record]]:
        options = self.job.options
        stream = records(file, Dialect(options["encoding"], options["delimiter"]))
        done = self.progress.get("records_read", 0) + bool(options["has_header"])
        stream = islice(stream, done, None)
        while chunk := list(islice(stream, BATCH_ROWS)):
            yield chunk

    def _write(self, batch: Batch, records_read: int, position: int) -> None:
        """One batch, one transaction."""
        with transaction.atomic():
            table_lock(self.job.table_id)
            self._refuse_repeats(batch)
            if batch.rows:
                table_lock(self.job.table_id, added=len(batch.rows))
                self._copy(batch.rows)
            progress = self._moved(batch, records_read, position)
            self._guard(progress=progress)
        self.progress = progress

    def _copy(self, rows: Sequence[Values]) -> None:
        positions = positions_for(self.job.table_id, Place(), len(rows))
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()::text, last_value + is_called::int FROM tables_row_seq")
            now, first = cursor.fetchone()
            table = str(self.job.table_id)
            with cursor.copy(_COPY) as copy:
                lines = (
                    f"{uuid7()}\t{table}\t{_escaped(row.text)}\t{position}\t{_array(row.edited)}\t{now}\t{now}\n"
                    for row, position in zip(rows, positions, strict=True)
                )
                while block := "".join(islice(lines, BLOCK_ROWS)):
                    copy.write(block)
            cursor.execute("SELECT last_value FROM tables_row_seq")
            (last,) = cursor.fetchone()
        self.progress.setdefault("seq_from", first)
        self.progress["seq_to"] = last

    def _refuse_repeats(self, batch: Batch) -> None:
        """Rows that would repeat a unique value are refused one by one, and never stop the rest."""
        for column in (column for column in self.spec.columns if column.unique):
            seen = taken_texts(self.spec.table_id, column, batch.rows)
            kept: list[Values] = []
            for row in batch.rows:
                text = value_text(row.data[column.key]) if column.key in row.data else ""
                if text in seen:
                    reason = f"“{column.name}” must be unique, and {text} is there."
                    batch.refused.append((row.line, reason, row.source))
                    continue
                if text:
                    seen.add(text)
                kept.append(row)
            batch.rows[:] = kept

    def _moved(self, batch: Batch, records_read: int, position: int) -> dict[str, Any]:
        """The progress after this batch. The rejects are on disk before the commit that counts them."""
        progress = dict(self.progress)
        progress["rejects_bytes"] = self.rejects.append(batch.refused, progress.get("rejects_bytes", 0))
        progress["bytes_done"] = position
        progress["rows_done"] = progress.get("rows_done", 0) + len(batch.rows)
        progress["rows_rejected"] = progress.get("rows_rejected", 0) + len(batch.refused)
        progress["records_read"] = progress.get("records_read", 0) + records_read
        return progress

    def _guard(self, **changes: Any) -> None:
        """The write that proves the job is still ours; everything of the transaction falls with it."""
        mine = Job.objects.filter(pk=self.job.pk, status=JobStatus.RUNNING, instance_id=self.instance)
        if self.rejects.name:
            changes["rejects"] = self.rejects.name
        if not mine.update(**changes):
            raise JobLost
        for name, value in changes.items():
            if not hasattr(value, "resolve_expression"):
                setattr(self.job, name, value)
        job_announce(self.job)

    def _finish(self) -> None:
        progress = {**self.progress, "bytes_done": self.progress.get("bytes_total", 0)}
        with transaction.atomic():
            self._guard(status=JobStatus.COMPLETED, finished_at=Now(), progress=progress)
            if "seq_to" in progress and any(group.auto_run for group in self.spec.groups):
                first, last = progress["seq_from"], progress["seq_to"]
                rows_inserted(self.job.table_id, None, first, last, self.job.requested_by)

    def _fail(self, code: str, message: str) -> None:
        kept = self.progress.get("rows_done", 0)
        error = {"code": code, "message": f"{message} {kept:,} rows were kept."}
        with transaction.atomic():
            self._guard(status=JobStatus.FAILED, finished_at=Now(), error=error)


def _array(keys: Sequence[str]) -> str:
    """Column keys as a PostgreSQL array; quoted, because a column may be called null."""
    return "{" + ",".join(f'"{key}"' for key in keys) + "}"


def _escaped(text: str) -> str:
    """JSON as COPY wants it: no line break or tab stands raw in JSON, so only backslashes matter."""
    return text.replace("\\", "\\\\")


class RecordReader:
    """Turns records of a file into rows of a table, or into reasons why not."""

    def __init__(self, spec: TableSpec, options: dict[str, Any]) -> None:
        columns = {str(column.id): column for column in spec.columns}
        self._width = len(options["headers"])
        self._readers: list[tuple[int, ColumnSpec, Callable[[str], Any]]] = [
            (place, columns[each], text_reader(columns[each], max_bytes=settings.RUNSHEET_MAX_CELL_BYTES))
            for place, each in enumerate(options["columns"])
            if each in columns
        ]
        self._required = [c for c in spec.columns if c.required and c.group_id is None]
        self._filled_by_workflows = [c.key for _, c, _ in self._readers if c.group_id is not None]
        self._row_limit: int = settings.RUNSHEET_MAX_ROW_BYTES

    def batch(self, chunk: Sequence[Record]) -> Batch:
        """The records sorted into rows and refusals."""
        batch = Batch()
        for record in chunk:
            values, fault = fit(record, self._width)
            try:
                if fault:
                    raise ValueInvalid(fault)
                batch.rows.append(self._row(record.line, values))
            except (ValueInvalid, RowTooLarge) as refusal:
                batch.refused.append((record.line, refusal.detail, values))
        return batch

    def _row(self, line: int, values: Sequence[str]) -> Values:
        data: dict[str, Any] = {}
        for place, column, read in self._readers:
            try:
                stored = read(values[place])
            except ValueInvalid as fault:
                raise ValueInvalid(f"{column.name}: {fault.detail}") from None
            if stored is not None:
                data[column.key] = stored
        for column in self._required:
            if missing(column, data.get(column.key)):
                raise ValueInvalid(f"{column.name}: a value is required.")
        text = row_text(data)
        if len(text) * 4 > self._row_limit:
            check_row_size(len(text.encode()), RowTooLarge)
        edited = tuple(key for key in self._filled_by_workflows if key in data)
        return Values(data, text, frozenset(), edited, line, values)
