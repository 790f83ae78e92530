"""Resuming failed cells: one, or all that failed in some columns (W22, W23)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from tables.errors import CellNotFound
from tables.models import RowExecution, Table
from tables.selectors import table_spec
from tables.services.scope import scope_rows_sql
from tables.states import CellStatus
from workflows.errors import NotResumable
from workflows.services.resuming import MOST_TOGETHER, run_resume, runs_resume
from workspaces.actors import Actor

# Failed cells whose run can be resumed, in the table's order. Index: tables_cell_counts.
_FAILED = """
SELECT c.id, c.row_id, c.group_id, c.run_id
  FROM tables_rowexecution c JOIN tables_row r ON r.id = c.row_id JOIN workflows_run u ON u.id = c.run_id
 WHERE c.table_id = %s AND c.group_id = ANY(%s) AND c.status = 'failed' AND u.status = 'failed' {scope}
 ORDER BY r.position, r.id, c.group_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """What became of one cell: ``resumed``, or the code of what stood in the way."""

    cell: UUID
    row: UUID
    group: UUID
    run: UUID
    outcome: str


def cell_resume_run(*, table: Table, row_id: UUID, group_id: UUID, actor: Actor, note: str = "") -> UUID:
    """Resume the run of one cell under its execution; the run's id.

    Raises ``CellNotFound``, and what ``run_resume`` does: ``NotResumable``, ``RunSuperseded`` among them.
    """
    cell = RowExecution.objects.filter(table=table, row_id=row_id, group_id=group_id).first()
    if cell is None:
        raise CellNotFound
    if cell.run_id is None or cell.status not in (CellStatus.FAILED, CellStatus.PAUSED):
        raise NotResumable(
            f"This cell is {cell.status}; only a failed one can be resumed.", run_status=cell.status
        )
    run_resume(run_id=cell.run_id, actor=actor, note=note)
    return cell.run_id


def cells_resume(
    *,
    table: Table,
    groups: Sequence[UUID] | None,
    filter: Mapping[str, Any] | None,  # noqa: A002 - the API's word
    actor: Actor,
    note: str = "",
) -> tuple[list[Resumed], bool]:
    """Resume every failed cell of these groups, 1,000 at most, each by itself; and whether there are more."""
    spec = table_spec(table.pk)
    wanted = list(groups) if groups is not None else [group.id for group in spec.groups]
    clause, params = scope_rows_sql(spec, {"filter": filter} if filter else {})
    with connection.cursor() as cursor:
        cursor.execute(_FAILED.format(scope=clause), [table.pk, wanted, *params, MOST_TOGETHER + 1])
        found = cursor.fetchall()
    failed = found[:MOST_TOGETHER]
    outcomes = runs_resume(run_ids=[row[3] for row in failed], actor=actor, note=note)
    resumed = [Resumed(cell, row, group, run, outcomes[run]) for cell, row, group, run in failed]
    return resumed, len(found) > MOST_TOGETHER
