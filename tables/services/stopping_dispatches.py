"""Dispatches that are stopped, whole or in some of their groups (T24). In the caller's transaction, under its table.

Lock order: dispatch, window, cell, run. A dispatch that ended by itself keeps its status: of it only what is parked, or
has been taken up again, is stopped (T27).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, OuterRef, Q

from tables.engine.stopping import groups_reached
from tables.engine.types import TableSpec
from tables.models import Dispatch, Window
from tables.services.accounting import dispatch_settle, windows_settle
from tables.services.progress import dispatch_announce
from tables.services.stopping_cells import cells_stop, cells_tell, tombstones_write
from tables.states import ACTIVE_DISPATCH, DispatchStatus
from workflows.engine.types import BlockError
from workflows.services.ledger import CANCELLED

_UNDER_WAY: Final = Q(status__in=ACTIVE_DISPATCH) | Q(Exists(Window.objects.filter(dispatch=OuterRef("pk"))))
"""Active, or ended with parked cells that are just going on (T32)."""


@dataclass(slots=True)
class StopOutcome:
    """What a stop came to.

    ``cancelled`` counts cells that were in flight, ``ahead`` those still to come that will not run; ``None``: so many
    that nobody counted them. ``dispatches`` names those it ended.
    """

    cancelled: int = 0
    dispatches: list[UUID] = field(default_factory=list)
    ahead: int | None = 0

    def adds(self, other: StopOutcome) -> None:
        """Take in what else was stopped."""
        self.cancelled += other.cancelled
        self.dispatches += other.dispatches
        self.ahead = None if self.ahead is None or other.ahead is None else self.ahead + other.ahead


def dispatches_hold(table_id: UUID) -> list[Dispatch]:
    """The table's dispatches under way, held: none of them moves its cursor before this transaction ends."""
    found = Dispatch.objects.select_for_update().filter(_UNDER_WAY, table_id=table_id)
    return list(found.order_by("id"))


def windows_lock(cursor: CursorWrapper, dispatch_ids: Sequence[UUID]) -> list[UUID]:
    """Hold the windows of these dispatches alone until the transaction ends: nobody claims or finishes under them."""
    cursor.execute(
        "SELECT id FROM tables_window WHERE dispatch_id = ANY(%s) ORDER BY id FOR UPDATE",
        [list(dispatch_ids)],
    )
    return [found[0] for found in cursor.fetchall()]


def dispatches_stop(
    cursor: CursorWrapper,
    table_id: UUID,
    dispatch_ids: Sequence[UUID],
    sequence: int,
    error: BlockError = CANCELLED,
) -> StopOutcome:
    """End dispatches: cells in flight cancelled, windows accounted for and deleted, status ``cancelled``.

    Of one that has ended by itself the parked cells are cancelled, and what goes on of them; the rest stays as it is.
    """
    found = dict(
        Dispatch.objects.select_for_update()
        .filter(id__in=dispatch_ids)
        .order_by("id")
        .values_list("id", "status")
    )
    if not found:
        return StopOutcome()
    windows = windows_lock(cursor, list(found))
    events = cells_stop(
        cursor,
        "(c.window_id = ANY(%(windows)s) OR c.table_id = %(table)s AND c.status = 'paused'"
        " AND c.group_id IN (SELECT id FROM tables_workflowgroup WHERE table_id = %(table)s)"
        " AND c.dispatch_id = ANY(%(dispatches)s))",
        {"windows": windows, "table": table_id, "dispatches": list(found), "sequence": sequence},
        error,
    )
    for dispatch_id in found:
        dispatch_settle(cursor, dispatch_id, DispatchStatus.CANCELLED)
        transaction.on_commit(partial(dispatch_announce, dispatch_id, force=True))
    cells_tell(table_id, events)
    ended = [dispatch_id for dispatch_id, status in found.items() if status in ACTIVE_DISPATCH]
    return StopOutcome(cancelled=len(events), dispatches=ended)


def groups_stop(
    cursor: CursorWrapper,
    spec: TableSpec,
    dispatches: Sequence[Dispatch],
    groups: Collection[UUID],
    sequence: int,
    error: BlockError = CANCELLED,
) -> StopOutcome:
    """Have these dispatches, which the caller holds, go on without some groups; those left with none are ended.

    What the dispatches were asked for stays as it is: ``stopped_groups`` says what they go on without. One that is
    not about these groups is left alone.
    """
    leaving = {dispatch.id: reached_of(spec, dispatch) & set(groups) for dispatch in dispatches}
    concerned = [dispatch for dispatch in dispatches if leaving[dispatch.id]]
    whole = [dispatch.id for dispatch in concerned if set(dispatch.groups_left) <= set(groups)]
    windows_lock(cursor, [dispatch.id for dispatch in concerned])
    outcome = dispatches_stop(cursor, spec.table_id, whole, sequence, error)
    for dispatch in concerned:
        if dispatch.id not in whole:
            outcome.cancelled += _groups_leave(cursor, dispatch, leaving[dispatch.id], sequence, error)
    return outcome


def reached_of(spec: TableSpec, dispatch: Dispatch) -> frozenset[UUID]:
    """Groups that this dispatch may still run, be it because they follow by themselves."""
    return groups_reached(spec, dispatch.groups_left, dispatch.stopped_groups)


def _groups_leave(
    cursor: CursorWrapper, dispatch: Dispatch, groups: frozenset[UUID], sequence: int, error: BlockError
) -> int:
    """One dispatch goes on without these groups; how many cells that stopped.

    Rows in somebody's hands get tombstones, as their cascade was asked for the groups before (T25).
    """
    leaving = [group for group in dispatch.groups_left if group in groups]
    windows = list(dispatch.windows.values_list("id", "row_ids"))
    events = cells_stop(
        cursor,
        "c.window_id = ANY(%(windows)s) AND c.group_id = ANY(%(groups)s)",
        {"windows": [window for window, _ in windows], "groups": list(groups), "sequence": sequence},
        error,
    )
    count = len(events)
    in_hand = {row for _, rows in windows for row in rows}
    pairs = ((row, group) for row in in_hand for group in groups)
    events += tombstones_write(cursor, dispatch.table_id, pairs, sequence)
    if dispatch.status in ACTIVE_DISPATCH:
        windows_settle(cursor, dispatch, leaving)
        dispatch.stopped_groups = sorted({*dispatch.stopped_groups, *groups})
        dispatch.save()
    cells_tell(dispatch.table_id, events)
    transaction.on_commit(partial(dispatch_announce, dispatch.id, force=True))
    return count
