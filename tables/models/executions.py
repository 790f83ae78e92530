"""The cell: the execution record of one row x one workflow group (`tables.md` section 1)."""

from __future__ import annotations

from django.db import models
from django.db.models import Func, Value

from tables.states import CellStatus
from workspaces.ids import uuid7


class RowExecution(models.Model):
    """One cell.

    ``execution_id`` is the one fencing token: it is the run's lease token too, and every worker write names it
    (T18). A ``pending`` cell without it is a *pre-stamp*, which whoever holds the row may claim. ``version`` is
    drawn from one sequence at every write, so it never goes back, and a compare-and-set on it refuses a decision
    taken on an older reading. ``cancelled_sequence`` is the table's action number of the Stop that wrote the
    tombstone (T25). The lease of a running cell is its ``instance``'s life (T15). ``crashes`` counts lost workers.

    A parked cell (``paused``, or ``queued`` for a back-off) keeps its ``execution_id`` and its run; ``waits_for`` is
    the run's own. ``pending`` *with* an ``execution_id`` is a parked cell handed over again: it goes on under that
    (T32). ``counted_paused`` says that its dispatch counts it as paused, whatever has become of it since (T13).

    ``retries`` counts how often its group's policy has taken the failed run up again under this execution (T23);
    ``cost`` is what the run has cost, null while nothing has.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    row = models.ForeignKey(
        "tables.Row", on_delete=models.DO_NOTHING, related_name="cells", db_constraint=False, db_index=False
    )
    group = models.ForeignKey(
        "tables.WorkflowGroup",
        on_delete=models.CASCADE,
        related_name="cells",
        db_constraint=False,
        db_index=False,
    )
    table = models.ForeignKey(
        "tables.Table", on_delete=models.DO_NOTHING, related_name="cells", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in CellStatus])
    execution_id = models.UUIDField(null=True, blank=True)
    dispatch_id = models.UUIDField(null=True, blank=True)
    window_id = models.UUIDField(null=True, blank=True)
    run_id = models.UUIDField(null=True, blank=True)
    instance_id = models.UUIDField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    crashes = models.PositiveIntegerField(default=0)
    group_revision = models.PositiveIntegerField(default=0)
    error = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=64, blank=True, default="")
    running_blocks = models.JSONField(default=list, blank=True)
    block_errors = models.JSONField(default=dict, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    waits_for = models.JSONField(null=True, blank=True)
    counted_paused = models.BooleanField(default=False, db_default=False)
    retries = models.PositiveIntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_sequence = models.BigIntegerField(default=0)
    version = models.BigIntegerField(
        db_default=Func(Value("tables_cell_version"), function="nextval"), editable=False
    )

    class Meta:
        """One record per row and group. What is in flight is found through its window.

        Groups and tables are not checked by the database: each check would lock the one row that all cells share.
        """

        indexes = [
            models.Index(fields=["table", "group", "status"], name="tables_cell_counts"),
            models.Index(
                fields=["window_id"],
                name="tables_cell_window",
                condition=models.Q(window_id__isnull=False),
            ),
            models.Index(
                fields=["dispatch_id"], name="tables_cell_paused", condition=models.Q(counted_paused=True)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["row", "group"], name="tables_cell_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=[s.value for s in CellStatus]), name="tables_cell_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.row_id} x {self.group_id}: {self.status}"
