"""Invocations: one firing each, unique per (trigger, revision, slot); the row is the outbox (`scheduler.md` 0.3)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from scheduler.states import IN_FLIGHT, InvocationStatus, Source, may_move
from workspaces.ids import uuid7


class InvocationQuerySet(models.QuerySet["Invocation"]):
    """Reads and guarded writes of invocations."""

    def move(
        self,
        invocation_id: UUID,
        expected: Collection[InvocationStatus],
        to: InvocationStatus,
        **changes: Any,
    ) -> bool:
        """The one guarded move of a single invocation; ``False``: somebody else moved it first."""
        assert all(may_move(source, to) for source in expected), f"nothing moves from {expected} to {to}"
        return bool(self.filter(pk=invocation_id, status__in=expected).update(status=to, **changes))


class Invocation(models.Model):
    """One firing of a trigger, and all that is needed to carry it out or to say why it was not.

    ``scheduled_for`` is the intended instant, ``available_at`` the earliest at which it may start (jitter, pacing,
    back-off). ``waits`` holds it back until no earlier one of its trigger is in flight (overlap ``buffer_one``).
    ``children`` lists what was started, a run's or a dispatch's id per attempt. ``reason`` says why it was skipped,
    missed or cancelled; of missed slots one row stands for many: ``details`` is ``{count, exact, first, last}``.
    ``max_retries`` and ``timeout_seconds`` are the trigger's when it was made; ``deadline_at`` is the attempt's.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.CASCADE,
        related_name="invocations",
        db_index=False,
        db_constraint=False,
    )
    trigger = models.ForeignKey(
        "scheduler.Trigger", on_delete=models.CASCADE, related_name="invocations", db_index=False
    )
    source = models.CharField(max_length=16, choices=[(s.value, s.value) for s in Source])
    status = models.CharField(
        max_length=16,
        default=InvocationStatus.PENDING.value,
        choices=[(s.value, s.value) for s in InvocationStatus],
    )
    scheduled_for = models.DateTimeField()
    available_at = models.DateTimeField()
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=256, unique=True)
    request_hash = models.CharField(max_length=64, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0)
    max_retries = models.PositiveIntegerField(default=0)
    timeout_seconds = models.PositiveIntegerField(null=True, blank=True)
    waits = models.BooleanField(default=False)
    ref = models.CharField(max_length=256, null=True, blank=True)
    resolved_ref = models.JSONField(null=True, blank=True)
    resolved_payload = models.JSONField(null=True, blank=True)
    rendered_message = models.TextField(null=True, blank=True)
    run_as_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    claimed_by = models.CharField(max_length=256, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    celery_id = models.CharField(max_length=64, blank=True, default="")
    children = models.JSONField(default=list, blank=True)
    reason = models.CharField(max_length=64, blank=True, default="")
    details = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    rerun_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="reruns", db_index=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = InvocationQuerySet.as_manager()

    class Meta:
        """Lists go by trigger or by id, which is ordered by time; what is in flight is few and looked for often."""

        indexes = [
            models.Index(fields=["trigger", "-scheduled_for", "-id"], name="scheduler_invocation_trigger"),
            models.Index(fields=["workspace", "-id"], name="scheduler_invocation_workspace"),
            models.Index(
                fields=["status", "available_at"],
                name="scheduler_invocation_in_flight",
                condition=Q(status__in=sorted(s.value for s in IN_FLIGHT)),
            ),
            models.Index(
                fields=["trigger"],
                name="scheduler_invocation_overlap",
                condition=Q(status__in=sorted(s.value for s in IN_FLIGHT)),
            ),
            models.Index(fields=["created_at"], name="scheduler_invocation_created"),
            models.Index(
                fields=["rerun_of"],
                name="scheduler_invocation_reruns",
                condition=Q(rerun_of__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in InvocationStatus]),
                name="scheduler_invocation_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.scheduled_for:%Y-%m-%d %H:%M:%S}"
