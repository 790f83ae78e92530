"""Copies: of a table with its columns, workflow groups, views and rows, and of single rows (T4).

A copy is what its original is at that instant, and making it runs nothing twice: completed cells come along as records
without a run, so their values are fresh. What is under way, failed or stopped stays with the original. Expressions name
columns by key, and keys are kept, so they mean the copy's columns. Lock order: advisory, table, row, cell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

from tables.engine.copying import keys_left_out, renamed
from tables.engine.types import TableSpec
from tables.errors import LimitReached, RowNotFound, TableNotFound, ValueInvalid
from tables.events import emit, rows_event
from tables.models import Column, Table, View, WorkflowGroup, copying_sql
from tables.selectors import table_spec
from tables.services.autorun import person, rows_inserted
from tables.services.placing import Place, positions_for
from tables.services.schema_lock import (
    MAX_NAME_LENGTH,
    locks_check,
    name_clean,
    names_checked,
    schema_change,
    schema_lock,
    table_lock,
)
from workspaces.actors import Actor
from workspaces.ids import uuid7
from workspaces.services.audit import audit_record

MAX_COPIED_ROWS: Final = 100_000
"""Rows that one request copies, in a few seconds; more are exported and imported, by jobs that show their progress."""

M = TypeVar("M", bound=Model)


def table_duplicate(*, table: Table, actor: Actor, name: str | None = None, rows: bool = False) -> Table:
    """Copy a table: columns, groups, views, layout; with its rows, their order and what is completed, if asked.

    Nothing is run. Locks are not copied. ``name``: ``<name> copy`` unless given. Raises ``NameTaken``, ``Invalid``,
    ``TableNotFound``, ``LimitReached`` (too many rows).
    """
    with transaction.atomic():
        schema_lock(table.pk)
        source = Table.objects.filter(pk=table.pk, archived_at=None).first()
        if source is None:
            raise TableNotFound
        if rows and source.row_count > MAX_COPIED_ROWS:
            words = (
                f"A table is copied with up to {MAX_COPIED_ROWS:,} rows; this one has {source.row_count:,}."
            )
            raise LimitReached(f"{words} Copy it without rows, and import an export of it.")
        with names_checked("table"):
            copy = Table.objects.create(
                workspace_id=source.workspace_id,
                name=name_clean(name) if name is not None else _free_name(source),
                description=source.description,
                created_by_id=actor.user_id,
            )
        with schema_change(copy.pk, by_person=False) as stored:
            groups = _schema_copy(source, stored)
        copied = _rows_copy(source, copy, groups) if rows else 0
        audit_record(
            workspace_id=copy.workspace_id,
            actor=actor,
            action="table.duplicated",
            target=copy,
            after={"name": copy.name, "source": str(source.pk), "rows": copied},
        )
    copy.refresh_from_db()
    return copy


def rows_duplicate(*, table: Table, row_ids: Sequence[UUID], actor: Actor) -> list[UUID]:
    """Copy rows of a table, in its order, right below the last of them; answers the copies' ids in order.

    Values of unique columns stay out, and with them what workflows made of those. What a copy lacks runs by itself
    where its group does (T29). Raises ``RowNotFound`` (none of them is there), ``ValueInvalid`` (a unique column that
    must be filled), ``LimitReached``, ``TableLocked``.
    """
    if len(row_ids) > settings.RUNSHEET_MAX_BATCH_ROWS:
        raise LimitReached(f"One call copies at most {settings.RUNSHEET_MAX_BATCH_ROWS:,} rows.")
    with transaction.atomic(), connection.cursor() as cursor:
        locks_check(table_lock(table.pk), "insert")
        spec = table_spec(table.pk)
        dropped = _not_copied(spec)
        cursor.execute(
            "SELECT id FROM tables_row WHERE table_id = %s AND id = ANY(%s) ORDER BY position, id",
            [table.pk, list(row_ids)],
        )
        found = [row[0] for row in cursor.fetchall()]
        if not found:
            raise RowNotFound
        ids = [uuid7() for _ in found]
        groups = [group.id for group in spec.groups if not dropped & set(group.output_keys)]
        cursor.execute(
            copying_sql.COPY_ROWS,
            {
                "table": table.pk,
                "target": table.pk,
                "rows": found,
                "ids": ids,
                "positions": positions_for(table.pk, Place(after=found[-1]), len(found)),
                "dropped": sorted(dropped | set(table.retired_keys)),
                "groups": groups,
                "new_groups": groups,
            },
        )
        table_lock(table.pk, added=len(ids))
        if any(group.auto_run for group in spec.groups):
            rows_inserted(table.pk, ids, actor=person(actor))
        transaction.on_commit(partial(emit, table.pk, [rows_event(inserted=ids)]))
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="rows.duplicated",
            target=table,
            after={"rows": len(ids), "first": str(ids[0])},
        )
    return ids


def _not_copied(spec: TableSpec) -> frozenset[str]:
    """Keys of columns that a copied row cannot have filled."""
    unique = [column for column in spec.columns if column.unique]
    for column in unique:
        if column.required and column.group_id is None:
            words = (
                f"“{column.name}” must be filled and unique, so a copy of the row could hold nothing there."
            )
            raise ValueInvalid(words, errors={column.name: [words]})
    return keys_left_out(spec, (column.key for column in unique))


def _free_name(table: Table) -> str:
    """``Leads copy``, ``Leads copy 2``, …: the first that no living table of the workspace has."""
    taken = set(
        Table.objects.filter(workspace_id=table.workspace_id, archived_at=None).values_list("name", flat=True)
    )
    endings = (" copy" if number == 1 else f" copy {number}" for number in count(1))
    names = (table.name[: MAX_NAME_LENGTH - len(ending)] + ending for ending in endings)
    return next(name for name in names if name not in taken)


def _schema_copy(source: Table, target: Table) -> dict[UUID, UUID]:
    """Columns, groups, views and layout of another table; the copies of its groups by their originals."""
    columns = {column.pk: uuid7() for column in Column.objects.filter(table=source)}
    groups = {group.pk: uuid7() for group in WorkflowGroup.objects.filter(table=source)}
    ids = {str(old): str(new) for old, new in (columns | groups).items()}
    copies = _copies(WorkflowGroup.objects.filter(table=source), target, groups)
    for group in copies:
        group.inputs, group.depends_on = renamed(group.inputs, ids), renamed(group.depends_on, ids)
    WorkflowGroup.objects.bulk_create(copies)
    made = _copies(Column.objects.filter(table=source), target, columns)
    for column in made:
        column.group_id = groups[column.group_id] if column.group_id else None
    Column.objects.bulk_create(made)
    views = {view.pk: uuid7() for view in View.objects.filter(table=source)}
    ids |= {str(old): str(new) for old, new in views.items()}
    shown = _copies(View.objects.filter(table=source), target, views)
    for view in shown:
        view.filter, view.sort = renamed(view.filter, ids), renamed(view.sort, ids)
        view.layout = renamed(view.layout, ids)
    View.objects.bulk_create(shown)
    target.layout = renamed(source.layout, ids)
    target.save(update_fields=["layout"])
    return groups


def _copies(originals: Iterable[M], target: Table, ids: Mapping[Any, UUID]) -> list[M]:
    """Unsaved copies under new ids in another table, every other field as it is."""
    copies = []
    for each in originals:
        fields = {field.attname: getattr(each, field.attname) for field in each._meta.concrete_fields}
        copies.append(type(each)(**{**fields, "id": ids[each.pk], "table_id": target.pk}))
    return copies


def _rows_copy(source: Table, target: Table, groups: Mapping[UUID, UUID]) -> int:
    """Rows and completed cells, in one statement; the target's exact count follows."""
    with connection.cursor() as cursor:
        cursor.execute(
            copying_sql.COPY_TABLE,
            {
                "table": source.pk,
                "target": target.pk,
                "milliseconds": time.time_ns() // 1_000_000,
                "dropped": list(source.retired_keys),
                "groups": list(groups),
                "new_groups": list(groups.values()),
            },
        )
        copied = int(cursor.fetchone()[0])
    table_lock(target.pk, added=copied)
    return copied
