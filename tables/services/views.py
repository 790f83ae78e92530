"""Saved views: they hide, pin, size, filter and sort, and never change the order of columns."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tables.engine.filters import compile_filter
from tables.engine.sorting import compile_sort
from tables.models import Table, View
from tables.selectors import table_spec
from tables.services.schema_lock import name_clean, names_checked
from workspaces.actors import Actor
from workspaces.services.audit import audit_record


def view_create(*, table: Table, actor: Actor, **fields: Any) -> View:
    """Save a view. Raises ``NameTaken``, ``FilterInvalid``, ``SortInvalid``."""
    view = View(table=table)
    return _save(view, actor, "view.created", fields)


def view_update(*, view: View, actor: Actor, **changes: Any) -> View:
    """Change ``name``, ``filter``, ``sort`` and/or ``layout``; raises as ``view_create``."""
    return _save(view, actor, "view.updated", changes)


def view_delete(*, view: View, actor: Actor) -> None:
    """Remove a view."""
    with transaction.atomic():
        audit_record(
            workspace_id=view.table.workspace_id,
            actor=actor,
            action="view.deleted",
            target=view,
            before={"name": view.name},
        )
        view.delete()


def _save(view: View, actor: Actor, action: str, fields: dict[str, Any]) -> View:
    columns = table_spec(view.table_id).columns
    compile_filter(fields.get("filter"), columns)
    compile_sort(fields.get("sort"), columns)
    if "name" in fields:
        fields["name"] = name_clean(fields["name"])
    for field, value in fields.items():
        setattr(view, field, value)
    with transaction.atomic():
        with names_checked("view"):
            view.save()
        audit_record(
            workspace_id=view.table.workspace_id, actor=actor, action=action, target=view, after=fields
        )
    return view
