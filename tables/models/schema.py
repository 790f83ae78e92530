"""A table, its columns, its workflow groups and its views."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from workspaces.ids import uuid7


class Table(models.Model):
    """A workspace's table.

    ``sequence`` is the per-table action counter: run requests and stops each take the next number under this
    row's lock, so that "requested before cancelled" is compared by number and never by clock (T25).
    ``row_count`` is kept exact by the writes. ``schema_version`` is raised in the transaction of every change of
    columns or workflow groups, so that a cached schema is known to be stale. ``retired_keys`` are the storage keys
    of deleted columns: rows keep what they held under them, unseen, so a key is never given out twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="tables")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    layout = models.JSONField(default=dict, blank=True)
    locks = models.JSONField(default=list, blank=True)
    row_count = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0)
    schema_version = models.BigIntegerField(default=1)
    retired_keys = models.JSONField(default=list, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One living table per name and workspace."""

        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=models.Q(archived_at__isnull=True),
                name="tables_table_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name


class WorkflowGroup(models.Model):
    """Columns filled together by one workflow run per row (never just "group" in code).

    ``inputs``: ``{name: {"column": id} | {"expression": str} | {"value": any}}``. ``depends_on``: column ids.
    ``retry`` and ``limits`` as in T23. ``mean_cell_ms`` is the measured duration that sizes packs (null: unknown).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=200)
    workflow = models.ForeignKey("workflows.Workflow", on_delete=models.PROTECT, related_name="groups")
    ref = models.CharField(max_length=256, default="live")
    inputs = models.JSONField(default=dict)
    depends_on = models.JSONField(default=list)
    condition = models.TextField(blank=True, default="")
    auto_run = models.BooleanField(default=False)
    retry = models.JSONField(null=True, blank=True)
    timeout_seconds = models.FloatField(null=True, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=1)
    mean_cell_ms = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Names are unique within a table."""

        constraints = [models.UniqueConstraint(fields=["table", "name"], name="tables_group_name_once")]

    def __str__(self) -> str:
        return self.name


class Column(models.Model):
    """One column. ``key`` is the storage key in ``Row.data``: a slug of the first name that never changes.

    A column of a workflow group names in ``output_path`` what fills it: a path under ``result`` or
    ``blocks.<key>``. ``ordinal`` is the table's order, dense from 0.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="columns")
    key = models.CharField(max_length=63)
    name = models.CharField(max_length=200)
    type = models.CharField(max_length=16, default="text")
    options = models.JSONField(default=dict, blank=True)
    required = models.BooleanField(default=False)
    unique = models.BooleanField(default=False)
    ordinal = models.PositiveIntegerField()
    group = models.ForeignKey(
        WorkflowGroup, null=True, blank=True, on_delete=models.SET_NULL, related_name="columns"
    )
    output_path = models.CharField(max_length=512, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Keys and names are unique within a table."""

        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["table", "key"], name="tables_column_key_once"),
            models.UniqueConstraint(fields=["table", "name"], name="tables_column_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class View(models.Model):
    """A named filter, sort and layout of a table."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey(Table, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=200)
    filter = models.JSONField(null=True, blank=True)
    sort = models.JSONField(default=list, blank=True)
    layout = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """Names are unique within a table."""

        constraints = [models.UniqueConstraint(fields=["table", "name"], name="tables_view_name_once")]

    def __str__(self) -> str:
        return self.name
