"""What becomes of a batch of rows that an import has read: appended, put in place of the old ones, or written over
those with the same key (T38).

Every function works in the batch's transaction and notes what it did in the job's progress, which commits with it.
Lock order: table, dispatch, window, cell, row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.import_rows import Refusal, Rows
from tables.engine.types import ColumnSpec, TableSpec
from tables.errors import RowTooLarge, ValueInvalid
from tables.events import emit, rows_event
from tables.services.editing import rows_edit
from tables.services.import_copy import rows_copy
from tables.services.placing import Place, positions_for
from tables.services.row_values import Values, missing, value_text
from tables.services.schema_lock import table_lock
from tables.services.stopping import stop
from workspaces.actors import Actor

DELETE_ROWS: Final = 1_000
MOST_RANGES: Final = 1_000

Progress = dict[str, Any]


class ImportMode(StrEnum):
    """``replace`` appends first and deletes the rows that were there at the start when all went well."""

    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"


# The creation sequence that rows made from now on exceed. Under the table's lock, so none of this table's is under way.
_SEQUENCE = "SELECT last_value + is_called::int - 1 FROM tables_row_seq"

# Values that stored rows hold already; those that are about to be replaced do not count. A scan of the table's rows.
_TAKEN = """
SELECT DISTINCT r.data -> %(column)s FROM tables_row r
 WHERE r.table_id = %(table)s AND r.seq > %(floor)s AND r.data -> %(column)s = ANY(%(values)s::jsonb[])
"""

# The stored rows with one of these keys, by the key's place (from 1). A scan of the table's rows, once per batch.
_WITH_KEY = """
SELECT k.place - 1, r.id
  FROM unnest(%(keys)s::jsonb[]) WITH ORDINALITY AS k(value, place)
  JOIN tables_row r ON r.table_id = %(table)s AND r.data -> %(column)s = k.value
 ORDER BY r.id
"""

# The next rows that were there before the import, in the table's order. Index: tables_row_order.
_OLD = """
SELECT id, position FROM tables_row
 WHERE table_id = %(table)s AND (position, id) > (%(position)s, %(id)s) AND seq <= %(floor)s
 ORDER BY position, id LIMIT %(limit)s
"""


def rows_append(cursor: CursorWrapper, spec: TableSpec, rows: Rows, progress: Progress) -> None:
    """Add rows at the table's end; those that repeat a unique value are refused one by one."""
    table_lock(spec.table_id)
    _refuse_repeats(cursor, spec, rows, progress.get("replaces_up_to", -1))
    _insert(cursor, spec, rows, progress)


def rows_replace(cursor: CursorWrapper, spec: TableSpec, rows: Rows, progress: Progress) -> None:
    """The same, after noting which rows are the old ones; ``old_delete`` removes them at the end."""
    if "replaces_up_to" not in progress:
        table_lock(spec.table_id)
        cursor.execute(_SEQUENCE)
        (progress["replaces_up_to"],) = cursor.fetchone()
    rows_append(cursor, spec, rows, progress)


def old_delete(
    cursor: CursorWrapper, table_id: UUID, progress: Progress, after: tuple[str, UUID]
) -> tuple[str, UUID] | None:
    """Delete the next old rows behind that place, stopping what runs on them (T5); ``None``: there are no more."""
    table = table_lock(table_id)
    cursor.execute(
        _OLD,
        {
            "table": table_id,
            "position": after[0],
            "id": after[1],
            "floor": progress["replaces_up_to"],
            "limit": DELETE_ROWS,
        },
    )
    found = cursor.fetchall()
    if not found:
        return None
    gone = [row_id for row_id, _ in found]
    stop(table=table, rows=gone, deleted=True)
    cursor.execute("DELETE FROM tables_row WHERE id = ANY(%s)", [gone])
    table_lock(table_id, added=-len(gone))
    _count(progress, "rows_deleted", len(gone))
    transaction.on_commit(partial(emit, table_id, [rows_event(deleted=gone)]), robust=True)
    return found[-1][1], found[-1][0]


def rows_upsert_batch(
    cursor: CursorWrapper,
    spec: TableSpec,
    rows: Rows,
    progress: Progress,
    *,
    key: ColumnSpec,
    filled: Sequence[ColumnSpec],
    clears: bool,
    actor: Actor,
) -> None:
    """Write over the rows that have the same key, and add the others.

    ``filled`` are the columns the file fills. An empty value leaves what is there, or empties it if it ``clears``. What
    is written is an edit by the person who imports: marked, and followed by what follows an edit (T28, T30).
    """
    table = table_lock(spec.table_id)
    stored = _stored(cursor, spec, rows, key)
    several = {
        at: f"{len(ids):,} rows of the table have this key." for at, ids in stored.items() if len(ids) > 1
    }
    edits = {
        at: (ids[0], _values(rows, at, filled, clears=clears)) for at, ids in stored.items() if len(ids) == 1
    }
    refused = dict(several)
    if clears:
        refused |= _emptied_required(edits, filled)
    edits = {at: edit for at, edit in edits.items() if at not in refused}
    new = [at for at in range(len(rows)) if at not in stored]
    refused |= {at: rows.lacking[at] for at in new if at in rows.lacking}
    changed, faults = _edit(table, edits, actor)
    refused |= faults
    _count(progress, "rows_updated", changed)
    _count(progress, "rows_unchanged", len(edits) - len(faults) - changed)
    added = rows.only([at for at in new if at not in refused])
    _refuse_repeats(cursor, spec, added, -1)
    _insert(cursor, spec, added, progress)
    rows.refused += [Refusal(rows.lines[at], refused[at], rows.sources[at]) for at in sorted(refused)]
    rows.refused += added.refused


def key_text(value: Any) -> str:
    """A value as text that is equal exactly when PostgreSQL takes the values for equal: 1.0 is 1."""
    return value_text(int(value) if isinstance(value, float) and value.is_integer() else value)


def kept_words(progress: Progress) -> str:
    """What an import that ended early has left, for people."""
    words = f"{progress.get('rows_done', 0):,} rows were kept."
    if deleted := progress.get("rows_deleted"):
        return f"{words} {deleted:,} of the old rows were deleted already."
    if progress.get("replaces_up_to") is not None:
        return f"{words} They stand behind the old rows, none of which was deleted."
    return words


def _insert(cursor: CursorWrapper, spec: TableSpec, rows: Rows, progress: Progress) -> None:
    if not len(rows):
        return
    table_lock(spec.table_id, added=len(rows))
    positions = positions_for(spec.table_id, Place(), len(rows))
    cursor.execute(_SEQUENCE)
    (before,) = cursor.fetchone()
    rows_copy(cursor, spec.table_id, rows.texts, rows.edited, positions)
    cursor.execute(_SEQUENCE)
    (last,) = cursor.fetchone()
    progress["seq_ranges"] = _extended(progress.get("seq_ranges", []), before + 1, last)
    _count(progress, "rows_inserted", len(rows))


def _extended(ranges: Sequence[Sequence[int]], first: int, last: int) -> list[list[int]]:
    """The creation sequences of the import's rows: while nobody else inserts anything, one range.

    Rows of this table that others insert stand between two ranges; beyond a thousand of them they are let in.
    """
    grown = [list(each) for each in ranges]
    if grown and (grown[-1][1] + 1 == first or len(grown) >= MOST_RANGES):
        grown[-1][1] = last
    else:
        grown.append([first, last])
    return grown


def _refuse_repeats(cursor: CursorWrapper, spec: TableSpec, rows: Rows, floor: int) -> None:
    """Rows that would repeat a unique value are refused one by one, and never stop the rest."""
    for column in spec.columns:
        if not column.unique or column.key not in rows.fragments or not len(rows):
            continue
        texts = [key_text(json.loads(each)) if each else "" for each in rows.fragments[column.key]]
        cursor.execute(
            _TAKEN,
            {
                "column": column.key,
                "table": spec.table_id,
                "floor": floor,
                "values": [text for text in dict.fromkeys(texts) if text],
            },
        )
        seen = {key_text(json.loads(found)) for (found,) in cursor.fetchall()}
        reasons: dict[int, str] = {}
        for at, text in enumerate(texts):
            if text in seen:
                reasons[at] = f"“{column.name}” must be unique, and {text[:80]} is there."
            elif text:
                seen.add(text)
        rows.refuse(reasons)


def _stored(cursor: CursorWrapper, spec: TableSpec, rows: Rows, key: ColumnSpec) -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = {}
    if len(rows):
        cursor.execute(
            _WITH_KEY, {"keys": rows.fragments[key.key], "table": spec.table_id, "column": key.key}
        )
        for at, row_id in cursor.fetchall():
            found.setdefault(at, []).append(row_id)
    return found


def _values(rows: Rows, at: int, filled: Sequence[ColumnSpec], *, clears: bool) -> Values:
    data = json.loads(rows.texts[at])
    given = frozenset(column.key for column in filled) if clears else frozenset(data)
    return Values(
        data, rows.texts[at], given, rows.edited[at] if rows.edited else (), rows.lines[at], rows.sources[at]
    )


def _emptied_required(
    edits: Mapping[int, tuple[UUID, Values]], filled: Sequence[ColumnSpec]
) -> dict[int, str]:
    required = [column for column in filled if column.required and column.group_id is None]
    return {
        at: f"{column.name}: a value is required."
        for at, (_, values) in edits.items()
        for column in required
        if missing(column, values.data.get(column.key))
    }


def _edit(table: Any, edits: Mapping[int, tuple[UUID, Values]], actor: Actor) -> tuple[int, dict[int, str]]:
    """How many rows are different now, and why some were left as they are: found by halves, so one stops no other."""
    if not edits:
        return 0, {}
    try:
        with transaction.atomic():
            done = rows_edit(
                table=table, edits=list(edits.values()), actor=actor, skip_missing=True, audited=False
            )
        return len(done.changed), {}
    except (ValueInvalid, RowTooLarge) as fault:
        if len(edits) == 1:
            words = next(iter((fault.errors or {}).values()), [fault.detail])[0]
            return 0, dict.fromkeys(edits, words)
    places = list(edits)
    halves = places[: len(places) // 2], places[len(places) // 2 :]
    done_of = [_edit(table, {at: edits[at] for at in half}, actor) for half in halves]
    return done_of[0][0] + done_of[1][0], done_of[0][1] | done_of[1][1]


def _count(progress: Progress, name: str, more: int) -> None:
    progress[name] = progress.get(name, 0) + more
