"""Tables themselves: made, changed, laid out, put away and brought back. Columns and groups have files of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from tables.engine.references import ColumnIndex
from tables.engine.view_parts import SHOWN_PARTS, layout_by_id
from tables.errors import TableNotFound
from tables.events import emit, schema_event
from tables.models import Table, View
from tables.selectors import table_spec
from tables.services.columns import columns_insert, columns_order
from tables.services.schema_lock import name_clean, names_checked, schema_change, schema_lock
from tables.services.stopping import stop
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.models import Workspace
from workspaces.services.audit import audit_record

LOCKS: Final = ("schema", "insert", "update", "delete")

TableArchived = Callable[[UUID], object]
"""``table id``: called in the transaction that put the table away, when all that ran on it is stopped."""

_archived: list[TableArchived] = []


def on_table_archived(told: TableArchived) -> None:
    """Have ``told`` called when a table is put away; registered once, when an app above starts."""
    if told not in _archived:
        _archived.append(told)


def table_create(
    *,
    workspace: Workspace,
    name: str,
    actor: Actor,
    description: str = "",
    columns: Sequence[Mapping[str, Any]] = (),
) -> Table:
    """Make a table with its columns (each ``{name, type?, options?, required?, unique?}``), in that order.

    Raises ``NameTaken``, ``Invalid`` (with the place, e.g. ``columns[1].name``), ``LimitReached``.
    """
    with transaction.atomic():
        with names_checked("table"):
            table = Table.objects.create(
                workspace=workspace,
                name=name_clean(name),
                description=description,
                created_by_id=actor.user_id,
            )
        columns_insert(table, columns, place="columns")
        audit_record(
            workspace_id=workspace.pk,
            actor=actor,
            action="table.created",
            target=table,
            after={"name": table.name, "columns": [column["name"] for column in columns]},
        )
    return table


def table_update(*, table: Table, actor: Actor, **changes: Any) -> Table:
    """Change ``name``, ``description`` and/or ``locks``. Raises ``NameTaken``, ``Invalid``, ``TableNotFound``."""
    if "name" in changes:
        changes["name"] = name_clean(changes["name"])
    if unknown := sorted(set(changes.get("locks", ())) - set(LOCKS)):
        raise Invalid(errors={"locks": [f"“{unknown[0]}” is no lock. Give any of: {', '.join(LOCKS)}."]})
    with transaction.atomic():
        stored = Table.objects.select_for_update(no_key=True).filter(pk=table.pk, archived_at=None).first()
        if stored is None:
            raise TableNotFound
        before = {field: getattr(stored, field) for field in changes}
        for field, value in changes.items():
            setattr(stored, field, sorted(set(value)) if field == "locks" else value)
        with names_checked("table"):
            stored.save(update_fields=[*changes, "updated_at"])
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="table.updated",
            target=stored,
            before=before,
            after=changes,
        )
        transaction.on_commit(partial(emit, stored.pk, [schema_event()]))
    return stored


def table_archive(*, table: Table, actor: Actor) -> None:
    """Put the table away: whatever runs on it is stopped, nothing is deleted, its name is free again (T5)."""
    with transaction.atomic():
        schema_lock(table.pk)
        if not Table.objects.filter(pk=table.pk, archived_at=None).update(
            archived_at=Now(), updated_at=Now()
        ):
            raise TableNotFound
        stop(table=table, deleted=True)
        for told in _archived:
            told(table.pk)
        audit_record(workspace_id=table.workspace_id, actor=actor, action="table.archived", target=table)
        transaction.on_commit(partial(emit, table.pk, [schema_event()]))


def table_restore(*, table: Table, actor: Actor) -> Table:
    """Bring an archived table back. Raises ``NameTaken`` when its name is in use by now."""
    with transaction.atomic():
        with names_checked("table"):
            Table.objects.filter(pk=table.pk).update(archived_at=None, updated_at=Now())
        audit_record(workspace_id=table.workspace_id, actor=actor, action="table.restored", target=table)
    return Table.objects.get(pk=table.pk)


def layout_set(
    *,
    table: Table,
    actor: Actor,
    order: Sequence[UUID] | None = None,
    views: Sequence[UUID] | None = None,
    **parts: Any,
) -> Table:
    """Set the order of columns and/or how they are shown; parts not given stay.

    ``order`` names every column once. Dependencies and input mappings that end up at or right of their group's
    leftmost column are removed with the move (T2). ``parts``: ``widths``, ``hidden`` and ``pinned`` name columns,
    ``row_height`` is a name; ``default_view`` is a view or ``None``. ``views`` is the order in which views are offered.

    Raises ``Invalid``, ``SchemaInvalid`` (``not_adjacent``).
    """
    with schema_change(table.pk) as stored:
        if order is not None:
            columns_order(stored, order)
        shown = {part: value for part, value in parts.items() if part in SHOWN_PARTS and value is not None}
        shown = layout_by_id(shown, ColumnIndex(table_spec(stored.pk).columns))
        if views is not None:
            shown["views"] = _views_named(stored, views, "views")
        if "default_view" in parts:
            default = [parts["default_view"]] if parts["default_view"] else []
            shown["default_view"] = next(iter(_views_named(stored, default, "default_view")), None)
        stored.layout = {**stored.layout, **shown}
        stored.save(update_fields=["layout"])
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="table.layout_set",
            target=stored,
            after={**shown, "order": [str(column) for column in order] if order is not None else None},
        )
    return stored


def _views_named(table: Table, views: Sequence[UUID], field: str) -> list[str]:
    """These views' ids, each once. Raises ``Invalid`` when one is no view of the table."""
    known = set(View.objects.filter(table=table, pk__in=views).values_list("pk", flat=True))
    if set(views) - known:
        raise Invalid(errors={field: ["There is no such view in this table."]})
    return [str(view) for view in dict.fromkeys(views)]
