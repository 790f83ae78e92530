"""Auto-run (T29): what starts by itself after rows were added. Existing rows never run because rows were added."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction

from tables.models import Table, WorkflowGroup
from tables.services.dispatches import MAX_NAMED_ROWS, dispatch_start
from tables.states import Mode
from workspaces.models import User


def rows_inserted(
    table_id: UUID,
    row_ids: Sequence[UUID] | None,
    seq_from: int | None = None,
    seq_to: int | None = None,
    actor: User | None = None,
) -> None:
    """Call it in the transaction that inserted rows: after its commit, groups with auto_run on take them.

    ``row_ids`` names up to 1,000 rows; a bulk insert passes ``None`` and its creation sequences, inclusive: its scope
    is never a list of ids.
    """
    transaction.on_commit(partial(_start, table_id, row_ids, seq_from, seq_to, actor))


def _start(
    table_id: UUID,
    row_ids: Sequence[UUID] | None,
    seq_from: int | None,
    seq_to: int | None,
    actor: User | None,
) -> None:
    groups = list(WorkflowGroup.objects.filter(table_id=table_id, auto_run=True).values_list("id", flat=True))
    if not groups:
        return
    table = Table.objects.filter(id=table_id, archived_at__isnull=True).first()
    if table is None:
        return
    rows: Sequence[UUID] | dict[str, int] | None = row_ids
    if row_ids is None or len(row_ids) > MAX_NAMED_ROWS:
        if seq_from is None or seq_to is None:
            raise ValueError("a bulk insert is scoped by its creation sequences")
        rows = {"seq_from": seq_from, "seq_to": seq_to}
    dispatch_start(table=table, groups=groups, rows=rows, mode=Mode.NEW, is_manual=False, actor=actor)
