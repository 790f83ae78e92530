"""Which beat leads, and how the ticks fare: one row (`scheduler.md` sections 1 and 4)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class SchedulerState(models.Model):
    """The lease of the leading beat and the record of the last tick.

    ``epoch`` rises whenever the holder changes or somebody restarts the scheduler; a tick that was sent under an older
    one ends at once. Correctness never depends on it: it spares needless ticks, and feeds health.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    holder = models.CharField(max_length=256, blank=True, default="")
    epoch = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    previous_holder = models.CharField(max_length=256, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    last_tick_started_at = models.DateTimeField(null=True, blank=True)
    last_tick_finished_at = models.DateTimeField(null=True, blank=True)
    last_tick_error = models.TextField(blank=True, default="")
    consecutive_failures = models.PositiveIntegerField(default=0)
    total_ticks = models.BigIntegerField(default=0)
    last_claimed = models.PositiveIntegerField(default=0)
    backlog_due = models.PositiveIntegerField(default=0)
    max_lateness_ms = models.BigIntegerField(default=0)
    version = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        """One row, ever."""

        constraints = [models.CheckConstraint(condition=Q(id=1), name="scheduler_state_single")]

    def __str__(self) -> str:
        return f"epoch {self.epoch}"
