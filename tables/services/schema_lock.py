"""The one door through which every schema change goes (T1, T3).

``schema_change`` takes the per-table advisory lock, so that two people changing a schema at once work one after the
other, each on what the other left; it checks the result as a whole and raises the table's schema version. Lock
order: advisory, table, then whatever the change needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from tables.engine.dependencies import check_schema
from tables.engine.types import ColumnSpec, TableSpec
from tables.errors import NameTaken, SchemaChanged, SchemaInvalid, TableLocked, TableNotFound
from tables.events import emit, schema_event
from tables.models import Table
from tables.selectors import table_spec, table_spec_cached
from tables.services.leftovers import leftovers_remove
from workspaces.errors import Invalid

MAX_NAME_LENGTH: Final = 200


@contextmanager
def schema_change(table_id: UUID, *, by_person: bool = True) -> Iterator[Table]:
    """A transaction in which this schema may be changed by nobody else; the result must keep every rule (T1).

    Raises ``TableNotFound`` (gone or archived), ``TableLocked``, ``SchemaInvalid``; then nothing is written.
    """
    with transaction.atomic():
        schema_lock(table_id)
        table = Table.objects.select_for_update(no_key=True).filter(pk=table_id, archived_at=None).first()
        if table is None:
            raise TableNotFound
        if by_person:
            locks_check(table, "schema")
        yield table
        spec = table_spec(table_id)
        if faults := check_schema(spec.columns, spec.groups):
            raise SchemaInvalid(faults)
        leftovers_remove(table, spec)
        Table.objects.filter(pk=table_id).update(schema_version=F("schema_version") + 1, updated_at=Now())
        transaction.on_commit(partial(emit, table_id, [schema_event()]))


def locks_check(table: Table, change: str) -> None:
    """Raise ``TableLocked`` when people and programs may not do this to the table now."""
    if change in table.locks:
        raise TableLocked(f"This table is locked against {change}. An admin can lift the lock.", lock=change)


@contextmanager
def names_checked(what: str) -> Iterator[None]:
    """Turn a violated unique name into ``NameTaken``; nothing inside is kept then."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as fault:
        if "name_once" not in str(fault):
            raise
        raise NameTaken(errors={"name": [f"There is already a {what} of that name here."]}) from None


def name_clean(name: str, *, field: str = "name") -> str:
    """The name without surrounding blanks. Raises ``Invalid`` for an empty, too long or unprintable one."""
    name = name.strip()
    if not name:
        raise Invalid(errors={field: ["Give it a name."]})
    if len(name) > MAX_NAME_LENGTH:
        raise Invalid(errors={field: [f"A name has at most {MAX_NAME_LENGTH} characters."]})
    if not name.isprintable():
        raise Invalid(errors={field: ["A name holds no line breaks or control characters."]})
    return name


def schema_lock(table_id: UUID) -> None:
    """Take the table's advisory lock, held to the end of the transaction.

    Its key is half of the id: a collision would only make someone wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_lock_key(table_id)])


def schema_hold(table_id: UUID, read_by: TableSpec | None = None, keys: Collection[str] = ()) -> TableSpec:
    """The schema as it is now, and as it stays until the transaction ends; all who write rows share this.

    Without it a value read by a column's old type could be stored beside those that a change of the type has just
    converted, and a group added at this moment would not see the edit. ``read_by`` is the schema by which values of
    the columns ``keys`` were read: raises ``SchemaChanged`` when one of these is another column now, ``TableNotFound``
    when the table is gone or archived. Taken before the table's row is locked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_lock_key(table_id)])
        cursor.execute(
            "SELECT schema_version FROM tables_table WHERE id = %s AND archived_at IS NULL", [table_id]
        )
        found = cursor.fetchone()
    if found is None:
        raise TableNotFound
    now = table_spec_cached(table_id, found[0])
    if read_by is not None and any(_differs(read_by.column(key), now.column(key)) for key in keys):
        raise SchemaChanged
    return now


def _differs(before: ColumnSpec | None, after: ColumnSpec | None) -> bool:
    """Whether values read for the one may not be stored in the other; its name and place do not matter."""
    if before is None or after is None:
        return True
    return replace(before, name=after.name, ordinal=after.ordinal) != after


def _lock_key(table_id: UUID) -> int:
    return int.from_bytes(table_id.bytes[8:], "big", signed=True)


def table_lock(table_id: UUID, *, added: int = 0) -> Table:
    """The table's row, locked to the end of the transaction, its exact row count moved by ``added``.

    Every insert and delete passes here first, so the count is exact and positions are handed out one batch at a
    time. Raises ``TableNotFound`` (gone or archived).
    """
    if not Table.objects.filter(pk=table_id, archived_at=None).update(row_count=F("row_count") + added):
        raise TableNotFound
    return Table.objects.get(pk=table_id)
