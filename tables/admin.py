"""The back office for tables: to look at, and to run or stop. Lists never count a million rows."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from tables.models import Column, Dispatch, Job, Row, RowExecution, Table, View, WorkflowGroup
from tables.services.dispatches import dispatch_start
from tables.services.jobs import job_cancel
from tables.services.stopping import dispatch_stop, stop
from tables.states import ACTIVE_DISPATCH, ACTIVE_JOB, Mode
from workspaces.admin import ReadOnlyAdmin, actor_of_admin
from workspaces.models import User
from workspaces.services.audit import audit_record


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # generic only in the stubs
    """Counts by the planner's statistics when a list is not filtered: counting a million rows takes a second."""

    @cached_property
    def count(self) -> int:
        """An estimate for the whole table, the truth for a part of it."""
        query = self.object_list.query  # type: ignore[attr-defined]  # the admin always gives a queryset
        if query.where:
            return int(super().count)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass",
                [query.model._meta.db_table],
            )
            estimate = int(cursor.fetchone()[0])
        return estimate if estimate > 10_000 else int(super().count)


class BigAdmin(ReadOnlyAdmin):
    """Read-only lists of what there are millions of: by primary key, estimated."""

    paginator = EstimatingPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)


class ColumnInline(admin.TabularInline[Column, Table]):
    """The columns of a table."""

    model = Column
    fields = ("ordinal", "name", "key", "type", "group", "output_path")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Table | None = None) -> bool:
        """Columns are made where their rules are checked."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Column]:
        """With their groups at once."""
        return super().get_queryset(request).select_related("group")


class WorkflowGroupInline(admin.TabularInline[WorkflowGroup, Table]):
    """The workflow groups of a table."""

    model = WorkflowGroup
    fields = ("name", "workflow", "ref", "auto_run", "revision", "mean_cell_ms")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Table | None = None) -> bool:
        """Groups are made where their rules are checked."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowGroup]:
        """With their workflows at once, without drafts."""
        groups: QuerySet[WorkflowGroup] = super().get_queryset(request)
        return groups.select_related("workflow").defer("workflow__draft")


@admin.register(Table)
class TableAdmin(ReadOnlyAdmin):
    """Tables with their exact row counts and active dispatches; they can be run and stopped."""

    list_display = (
        "name",
        "workspace",
        "row_count",
        "active_dispatches",
        "created_by",
        "updated_at",
        "archived_at",
    )
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    list_select_related = ("workspace", "created_by")
    search_fields = ("name", "workspace__name", "=id")
    inlines = (ColumnInline, WorkflowGroupInline)
    actions: ClassVar = ("run", "stop")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Table]:
        """With the count of active dispatches in the same query."""
        rows: QuerySet[Table] = super().get_queryset(request)
        active = Q(dispatches__status__in=[status.value for status in ACTIVE_DISPATCH])
        return rows.annotate(active_dispatches=Count("dispatches", filter=active))

    @admin.display(description="active dispatches", ordering="active_dispatches")
    def active_dispatches(self, table: Table) -> int:
        """How many dispatches are under way."""
        return int(table.active_dispatches)  # type: ignore[attr-defined]  # annotated above

    @admin.action(description="Run what is not completed")
    def run(self, request: HttpRequest, tables: QuerySet[Table]) -> None:
        """Start a dispatch of all groups, mode incomplete."""
        for table in tables:
            actor = request.user if isinstance(request.user, User) else None
            outcome = dispatch_start(table=table, mode=Mode.INCOMPLETE, actor=actor)
            audit_record(
                workspace_id=table.workspace_id,
                actor=actor_of_admin(request),
                action="dispatch.started",
                target=outcome.dispatch or table,
            )
            told = "started" if outcome.dispatch else f"nothing to do ({', '.join(outcome.skipped)})"
            self.message_user(request, f"{table}: {told}.", messages.SUCCESS)

    @admin.action(description="Stop everything on the selected tables")
    def stop(self, request: HttpRequest, tables: QuerySet[Table]) -> None:
        """Cancel all active dispatches and all cells in flight."""
        for table in tables:
            outcome = stop(table=table)
            audit_record(
                workspace_id=table.workspace_id,
                actor=actor_of_admin(request),
                action="table.stopped",
                target=table,
            )
            words = f"{outcome.cancelled} cells and {len(outcome.dispatches)} dispatches stopped."
            self.message_user(request, f"{table}: {words}", messages.SUCCESS)


@admin.register(Column)
class ColumnAdmin(ReadOnlyAdmin):
    """Columns of all tables."""

    list_display = ("name", "key", "table", "type", "group", "ordinal")
    list_filter = ("type",)
    list_select_related = ("table", "group")
    search_fields = ("name", "key", "table__name")


@admin.register(WorkflowGroup)
class WorkflowGroupAdmin(ReadOnlyAdmin):
    """Workflow groups of all tables."""

    list_display = ("name", "table", "workflow", "ref", "auto_run", "revision", "mean_cell_ms")
    list_filter = ("auto_run",)
    list_select_related = ("table", "workflow")
    search_fields = ("name", "table__name", "workflow__name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowGroup]:
        """Without drafts."""
        rows: QuerySet[WorkflowGroup] = super().get_queryset(request)
        return rows.defer("workflow__draft")


@admin.register(Row)
class RowAdmin(BigAdmin):
    """Rows, the newest first; found by id."""

    list_display = ("id", "table", "created_at", "updated_at")
    list_select_related = ("table",)
    search_fields = ("=id", "=table__id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Values are read one row at a time."""
        rows: QuerySet[Row] = super().get_queryset(request)
        return rows.defer("data", "table__layout")


@admin.register(RowExecution)
class RowExecutionAdmin(BigAdmin):
    """Cells. A status changes only by what happens to the cell."""

    list_display = ("id", "table", "group", "row_id", "status", "attempt", "started_at", "finished_at")
    list_filter = ("status",)
    list_select_related = ("table", "group")
    search_fields = ("=id", "=row__id", "=group__id", "=dispatch_id")


@admin.register(Dispatch)
class DispatchAdmin(BigAdmin):
    """Dispatches, the newest first; they can be cancelled."""

    list_display = (
        "id",
        "table",
        "mode",
        "status",
        "is_manual",
        "rows_total",
        "completed",
        "failed",
        "requested_at",
    )
    list_filter = ("status", "mode", "is_manual")
    list_select_related = ("table",)
    search_fields = ("=id", "=table__id", "table__name")
    actions: ClassVar = ("cancel",)

    @admin.action(description="Cancel the selected dispatches")
    def cancel(self, request: HttpRequest, dispatches: QuerySet[Dispatch]) -> None:
        """Stop those under way with their cells; the others are left as they are."""
        stopped = 0
        for dispatch in dispatches.select_related("table"):
            if dispatch_stop(dispatch).dispatches:
                stopped += 1
                audit_record(
                    workspace_id=dispatch.table.workspace_id,
                    actor=actor_of_admin(request),
                    action="dispatch.stopped",
                    target=dispatch,
                )
        self.message_user(request, f"{stopped} cancelled.", messages.SUCCESS if stopped else messages.INFO)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Imports and other jobs, the newest first; they can be cancelled."""

    list_display = ("id", "table", "kind", "status", "requested_by", "created_at", "finished_at")
    list_filter = ("status", "kind")
    list_select_related = ("table", "requested_by")
    search_fields = ("=id", "table__name")
    ordering = ("-id",)
    actions: ClassVar = ("cancel",)

    @admin.action(description="Cancel the selected jobs")
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """End those under way; what they have committed stays."""
        active = list(jobs.select_related("table").filter(status__in=[status.value for status in ACTIVE_JOB]))
        for job in active:
            job_cancel(job=job, actor=actor_of_admin(request))
        self.message_user(request, f"{len(active)} cancelled.", messages.SUCCESS if active else messages.INFO)


@admin.register(View)
class ViewAdmin(ReadOnlyAdmin):
    """Saved views."""

    list_display = ("name", "table", "updated_at")
    list_select_related = ("table",)
    search_fields = ("name", "table__name")
