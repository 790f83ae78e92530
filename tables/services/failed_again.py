"""Running again what failed of a dispatch, and nothing else: any number of cells, found window by window (T14, T24).

The rows are a scope, ``failed_of``, that the walk judges as it reaches them: one on which somebody has run the cell
since is left alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from tables.models import Dispatch, RowExecution, Table
from tables.services.dispatches import DispatchOutcome, dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.services.schema_lock import table_lock
from tables.states import ACTIVE_DISPATCH, CellStatus, Mode
from workspaces.models import User


@transaction.atomic
def failed_retry(*, table: Table, dispatch: Dispatch, actor: User | None = None) -> DispatchOutcome:
    """Start a dispatch, mode ``failed``, over the rows on which this one failed; no dispatch when none is left.

    One of that kind that is still under way is answered instead of a second one, which would stop what it has begun.
    Raises ``TableNotFound``.
    """
    table_lock(table.pk)
    going = Dispatch.objects.filter(
        table=table, status__in=ACTIVE_DISPATCH, scope__failed_of=str(dispatch.pk)
    )
    if (known := going.order_by("-id").first()) is not None:
        return DispatchOutcome(known)
    groups = _groups_failed(table, dispatch)
    if not groups:
        return DispatchOutcome(None, {"no_rows": 1})
    return dispatch_start(table=table, groups=groups, mode=Mode.FAILED, failed_of=dispatch.pk, actor=actor)


def failed_plan(*, table: Table, dispatch: Dispatch) -> dict[str, Any]:
    """What ``failed_retry`` would run, as ``dispatch_plan`` tells it."""
    groups = _groups_failed(table, dispatch)
    return dispatch_plan(table=table, groups=groups, mode=Mode.FAILED, failed_of=dispatch.pk)


def _groups_failed(table: Table, dispatch: Dispatch) -> list[UUID]:
    """Those of its workflow groups of which a cell failed and stayed so; groups that are gone have none.

    The others are left out: a group that was stopped stays so, and one that runs by itself follows by itself.
    Index: ``tables_cell_counts``.
    """
    cells = RowExecution.objects.filter(
        table=table, group_id__in=dispatch.groups, status=CellStatus.FAILED, dispatch_id=dispatch.pk
    )
    known = set(table.groups.values_list("pk", flat=True))
    return [group for group in cells.values_list("group_id", flat=True).distinct() if group in known]
