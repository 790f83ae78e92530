"""The budget of a workspace: how many of its cells may begin in a day (UTC), by ``RUNSHEET_MAX_CELLS_PER_DAY`` (S18).

What is beyond it is skipped with the reason ``budget_exceeded``, not failed. Runs are counted: every attempt of a cell
is one, whatever became of the cell since, and their ids are in the order of time. Asked once per window and claim, and
only where the setting is not 0. Near the end workers ask one after the other, so that no two of them spend the same
rest; a run of pure blocks is counted from its end on, which is when it gets its record.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from tables.engine.cascade import Next
from tables.engine.types import Request, RowState
from tables.states import CellStatus
from workspaces.cursors import prepared_cursor

FAR_FROM_THE_END: Final = 2_000
"""While more than this is left, a count may be a second old."""

_FRESH_SECONDS: Final = 1.0

# Index: workflows_run_workspace.
_BEGUN = """
SELECT count(*) FROM (SELECT 1 FROM workflows_run r
                       WHERE r.workspace_id = %s::uuid AND r.id >= %s::uuid AND r.owner_kind = 'cell'
                       LIMIT %s::int) AS begun
"""

# Until the transaction ends nobody else of this workspace begins cells.
_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('tables.budget:' || %s::text, 0))"

_seen: dict[UUID, tuple[float, int]] = {}


def cells_left(workspace_id: UUID, *, spending: bool = False) -> int | None:
    """How many cells of the workspace may begin today; None: as many as they like.

    ``spending``: the caller is about to begin some, in this transaction.
    """
    budget: int = settings.RUNSHEET_MAX_CELLS_PER_DAY
    if not budget:
        return None
    at, left = _seen.get(workspace_id, (0.0, 0))
    if left > FAR_FROM_THE_END and time.monotonic() - at < _FRESH_SECONDS:
        return left
    left = budget - _begun(workspace_id, budget)
    if spending and 0 < left <= FAR_FROM_THE_END:
        with prepared_cursor() as cursor:
            cursor.execute(_ALONE, [str(workspace_id)])
        left = budget - _begun(workspace_id, budget)
    _seen[workspace_id] = time.monotonic(), left
    return max(0, left)


def _begun(workspace_id: UUID, most: int) -> int:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = UUID(int=int(midnight.timestamp() * 1000) << 80)
    with prepared_cursor() as cursor:
        cursor.execute(_BEGUN, [workspace_id, first, most])
        return int(cursor.fetchone()[0])


def request_within(request: Request, workspace_id: UUID) -> Request:
    """The request as it is to be judged: with nothing left of the budget it runs nothing more."""
    return request if cells_left(workspace_id) != 0 else replace(request, over_budget=True)


def steps_within(workspace_id: UUID, steps: Sequence[Next]) -> tuple[list[Next], list[RowState]]:
    """The cells that may begin, and the rows of those that may not. One whose run goes on began before."""
    left = cells_left(workspace_id, spending=True)
    if left is None:
        return list(steps), []
    within: list[Next] = []
    beyond: list[RowState] = []
    for step in steps:
        begins = step.cell is None or step.cell.run_id is None or step.cell.status is not CellStatus.PENDING
        if begins and left <= 0:
            beyond.append(step.row)
            continue
        left -= begins
        within.append(step)
    return within, beyond
