"""The ledger: runs, their steps, and the attempts at them (workflows.md section 4).

Routing is never stored: what comes next is a fold of the finished steps over the version (W9). ``lease_token`` is
the fencing token of the process that owns the run; every commit of the executor names it, and zero rows means
*lost the race* (W13). The tables are written set-based by ``workflows.services.ledger``.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from workflows.states import RunStatus, StepStatus
from workspaces.ids import uuid7


class Run(models.Model):
    """One execution of a workflow version, pinned to it for life.

    ``row`` is the snapshot of the table row's columns that a cell's run reads (I4): a recovered or resumed run sees
    what it saw before. Runs that belong to no cell have none. ``wake_at`` is when a parked run is due, ``waits_for``
    what it waits for: ``[{step_key, kind, until, reason}]``. ``plan`` is a rerun's (W29), ``history`` the ends that a
    resume took back (W22). ``depth`` counts the runs around a sub-run.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.CASCADE,
        related_name="runs",
        db_index=False,
        db_constraint=False,
    )
    workflow = models.ForeignKey(
        "workflows.Workflow",
        on_delete=models.CASCADE,
        related_name="runs",
        db_index=False,
        db_constraint=False,
    )
    version = models.ForeignKey(
        "workflows.WorkflowVersion",
        on_delete=models.CASCADE,
        related_name="runs",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=8, default="full", choices=[("full", "full"), ("rerun", "rerun")])
    status = models.CharField(
        max_length=16, default=RunStatus.QUEUED.value, choices=[(s.value, s.value) for s in RunStatus]
    )
    input = models.JSONField(default=dict)
    row = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    trigger_kind = models.CharField(max_length=16, default="api")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    owner_kind = models.CharField(max_length=16, blank=True, default="")
    owner_id = models.UUIDField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    instance = models.ForeignKey(
        "workflows.Instance",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        db_index=False,
        db_constraint=False,
    )
    epoch = models.PositiveIntegerField(default=0)
    recovery_count = models.PositiveIntegerField(default=0)
    forked_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="forks", db_index=False
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    waits_for = models.JSONField(null=True, blank=True)
    plan = models.JSONField(null=True, blank=True)
    history = models.JSONField(null=True, blank=True)
    depth = models.PositiveSmallIntegerField(default=0, db_default=0)
    idempotency_key = models.CharField(max_length=256, null=True, blank=True)
    input_hash = models.CharField(max_length=64, blank=True, default="")
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Lists go by id, which is ordered by time; the partial indexes hold only what is looked for.

        Foreign keys of the hot path are not checked by the database: each check locks the one workspace, workflow
        and version that all runs of a table share.
        """

        indexes = [
            models.Index(fields=["workspace", "-id"], name="workflows_run_workspace"),
            models.Index(fields=["workflow", "-id"], name="workflows_run_workflow"),
            models.Index(
                fields=["owner_id", "-id"],
                name="workflows_run_owner",
                condition=models.Q(owner_id__isnull=False),
            ),
            models.Index(
                fields=["wake_at"], name="workflows_run_wake", condition=models.Q(wake_at__isnull=False)
            ),
            models.Index(
                fields=["forked_from"],
                name="workflows_run_forks",
                condition=models.Q(forked_from__isnull=False),
            ),
            models.Index(
                fields=["created_at"],
                name="workflows_run_single",
                condition=models.Q(status__in=[RunStatus.QUEUED.value, RunStatus.RUNNING.value])
                & ~models.Q(owner_kind="cell"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="workflows_run_idempotency_once",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in RunStatus]), name="workflows_run_status_known"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Step(models.Model):
    """The durable record of one block in one scope of a run; committed once when finished (W14).

    An output above 256 KiB stands in the blob that ``blob_id`` names. ``opening`` is how a
    container opened (``engine.types.Opening``).
    """

    pk = models.CompositePrimaryKey("run_id", "step_key")
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="steps", db_constraint=False, db_index=False
    )
    step_key = models.CharField(max_length=512)
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in StepStatus])
    output = models.JSONField(null=True, blank=True)
    blob_id = models.CharField(max_length=64, null=True, blank=True)
    opening = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    input_hash = models.CharField(max_length=64, blank=True, default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    handle = models.CharField(max_length=128, blank=True, default="")
    cached_from = models.UUIDField(null=True, blank=True)
    seq = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Read by its run; the blobs that are still needed are found by name."""

        indexes = [
            models.Index(
                fields=["blob_id"], name="workflows_step_blob", condition=models.Q(blob_id__isnull=False)
            ),
        ]


class Attempt(models.Model):
    """One try of a step, append-only: what went in (redacted), what went wrong, who tried."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="attempts", db_constraint=False, db_index=False
    )
    step_key = models.CharField(max_length=512)
    epoch = models.PositiveIntegerField(default=0)
    n = models.PositiveIntegerField(default=1)
    input = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    instance_id = models.UUIDField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Read per run and step. The cascade from runs is the database's own (migration 0002)."""

        indexes = [models.Index(fields=["run", "step_key"], name="workflows_attempt_step")]
