"""Rows written by people and programs: inserted, edited, deleted (T3, T4, T6).

Every value is coerced and checked before anything is written, and every fault is reported with its place. Lock
order: table, windows, cells, row. The table's row is locked only where its count or its uniqueness is at stake, so
that two people editing different cells of a row never wait for a big insert.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.ordering import keys_after, keys_between
from tables.engine.types import TableSpec
from tables.errors import LimitReached, RowNotFound, RowTooLarge
from tables.events import emit, rows_event
from tables.models import Table, sql
from tables.selectors import table_spec
from tables.services.autorun import rows_inserted
from tables.services.row_values import RowValues, Values, check_row_size, check_unique
from tables.services.schema_lock import locks_check, table_lock
from tables.services.stopping import stop
from workspaces.actors import Actor
from workspaces.ids import uuid7
from workspaces.models import User
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

# One statement, so that two people editing different cells of a row both keep their edit (T3).
_UPDATE = """
UPDATE tables_row
   SET data = (data || %(patch)s::jsonb) - %(emptied)s::text[],
       edited = ARRAY(SELECT DISTINCT e FROM unnest(edited || %(edited)s::text[]) AS e
                       WHERE e <> ALL(%(emptied)s::text[])),
       updated_at = now()
 WHERE id = %(row)s AND table_id = %(table)s
RETURNING octet_length(data::text)
"""

# The cells of the workflow groups whose columns are typed over, after their windows and before their row (lock order).
_LOCK_CELLS = """
SELECT id FROM tables_rowexecution WHERE row_id = %s AND group_id = ANY(%s) ORDER BY id FOR UPDATE
"""

_NEIGHBOURS = """
SELECT (SELECT n.position FROM tables_row n WHERE n.table_id = r.table_id AND (n.position, n.id) < (r.position, r.id)
         ORDER BY n.position DESC, n.id DESC LIMIT 1),
       r.position,
       (SELECT n.position FROM tables_row n WHERE n.table_id = r.table_id AND (n.position, n.id) > (r.position, r.id)
         ORDER BY n.position, n.id LIMIT 1)
  FROM tables_row r WHERE r.table_id = %s AND r.id = %s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where new rows go: before or after one row; neither means at the table's end."""

    before: UUID | None = None
    after: UUID | None = None


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
    spec = table_spec(table.pk)
    values = RowValues(spec).of_new_rows(rows)
    if not values:
        return []
    with transaction.atomic():
        locks_check(table_lock(table.pk, added=len(values)), "insert")
        check_unique(spec, values)
        ids = rows_store(spec, values, positions_for(table.pk, place or Place(), len(values)))
        if any(group.auto_run for group in spec.groups):
            rows_inserted(table.pk, ids, actor=_person(actor))
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
    if not values.given:
        return
    touched = {column.group_id for column in spec.columns if column.key in values.given and column.group_id}
    unique = any(column.unique and column.key in values.data for column in spec.columns)
    with transaction.atomic(), connection.cursor() as cursor:
        locks_check(table_lock(table.pk) if unique else table, "update")
        if touched:
            cursor.execute(sql.LOCK_WINDOWS_OF_ROWS, [[row_id]])
            cursor.execute(_LOCK_CELLS, [row_id, list(touched)])
        check_unique(spec, [values], but=row_id)
        _update(cursor, table, row_id, values)
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="row.updated",
            target=table,
            after={"row": str(row_id), "columns": sorted(values.given)},
        )
        transaction.on_commit(partial(emit, table.pk, [rows_event(changed=[row_id])]))


def rows_delete(*, table: Table, row_ids: Sequence[UUID], actor: Actor) -> int:
    """Delete rows with their cells; what runs on them is stopped first and ends quietly (T5). Answers how many."""
    if len(row_ids) > settings.RUNSHEET_MAX_BATCH_ROWS:
        raise LimitReached(f"One call deletes at most {settings.RUNSHEET_MAX_BATCH_ROWS:,} rows.")
    with transaction.atomic(), connection.cursor() as cursor:
        locks_check(table_lock(table.pk), "delete")
        gone = rows_of(table, row_ids)
        if not gone:
            return 0
        stop(table=table, rows=gone)
        cursor.execute("DELETE FROM tables_row WHERE id = ANY(%s)", [gone])
        table_lock(table.pk, added=-len(gone))
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="rows.deleted",
            target=table,
            before={"rows": len(gone), "first": str(gone[0])},
        )
        transaction.on_commit(partial(emit, table.pk, [rows_event(deleted=gone)]))
    return len(gone)


def row_delete(*, table: Table, row_id: UUID, actor: Actor) -> None:
    """Delete one row. Raises ``RowNotFound``."""
    if not rows_delete(table=table, row_ids=[row_id], actor=actor):
        raise RowNotFound


def _person(actor: Actor) -> User | None:
    return User.objects.filter(pk=actor.user_id).first() if actor.user_id else None


def rows_of(table: Table, row_ids: Sequence[UUID]) -> list[UUID]:
    """Those ids that are rows of this table; foreign ones are nobody's business."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM tables_row WHERE table_id = %s AND id = ANY(%s) ORDER BY id",
            [table.pk, list(row_ids)],
        )
        return [found[0] for found in cursor.fetchall()]


def positions_for(table_id: UUID, place: Place, count: int) -> list[str]:
    """Positions for ``count`` new rows, under the table's lock (T4). Raises ``RowNotFound`` (the neighbour)."""
    with connection.cursor() as cursor:
        neighbour = place.before or place.after
        if neighbour is None:
            cursor.execute(
                "SELECT position FROM tables_row WHERE table_id = %s ORDER BY position DESC, id DESC LIMIT 1",
                [table_id],
            )
            last = cursor.fetchone()
            return keys_after(last[0] if last else None, count)
        cursor.execute(_NEIGHBOURS, [table_id, neighbour])
        found = cursor.fetchone()
    if found is None:
        raise RowNotFound("There is no such row to insert next to.")
    previous, own, following = found
    low, high = (previous, own) if place.before else (own, following)
    return keys_between(low, high, count)


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


def _update(cursor: CursorWrapper, table: Table, row_id: UUID, values: Values) -> None:
    emptied = [key for key in values.given if key not in values.data]
    cursor.execute(
        _UPDATE,
        {
            "row": row_id,
            "table": table.pk,
            "patch": values.text,
            "emptied": emptied,
            "edited": list(values.edited),
        },
    )
    found = cursor.fetchone()
    if found is None:
        raise RowNotFound
    check_row_size(found[0], RowTooLarge)
