"""Rows that are inserted, or written over by their key: by people and programs, or by a run of a workflow (W15, T29).

Everything is checked before anything is written, each fault with its row and column; what only shows afterwards (a
unique value, a row's size) undoes the whole. What a person writes is an edit. What a run writes is nobody's: it marks
nothing as edited, and a workflow-filled value that a person typed stays (T30); it invalidates as an edit does (T28),
but neither the cell it works for, nor does it start over what it came from (T20).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from tables.engine.invalidation import concerns
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec, TableSpec
from tables.engine.upserting import UpsertMode, UpsertPlan, check_keys, plan_upsert
from tables.errors import TableNotFound, ValueInvalid
from tables.events import emit, rows_event
from tables.models import Table
from tables.selectors import table_spec
from tables.services.autorun import person, rows_auto_run
from tables.services.editing import Written, again_after_deadlock, check_batch, check_size_written, rows_write
from tables.services.invalidating import Held, Touched, rows_hold, rows_invalidate
from tables.services.lineage import Lineage, Origin, auto_run_start, lineage_of
from tables.services.placing import Place, positions_for
from tables.services.row_values import RowValues, Values, check_unique_written, value_text
from tables.services.rows import rows_store
from tables.services.schema_lock import locks_check, schema_hold, table_lock
from workspaces.actors import Actor
from workspaces.services.audit import audit_record

# The stored rows with one of these keys, by the key's place (from 1).
_WITH_KEY = """
SELECT k.place, r.id
  FROM unnest(%(keys)s::jsonb[]) WITH ORDINALITY AS k(value, place)
  JOIN tables_row r ON r.table_id = %(table)s AND r.data -> %(column)s = k.value
 ORDER BY r.id
"""

_LOCKED = " FOR NO KEY UPDATE OF r"

# One statement for all of them, so that a cell's output or a person's edit of another column is kept (T3). The columns
# a person typed over are left out (T30); a row that would be the same is not written.
_UPDATE = """
WITH input AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(patches)s::jsonb[], %(emptied)s::jsonb[]) AS i(id, patch, emptied)
), written AS (
    SELECT r.id, r.data AS before, (r.data || (i.patch - r.edited))
                 - ARRAY(SELECT e FROM jsonb_array_elements_text(i.emptied) AS e WHERE e <> ALL(r.edited)) AS data
      FROM input i JOIN tables_row r ON r.id = i.id
)
UPDATE tables_row r SET data = w.data, updated_at = now()
  FROM written w
 WHERE r.id = w.id AND r.data IS DISTINCT FROM w.data
RETURNING r.id, octet_length(r.data::text),
          ARRAY(SELECT k FROM jsonb_object_keys(w.before || w.data) AS k
                 WHERE w.before -> k IS DISTINCT FROM w.data -> k)
"""


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many rows became what, and their ids in the order they were given; ``None`` for one that is ``missing``."""

    inserted: int
    updated: int
    unchanged: int
    missing: int
    ids: list[UUID | None]


@dataclass(frozen=True, slots=True)
class Given:
    """What is to be written into which table, and by which column rows are known again."""

    table: Table
    spec: TableSpec
    values: list[Values]
    key: ColumnSpec | None
    mode: UpsertMode

    @property
    def places(self) -> list[str]:
        """How faults name each of the rows."""
        return [f"rows[{place}]" for place in range(len(self.values))]


def rows_upsert_by(
    *, table: Table, rows: Sequence[Mapping[str, Any]], key: str | None, mode: UpsertMode, actor: Actor
) -> Upserted:
    """Insert rows, each ``{column reference: value}``, or write over those that have the same value in column ``key``.

    Without a ``key`` every row is new. Written as by hand: workflow-filled columns are marked edited (T30), what reads
    a changed one is invalidated (T28), and one dispatch runs what runs by itself (T29). Raises as ``rows_upsert``.
    """
    check_batch(len(rows))

    @transaction.atomic
    def upsert() -> Upserted:
        spec = schema_hold(table.pk)
        locked = _locked(table.pk)
        reader = RowValues(spec)
        given = _given(locked, spec, reader.of_rows(rows), key, mode)
        plan = _plan(given, locked=False)
        reader.check_required({place: given.values[place] for place in plan.inserts})
        edits = [(row_id, given.values[place]) for place, row_id in plan.updates.items()]
        places = [f"rows[{place}]" for place in plan.updates]
        done = rows_write(locked, edits, places=places, spec=spec) if edits else Written()
        inserted = _insert(given, plan)
        for each in _unique_written(given):
            check_unique_written(spec.table_id, each, given.values, given.places)
        touched = [*inserted.values(), *done.changed]
        automatic = [group.id for group in spec.groups if group.auto_run]
        rows_auto_run(locked, touched, automatic, person(actor) if automatic else None)
        if inserted:
            transaction.on_commit(
                partial(emit, locked.pk, [rows_event(inserted=list(inserted.values()))]), robust=True
            )
        upserted = _outcome(given, plan, inserted, done.changed)
        audit_record(
            workspace_id=locked.workspace_id,
            actor=actor,
            action="rows.upserted",
            target=locked,
            after={"inserted": upserted.inserted, "updated": upserted.updated, "key": key},
        )
        return upserted

    return again_after_deadlock(upsert)


@transaction.atomic
def rows_upsert(
    *, table: Table, rows: Sequence[Mapping[str, Any]], key: str | None, mode: UpsertMode, origin: Origin
) -> Upserted:
    """The same by a run. Automatic runs of the rows that were touched are started in this transaction, except where
    ``origin`` comes from (T20, T29).

    Raises ``ValueInvalid`` (``errors`` by ``rows[3].<column>``), ``RowTooLarge``, ``LimitReached``, ``TableLocked``,
    ``TableNotFound``. Nothing is written then.
    """
    check_batch(len(rows))
    spec = table_spec(table.pk)
    reader = RowValues(spec)
    values = [replace(each, edited=()) for each in reader.of_rows(rows)]
    given = _given(table, spec, values, key, mode)
    automatic = any(group.auto_run for group in spec.groups)
    read = key is not None and concerns(spec, {name for each in values for name in each.given})
    lineage = lineage_of(origin) if automatic or read else None
    is_foreign = lineage is not None and spec.table_id not in lineage.tables
    unique = _unique_written(given)
    if (automatic and is_foreign) or read or unique or mode is not UpsertMode.UPDATE:
        given = replace(given, table=_locked(table.pk))
    held = _hold(given, lineage) if read and lineage is not None else None
    plan = _plan(given, locked=True)
    reader.check_required({place: values[place] for place in plan.inserts})
    inserted = _insert(given, plan)
    changed = _update(given, plan)
    for each in unique:
        check_unique_written(spec.table_id, each, values, given.places)
    touched = [*inserted.values(), *changed]
    if held is not None:
        keys = {row_id: Touched(differing) for row_id, differing in changed.items()}
        with connection.cursor() as cursor:
            rows_invalidate(cursor, spec, held, keys, restarts=is_foreign)
    if touched:
        transaction.on_commit(
            partial(emit, table.pk, [rows_event(inserted=list(inserted.values()), changed=list(changed))])
        )
        if automatic and is_foreign:
            auto_run_start(given.table, spec, touched, origin)
    return _outcome(given, plan, inserted, list(changed))


def _given(table: Table, spec: TableSpec, values: list[Values], key: str | None, mode: UpsertMode) -> Given:
    column = _key_column(spec, key) if key is not None else None
    if column is not None:
        check_keys([_text_of(each, column) for each in values], column.name)
    return Given(table, spec, values, column, mode)


def _outcome(
    given: Given, plan: UpsertPlan, inserted: Mapping[int, UUID], changed: Sequence[UUID]
) -> Upserted:
    known = {**plan.updates, **plan.kept}
    return Upserted(
        inserted=len(inserted),
        updated=len(changed),
        unchanged=len(known) - len(changed),
        missing=len(given.values) - len(known) - len(inserted),
        ids=[inserted.get(place) or known.get(place) for place in range(len(given.values))],
    )


def _hold(given: Given, lineage: Lineage) -> Held:
    """The rows that will be written over, before they are; under the table's lock nobody gives another row such a key
    and has its cells run.
    """
    rows = sorted({row for rows in _found(given, locked=False).values() for row in rows})
    with connection.cursor() as cursor:
        return rows_hold(cursor, given.table.pk, rows, own=lineage.cells, own_windows=lineage.windows)


def _key_column(spec: TableSpec, key: str) -> ColumnSpec:
    index = ColumnIndex(spec.columns)
    column = index.find(key)
    if column is None:
        raise ValueInvalid(f"key: {index.unknown(key)}", errors={"key": [index.unknown(key)]})
    return column


def _text_of(values: Values, column: ColumnSpec) -> str | None:
    return value_text(values.data[column.key]) if column.key in values.data else None


def _unique_written(given: Given) -> list[ColumnSpec]:
    """The unique columns that these rows fill; the key's values are known to be written once."""
    return [
        column
        for column in given.spec.columns
        if column.unique and column is not given.key and any(column.key in each.data for each in given.values)
    ]


def _locked(table_id: UUID) -> Table:
    """The table's row, locked: what is looked up by key or must be unique stays so until the end."""
    table = Table.objects.select_for_update(no_key=True).filter(pk=table_id, archived_at=None).first()
    if table is None:
        raise TableNotFound
    return table


def _plan(given: Given, *, locked: bool) -> UpsertPlan:
    if given.key is None:
        return UpsertPlan(tuple(range(len(given.values))), {}, {})
    return plan_upsert(len(given.values), _found(given, locked=locked), given.mode, given.key.name)


def _found(given: Given, *, locked: bool) -> dict[int, list[UUID]]:
    """Stored rows with the keys given, by place; ``locked`` in the order of ids, until the end."""
    found: dict[int, list[UUID]] = {}
    if given.values and given.key is not None:
        keys = [_text_of(each, given.key) for each in given.values]
        with connection.cursor() as cursor:
            cursor.execute(
                _WITH_KEY + (_LOCKED if locked else ""),
                {"keys": keys, "table": given.spec.table_id, "column": given.key.key},
            )
            for place, row_id in cursor.fetchall():
                found.setdefault(place - 1, []).append(row_id)
    return found


def _insert(given: Given, plan: UpsertPlan) -> dict[int, UUID]:
    """New rows at the table's end; their ids by place."""
    if not plan.inserts:
        return {}
    locks_check(given.table, "insert")
    table_lock(given.table.pk, added=len(plan.inserts))
    positions = positions_for(given.table.pk, Place(), len(plan.inserts))
    ids = rows_store(given.spec, [given.values[place] for place in plan.inserts], positions)
    return dict(zip(plan.inserts, ids, strict=True))


def _update(given: Given, plan: UpsertPlan) -> dict[UUID, frozenset[str]]:
    """Write over the rows that are there; those that are different now, with what differs, in the order given."""
    if not plan.updates:
        return {}
    locks_check(given.table, "update")
    values = {row_id: given.values[place] for place, row_id in plan.updates.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            {
                "ids": list(values),
                "patches": [each.text for each in values.values()],
                "emptied": [json.dumps(sorted(each.given - set(each.data))) for each in values.values()],
            },
        )
        written: dict[UUID, tuple[int, list[str]]] = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    for place, row_id in plan.updates.items():
        check_size_written(written[row_id][0] if row_id in written else 0, f"rows[{place}]")
    return {row_id: frozenset(written[row_id][1]) for row_id in values if row_id in written}
