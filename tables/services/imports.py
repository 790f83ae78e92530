"""Imports as people ask for them: preview and start (T38).

What can be known at once is checked at once: a file that is no table, a mapping that names nothing, a table that is
being written to already. ``import_run.py`` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from tables.engine.csv_rows import fit
from tables.engine.inference import infer_type, misfits, suggest_mapping
from tables.engine.references import ColumnIndex
from tables.engine.types import TableSpec
from tables.enqueue import import_send
from tables.errors import NoMatchingColumn
from tables.models import Column, Job, Table
from tables.selectors import table_spec
from tables.services.columns import columns_insert
from tables.services.import_files import Reading, look
from tables.services.import_modes import ImportMode
from tables.services.job_events import job_announce
from tables.services.jobs import IMPORT, job_insert
from tables.services.schema import table_create
from tables.services.schema_lock import locks_check, schema_change
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.ids import uuid7
from workspaces.models import Workspace
from workspaces.services.audit import audit_record

PREVIEW_ROWS: Final = 20
INFERENCE_ROWS: Final = 1_000
_NO_TABLE: Final = TableSpec(table_id=UUID(int=0), workspace_id=UUID(int=0), columns=(), groups=())
_CHANGES: Final = {
    ImportMode.APPEND: ("insert",),
    ImportMode.REPLACE: ("insert", "delete"),
    ImportMode.UPSERT: ("insert", "update"),
}


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of the rows that are read. ``key``: the column (id, key or name) by which ``upsert`` finds rows.

    ``blanks`` says what an empty value does to a row that is there: ``keep`` what it has, or ``clear`` it.
    """

    mode: ImportMode = ImportMode.APPEND
    key: str | None = None
    blanks: str = "keep"


def import_preview(
    *,
    table: Table | None,
    upload: UploadedFile[Any],
    reading: Reading,
    mapping: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the file holds and how it could be mapped; writes nothing. Without a table, as columns of a new one.

    Raises ``UploadInvalid``, ``UploadTooLarge``.

    ``{format, sheets, sheet, encoding, delimiter, has_header, bytes, columns: [{header, type, samples, filled,
    misfits, misfit?}], rows: [[text]], rejects: [{line, reason}], mapping: {header: column id or {name, type}}}``.
    ``misfits`` counts the sampled values, of ``filled`` ones, that do not fit the column they are mapped to: by
    ``mapping``, or else as suggested; ``misfit`` says why the first one does not.
    """
    start = look(upload, reading, INFERENCE_ROWS)
    fitted = [(record, *fit(record, len(start.headers))) for record in start.sample]
    good = [values for _, values, fault in fitted if not fault]
    types = [infer_type(values[place] for values in good) for place in range(len(start.headers))]
    spec = table_spec(table.pk) if table else _NO_TABLE
    suggested = suggest_mapping(start.headers, types, spec.columns)
    shown = {**suggested, **{name: target for name, target in (mapping or {}).items() if name in suggested}}
    fits = misfits(start.headers, good, shown, spec, settings.RUNSHEET_MAX_CELL_BYTES)
    return {
        "format": start.options["format"],
        "sheets": start.sheets,
        "sheet": start.options["sheet"],
        "encoding": start.options["encoding"],
        "delimiter": start.options["delimiter"],
        "has_header": reading.has_header,
        "bytes": upload.size,
        "columns": [
            {
                "header": header,
                "type": types[place],
                "samples": [values[place][:200] for values in good[:5]],
                **fits[place],
            }
            for place, header in enumerate(start.headers)
        ],
        "rows": [[value[:200] for value in values] for values in good[:PREVIEW_ROWS]],
        "rejects": [{"line": r.line, "reason": fault} for r, _, fault in fitted if fault][:PREVIEW_ROWS],
        "mapping": suggested,
    }


def import_start(
    *,
    table: Table,
    upload: UploadedFile[Any],
    reading: Reading,
    actor: Actor,
    mapping: Mapping[str, Any] | None = None,
    handling: Handling | None = None,
    send: bool = True,
) -> Job:
    """Keep the file, make the columns the mapping asks for, and start a job that writes the rows.

    ``mapping``: ``{header: column reference, or null to skip, or {"name", "type"?, "options"?}}``. Without one,
    headers find the columns of their name or key, and the others are skipped. ``send=False`` leaves it to the caller
    to run the job at once.

    Raises ``UploadInvalid``, ``UploadTooLarge``, ``NoMatchingColumn``, ``Invalid`` (by ``mapping.<header>``, ``key``),
    ``JobActive``, ``TableLocked``.
    """
    handling = handling or Handling()
    for change in _CHANGES[handling.mode]:
        locks_check(table, change)
    start = look(upload, reading, 1)
    with _stored(upload, start.options["format"]) as job:
        job.table, job.kind, job.requested_by_id = table, IMPORT, actor.user_id
        job.progress = {"bytes_done": 0, "bytes_total": upload.size, "rows_done": 0, "rows_rejected": 0}
        with transaction.atomic():
            columns = _map(table, start.headers, mapping)
            job.options = {
                **start.options,
                "filename": PurePath(upload.name or "").name[:200],
                "headers": start.headers,
                "columns": [str(column) if column else None for column in columns],
                "mode": handling.mode.value,
                **_keyed(table, handling, columns),
            }
            job_insert(job)
            audit_record(
                workspace_id=table.workspace_id,
                actor=actor,
                action="import.started",
                target=job,
                after={
                    "table": str(table.pk),
                    "filename": job.options["filename"],
                    "bytes": upload.size,
                    "mode": handling.mode.value,
                },
            )
            if send:
                import_send(job.pk)
            job_announce(job)
    return job


def import_as_table(
    *,
    workspace: Workspace,
    name: str,
    upload: UploadedFile[Any],
    reading: Reading,
    actor: Actor,
    mapping: Mapping[str, Any] | None = None,
) -> Job:
    """Make a table of this name with the columns of the file, and start filling it; both or neither.

    Without a ``mapping`` every header becomes a column of the type its first values have. Raises as ``table_create``
    and ``import_start`` do.
    """
    if mapping is None:
        mapping = import_preview(table=None, upload=upload, reading=reading)["mapping"]
    with transaction.atomic():
        table = table_create(workspace=workspace, name=name, actor=actor)
        return import_start(table=table, upload=upload, reading=reading, actor=actor, mapping=mapping)


def _keyed(table: Table, handling: Handling, columns: Sequence[UUID | None]) -> dict[str, str]:
    """The key column and what blanks do, checked: they belong to an upsert. Raises ``Invalid`` by ``key``."""
    if handling.mode is not ImportMode.UPSERT:
        if handling.key is not None:
            raise Invalid(errors={"key": ["Only an upsert has a key column."]})
        return {}
    if handling.key is None:
        raise Invalid(errors={"key": ["Name the column by which rows are found."]})
    index = ColumnIndex(table_spec(table.pk).columns)
    column = index.find(handling.key)
    if column is None:
        raise Invalid(errors={"key": [index.unknown(handling.key)]})
    if column.id not in columns:
        raise Invalid(errors={"key": [f"No header of the file is mapped to “{column.name}”."]})
    return {"key": str(column.id), "blanks": handling.blanks}


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
def _stored(upload: UploadedFile[Any], suffix: str) -> Iterator[Job]:
    """A job that is not saved yet, holding the kept upload, which goes again when anything fails."""
    job = Job(id=uuid7())
    job.upload.save(f"{job.pk}.{suffix}", upload, save=False)
    try:
        yield job
    except BaseException:
        job.upload.delete(save=False)
        raise
