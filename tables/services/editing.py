"""People's and programs' edits of rows, with all that follows from them in one transaction (T3, T28 to T31).

``rows_edit`` is for whoever has values to write. Who writes rows by statements of their own calls ``rows_hold`` of
``tables.services.invalidating`` before it writes, and ``rows_invalidate`` after.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import DeadlockDetected

from tables.engine.invalidation import concerns
from tables.engine.types import TableSpec
from tables.errors import LimitReached, RowNotFound, RowTooLarge
from tables.events import emit, rows_event
from tables.models import Table, editing_sql
from tables.services.autorun import person, rows_auto_run
from tables.services.invalidating import Held, Touched, Wanted, rows_hold, rows_invalidate
from tables.services.row_values import Expected, Values, check_row_size, check_unique_written
from tables.services.schema_lock import locks_check, schema_hold, table_lock
from workspaces.actors import Actor
from workspaces.services.audit import audit_record

Edits = Sequence[tuple[UUID, Values]]
"""Row ids with what is written there, as ``RowValues`` read it; each row once, 1,000 rows at most."""

TRIES: Final = 3
"""Runs that write rows of their own table take locks the other way round; PostgreSQL breaks off one of the two."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """``changed`` rows hold something else now, ``unchanged`` ones held it already, ``missing`` ones are not there.

    ``skipped`` ones did not hold what was expected of them, and were left alone. ``dispatch`` is what started by itself
    (T29), ``None`` when nothing did.
    """

    changed: list[UUID] = field(default_factory=list)
    unchanged: list[UUID] = field(default_factory=list)
    missing: list[UUID] = field(default_factory=list)
    dispatch: UUID | None = None
    skipped: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: as in ``EditOutcome``, and what is to start by itself."""

    changed: list[UUID] = field(default_factory=list)
    unchanged: list[UUID] = field(default_factory=list)
    missing: list[UUID] = field(default_factory=list)
    wanted: Wanted = field(default_factory=Wanted)
    skipped: list[UUID] = field(default_factory=list)


def rows_edit(
    *,
    table: Table,
    edits: Edits,
    actor: Actor,
    places: Sequence[str] | None = None,
    skip_missing: bool = False,
    audited: bool = True,
    spec: TableSpec | None = None,
    expected: Mapping[UUID, Expected] | None = None,
) -> EditOutcome:
    """Write some cells of rows (null empties one); others are left to whoever edits them now (T3).

    Workflow-filled columns typed over are marked edited, emptied ones are no longer (T30). What reads a changed column
    is invalidated (T28); groups with auto_run on run in one dispatch, born in this transaction (T29). Writing what is
    there already changes nothing. ``places`` is how faults name each edit (``rows[0]`` and so on by default);
    ``audited=False``: the caller keeps the record of the whole; ``spec`` is the schema the values were read by.
    ``expected``: what rows must hold still; those that do not are left alone, whole.

    Raises ``RowNotFound`` (unless ``skip_missing``), ``ValueInvalid`` (a unique value), ``RowTooLarge``,
    ``TableLocked``, ``TableNotFound``, ``LimitReached``, ``SchemaChanged`` (409). Nothing is written then.
    """
    check_batch(len(edits))
    named = places or [f"rows[{place}]" for place in range(len(edits))]
    told = [(edit, place) for edit, place in zip(edits, named, strict=True) if edit[1].given]
    if not told:
        return EditOutcome()
    edits, named = [edit for edit, _ in told], [place for _, place in told]

    @transaction.atomic
    def edit() -> EditOutcome:
        done = rows_write(table, edits, places=named, spec=spec, expected=expected)
        if done.missing and not skip_missing:
            place = named[[row for row, _ in edits].index(done.missing[0])]
            raise RowNotFound(errors={f"{place}.id": [RowNotFound.default_detail()]})
        written = [edit for edit in edits if edit[0] not in set(done.skipped)]
        if audited and written:
            _audit(table, written, actor)
        wanted = done.wanted
        started = rows_auto_run(table, wanted.rows, wanted.groups, person(actor) if wanted.rows else None)
        dispatch = started.pk if started else None
        return EditOutcome(done.changed, done.unchanged, done.missing, dispatch, done.skipped)

    return again_after_deadlock(edit)


def rows_write(
    table: Table,
    edits: Edits,
    *,
    places: Sequence[str],
    spec: TableSpec | None = None,
    expected: Mapping[UUID, Expected] | None = None,
) -> Written:
    """The writing and what it invalidates, in a transaction that has locked nothing yet (or holds the schema already).

    What is to start by itself is left to the caller.
    """
    keys = {key for _, values in edits for key in values.given}
    spec = schema_hold(table.pk, spec, keys)
    emptied = {key for _, values in edits for key in values.given if key not in values.data}
    unique = [c for c in spec.columns if c.unique and any(c.key in values.data for _, values in edits)]
    wanted = Wanted()
    with connection.cursor() as cursor:
        held: Held | None = None
        if concerns(spec, keys, emptied):
            held = rows_hold(cursor, table.pk, [row for row, _ in edits])
            table = held.table
        elif unique:
            table = table_lock(table.pk)
        locks_check(table, "update")
        skipped = _unexpected(cursor, spec, [row for row, _ in edits], expected) if expected else set()
        if skipped:
            kept = [
                (edit, place) for edit, place in zip(edits, places, strict=True) if edit[0] not in skipped
            ]
            edits, places = [edit for edit, _ in kept], [place for _, place in kept]
        touched, changed = _update(cursor, spec, edits, places)
        for column in unique:
            check_unique_written(spec.table_id, column, [values for _, values in edits], places)
        if held is not None:
            wanted = rows_invalidate(cursor, spec, held, touched)
    if changed:
        transaction.on_commit(partial(emit, table.pk, [rows_event(changed=changed)]), robust=True)
    same = set(touched).difference(changed)
    return Written(
        changed,
        [row for row, _ in edits if row in same],
        [row for row, _ in edits if row not in touched],
        wanted,
        sorted(skipped),
    )


def check_batch(rows: int) -> None:
    """Raise ``LimitReached`` when one call is to write more rows than may be (T6)."""
    limit = settings.RUNSHEET_MAX_BATCH_ROWS
    if rows > limit:
        raise LimitReached(f"One call writes at most {limit:,} rows; these are {rows:,}.")


def again_after_deadlock(work: Callable[[], T]) -> T:
    """Do a whole transaction, and again when PostgreSQL broke it off to let another one pass."""
    for _ in range(TRIES - 1):
        try:
            return work()
        except OperationalError as fault:
            if not isinstance(fault.__cause__, DeadlockDetected) or connection.in_atomic_block:
                raise
    return work()


def _update(
    cursor: CursorWrapper, spec: TableSpec, edits: Edits, places: Sequence[str]
) -> tuple[dict[UUID, Touched], list[UUID]]:
    """One statement for all rows; what differs in each that is there, and which of them were written."""
    cursor.execute(
        editing_sql.UPDATE_ROWS,
        {
            "table": spec.table_id,
            "ids": [row for row, _ in edits],
            "patches": [values.text for _, values in edits],
            "emptied": [json.dumps(sorted(values.given - set(values.data))) for _, values in edits],
            "typed": [json.dumps(values.edited) for _, values in edits],
        },
    )
    found = {row[0]: row[1:] for row in cursor.fetchall()}
    touched: dict[UUID, Touched] = {}
    changed: list[UUID] = []
    for (row_id, values), place in zip(edits, places, strict=True):
        if row_id not in found:
            continue
        size, keys, before, after = found[row_id]
        if size is not None:
            changed.append(row_id)
            check_size_written(size, place)
        marks = None if set(before) == set(after) else frozenset(before)
        different = frozenset(keys)
        touched[row_id] = Touched(different, different - set(values.data), marks)
    return touched, changed


def _unexpected(
    cursor: CursorWrapper, spec: TableSpec, rows: Sequence[UUID], expected: Mapping[UUID, Expected]
) -> set[UUID]:
    """Those of the rows, held from here on, that do not hold what is expected of them."""
    cursor.execute(editing_sql.HOLD_ROWS, [spec.table_id, list(rows)])
    cursor.execute(
        editing_sql.UNEXPECTED,
        {
            "table": spec.table_id,
            "ids": list(expected),
            "sent": [each.sent for each in expected.values()],
            "stored": [each.stored for each in expected.values()],
        },
    )
    return {found[0] for found in cursor.fetchall()}.intersection(rows)


def check_size_written(size: int, place: str) -> None:
    """Raise ``RowTooLarge`` naming the place when a row that was just written takes more bytes than it may (T6)."""
    try:
        check_row_size(size, RowTooLarge)
    except RowTooLarge as fault:
        raise RowTooLarge(f"{place}: {fault.detail}", errors={place: [fault.detail]}) from None


def _audit(table: Table, edits: Edits, actor: Actor) -> None:
    columns = sorted({key for _, values in edits for key in values.given})
    first = str(edits[0][0])
    alone = len(edits) == 1
    audit_record(
        workspace_id=table.workspace_id,
        actor=actor,
        action="row.updated" if alone else "rows.updated",
        target=table,
        after={"row": first, "columns": columns}
        if alone
        else {"rows": len(edits), "first": first, "columns": columns},
    )
