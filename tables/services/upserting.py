"""Rows that a run of a workflow writes into a table: inserted, or written over by their key (W15, T29).

Everything is checked before anything is written, each fault with its row and column; what only shows afterwards (a
unique value, a row's size) undoes the whole. What a run writes is nobody's edit: it marks nothing as edited, and a
workflow-filled value that a person typed stays (T30). Lock order: table, row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec, TableSpec
from tables.engine.upserting import UpsertMode, UpsertPlan, check_keys, plan_upsert
from tables.errors import LimitReached, RowTooLarge, TableNotFound, ValueInvalid
from tables.events import emit, rows_event
from tables.models import Table
from tables.selectors import table_spec
from tables.services.lineage import Origin, auto_run_due, auto_run_start
from tables.services.row_values import RowValues, Values, check_row_size, value_text
from tables.services.rows import Place, positions_for, rows_store
from tables.services.schema_lock import locks_check, table_lock

# The stored rows with one of these keys, by the key's place (from 1), locked in the order of ids.
_WITH_KEY = """
SELECT k.place, r.id
  FROM unnest(%(keys)s::jsonb[]) WITH ORDINALITY AS k(value, place)
  JOIN tables_row r ON r.table_id = %(table)s AND r.data -> %(column)s = k.value
 ORDER BY r.id FOR NO KEY UPDATE OF r
"""

# One statement for all of them, so that a cell's output or a person's edit of another column is kept (T3). The columns
# a person typed over are left out (T30); a row that would be the same is not written.
_UPDATE = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(patches)s::jsonb[], %(emptied)s::jsonb[]) AS i(id, patch, emptied)
), written AS (
    SELECT r.id, (r.data || (i.patch - r.edited))
                 - ARRAY(SELECT e FROM jsonb_array_elements_text(i.emptied) AS e WHERE e <> ALL(r.edited)) AS data
      FROM input i JOIN tables_row r ON r.id = i.id
)
UPDATE tables_row r SET data = w.data, updated_at = now()
  FROM written w
 WHERE r.id = w.id AND r.data IS DISTINCT FROM w.data
RETURNING r.id, octet_length(r.data::text)
"""

_TAKEN = """
SELECT r.data -> %(column)s FROM tables_row r
 WHERE r.table_id = %(table)s AND r.data -> %(column)s = ANY(%(values)s::jsonb[])
 GROUP BY 1 HAVING count(*) > 1 LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows became what, and their ids in the order they were given; ``None`` for one that is ``missing``."""

    inserted: int
    updated: int
    unchanged: int
    missing: int
    ids: list[UUID | None]


@transaction.atomic
def rows_upsert(
    *, table: Table, rows: Sequence[Mapping[str, Any]], key: str | None, mode: UpsertMode, origin: Origin
) -> Upserted:
    """Insert rows, each ``{column reference: value}``, or write over those that have the same value in column ``key``.

    Without a ``key`` every row is new. Automatic runs of the rows that were touched are started in this transaction,
    except where ``origin`` comes from (T20, T29).

    Raises ``ValueInvalid`` (``errors`` by ``rows[3].<column>``), ``RowTooLarge``, ``LimitReached``, ``TableLocked``,
    ``TableNotFound``. Nothing is written then.
    """
    limit = settings.RUNSHEET_MAX_BATCH_ROWS
    if len(rows) > limit:
        raise LimitReached(f"One call writes at most {limit:,} rows; these are {len(rows):,}.")
    spec = table_spec(table.pk)
    reader = RowValues(spec)
    values = [replace(each, edited=()) for each in reader.of_rows(rows)]
    column = _key_column(spec, key) if key is not None else None
    if column is not None:
        check_keys([_text_of(each, column) for each in values], column.name)
    starts = auto_run_due(spec, origin)
    unique = _unique_written(spec, values, column)
    if starts or unique or mode is not UpsertMode.UPDATE:
        table = _locked(table.pk)
    plan = _plan(spec, values, column, mode)
    reader.check_required({place: values[place] for place in plan.inserts})
    inserted = _insert(table, spec, values, plan)
    changed = _update(table, values, plan)
    for each in unique:
        _check_unique(spec, each, values)
    touched = [*inserted.values(), *changed]
    if touched:
        transaction.on_commit(
            partial(emit, table.pk, [rows_event(inserted=list(inserted.values()), changed=changed)])
        )
        if starts:
            auto_run_start(table, spec, touched, origin)
    known = {**plan.updates, **plan.kept}
    return Upserted(
        inserted=len(inserted),
        updated=len(changed),
        unchanged=len(known) - len(changed),
        missing=len(values) - len(known) - len(inserted),
        ids=[inserted.get(place) or known.get(place) for place in range(len(values))],
    )


def _key_column(spec: TableSpec, key: str) -> ColumnSpec:
    index = ColumnIndex(spec.columns)
    column = index.find(key)
    if column is None:
        raise ValueInvalid(f"key: {index.unknown(key)}", errors={"key": [index.unknown(key)]})
    return column


def _text_of(values: Values, column: ColumnSpec) -> str | None:
    return value_text(values.data[column.key]) if column.key in values.data else None


def _unique_written(spec: TableSpec, values: Sequence[Values], key: ColumnSpec | None) -> list[ColumnSpec]:
    """The unique columns that these rows fill; the key's values are known to be written once."""
    return [
        column
        for column in spec.columns
        if column.unique and column is not key and any(column.key in each.data for each in values)
    ]


def _locked(table_id: UUID) -> Table:
    """The table's row, locked: what is looked up by key or must be unique stays so until the end."""
    table = Table.objects.select_for_update(no_key=True).filter(pk=table_id, archived_at=None).first()
    if table is None:
        raise TableNotFound
    return table


def _plan(
    spec: TableSpec, values: Sequence[Values], column: ColumnSpec | None, mode: UpsertMode
) -> UpsertPlan:
    if column is None:
        return UpsertPlan(tuple(range(len(values))), {}, {})
    found: dict[int, list[UUID]] = {}
    if values:
        keys = [_text_of(each, column) for each in values]
        with connection.cursor() as cursor:
            cursor.execute(_WITH_KEY, {"keys": keys, "table": spec.table_id, "column": column.key})
            for place, row_id in cursor.fetchall():
                found.setdefault(place - 1, []).append(row_id)
    return plan_upsert(len(values), found, mode, column.name)


def _insert(table: Table, spec: TableSpec, values: Sequence[Values], plan: UpsertPlan) -> dict[int, UUID]:
    """New rows at the table's end; their ids by place."""
    if not plan.inserts:
        return {}
    locks_check(table, "insert")
    table_lock(table.pk, added=len(plan.inserts))
    positions = positions_for(table.pk, Place(), len(plan.inserts))
    ids = rows_store(spec, [values[place] for place in plan.inserts], positions)
    return dict(zip(plan.inserts, ids, strict=True))


def _update(table: Table, values: Sequence[Values], plan: UpsertPlan) -> list[UUID]:
    """Write over the rows that are there; the ids of those that are different now, in the order given."""
    if not plan.updates:
        return []
    locks_check(table, "update")
    given = {row_id: values[place] for place, row_id in plan.updates.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            {
                "ids": list(given),
                "patches": [each.text for each in given.values()],
                "emptied": [json.dumps(sorted(each.given - set(each.data))) for each in given.values()],
            },
        )
        sizes: dict[UUID, int] = dict(cursor.fetchall())
    for place, row_id in plan.updates.items():
        _check_size(place, sizes.get(row_id, 0))
    return [row_id for row_id in given if row_id in sizes]


def _check_size(place: int, size: int) -> None:
    try:
        check_row_size(size, RowTooLarge)
    except RowTooLarge as fault:
        raise RowTooLarge(
            f"rows[{place}]: {fault.detail}", errors={f"rows[{place}]": [fault.detail]}
        ) from None


def _check_unique(spec: TableSpec, column: ColumnSpec, values: Sequence[Values]) -> None:
    """Raise ``ValueInvalid`` when the column now holds one of these values twice; call it under the table's lock."""
    texts = {
        text: place for place, each in reversed(list(enumerate(values))) if (text := _text_of(each, column))
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, {"column": column.key, "table": spec.table_id, "values": list(texts)})
        found = cursor.fetchone()
    if found is None:
        return
    taken = value_text(json.loads(found[0]))
    place = f"rows[{texts[taken]}].{column.name}" if taken in texts else column.name
    words = f"“{column.name}” must be unique, and {taken[:80]} is there already."
    raise ValueInvalid(f"{place}: {words}", errors={place: [words]})
