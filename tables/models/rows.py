"""Rows: data by column key, in an order that inserts and moves change in O(1) (T4)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Value

from workspaces.ids import uuid7


class Row(models.Model):
    """One row.

    ``position`` is a fractional index compared byte by byte (``COLLATE "C"``); the table's order is
    ``(position, id)``. ``seq`` is the creation sequence, a dispatch's upper bound. ``edited`` holds the keys of
    workflow columns a person typed over (T30). ``moved_at`` is set when the row changes place, so that a
    dispatch can look for rows that slipped behind its cursor. Deleting follows foreign keys in the database.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table = models.ForeignKey(
        "tables.Table", on_delete=models.DO_NOTHING, related_name="rows", db_index=False, db_constraint=False
    )
    data = models.JSONField(default=dict)
    position = models.TextField(db_collation="C")
    seq = models.BigIntegerField(db_default=Func(Value("tables_row_seq"), function="nextval"), editable=False)
    edited = ArrayField(models.TextField(), default=list, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """The keyset of every walk; and the few rows that were moved."""

        indexes = [
            models.Index(fields=["table", "position", "id"], name="tables_row_order"),
            models.Index(
                fields=["table", "moved_at"],
                name="tables_row_moved",
                condition=models.Q(moved_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
