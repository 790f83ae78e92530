"""The exact account of a dispatch (T13): every (row x group) it handed over ends under one heading.

A closed window adds what its cells came to; a cell that another dispatch took over meanwhile counts here as
``superseded`` (T11), and one that never became eligible under the reason it was skipped for.

A cell that is parked when its window closes counts as ``paused``, and is marked so (``counted_paused``). When it has
ended, the dispatch – long complete, perhaps – moves it under the heading it ended under, and takes the dependants that
ran then out of those it had counted as waiting for it. Until then readers see it where it stands (``progress``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models.functions import Now

from tables.engine.eligibility import Reason, runnable
from tables.engine.mapping import judge_condition
from tables.engine.types import Request
from tables.engine.window import count_reasons
from tables.models import Dispatch, parking_sql, sql
from tables.selectors import table_spec_cached
from tables.services.budget import request_within
from tables.services.cells import rows_load
from tables.services.dispatch_ends import dispatch_ended_tell
from tables.states import ACTIVE_DISPATCH, CellStatus, DispatchStatus

COUNTED = {
    CellStatus.COMPLETED: "completed",
    CellStatus.FAILED: "failed",
    CellStatus.CANCELLED: "cancelled",
    CellStatus.PAUSED: "paused",
}

PAUSED: Final = COUNTED[CellStatus.PAUSED]


@dataclass(slots=True)
class Account:
    """What a window came to: cells by counter name, skipped cells by reason, and what the cells have cost.

    ``failed`` counts the failed cells of each group, ``completed`` names the groups that any cell of completed.
    """

    counted: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, int] = field(default_factory=dict)
    cost: Decimal | None = None
    failed: dict[UUID, int] = field(default_factory=dict)
    completed: set[UUID] = field(default_factory=set)


def window_account(
    cursor: CursorWrapper, table_id: UUID, window_id: UUID, row_ids: Sequence[UUID], request: Request
) -> Account:
    """What a window came to."""
    account = _counted(cursor, window_id, list(request.groups))
    if account.counted[PAUSED]:
        cursor.execute(parking_sql.COUNT_AS_PAUSED, {"window": window_id, "groups": list(request.groups)})
    missing = len(row_ids) * len(request.groups) - account.counted.total()
    if missing > 0:
        account.skipped = _reasons(cursor, table_id, window_id, row_ids, request, missing)
    return account


def _counted(cursor: CursorWrapper, window_id: UUID, groups: Sequence[UUID]) -> Account:
    """The cells of a window that have ended or are parked; not those counted as paused before."""
    cursor.execute(sql.COUNT_WINDOW, [window_id, list(groups)])
    account = Account()
    for status, group, count, cost in cursor.fetchall():
        account.counted[COUNTED[CellStatus(status)]] += count
        account.cost = costs_add(account.cost, cost)
        if status == CellStatus.FAILED:
            account.failed[group] = count
        elif status == CellStatus.COMPLETED:
            account.completed.add(group)
    return account


def costs_add(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """The sum of two costs, of which ``None`` says that nothing is known to have cost anything."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _reasons(
    cursor: CursorWrapper,
    table_id: UUID,
    window_id: UUID,
    row_ids: Sequence[UUID],
    request: Request,
    missing: int,
) -> dict[str, int]:
    """Why the cells that did not run in this window did not, judged once more; the rest was taken over."""
    loaded = rows_load(cursor, table_id, row_ids)
    skipped: dict[str, int] = {}
    accounted = 0
    if loaded.rows:
        spec = table_spec_cached(table_id, loaded.schema_version)
        request = request_within(request, spec.workspace_id)
        for row in loaded.rows:
            verdicts = runnable(spec, row, request, judge_condition)
            elsewhere = [g for g in verdicts if (c := row.cells.get(g)) is None or c.window_id != window_id]
            count_reasons(skipped, (_told(verdicts[group].reason) for group in elsewhere))
            accounted += sum(verdicts[group].reason is Reason.ALREADY_DONE_HERE for group in elsewhere)
    unexplained = missing - accounted - sum(skipped.values())
    if unexplained > 0:  # rows or groups deleted meanwhile (T5)
        skipped[Reason.SUPERSEDED.value] = skipped.get(Reason.SUPERSEDED.value, 0) + unexplained
    return skipped


def _told(reason: Reason) -> Reason:
    """A cell that could run now, or that another actor holds, was taken over by a later request."""
    return Reason.SUPERSEDED if reason in (Reason.RUN, Reason.CONDITION_ERROR, Reason.IN_FLIGHT) else reason


def counters_add(dispatch: Dispatch, counted: Mapping[str, int], skipped: Mapping[str, int]) -> None:
    """Add to the dispatch's counters, in memory; the caller holds its row and saves it."""
    for name, count in counted.items():
        setattr(dispatch, name, getattr(dispatch, name) + count)
    for reason, count in skipped.items():
        dispatch.skipped[reason] = dispatch.skipped.get(reason, 0) + count


def window_rejoin(cursor: CursorWrapper, dispatch: Dispatch, window_id: UUID, groups: Sequence[UUID]) -> None:
    """Account for a window in which parked cells went on, in memory: its rows were accounted for before (T32)."""
    named: dict[str, Any] = {"window": window_id, "groups": list(groups)}
    dependants = _counted(cursor, window_id, groups)
    dispatch.cost = costs_add(dispatch.cost, dependants.cost)
    if dependants.counted[PAUSED]:
        cursor.execute(parking_sql.COUNT_AS_PAUSED, named)
    counters_add(dispatch, dependants.counted, {})
    skipped_take(dispatch.skipped, dependants.counted.total())
    paused_settle(cursor, dispatch)


def skipped_take(skipped: dict[str, int], cells: int) -> None:
    """Take cells that did run after all out of those counted as skipped, in place: they had waited for a parked one."""
    for reason in sorted(skipped, key=lambda reason: reason != Reason.DEPS_UNMET.value):
        taken = min(cells, skipped[reason])
        skipped[reason] -= taken
        cells -= taken
        if not skipped[reason]:
            del skipped[reason]


def paused_settle(cursor: CursorWrapper, dispatch: Dispatch) -> None:
    """Move cells counted as paused that have ended since under their heading, in memory; the dispatch is locked."""
    if not dispatch.paused:
        return
    cursor.execute(parking_sql.SETTLE_PAUSED, [dispatch.id])
    for status, cost in cursor.fetchall():
        counters_add(dispatch, {COUNTED[CellStatus(status)]: 1, PAUSED: -1}, {})
        dispatch.cost = costs_add(dispatch.cost, cost)
    cursor.execute(parking_sql.COUNTED_AS_PAUSED, [dispatch.id])
    gone = dispatch.paused - sum(count for _, count, _ in cursor.fetchall())
    if gone > 0:  # their row was deleted, or another dispatch has them now
        counters_add(dispatch, {PAUSED: -gone}, {Reason.SUPERSEDED.value: gone})


def dispatches_settle_paused(dispatch_ids: Iterable[UUID]) -> None:
    """The same for dispatches whose parked cells have just been stopped; call it after that commit. Safe to repeat."""
    for dispatch_id in dispatch_ids:
        with transaction.atomic(), connection.cursor() as cursor:
            dispatch = Dispatch.objects.select_for_update().filter(id=dispatch_id).first()
            if dispatch is not None:
                paused_settle(cursor, dispatch)
                dispatch.save()


def windows_settle(cursor: CursorWrapper, dispatch: Dispatch, groups: Sequence[UUID]) -> None:
    """Account for these groups' cells in the windows in flight, which a Stop has just ended; in memory."""
    for window in dispatch.windows.all():
        if window.resumes:
            window_rejoin(cursor, dispatch, window.id, groups)
            continue
        found = _counted(cursor, window.id, groups)
        dispatch.cost = costs_add(dispatch.cost, found.cost)
        rest = len(window.row_ids) * len(groups) - found.counted.total()
        counters_add(dispatch, found.counted, {Reason.STOPPED.value: rest} if rest > 0 else {})


def dispatch_settle(cursor: CursorWrapper, dispatch_id: UUID, status: DispatchStatus) -> None:
    """End a dispatch whose row the caller has locked: account for its windows in flight and delete them.

    One that has ended already, and whose parked cells were stopped, keeps its status.
    """
    dispatch = Dispatch.objects.get(id=dispatch_id)
    windows_settle(cursor, dispatch, dispatch.groups_left)
    dispatch.windows.all().delete()
    paused_settle(cursor, dispatch)
    was_active = dispatch.status in ACTIVE_DISPATCH
    if was_active:
        dispatch.status = status
        dispatch.finished_at = Now()
    dispatch.save()
    if was_active:
        dispatch_ended_tell(dispatch, status)
