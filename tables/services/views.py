"""Saved views: they hide, pin, size, filter and sort, and never change the order of columns."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction

from tables.engine.filters import compile_filter
from tables.engine.references import ColumnIndex
from tables.engine.sorting import compile_sort
from tables.engine.view_parts import filter_by_id, layout_by_id, sort_by_id
from tables.events import emit, schema_event
from tables.models import Table, View
from tables.selectors import table_spec
from tables.services.schema_lock import name_clean, names_checked
from workspaces.actors import Actor
from workspaces.services.audit import audit_record


def view_create(*, table: Table, actor: Actor, **fields: Any) -> View:
    """Save a view. Raises ``NameTaken``, ``Invalid``, ``FilterInvalid``, ``SortInvalid``."""
    view = View(table=table)
    return _save(view, actor, "view.created", fields)


def view_update(*, view: View, actor: Actor, **changes: Any) -> View:
    """Change ``name``, ``filter``, ``sort`` and/or ``layout``, no other part (T3); raises as ``view_create``."""
    return _save(view, actor, "view.updated", changes)


def view_delete(*, view: View, actor: Actor) -> None:
    """Remove a view, from the order of views and as the default too."""
    with transaction.atomic():
        table = Table.objects.select_for_update(no_key=True).get(pk=view.table_id)
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="view.deleted",
            target=view,
            before={"name": view.name},
        )
        named = str(view.pk)
        view.delete()
        table.layout = {
            **table.layout,
            "views": [each for each in table.layout.get("views", ()) if each != named],
            "default_view": None
            if table.layout.get("default_view") == named
            else table.layout.get("default_view"),
        }
        table.save(update_fields=["layout"])
        transaction.on_commit(partial(emit, table.pk, [schema_event()]))


def _save(view: View, actor: Actor, action: str, fields: dict[str, Any]) -> View:
    columns = table_spec(view.table_id).columns
    index = ColumnIndex(columns)
    if "name" in fields:
        fields["name"] = name_clean(fields["name"])
    if "filter" in fields:
        compile_filter(fields["filter"], columns)
        fields["filter"] = filter_by_id(fields["filter"], index)
    if "sort" in fields:
        compile_sort(fields["sort"], columns)
        fields["sort"] = sort_by_id(fields["sort"], index)
    if "layout" in fields:
        fields["layout"] = layout_by_id(fields["layout"], index)
    for field, value in fields.items():
        setattr(view, field, value)
    with transaction.atomic():
        with names_checked("view"):
            view.save(update_fields=None if view._state.adding else [*fields, "updated_at"])
        audit_record(
            workspace_id=view.table.workspace_id, actor=actor, action=action, target=view, after=fields
        )
        transaction.on_commit(partial(emit, view.table_id, [schema_event()]))
    return view
