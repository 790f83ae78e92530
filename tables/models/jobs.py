"""Jobs: long work on a table that is not a dispatch (import, export, bulk change)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from tables.states import ACTIVE_JOB, JobStatus
from workspaces.ids import uuid7


class Job(models.Model):
    """One import, export or bulk change: status, progress, error. One writing job per table at a time.

    ``progress``: ``{"bytes_done", "bytes_total", "rows_done", "rows_rejected"}``. ``options`` as the request gave them.
    ``sent_at`` is when the reaper last sent its message again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey("tables.Table", on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=16)
    writes = models.BooleanField(default=True)
    status = models.CharField(
        max_length=16, default=JobStatus.QUEUED.value, choices=[(s.value, s.value) for s in JobStatus]
    )
    options = models.JSONField(default=dict, blank=True)
    progress = models.JSONField(default=dict, blank=True)
    error = models.JSONField(null=True, blank=True)
    upload = models.FileField(upload_to="uploads/", null=True, blank=True)
    rejects = models.FileField(upload_to="rejects/", null=True, blank=True)
    instance_id = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The unique index is what makes "one writing job per table" true under races."""

        constraints = [
            models.UniqueConstraint(
                fields=["table"],
                condition=models.Q(writes=True, status__in=sorted(s.value for s in ACTIVE_JOB)),
                name="tables_job_one_writer",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class JobRows(models.Model):
    """The rows that a job is about, as they were when it was accepted: ids in the order it takes them, in pieces.

    Kept apart from the job, which is read and written with every batch. ``number`` counts the pieces from 0.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    row_ids = ArrayField(models.UUIDField())

    class Meta:
        """A job reads piece after piece."""

        constraints = [models.UniqueConstraint(fields=["job", "number"], name="tables_jobrows_once")]

    def __str__(self) -> str:
        return f"{self.job_id} piece {self.number}"
