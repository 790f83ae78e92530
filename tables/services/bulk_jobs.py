"""Bulk updates and deletes: rows chosen by a filter or a range, written by a job in batches (T3, T5, T28).

What is chosen is frozen when the job is accepted: rows made later are not in it. The job walks the table's order by
keyset; a filter is evaluated as it reaches the rows, once more in the transaction that writes them. Rows moved from
before it to behind it are looked for at the end. Of a range in a sorted order, where a row stands follows values that
may change at any time: its rows are written down when the job is accepted, and those are what it is about. Each batch
is one transaction with the job's progress: what runs on deleted rows is stopped, what reads updated columns is
invalidated, and one dispatch starts per batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from tables.engine.conditions import EVERYTHING, Clause
from tables.engine.references import ColumnIndex
from tables.engine.sorting import Sort
from tables.engine.types import TableSpec
from tables.enqueue import bulk_send
from tables.errors import RowTooLarge, ValueInvalid
from tables.models import Job, Table
from tables.row_list import Listing
from tables.row_search import count_estimated
from tables.selectors import table_spec
from tables.services.editing import again_after_deadlock, rows_edit
from tables.services.expecting import count_expect, rows_expect
from tables.services.frozen_rows import frozen_forget, rows_freeze, rows_frozen
from tables.services.job_events import job_announce
from tables.services.jobs import DELETE, UPDATE, job_insert, job_kept, job_run, job_write
from tables.services.rejects import Rejects
from tables.services.row_values import RowValues, Values
from tables.services.rows import rows_delete
from tables.services.schema_lock import locks_check, table_lock
from tables.services.scope import scope_of, scope_sql
from tables.states import JobStatus
from workspaces.actors import Actor
from workspaces.errors import Invalid, RunsheetError
from workspaces.services.audit import audit_record

_START: Final = ("", UUID(int=0))

# The creation sequence that rows made from now on exceed. Under the table's lock: none of its inserts is under way.
_UPPER = "SELECT last_value + is_called::int - 1 FROM tables_row_seq"

# The next rows of the selection behind a place of the table. Index: tables_row_order.
_NEXT = """
SELECT r.id, r.position FROM tables_row r
 WHERE r.table_id = %s AND (r.position, r.id) > (%s, %s) AND r.seq <= %s AND {where}
 ORDER BY r.position, r.id LIMIT %s
"""

# Those of some rows that are still chosen.
_STILL = "SELECT r.id FROM tables_row r WHERE r.table_id = %s AND r.id = ANY(%s::uuid[]) AND {where}"

# Rows that changed place while the job walked, and that nobody has written since. Index: tables_row_moved.
_MOVED = "r.moved_at >= %s AND r.updated_at < %s"
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows that a job is to write: ``rows`` a range ``{from, to, filter?, sort?}``, ``filter`` those that meet it.

    Neither: every row. ``exclude_rows`` are ids within. ``expected``: how many rows that was when a person looked.
    """

    rows: Mapping[str, Any] | None = None
    filter: Mapping[str, Any] | None = None
    exclude_rows: Sequence[UUID] = ()
    expected: int | None = None


def bulk_update(*, table: Table, chosen: Chosen, data: Mapping[str, Any], actor: Actor) -> Job:
    """Start a job that writes the same values into rows; null empties a column.

    Raises ``ValueInvalid`` (by ``data.<column>``), ``ScopeInvalid``, ``FilterInvalid``, ``SortInvalid``,
    ``TableLocked``, ``JobActive``, ``RowsMoved``; then nothing is started.
    """
    locks_check(table, "update")
    spec = table_spec(table.pk)
    if not data:
        raise Invalid(errors={"data": ["Give at least one column and its value."]})
    values = RowValues(spec).of_edit(data)
    for column in spec.columns:
        if column.unique and column.key in values.data:
            words = f"“{column.name}” must be unique; many rows cannot be given one value."
            raise ValueInvalid(words, errors={f"data.{column.name}": [words]})
    index = ColumnIndex(spec.columns)
    named = {str(found.id): value for ref, value in data.items() if (found := index.find(ref))}
    return _start(table, spec, UPDATE, chosen, {"data": named}, actor)


def bulk_delete(*, table: Table, chosen: Chosen, actor: Actor) -> Job:
    """Start a job that deletes rows. Raises as ``bulk_update``."""
    locks_check(table, "delete")
    return _start(table, table_spec(table.pk), DELETE, chosen, {}, actor)


def bulk_run(job_id: UUID) -> None:
    """Carry out a bulk job, from its start or from the last committed batch. Never raises for what the job can say."""
    job_run(job_id, lambda job, instance: _Bulk(job, instance).run())


def _start(
    table: Table, spec: TableSpec, kind: str, chosen: Chosen, options: Mapping[str, Any], actor: Actor
) -> Job:
    scope = scope_of(spec, chosen.rows, chosen.filter, chosen.exclude_rows)
    job = Job(table=table, kind=kind, requested_by_id=actor.user_id)
    is_frozen = _follows_values(scope)
    total = 0 if is_frozen else _count(table, spec, scope, chosen.expected)
    with transaction.atomic():
        if is_frozen:  # before the lock: it may take seconds
            total = rows_freeze(job.pk, table.pk, _where(spec, scope))
            count_expect(total, chosen.expected)
        table_lock(table.pk)
        with connection.cursor() as cursor:
            cursor.execute(_UPPER)
            (upper,) = cursor.fetchone()
        job.options = {
            **options,
            "scope": scope,
            "upper_seq": upper,
            "is_frozen": is_frozen,
            "actor": actor.label,
            "headers": ["row"],  # of the refused rows
        }
        job.progress = {"rows_done": 0, "rows_total": total}
        job_insert(job)
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action=f"rows.{kind}_started",
            target=job,
            after={"table": str(table.pk), "scope": scope, "columns": sorted(options.get("data", {}))},
        )
        bulk_send(job.pk)
        job_announce(job)
    return job


def _follows_values(scope: Mapping[str, Any]) -> bool:
    """Whether a row is within the range, or not, by the values it holds at the time."""
    rows = scope.get("rows")
    return isinstance(rows, Mapping) and bool(rows.get("sort"))


def _count(table: Table, spec: TableSpec, scope: Mapping[str, Any], expected: int | None) -> int:
    """How many rows it will be, perhaps estimated; exactly so where a number is expected. Raises ``RowsMoved``."""
    rows_expect(spec, scope, expected)
    if expected is not None:
        return expected
    return count_estimated(Listing(spec, _where(spec, scope), Sort()), table.row_count)[0]


def _where(spec: TableSpec, scope: Mapping[str, Any]) -> Clause:
    halves = scope_sql(spec, scope)
    parts = [each for each in (halves.place, halves.test) if each is not EVERYTHING]
    found = EVERYTHING
    for part in parts:
        found = part if found is EVERYTHING else found & part
    return found


class _Bulk:
    """One attempt at one job."""

    def __init__(self, job: Job, instance: UUID) -> None:
        self.job, self.instance = job, instance
        self.actor = Actor(user_id=job.requested_by_id, label=job.options.get("actor", job.kind))
        self.rejects = Rejects(job)
        self.is_frozen = job.options.get("is_frozen", False)  # jobs of the version before say nothing of it

    def run(self) -> None:
        """Write batch after batch to the end, or fail the job with words."""
        try:
            while self._batch():
                pass
        except RunsheetError as fault:
            words = f"{fault.detail} {job_kept(self.job)}"
            self._end(JobStatus.FAILED, {"code": fault.code, "message": words})
        else:
            self._end(JobStatus.COMPLETED, None)

    def _batch(self) -> bool:
        """The next rows, by the schema as it is now; whether there may be more."""
        spec = table_spec(self.job.table_id)
        values = RowValues(spec).of_edit(self.job.options["data"]) if self.job.kind == UPDATE else None
        progress = dict(self.job.progress)
        where = self._chosen(spec, progress)
        rows = self._take(progress, where)
        if rows is None:
            return False
        self._write(spec, rows, values, where, progress)
        return True

    def _take(self, progress: dict[str, Any], where: Clause) -> list[UUID] | None:
        """The next rows, ``progress`` moved behind them; ``None`` at the end."""
        if self.is_frozen:
            return rows_frozen(self.job.pk, progress["rows_done"], settings.RUNSHEET_MAX_BATCH_ROWS) or None
        found = self._next(progress, where)
        if found:
            progress["cursor"] = [found[-1][1], str(found[-1][0])]
        elif progress.get("looks_for_moved"):
            return None
        else:
            progress |= {"looks_for_moved": True, "cursor": None}
        return [row for row, _ in found]

    def _chosen(self, spec: TableSpec, progress: Mapping[str, Any]) -> Clause:
        """What is left of the selection: of the whole table, then of the rows that moved meanwhile.

        Rows that were written down are chosen, whatever they hold by now.
        """
        if self.is_frozen:
            return EVERYTHING
        where = _where(spec, self.job.options["scope"])
        if not progress.get("looks_for_moved"):
            return where
        since = self.job.created_at
        return Clause(_MOVED, [since, since if self.job.kind == UPDATE else _FOREVER]) & where

    def _next(self, progress: Mapping[str, Any], where: Clause) -> list[tuple[UUID, str]]:
        position, row_id = progress.get("cursor") or _START
        place = [self.job.table_id, position, UUID(str(row_id)), self.job.options["upper_seq"]]
        with connection.cursor() as cursor:
            cursor.execute(
                _NEXT.format(where=where.sql), [*place, *where.params, settings.RUNSHEET_MAX_BATCH_ROWS]
            )
            return list(cursor.fetchall())

    def _write(
        self,
        spec: TableSpec,
        rows: Sequence[UUID],
        values: Values | None,
        where: Clause,
        progress: Mapping[str, Any],
    ) -> None:
        """One batch, one transaction."""

        @transaction.atomic
        def write() -> None:
            counted = dict(progress)
            chosen = self._still(rows, where) if rows else []
            if values is None:
                self._delete(chosen, counted)
            else:
                self._update(spec, chosen, values, counted)
            counted["rows_done"] = progress["rows_done"] + len(rows)
            rejects = {"rejects": self.rejects.name} if self.rejects.name else {}
            job_write(self.job, self.instance, progress=counted, **rejects)

        again_after_deadlock(write)

    def _still(self, rows: Sequence[UUID], where: Clause) -> list[UUID]:
        """Those that are still chosen: somebody may have edited them a moment ago."""
        with connection.cursor() as cursor:
            cursor.execute(_STILL.format(where=where.sql), [self.job.table_id, list(rows), *where.params])
            still = {found[0] for found in cursor.fetchall()}
        return [row for row in rows if row in still]

    def _delete(self, rows: Sequence[UUID], progress: dict[str, Any]) -> None:
        gone = rows_delete(table=self.job.table, row_ids=rows, actor=self.actor, audited=False)
        progress["rows_deleted"] = progress.get("rows_deleted", 0) + gone

    def _update(
        self, spec: TableSpec, rows: Sequence[UUID], values: Values, progress: dict[str, Any]
    ) -> None:
        done, refused = self._edit(spec, rows, values)
        before = progress["rows_done"]
        lines = [(before + rows.index(row) + 1, words, [str(row)]) for row, words in refused.items()]
        progress["rejects_bytes"] = self.rejects.append(lines, progress.get("rejects_bytes", 0))
        for name, more in zip(("updated", "unchanged", "rejected"), (*done, len(refused)), strict=True):
            progress[f"rows_{name}"] = progress.get(f"rows_{name}", 0) + more

    def _edit(
        self, spec: TableSpec, rows: Sequence[UUID], values: Values
    ) -> tuple[tuple[int, int], dict[UUID, str]]:
        """Rows changed and left as they were; and those too large with the new values, found by halves."""
        try:
            with transaction.atomic():
                done = rows_edit(
                    table=self.job.table,
                    edits=[(row, values) for row in rows],
                    actor=self.actor,
                    skip_missing=True,
                    audited=False,
                    spec=spec,
                )
            return (len(done.changed), len(done.unchanged)), {}
        except RowTooLarge as fault:
            if len(rows) == 1:
                words = next(iter((fault.errors or {}).values()), [fault.detail])[0]
                return (0, 0), {rows[0]: words}
        half = len(rows) // 2
        (a, b), first = self._edit(spec, rows[:half], values)
        (c, d), second = self._edit(spec, rows[half:], values)
        return (a + c, b + d), first | second

    def _end(self, status: JobStatus, error: Mapping[str, Any] | None) -> None:
        with transaction.atomic():
            job_write(self.job, self.instance, status=status, finished_at=Now(), error=error)
            frozen_forget(self.job.pk)
