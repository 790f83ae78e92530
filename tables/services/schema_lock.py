"""The one door through which every schema change goes (T1, T3).

``schema_change`` takes the per-table advisory lock, so that two people changing a schema at once work one after the
other, each on what the other left; it checks the result as a whole and raises the table's schema version. Lock
order: advisory, table, then whatever the change needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from tables.engine.dependencies import check_schema
from tables.errors import NameTaken, SchemaInvalid, TableLocked, TableNotFound
from tables.events import emit, schema_event
from tables.models import Table
from tables.selectors import table_spec
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
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(table_id.bytes[8:], "big", signed=True)]
        )


def table_lock(table_id: UUID, *, added: int = 0) -> Table:
    """The table's row, locked to the end of the transaction, its exact row count moved by ``added``.

    Every insert and delete passes here first, so the count is exact and positions are handed out one batch at a
    time. Raises ``TableNotFound`` (gone or archived).
    """
    if not Table.objects.filter(pk=table_id, archived_at=None).update(row_count=F("row_count") + added):
        raise TableNotFound
    return Table.objects.get(pk=table_id)
