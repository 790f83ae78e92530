"""The back office for workflows, versions, runs and instances: to look at, and to stop a run."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from workflows.errors import RunFinished
from workflows.models import Instance, Run, Workflow, WorkflowRef, WorkflowVersion
from workflows.services.runs import run_cancel
from workspaces.admin import ReadOnlyAdmin, actor_of_admin


@admin.register(Workflow)
class WorkflowAdmin(ReadOnlyAdmin):
    """Workflows with their drafts; they are edited where their faults are shown, not here."""

    list_display = ("name", "workspace", "created_by", "updated_at", "archived_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    list_select_related = ("workspace", "created_by")
    search_fields = ("name", "workspace__name", "workspace__slug")


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnlyAdmin):
    """Versions: immutable by the database itself (W2)."""

    list_display = ("workflow", "number", "note", "created_by", "created_at")
    list_select_related = ("workflow", "created_by")
    search_fields = ("workflow__name", "content_hash")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowVersion]:
        """Definitions are read one at a time."""
        rows: QuerySet[WorkflowVersion] = super().get_queryset(request)
        return rows.defer("workflow__draft")


@admin.register(WorkflowRef)
class WorkflowRefAdmin(ReadOnlyAdmin):
    """Which name points at which version."""

    list_display = ("name", "workflow", "version", "updated_at")
    list_select_related = ("workflow", "version")
    search_fields = ("name", "workflow__name")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs, newest first. A status changes only by what happens to the run, or by stopping it."""

    list_display = ("id", "workflow", "status", "trigger_kind", "actor", "created_at", "finished_at")
    list_filter = ("status", "trigger_kind")
    list_select_related = ("workflow", "actor")
    search_fields = ("=id",)
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("cancel",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Without large fields in the list."""
        rows: QuerySet[Run] = super().get_queryset(request)
        return rows.defer("workflow__draft", "input", "result", "row")

    @admin.action(description="Cancel the selected runs")
    def cancel(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        """Stop those that are under way; the others are told."""
        stopped = 0
        for run in runs:
            try:
                run_cancel(run=run, actor=actor_of_admin(request))
                stopped += 1
            except RunFinished as finished:
                self.message_user(request, f"{run.pk}: {finished.detail}", messages.WARNING)
        self.message_user(request, f"{stopped} cancelled.", messages.SUCCESS if stopped else messages.INFO)


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """Processes that own or owned work."""

    list_display = ("id", "role", "host", "pid", "slots", "started_at", "heartbeat_at", "stopped_at")
    list_filter = ("role", ("stopped_at", admin.EmptyFieldListFilter))
    search_fields = ("=host",)
    ordering = ("-id",)
