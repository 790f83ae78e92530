"""What parked runs wait for, and outputs too big for the ledger's rows (W19, W20; workflows.md section 4)."""

from __future__ import annotations

from django.db import models

from workflows.models.runs import Run
from workflows.states import PauseKind, PauseStatus
from workspaces.ids import uuid7


class PausePoint(models.Model):
    """One wait of one step: a timer, a question to a person, a sub-run, a back-off.

    Written in the transaction in which its step begins to wait. ``round`` counts the waits of the step (0 is the
    first). ``status`` leaves ``open`` once, by a guarded update: of an approval, a rejection and an expiry at the same
    instant one wins (W20). ``wake_at`` is the timer's end or the question's expiry. ``consumed_at`` says that the run
    has gone on from the answer. ``token_hash`` is the SHA-256 of the answer link's secret.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(
        "workspaces.Workspace",
        on_delete=models.CASCADE,
        related_name="pauses",
        db_index=False,
        db_constraint=False,
    )
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="pauses", db_constraint=False, db_index=False
    )
    step_key = models.CharField(max_length=512)
    round = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=16, choices=[(k.value, k.value) for k in PauseKind])
    status = models.CharField(
        max_length=16, default=PauseStatus.OPEN.value, choices=[(s.value, s.value) for s in PauseStatus]
    )
    request = models.JSONField(default=dict, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    token_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    child_id = models.UUIDField(null=True, blank=True)
    answer = models.JSONField(null=True, blank=True)
    answered_by = models.JSONField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    consumed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One open question per step and round; the inbox lists what is open in a workspace."""

        indexes = [
            models.Index(
                fields=["workspace", "-id"],
                name="workflows_pause_inbox",
                condition=models.Q(status=PauseStatus.OPEN.value, kind=PauseKind.APPROVAL.value),
            ),
            models.Index(
                fields=["child_id"],
                name="workflows_pause_child",
                condition=models.Q(child_id__isnull=False),
            ),
            models.Index(
                fields=["answered_at"],
                name="workflows_pause_unconsumed",
                condition=models.Q(
                    status__in=[PauseStatus.ANSWERED.value, PauseStatus.EXPIRED.value],
                    consumed_at__isnull=True,
                ),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "step_key", "round"], name="workflows_pause_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in PauseStatus]),
                name="workflows_pause_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.step_key} {self.kind}"


class Blob(models.Model):
    """The JSON of an output above 256 KiB, deflated, named by the SHA-256 of its text; shared by the steps it is of."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    data = models.BinaryField()
    size_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.sha256
