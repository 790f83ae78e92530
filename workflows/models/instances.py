"""The row of a process that owns work (T15).

An *instance* is one worker process. It renews ``heartbeat_at`` every ``RUNSHEET_HEARTBEAT_SECONDS``; all it
holds (runs, cells) is leased for exactly as long as it lives. It is dead when it has been silent for
``RUNSHEET_INSTANCE_DEAD_SECONDS`` by the database's clock, or at once when its pid is gone on the same boot of
the same host. Death is final: a process that finds its row dead takes a new row, and every write of the old one
is refused by its fencing tokens.
"""

from __future__ import annotations

from django.db import models

from workspaces.ids import uuid7


class Instance(models.Model):
    """One process: where it runs, how much it can carry, and when it was last heard of."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    host = models.CharField(max_length=255)
    boot_id = models.CharField(max_length=64, blank=True, default="")
    pid = models.IntegerField()
    process_started = models.CharField(max_length=64, blank=True, default="")
    role = models.CharField(max_length=32, default="worker")
    queues = models.JSONField(default=list)
    slots = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(auto_now_add=True)
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Live instances are few; the index serves the reaper's sweep."""

        indexes = [
            models.Index(
                fields=["heartbeat_at"],
                name="workflows_instance_live",
                condition=models.Q(stopped_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.host}:{self.pid}"
