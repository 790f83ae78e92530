"""Imports as people ask for them: preview, start, cancel, and what the reaper does for them (T38).

What can be known at once is checked at once: a file that is no CSV, a mapping that names nothing, a table that is
being written to already. ``import_run.py`` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from tables.engine.csv_rows import Dialect, Record, column_names, fit, records, sniff
from tables.engine.inference import infer_type, suggest_mapping
from tables.engine.references import ColumnIndex
from tables.enqueue import import_send
from tables.errors import JobActive, LimitReached, NoMatchingColumn, UploadInvalid, UploadTooLarge
from tables.models import Column, Job, Table
from tables.selectors import table_spec
from tables.services.columns import columns_insert
from tables.services.job_events import job_announce
from tables.services.schema_lock import locks_check, schema_change
from tables.states import ACTIVE_JOB, JobStatus
from workflows.models import Instance
from workspaces.actors import Actor
from workspaces.errors import Conflict, Invalid
from workspaces.ids import uuid7
from workspaces.services.audit import audit_record

PREVIEW_ROWS: Final = 20
INFERENCE_ROWS: Final = 1_000
RESEND_AFTER: Final = timedelta(seconds=30)
MAX_RECOVERIES: Final = 3
KIND: Final = "import"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read. ``None``: find out."""

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool = True


@dataclass(frozen=True, slots=True)
class Start:
    """The first look into a file."""

    dialect: Dialect
    headers: list[str]
    sample: list[Record]


def import_preview(*, table: Table, upload: UploadedFile[Any], reading: Reading) -> dict[str, Any]:
    """What the file holds and how it could be mapped; writes nothing. Raises ``UploadInvalid``, ``UploadTooLarge``.

    ``{encoding, delimiter, has_header, bytes, columns: [{header, type, samples}], rows: [[text]],
    rejects: [{line, reason}], mapping: {header: column id or {name, type}}}``
    """
    start = _look(upload, reading, INFERENCE_ROWS)
    fitted = [(record, *fit(record, len(start.headers))) for record in start.sample]
    good = [values for _, values, fault in fitted if not fault]
    types = [infer_type(values[place] for values in good) for place in range(len(start.headers))]
    return {
        "encoding": start.dialect.encoding,
        "delimiter": start.dialect.delimiter,
        "has_header": reading.has_header,
        "bytes": upload.size,
        "columns": [
            {"header": header, "type": types[place], "samples": [values[place][:200] for values in good[:5]]}
            for place, header in enumerate(start.headers)
        ],
        "rows": [[value[:200] for value in values] for values in good[:PREVIEW_ROWS]],
        "rejects": [{"line": r.line, "reason": fault} for r, _, fault in fitted if fault][:PREVIEW_ROWS],
        "mapping": suggest_mapping(start.headers, types, table_spec(table.pk).columns),
    }


def import_start(
    *,
    table: Table,
    upload: UploadedFile[Any],
    reading: Reading,
    actor: Actor,
    mapping: Mapping[str, Any] | None = None,
    send: bool = True,
) -> Job:
    """Keep the file, make the columns the mapping asks for, and start a job that appends the rows.

    ``mapping``: ``{header: column reference, or null to skip, or {"name", "type"?, "options"?}}``. Without one,
    headers find the columns of their name or key, and the others are skipped. ``send=False`` leaves it to the caller
    to run the job at once.

    Raises ``UploadInvalid``, ``UploadTooLarge``, ``NoMatchingColumn``, ``Invalid`` (by ``mapping.<header>``),
    ``JobActive``, ``TableLocked``.
    """
    locks_check(table, "insert")
    start = _look(upload, reading, 1)
    with _stored(upload) as job:
        job.table, job.kind, job.requested_by_id = table, KIND, actor.user_id
        job.progress = {"bytes_done": 0, "bytes_total": upload.size, "rows_done": 0, "rows_rejected": 0}
        with transaction.atomic():
            columns = _map(table, start.headers, mapping)
            job.options = {
                "filename": PurePath(upload.name or "").name[:200],
                "encoding": start.dialect.encoding,
                "delimiter": start.dialect.delimiter,
                "has_header": reading.has_header,
                "headers": start.headers,
                "columns": [str(column) if column else None for column in columns],
            }
            _insert(job)
            audit_record(
                workspace_id=table.workspace_id,
                actor=actor,
                action="import.started",
                target=job,
                after={"table": str(table.pk), "filename": job.options["filename"], "bytes": upload.size},
            )
            if send:
                import_send(job.pk)
            job_announce(job)
    return job


def job_cancel(*, job: Job, actor: Actor) -> Job:
    """End a job; batches already committed stay. Idempotent for a cancelled one, ``Conflict`` for a finished one."""
    with transaction.atomic():
        ended = Job.objects.filter(pk=job.pk, status__in=ACTIVE_JOB).update(
            status=JobStatus.CANCELLED, finished_at=Now(), instance_id=None
        )
        job.refresh_from_db()
        if not ended and job.status != JobStatus.CANCELLED:
            raise Conflict(f"This job has already ended: it is {job.status}.")
        if ended:
            audit_record(workspace_id=job.table.workspace_id, actor=actor, action="job.cancelled", target=job)
            job_announce(job)
    return job


def jobs_reap() -> int:
    """Return imports of dead processes to the queue, and send again those whose message got lost; answers how many.

    A job that lost its worker three times fails, saying what was kept. Safe to call often and from several processes.
    """
    alive = Instance.objects.filter(
        stopped_at=None, heartbeat_at__gt=Now() - timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    )
    count = 0
    for job in Job.objects.filter(status=JobStatus.RUNNING).exclude(instance_id__in=alive.values("pk")):
        count += _recover(job)
    lost = Q(status=JobStatus.QUEUED, kind=KIND, created_at__lt=Now() - RESEND_AFTER)
    for job in Job.objects.filter(lost).filter(Q(sent_at=None) | Q(sent_at__lt=Now() - RESEND_AFTER)):
        count += 1
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(sent_at=Now())
            import_send(job.pk)
    return count


def _recover(job: Job) -> int:
    recoveries = job.progress.get("recoveries", 0) + 1
    given_up = recoveries > MAX_RECOVERIES
    lost = {
        "code": "worker_lost",
        "message": f"Its worker was lost {recoveries} times. {job.progress.get('rows_done', 0):,} rows were kept.",
    }
    with transaction.atomic():
        moved = Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING, instance_id=job.instance_id).update(
            status=JobStatus.FAILED if given_up else JobStatus.QUEUED,
            error=lost if given_up else None,
            finished_at=Now() if given_up else None,
            instance_id=None,
            sent_at=Now(),
            progress={**job.progress, "recoveries": recoveries},
        )
        if moved and not given_up:
            import_send(job.pk)
        if moved:
            job.refresh_from_db()
            job_announce(job)
    return moved


def _look(upload: UploadedFile[Any], reading: Reading, count: int) -> Start:
    """Read the header and the first records of an upload."""
    limit: int = settings.RUNSHEET_MAX_UPLOAD_BYTES
    if (upload.size or 0) > limit:
        raise UploadTooLarge(
            f"The file has {upload.size:,} bytes; an import takes at most {limit:,}.", limit=limit
        )
    file: BinaryIO = upload.file  # type: ignore[assignment]  # a temporary or in-memory binary file
    file.seek(0)
    try:
        dialect = sniff(file, encoding=reading.encoding, delimiter=reading.delimiter)
        found = list(islice(records(file, dialect), count + 1))
    except LookupError:
        raise Invalid(errors={"encoding": ["This encoding is not known, e.g. utf-8 or cp1252."]}) from None
    finally:
        file.seek(0)
    if not found:
        raise UploadInvalid("The file holds no rows.")
    if found[0].fault:
        raise UploadInvalid(f"Line {found[0].line}: {found[0].fault}")
    width = len(found[0].values)
    if width > settings.RUNSHEET_MAX_COLUMNS:
        raise LimitReached(
            f"The file has {width:,} columns; a table has at most {settings.RUNSHEET_MAX_COLUMNS:,}."
        )
    headers = column_names(found[0].values if reading.has_header else [""] * width)
    return Start(dialect, headers, found[1:] if reading.has_header else found[:count])


def _map(table: Table, headers: Sequence[str], mapping: Mapping[str, Any] | None) -> list[UUID | None]:
    """The column each header fills; makes the new ones. Raises ``Invalid``, ``NoMatchingColumn``."""
    spec = table_spec(table.pk)
    index = ColumnIndex(spec.columns)
    if mapping is None:
        suggested = suggest_mapping(headers, ["text"] * len(headers), spec.columns)
        mapping = {name: target for name, target in suggested.items() if isinstance(target, str)}
    if unknown := next((name for name in mapping if name not in headers), None):
        raise Invalid(errors={f"mapping.{unknown}": ["The file has no such header."]})
    targets: list[UUID | None] = []
    new: list[tuple[int, Mapping[str, Any]]] = []
    for place, header in enumerate(headers):
        target = mapping.get(header)
        if isinstance(target, Mapping):
            new.append((place, target))
            targets.append(None)
            continue
        column = index.find(target) if target is not None else None
        if target is not None and column is None:
            raise Invalid(errors={f"mapping.{header}": [index.unknown(target)]})
        if column is not None and column.id in targets:
            raise Invalid(
                errors={f"mapping.{header}": [f"“{column.name}” is filled by another header already."]}
            )
        targets.append(column.id if column else None)
    for place, column_id in zip((place for place, _ in new), _make(table, headers, new), strict=True):
        targets[place] = column_id
    if not any(targets):
        raise NoMatchingColumn(headers=list(headers)[:50])
    return targets


def _make(table: Table, headers: Sequence[str], new: Sequence[tuple[int, Mapping[str, Any]]]) -> list[UUID]:
    """New columns at the table's end, in the file's order."""
    if not new:
        return []
    for place, wanted in new:
        if not isinstance(wanted.get("name"), str) or set(wanted) - {"name", "type", "options"}:
            raise Invalid(errors={f"mapping.{headers[place]}": ["Give {“name”: …, “type”: …}."]})
    with schema_change(table.pk) as stored:
        made: list[Column] = columns_insert(stored, [wanted for _, wanted in new], place="mapping")
    return [column.pk for column in made]


@contextmanager
def _stored(upload: UploadedFile[Any]) -> Iterator[Job]:
    """A job that is not saved yet, holding the kept upload, which goes again when anything fails."""
    job = Job(id=uuid7())
    job.upload.save(f"{job.pk}.csv", upload, save=False)
    try:
        yield job
    except BaseException:
        job.upload.delete(save=False)
        raise


def _insert(job: Job) -> None:
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError as fault:
        if "tables_job_one_writer" not in str(fault):
            raise
        raise JobActive from None
