"""How tables, columns, workflow groups and views look to clients (`api.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tables.engine.types import ColumnSpec, TableSpec
from tables.models import Table, View, WorkflowGroup
from tables.wire import instant


def table_json(table: Table) -> dict[str, Any]:
    """A table as lists show it."""
    return {
        "id": str(table.pk),
        "name": table.name,
        "description": table.description,
        "row_count": table.row_count,
        "locks": table.locks,
        "layout": table.layout,
        "archived_at": instant(table.archived_at),
        "created_at": instant(table.created_at),
        "updated_at": instant(table.updated_at),
    }


def table_detail_json(table: Table, spec: TableSpec) -> dict[str, Any]:
    """A table with its columns in order and its workflow groups in the order they run."""
    stored = {
        group.pk: group for group in WorkflowGroup.objects.filter(table=table).select_related("workflow")
    }
    ids = {column.key: str(column.id) for column in spec.columns}
    return {
        **table_json(table),
        "columns": [column_json(column) for column in spec.columns],
        "groups": [
            group_json(stored[group.id], {output.column_key: output.path for output in group.outputs}, ids)
            for group in spec.groups
            if group.id in stored
        ],
    }


def column_json(column: ColumnSpec) -> dict[str, Any]:
    """One column."""
    return {
        "id": str(column.id),
        "key": column.key,
        "name": column.name,
        "type": column.type,
        "options": column.options,
        "required": column.required,
        "unique": column.unique,
        "ordinal": column.ordinal,
        "group": str(column.group_id) if column.group_id else None,
        "output_path": column.output_path,
    }


def group_json(group: WorkflowGroup, outputs: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, Any]:
    """One workflow group; ``outputs`` are paths by column key, ``ids`` column ids by key."""
    return {
        "id": str(group.pk),
        "name": group.name,
        "workflow": str(group.workflow_id),
        "workflow_name": group.workflow.name,
        "ref": group.ref,
        "inputs": group.inputs,
        "outputs": [{"path": path, "column": ids[key], "key": key} for key, path in outputs.items()],
        "depends_on": group.depends_on,
        "condition": group.condition,
        "auto_run": group.auto_run,
        "retry": group.retry,
        "timeout_seconds": group.timeout_seconds,
        "limits": group.limits,
        "revision": group.revision,
    }


def view_json(view: View) -> dict[str, Any]:
    """One saved view."""
    return {
        "id": str(view.pk),
        "name": view.name,
        "filter": view.filter,
        "sort": view.sort,
        "layout": view.layout,
        "created_at": instant(view.created_at),
        "updated_at": instant(view.updated_at),
    }
