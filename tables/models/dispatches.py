"""Dispatches (stored requests to run workflow groups over rows) and their windows in flight."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value

from tables.states import ACTIVE_DISPATCH, DispatchStatus, Mode
from workspaces.ids import uuid7


class Dispatch(models.Model):
    """One request: mode, scope, cursor, limit, and the exact account of what came of it (T13).

    ``scope``: ``{"rows": [ids] | {"from", "to"} | absent, "filter"?, "exclude_rows"?, "failed_of"?, "continues"?,
    "stopped"?}``; ``failed_of`` is the dispatch whose failed cells are run again (``services.failed_again``),
    ``continues`` lists those that were cut off and are taken up by this one, ``stopped`` selections that were stopped
    ahead of the walk (``services.stopped_ahead``). ``requested_sequence``
    is the table's action number (T25), ``upper_seq`` the creation sequence no row of it exceeds. ``cursor`` is
    the keyset of the last row handed over, exclusive (null: before the first row). The counters hold what closed
    windows and passed rows came to; windows in flight are added on reading. ``paused`` counts the cells that were
    parked when their window closed; on reading each of them stands where it is by then (``counted_paused``). ``groups``
    are those that were asked for, ``stopped_groups`` those it goes on without (T24), some of which would only have
    followed. ``cost`` is what the cells of closed windows have cost (null: nothing was told). ``failing`` counts, by
    group, the cells that failed since one last completed (`services.storms`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey("tables.Table", on_delete=models.CASCADE, related_name="dispatches")
    status = models.CharField(
        max_length=16,
        default=DispatchStatus.PENDING.value,
        choices=[(s.value, s.value) for s in DispatchStatus],
    )
    mode = models.CharField(max_length=16, choices=[(m.value, m.value) for m in Mode])
    groups = ArrayField(models.UUIDField())
    stopped_groups = ArrayField(models.UUIDField(), default=list, blank=True, db_default=Value("{}"))
    scope = models.JSONField(default=dict, blank=True)
    row_limit = models.PositiveIntegerField(null=True, blank=True)
    is_manual = models.BooleanField(default=True)
    trigger_id = models.UUIDField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_at = models.DateTimeField(auto_now_add=True)
    requested_sequence = models.BigIntegerField()
    upper_seq = models.BigIntegerField()
    idempotency_key = models.CharField(max_length=256, null=True, blank=True)
    cursor_position = models.TextField(null=True, blank=True, db_collation="C")
    cursor_id = models.UUIDField(null=True, blank=True)
    exhausted = models.BooleanField(default=False)
    rows_total = models.BigIntegerField(null=True, blank=True)
    rows_seen = models.BigIntegerField(default=0)
    rows_handed_over = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    paused = models.BigIntegerField(default=0)
    skipped = models.JSONField(default=dict, blank=True)
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    failing = models.JSONField(default=dict, blank=True, db_default={})
    error = models.JSONField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Active dispatches are few and looked for often."""

        indexes = [
            models.Index(
                fields=["table"],
                name="tables_dispatch_active",
                condition=models.Q(status__in=sorted(s.value for s in ACTIVE_DISPATCH)),
            ),
            models.Index(fields=["table", "-id"], name="tables_dispatch_list"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="tables_dispatch_idempotency_once",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in DispatchStatus]),
                name="tables_dispatch_status_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.id}"

    @property
    def groups_left(self) -> list[UUID]:
        """Those of the groups asked for that it still runs."""
        return [group for group in self.groups if group not in self.stopped_groups]


class Window(models.Model):
    """One window in flight: it exists from hand-over to close, and its token says which body may close it (T11).

    Claims take a share lock on it, a Stop deletes it: a claim that finds no window starts nothing.
    ``stamped`` counts the cells handed over with it; ``row_ids`` are its rows in order. ``body_fired`` says that the
    chord's body came while rows still ran: whoever finishes a row of it from then on tries to close it. A window that
    ``resumes`` carries parked cells of windows closed before, and what follows from them (T32); its dispatch may have
    ended, and has accounted for its rows already.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    dispatch = models.ForeignKey(Dispatch, on_delete=models.CASCADE, related_name="windows")
    lane = models.PositiveIntegerField()
    token = models.UUIDField(default=uuid7)
    row_ids = ArrayField(models.UUIDField())
    stamped = models.PositiveIntegerField(default=0)
    interactive = models.BooleanField(default=False)
    body_fired = models.BooleanField(default=False)
    resumes = models.BooleanField(default=False, db_default=False)
    redrives = models.PositiveIntegerField(default=0)
    send_failures_since = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    deadline_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.dispatch_id} lane {self.lane}"
