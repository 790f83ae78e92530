"""Rows written by people and programs: inserted, edited, deleted (T3, T4, T6).

Every value is coerced and checked before anything is written, and every fault is reported with its place. The table's
row is locked only where its count, its uniqueness or the work of its groups is at stake, so that two people editing
different cells of a row never wait for a big insert.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.types import TableSpec
from tables.errors import LimitReached, RowNotFound, ValueInvalid
from tables.events import emit, rows_event
from tables.models import Table
from tables.selectors import table_spec
from tables.services.autorun import person, rows_inserted
from tables.services.editing import EditOutcome, again_after_deadlock, check_batch, rows_edit
from tables.services.placing import Place, positions_for
from tables.services.row_values import RowValues, Values, check_unique
from tables.services.schema_lock import locks_check, table_lock
from tables.services.stopping import stop
from workspaces.actors import Actor
from workspaces.ids import uuid7
from workspaces.services.audit import audit_record

_INSERT = """
INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
SELECT i.id, %(table)s, i.data, i.position, coalesce(i.edited, '{}'), now(), now()
  FROM (SELECT e.id, e.data, e.position,
               (SELECT array_agg(key) FROM jsonb_array_elements_text(e.edited) AS key) AS edited
          FROM unnest(%(ids)s::uuid[], %(data)s::jsonb[], %(positions)s::text[], %(edited)s::jsonb[])
                   WITH ORDINALITY AS e(id, data, position, edited, place)
         ORDER BY e.place) AS i
"""

_AS_MADE: Final = """r.updated_at = r.created_at
   AND NOT EXISTS (SELECT 1 FROM tables_rowexecution c WHERE c.row_id = r.id)"""

_UNCHANGED: Final = f"SELECT r.id FROM tables_row r WHERE r.id = ANY(%s) AND {_AS_MADE}"  # noqa: S608 - ours
_DELETE: Final = "DELETE FROM tables_row r WHERE r.id = ANY(%s) RETURNING r.id"
# Asked once more of each row as it is held: an edit may have been committed meanwhile. Index: primary key.
_DELETE_UNCHANGED: Final = f"DELETE FROM tables_row r WHERE r.id = ANY(%s) AND {_AS_MADE} RETURNING r.id"  # noqa: S608


def rows_insert(
    *, table: Table, rows: Sequence[Mapping[str, Any]], actor: Actor, place: Place | None = None
) -> list[UUID]:
    """Insert rows, each ``{column reference: value}``, in the order given; answers their ids.

    Raises ``ValueInvalid`` (``errors`` by ``rows[3].<column>``), ``RowTooLarge``, ``LimitReached``, ``TableLocked``,
    ``RowNotFound`` (the neighbour). Nothing is written then. Starts automatic runs of the new rows (T29).
    """
    if len(rows) > settings.RUNSHEET_MAX_BATCH_ROWS:
        raise LimitReached(
            f"One call inserts at most {settings.RUNSHEET_MAX_BATCH_ROWS:,} rows; import a file for more."
        )
    if not rows:
        return []
    with transaction.atomic():
        locks_check(table_lock(table.pk, added=len(rows)), "insert")
        spec = table_spec(
            table.pk
        )  # under the lock: no column takes another type between reading and storing
        values = RowValues(spec).of_new_rows(rows)
        check_unique(spec, values)
        ids = rows_store(spec, values, positions_for(table.pk, place or Place(), len(values)))
        if any(group.auto_run for group in spec.groups):
            rows_inserted(table.pk, ids, actor=person(actor))
        transaction.on_commit(partial(emit, table.pk, [rows_event(inserted=ids)]))
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="rows.inserted",
            target=table,
            after={"rows": len(ids), "first": str(ids[0])},
        )
    return ids


def row_update(*, table: Table, row_id: UUID, data: Mapping[str, Any], actor: Actor) -> None:
    """Write some cells of one row; others are left to whoever edits them now (T3).

    A workflow-filled column typed over is marked edited; one emptied is no longer (T30). Raises ``RowNotFound``,
    ``ValueInvalid`` (by ``data.<column>``), ``RowTooLarge``, ``TableLocked``.
    """
    spec = table_spec(table.pk)
    values = RowValues(spec).of_edit(data)
    rows_edit(table=table, edits=[(row_id, values)], actor=actor, places=["data"], spec=spec)


def rows_update(
    *,
    table: Table,
    rows: Sequence[tuple[UUID, Mapping[str, Any]]],
    actor: Actor,
    expected: Mapping[UUID, Mapping[str, Any]] | None = None,
) -> EditOutcome:
    """The same for several rows, ``(id, {column reference: value})``, in one transaction.

    ``expected`` names values, ``{id: {column reference: value}}``, that a row must hold still: one that does not is
    skipped. Every fault has its place, ``rows[3].<column>``, and nothing is written then.
    """
    check_batch(len(rows))
    named = Counter(row for row, _ in rows)
    if twice := {
        f"rows[{n}].id": ["This row is named twice."] for n, (row, _) in enumerate(rows) if named[row] > 1
    }:
        raise ValueInvalid("A row is named twice.", errors=twice)
    spec = table_spec(table.pk)
    read = RowValues(spec)
    values = read.of_rows([data for _, data in rows])
    edits = [(row, each) for (row, _), each in zip(rows, values, strict=True)]
    guards = read.of_expected({place: (expected or {}).get(row, {}) for place, (row, _) in enumerate(rows)})
    return rows_edit(
        table=table,
        edits=edits,
        actor=actor,
        spec=spec,
        expected={rows[place][0]: each for place, each in guards.items()},
    )


def rows_delete(*, table: Table, row_ids: Sequence[UUID], actor: Actor, audited: bool = True) -> int:
    """Delete rows with their cells; what runs on them is stopped first and ends quietly (T5). Answers how many.

    ``audited=False``: the caller keeps the record of the whole.
    """
    _check_deleted(row_ids)
    with transaction.atomic(), connection.cursor() as cursor:
        locks_check(table_lock(table.pk), "delete")
        gone = _delete(cursor, table, rows_of(table, row_ids), _DELETE)
        if audited:
            _audit_deleted(table, gone, actor)
    return len(gone)


@dataclass(frozen=True, slots=True)
class RowsLeft:
    """Rows that were ``deleted``, and those that were ``kept`` because somebody or something has worked on them."""

    deleted: list[UUID]
    kept: list[UUID]


def rows_delete_unchanged(*, table: Table, row_ids: Sequence[UUID], actor: Actor) -> RowsLeft:
    """Delete those rows that are as they were made: nobody has edited them, and no cell of theirs has a record (T3).

    So taking back an insert takes nothing of others with it. A change that is being committed is waited for.
    """
    _check_deleted(row_ids)

    @transaction.atomic
    def delete() -> RowsLeft:
        with connection.cursor() as cursor:
            locks_check(table_lock(table.pk), "delete")
            there = rows_of(table, row_ids)
            cursor.execute(_UNCHANGED, [there])
            gone = _delete(cursor, table, [found[0] for found in cursor.fetchall()], _DELETE_UNCHANGED)
        _audit_deleted(table, gone, actor)
        return RowsLeft(gone, [row for row in there if row not in set(gone)])

    return again_after_deadlock(delete)


def row_delete(*, table: Table, row_id: UUID, actor: Actor) -> None:
    """Delete one row. Raises ``RowNotFound``."""
    if not rows_delete(table=table, row_ids=[row_id], actor=actor):
        raise RowNotFound


def _check_deleted(row_ids: Sequence[UUID]) -> None:
    if len(row_ids) > settings.RUNSHEET_MAX_BATCH_ROWS:
        raise LimitReached(f"One call deletes at most {settings.RUNSHEET_MAX_BATCH_ROWS:,} rows.")


def _delete(cursor: CursorWrapper, table: Table, rows: Sequence[UUID], statement: str) -> list[UUID]:
    """Stop what runs on these rows of a locked table, and delete them; those that are gone, in the order of ids."""
    if not rows:
        return []
    stop(table=table, rows=rows, deleted=True)
    cursor.execute(statement, [list(rows)])
    gone = sorted(found[0] for found in cursor.fetchall())
    table_lock(table.pk, added=-len(gone))
    if gone:
        transaction.on_commit(partial(emit, table.pk, [rows_event(deleted=gone)]))
    return gone


def _audit_deleted(table: Table, gone: Sequence[UUID], actor: Actor) -> None:
    if gone:
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="rows.deleted",
            target=table,
            before={"rows": len(gone), "first": str(gone[0])},
        )


def rows_of(table: Table, row_ids: Sequence[UUID]) -> list[UUID]:
    """Those ids that are rows of this table; foreign ones are nobody's business."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM tables_row WHERE table_id = %s AND id = ANY(%s) ORDER BY id",
            [table.pk, list(row_ids)],
        )
        return [found[0] for found in cursor.fetchall()]


def rows_store(spec: TableSpec, values: Sequence[Values], positions: Sequence[str]) -> list[UUID]:
    """Insert checked rows at these positions, under the table's lock; their ids in order."""
    ids = [uuid7() for _ in values]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "table": spec.table_id,
                "ids": ids,
                "data": [row.text for row in values],
                "positions": list(positions),
                "edited": [json.dumps(row.edited) for row in values],
            },
        )
    return ids
