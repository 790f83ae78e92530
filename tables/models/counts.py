"""How many cells a workflow group has in each status, kept by the database itself (T37)."""

from __future__ import annotations

from django.db import models


class CellCount(models.Model):
    """One change of a count, or – ``is_folded`` – the sum of all changes so far under that table, group and status.

    Statement triggers on ``tables_rowexecution`` append the changes, in the transaction that makes them: any snapshot
    that sees a cell sees it counted, and no two writers ever wait for one counter. A count is the sum of its rows;
    ``services.counts`` folds them. The database writes here, and nobody else does.
    """

    id = models.BigAutoField(primary_key=True)
    table_id = models.UUIDField()
    group_id = models.UUIDField()
    status = models.CharField(max_length=16)
    delta = models.BigIntegerField()
    is_folded = models.BooleanField(default=False)

    class Meta:
        """Changes are found by table and are few; sums once per key. No foreign key: each would lock its table."""

        indexes = [
            models.Index(
                fields=["table_id"], name="tables_cellcount_changes", condition=models.Q(is_folded=False)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["table_id", "group_id", "status"],
                condition=models.Q(is_folded=True),
                name="tables_cellcount_sum_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.group_id} {self.status}: {self.delta:+d}"
