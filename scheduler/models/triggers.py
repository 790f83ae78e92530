"""Triggers: stored schedules of a workflow run or a table dispatch (`scheduler.md` section 1)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from scheduler.states import CatchupPolicy, DisabledReason, InvocationStatus, OverlapPolicy, TargetKind
from workspaces.ids import uuid7


class TriggerQuerySet(models.QuerySet["Trigger"]):
    """Reads and guarded writes of triggers."""

    def of_workspace(self, workspace_id: UUID) -> TriggerQuerySet:
        """Those of one workspace."""
        return self.filter(workspace_id=workspace_id)

    def due(self) -> TriggerQuerySet:
        """Enabled ones whose slot has come by the database's clock, and that are not held back after a fault."""
        free = Q(held_until=None) | Q(held_until__lte=Now())
        return self.filter(free, enabled=True, next_run_at__lte=Now())


class Trigger(models.Model):
    """One schedule: five cron fields in a zone, or one instant; and what it starts, as whom, how often it retries.

    ``next_run_at`` is the slot that fires next, null exactly while the trigger is off. ``schedule_revision`` rises with
    each change of the schedule, so that an edited trigger may fire a slot again whose invocation the edit took back.
    ``target_options`` of a table run: ``{groups?: [ids], filter?, mode, limit?, fail_above_percent}``. ``ref`` names
    the version of a workflow that runs; a table run has none. ``held_until`` and ``hold_count`` keep a trigger on which
    the tick failed from blocking the ones behind it. Times are UTC.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace", on_delete=models.CASCADE, related_name="triggers", db_index=False
    )
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True, default="")
    target_kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in TargetKind])
    workflow = models.ForeignKey(
        "workflows.Workflow",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="triggers",
        db_index=False,
    )
    table = models.ForeignKey(
        "tables.Table",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="triggers",
        db_index=False,
    )
    target_options = models.JSONField(default=dict, blank=True)
    ref = models.CharField(max_length=256, null=True, blank=True)
    enabled = models.BooleanField(default=True)
    cron_expression = models.CharField(max_length=256, null=True, blank=True)
    cron_timezone = models.CharField(max_length=64, default="UTC")
    run_at = models.DateTimeField(null=True, blank=True)
    start_at = models.DateTimeField(null=True, blank=True)
    end_at = models.DateTimeField(null=True, blank=True)
    jitter_seconds = models.PositiveIntegerField(default=0)
    payload = models.JSONField(default=dict, blank=True)
    message_template = models.TextField(null=True, blank=True)
    overlap_policy = models.CharField(
        max_length=16, default=OverlapPolicy.SKIP.value, choices=[(p.value, p.value) for p in OverlapPolicy]
    )
    catchup_policy = models.CharField(
        max_length=16, default=CatchupPolicy.LATEST.value, choices=[(p.value, p.value) for p in CatchupPolicy]
    )
    catchup_window_seconds = models.PositiveIntegerField(default=3600)
    catchup_limit = models.PositiveIntegerField(default=100)
    max_retries = models.PositiveIntegerField(default=1)
    retry_delay_seconds = models.PositiveIntegerField(default=60)
    timeout_seconds = models.PositiveIntegerField(null=True, blank=True)
    pause_on_failures = models.PositiveIntegerField(null=True, blank=True)
    run_as_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    schedule_revision = models.PositiveIntegerField(default=1)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_scheduled_for = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_status = models.CharField(
        max_length=16, blank=True, default="", choices=[(s.value, s.value) for s in InvocationStatus]
    )
    consecutive_failures = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)
    missed_count = models.PositiveIntegerField(default=0)
    disabled_reason = models.CharField(
        max_length=32,
        blank=True,
        default="",
        choices=[(r.value, r.value) for r in DisabledReason if r],
    )
    schedule_error = models.TextField(blank=True, default="")
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    hold_count = models.PositiveIntegerField(default=0, editable=False)
    import_key = models.CharField(max_length=256, null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TriggerQuerySet.as_manager()

    class Meta:
        """A trigger has one schedule and one target, and a next run exactly while it is on."""

        indexes = [
            models.Index(
                fields=["next_run_at", "id"],
                name="scheduler_trigger_due",
                condition=Q(enabled=True, next_run_at__isnull=False),
            ),
            models.Index(fields=["workspace", "-id"], name="scheduler_trigger_workspace"),
            models.Index(fields=["workflow"], name="scheduler_trigger_workflow"),
            models.Index(fields=["table"], name="scheduler_trigger_table"),
            models.Index(fields=["ref"], name="scheduler_trigger_ref"),
        ]
        constraints = [
            models.CheckConstraint(name="scheduler_trigger_named", condition=~Q(name="")),
            models.CheckConstraint(
                name="scheduler_trigger_one_schedule",
                condition=Q(cron_expression__isnull=False, run_at=None)
                | Q(cron_expression=None, run_at__isnull=False),
            ),
            models.CheckConstraint(
                name="scheduler_trigger_one_target",
                condition=Q(target_kind=TargetKind.WORKFLOW.value, workflow__isnull=False, table=None)
                | Q(target_kind=TargetKind.TABLE_RUN.value, workflow=None, table__isnull=False, ref=None),
            ),
            models.CheckConstraint(
                name="scheduler_trigger_next_while_on",
                condition=Q(enabled=True, next_run_at__isnull=False, disabled_reason="")
                | Q(enabled=False, next_run_at=None) & ~Q(disabled_reason=""),
            ),
            models.CheckConstraint(name="scheduler_trigger_ref_named", condition=Q(ref=None) | ~Q(ref="")),
        ]

    def __str__(self) -> str:
        return self.name
