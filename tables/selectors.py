"""Reads of tables that are not rows: the schema as plain values, lists, summaries, workers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from tables.engine.dependencies import run_order
from tables.engine.group_policy import stored_limits, stored_retry
from tables.engine.types import ColumnSpec, GroupSpec, Output, TableSpec
from tables.errors import TableNotFound
from tables.models import Column, Dispatch, Job, RowExecution, Table, View, WorkflowGroup
from tables.states import ACTIVE_DISPATCH, CellStatus
from workflows.models import Instance
from workflows.services.uses import Use

_COLUMN_FIELDS = (
    "columns__id",
    "columns__key",
    "columns__name",
    "columns__type",
    "columns__options",
    "columns__required",
    "columns__unique",
    "columns__ordinal",
    "columns__group_id",
    "columns__output_path",
)


def tables_of(workspace_id: UUID, *, archived: bool = False) -> QuerySet[Table]:
    """The living (or the archived) tables of a workspace, to be ordered and paged by the caller."""
    return Table.objects.filter(workspace_id=workspace_id, archived_at__isnull=not archived)


def table_of(workspace_id: UUID, table_id: UUID) -> Table:
    """A living table of the workspace. Raises ``TableNotFound``, for a foreign one too."""
    table = tables_of(workspace_id).filter(pk=table_id).first()
    if table is None:
        raise TableNotFound
    return table


def dispatches_of(workspace_id: UUID) -> QuerySet[Dispatch]:
    """Every dispatch on the workspace's tables."""
    return Dispatch.objects.filter(table__workspace_id=workspace_id)


def jobs_of(workspace_id: UUID) -> QuerySet[Job]:
    """Every job on the workspace's tables."""
    return Job.objects.filter(table__workspace_id=workspace_id)


def groups_using(workflow_id: UUID, ref: str | None) -> list[str]:
    """Workflow groups of living tables that run this workflow, at this ref if one is named, as “table / group”."""
    groups = WorkflowGroup.objects.filter(workflow_id=workflow_id, table__archived_at=None)
    if ref is not None:
        groups = groups.filter(ref=ref)
    found = groups.order_by("table__name", "name").values_list("table__name", "name")
    return [f"“{table} / {name}”" for table, name in found]


def uses_by_groups(workflow_ids: Collection[UUID]) -> list[Use]:
    """What groups of living tables run these workflows, as `workflows` is told at start-up; columns by key.

    Two queries.
    """
    groups = WorkflowGroup.objects.filter(workflow_id__in=workflow_ids, table__archived_at=None)
    found = list(groups.select_related("table").order_by("table__name", "name"))
    columns = Column.objects.filter(table__in={group.table_id for group in found})
    keys = {str(pk): key for pk, key in columns.values_list("pk", "key")}
    return [
        Use(
            workflow_id=group.workflow_id,
            ref=group.ref,
            table=group.table_id,
            table_name=group.table.name,
            name=group.name,
            inputs={
                name: {**source, "column": keys.get(str(source["column"]))} if "column" in source else source
                for name, source in group.inputs.items()
            },
        )
        for group in found
    ]


def runs_of_table(table_id: UUID) -> Q:
    """Which runs belong to cells of a table, as `workflows` is told at start-up."""
    return Q(owner_kind="cell", owner_id__in=RowExecution.objects.filter(table_id=table_id).values("pk"))


def runs_of_dispatch(dispatch_id: UUID) -> Q:
    """Which runs are the present ones of cells that a dispatch was the last to run."""
    cells = RowExecution.objects.filter(
        pk=OuterRef("owner_id"), run_id=OuterRef("pk"), dispatch_id=dispatch_id
    )
    return Q(Exists(cells))


def runs_shown() -> Q:
    """Which runs a cell shows, as `workflows` is told at start-up: they are kept as long as the cell is (W31)."""
    return Q(Exists(RowExecution.objects.filter(pk=OuterRef("owner_id"), run_id=OuterRef("pk"))))


def views_of(table: Table) -> QuerySet[View]:
    """The table's views."""
    return View.objects.filter(table=table)


def table_spec(table_id: UUID) -> TableSpec:
    """The table's schema now: columns in order, groups in the order they run (T8). Two queries.

    Raises ``TableNotFound``.
    """
    found = list(
        Table.objects.filter(pk=table_id)
        .order_by("columns__ordinal")
        .values_list("workspace_id", *_COLUMN_FIELDS)
    )
    if not found:
        raise TableNotFound
    columns = tuple(ColumnSpec(*row[1:]) for row in found if row[1] is not None)
    groups = [group_spec(group, columns) for group in WorkflowGroup.objects.filter(table_id=table_id)]
    return TableSpec(table_id, found[0][0], columns, run_order(columns, groups))


@lru_cache(maxsize=512)
def table_spec_cached(table_id: UUID, schema_version: int) -> TableSpec:
    """The same without queries while ``Table.schema_version`` stays what it was.

    A schema read a moment too new is kept under the older number, which nobody asks for again.
    """
    return table_spec(table_id)


def group_spec(group: WorkflowGroup, columns: tuple[ColumnSpec, ...]) -> GroupSpec:
    """A stored group as decisions see it: ids of columns become keys, those of deleted columns are dropped."""
    keys = {str(column.id): column.key for column in columns}
    inputs = {
        name: {"column": keys[source["column"]]} if "column" in source else source
        for name, source in group.inputs.items()
        if "column" not in source or source["column"] in keys
    }
    return GroupSpec(
        id=group.pk,
        name=group.name,
        workflow_id=group.workflow_id,
        ref=group.ref,
        inputs=inputs,
        outputs=tuple(Output(c.output_path, c.key) for c in columns if c.group_id == group.pk),
        depends_on=tuple(keys[each] for each in group.depends_on if each in keys),
        condition=group.condition,
        auto_run=group.auto_run,
        revision=group.revision,
        ordinal=0,
        timeout_seconds=group.timeout_seconds,
        mean_cell_ms=group.mean_cell_ms,
        readable=frozenset(column.key for column in columns),
        retry=stored_retry(group.retry),
        limits=stored_limits(group.limits),
    )


# The counts of a table's cells, never by looking at the cells: sums so far and changes since. The two parts are two
# indexes: tables_cellcount_sum_once, tables_cellcount_changes.
_COUNTS = """
SELECT group_id, status, sum(delta)::bigint
  FROM (SELECT group_id, status, delta FROM tables_cellcount WHERE table_id = %(table)s AND is_folded
        UNION ALL
        SELECT group_id, status, delta FROM tables_cellcount WHERE table_id = %(table)s AND NOT is_folded) AS counted
 GROUP BY group_id, status HAVING sum(delta) <> 0
"""


def table_summary(table: Table) -> dict[str, Any]:
    """``{rows, groups: {id: {status: n}}, running_rows, dispatches: [active ids]}``: exact, whatever the size (T37).

    Running cells are as few as there are slots, so their rows are looked up: index ``tables_cell_counts``.
    """
    groups: dict[UUID, dict[str, int]] = {
        group: {} for group in WorkflowGroup.objects.filter(table=table).values_list("id", flat=True)
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"table": table.pk})
        for group, status, count in cursor.fetchall():
            if group in groups:
                groups[group][status] = count
    running = RowExecution.objects.filter(
        table=table, group_id__in=list(groups), status=CellStatus.RUNNING
    ).aggregate(rows=Count("row_id", distinct=True))
    active = Dispatch.objects.filter(table=table, status__in=ACTIVE_DISPATCH).order_by("id")
    return {
        "rows": table.row_count,
        "groups": {str(group): counts for group, counts in groups.items()},
        "running_rows": running["rows"],
        "dispatches": [str(each) for each in active.values_list("id", flat=True)],
    }


def workers_live(workspace_id: UUID) -> list[dict[str, Any]]:
    """Live processes with their slots, and how many cells of this workspace each holds."""
    silent_for = timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    live = list(
        Instance.objects.filter(stopped_at__isnull=True, heartbeat_at__gt=Now() - silent_for)
        .order_by("role", "started_at", "id")
        .values("id", "host", "pid", "role", "queues", "slots", "started_at", "heartbeat_at")
    )
    held = dict(
        RowExecution.objects.filter(
            status=CellStatus.RUNNING,
            instance_id__in=[instance["id"] for instance in live],
            table_id__in=Table.objects.filter(workspace_id=workspace_id).values("id"),
        )
        .values_list("instance_id")
        .annotate(n=Count("id"))
        .order_by()
    )
    return [{**instance, "cells": held.get(instance["id"], 0)} for instance in live]
