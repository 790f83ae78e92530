"""May this cell run? The pure verdict on one cell, with the reason users see (`tables.md` section 2).

The checks stand in the order of the specification and the first hit wins. The same function judges a cell when
its window is stamped, when a cascade reaches it, and when a closed window is accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from tables.engine.coercion import is_empty
from tables.engine.types import CellState, GroupSpec, Request, RowState, TableSpec
from tables.states import FINISHED, IN_FLIGHT, CellStatus, Mode


class Reason(StrEnum):
    """Why a cell runs or is skipped. The values are what clients see."""

    RUN = "run"
    AUTO_RUN_OFF = "auto_run_off"
    TOMBSTONED = "tombstoned"
    IN_FLIGHT = "in_flight"
    ALREADY_DONE_HERE = "already_done_here"
    HAS_ATTEMPT = "has_attempt"
    COMPLETED = "completed"
    NOT_FAILED = "not_failed"
    FAILED_EARLIER = "failed_earlier"
    CANCELLED_EARLIER = "cancelled_earlier"
    DEPS_UNMET = "deps_unmet"
    CONDITION_FALSE = "condition_false"
    CONDITION_ERROR = "condition_error"
    BUDGET_EXCEEDED = "budget_exceeded"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is ``RUN`` or why not; ``columns`` names the unmet dependencies; ``detail`` a condition's error."""

    reason: Reason
    columns: tuple[str, ...] = ()
    detail: str = ""

    @property
    def runs(self) -> bool:
        """True when the cell may be handed to a worker: an erring condition is handed over too, and fails there."""
        return self.reason is Reason.RUN or self.reason is Reason.CONDITION_ERROR


RUN = Verdict(Reason.RUN)

Condition = Callable[[GroupSpec, Mapping[str, Any]], Verdict]
"""Judges a group's condition over a row's data: ``RUN``, ``condition_false``, or ``condition_error`` with words."""


def condition_always_holds(_group: GroupSpec, _data: Mapping[str, Any]) -> Verdict:
    """The condition of a group that has none."""
    return RUN


def is_fresh(spec: TableSpec, row: RowState, key: str) -> bool:
    """True if the value under ``key`` may be relied on (T7).

    A typed value always; a workflow's value only while its cell is completed, or when a person typed over it.
    """
    column = spec.column(key)
    if column is None or column.group_id is None or key in row.edited:
        return column is not None
    cell = row.cells.get(column.group_id)
    return cell is not None and cell.status is CellStatus.COMPLETED


def unmet_dependencies(spec: TableSpec, group: GroupSpec, row: RowState) -> tuple[str, ...]:
    """Keys of the columns the group still waits for: empty, or stale (T7)."""
    return tuple(
        key
        for key in group.depends_on
        if is_empty(_type_of(spec, key), row.data.get(key)) or not is_fresh(spec, row, key)
    )


def classify_cell(
    spec: TableSpec,
    group: GroupSpec,
    row: RowState,
    request: Request,
    condition: Condition = condition_always_holds,
) -> Verdict:
    """Judge one cell for one request; see the module's docstring. Costs no I/O."""
    cell = row.cells.get(group.id)
    verdict = _by_automation(group, request) or _by_record(cell, request)
    if verdict is not None:
        return verdict
    unmet = _required(spec, group, request, unmet_dependencies(spec, group, row))
    if unmet:
        return Verdict(Reason.DEPS_UNMET, columns=unmet)
    verdict = condition(group, row.data) if group.condition else RUN
    return Verdict(Reason.BUDGET_EXCEEDED) if verdict is RUN and request.over_budget else verdict


def _required(spec: TableSpec, group: GroupSpec, request: Request, unmet: tuple[str, ...]) -> tuple[str, ...]:
    """Those unmet dependencies that hold the cell back.

    A manual run of a group with auto_run off ignores dependencies (T7): people try a column before its inputs are
    complete. But a request for a chain means the chain: a column that the same request fills is waited for, and one
    that it was to fill before it was stopped there too (T24).
    """
    if group.auto_run or not request.is_manual:
        return unmet
    asked = request.groups | request.stopped
    filled = {column.key for column in spec.columns if column.group_id in asked}
    return tuple(key for key in unmet if key in filled)


def _by_automation(group: GroupSpec, request: Request) -> Verdict | None:
    if not request.is_manual and not group.auto_run:
        return Verdict(Reason.AUTO_RUN_OFF)
    return None


def _by_record(cell: CellState | None, request: Request) -> Verdict | None:
    """The checks that look at the cell's record alone; ``None`` when none of them hits."""
    if cell is None:
        waited = request.follows  # for what has failed: it could not be tried before
        return Verdict(Reason.NOT_FAILED) if request.mode is Mode.FAILED and not waited else None
    if cell.cancelled_sequence > request.sequence:
        return Verdict(Reason.TOMBSTONED)  # stopped after this was requested, whatever it held by then
    if cell.requested > request.sequence and not request.follows:
        return Verdict(Reason.SUPERSEDED)  # of two requests a cell counts for the later one (T11)
    if cell.status in IN_FLIGHT:
        return None if _may_take(cell, request) else Verdict(Reason.IN_FLIGHT)
    if cell.dispatch_id == request.dispatch_id and cell.status in FINISHED:
        return Verdict(Reason.ALREADY_DONE_HERE)
    return _by_mode(cell, request)


def _may_take(cell: CellState, request: Request) -> bool:
    """Whether a cell that is in flight may be handed over: nobody has begun it.

    A person's request takes it over from an earlier one. What starts by itself leaves it there: it will run just as
    well, and the groups that were asked for together with it would wait for it in vain.
    """
    return cell.is_pre_stamp and (request.is_manual or cell.dispatch_id == request.dispatch_id)


def _by_mode(cell: CellState, request: Request) -> Verdict | None:
    if request.mode is Mode.NEW and cell.dispatch_id not in request.continues:
        return Verdict(Reason.HAS_ATTEMPT)
    completed = cell.status is CellStatus.COMPLETED
    was_left_done = request.left_done(cell) and not request.follows  # else what it reads was made anew since
    if completed and (request.mode is Mode.INCOMPLETE or not request.is_manual or was_left_done):
        return Verdict(Reason.COMPLETED)
    if completed and request.mode is Mode.FAILED:
        return Verdict(Reason.NOT_FAILED)
    if not request.is_manual:
        failed = cell.status is CellStatus.FAILED
        return Verdict(Reason.FAILED_EARLIER if failed else Reason.CANCELLED_EARLIER)
    return None


def _type_of(spec: TableSpec, key: str) -> str:
    column = spec.column(key)
    return column.type if column is not None else "text"


def runnable(
    spec: TableSpec, row: RowState, request: Request, condition: Condition = condition_always_holds
) -> dict[UUID, Verdict]:
    """The verdict on each group the request names, by group id, in the order groups run (T8)."""
    return {
        group.id: classify_cell(spec, group, row, request, condition)
        for group in spec.groups
        if group.id in request.groups
    }
