"""The account of a dispatch, checked against the cells themselves (invariant I1 of `trust.md`)."""

from __future__ import annotations

from uuid import UUID

from tables.models import Dispatch, RowExecution, Window
from tables.states import ACTIVE_DISPATCH, IN_FLIGHT, CellStatus
from workflows.models import Run
from workflows.states import RunStatus


def accounted(dispatch: Dispatch) -> int:
    """Cells under any heading."""
    headings = dispatch.completed + dispatch.failed + dispatch.cancelled + dispatch.paused
    return headings + sum(dispatch.skipped.values())


def check_account(dispatch_id: UUID, *, rows: int | None = None) -> Dispatch:
    """The dispatch has ended, every cell it walked over stands under exactly one heading, and nothing is left over.

    ``rows`` is how many rows it should have walked over (``rows_seen`` otherwise).
    """
    dispatch = Dispatch.objects.get(id=dispatch_id)
    assert dispatch.status not in ACTIVE_DISPATCH, dispatch.status
    seen = dispatch.rows_seen if rows is None else rows
    assert accounted(dispatch) == seen * len(dispatch.groups), (
        seen,
        dispatch.completed,
        dispatch.failed,
        dispatch.cancelled,
        dispatch.skipped,
    )
    assert not Window.objects.filter(dispatch=dispatch).exists()
    assert not RowExecution.objects.filter(dispatch_id=dispatch_id, status__in=IN_FLIGHT).exists()
    return dispatch


def check_quiet() -> None:
    """Nothing is in flight anywhere: no window, no cell, no run that belongs to a cell."""
    assert not Window.objects.exists()
    assert not RowExecution.objects.filter(status__in=IN_FLIGHT).exists()
    live = Run.objects.filter(owner_kind="cell", status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
    assert not live.exists(), list(live.values_list("status", flat=True))


def check_cells_and_values_agree(column_of: dict[UUID, str]) -> None:
    """A completed cell has its value, any other none (I5), for tables whose values nobody typed over."""
    for cell in RowExecution.objects.select_related("row").filter(group_id__in=column_of):
        filled = cell.row.data.get(column_of[cell.group_id]) is not None
        assert filled == (cell.status == CellStatus.COMPLETED), (cell, cell.row.data)
