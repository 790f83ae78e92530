"""Reading rows with their cells, and the guarded set-based writes on cells (T18, T21).

Thin wrappers: statements and guards stand in ``tables.models.sql``; decisions in ``tables.engine``. All of them work
on the caller's cursor, in the caller's transaction. Events are returned, never sent: the caller sends them after
its commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from tables.engine.cascade import Next
from tables.engine.types import CellState, GroupSpec, RowState
from tables.events import cell_cleared_event, cell_event
from tables.models import sql
from tables.states import CellStatus
from workflows.services.jsonb import to_json
from workflows.services.ledger import runs_stop
from workspaces.ids import uuid7

Event = dict[str, Any]

SHOWN: Final = (
    "row_id",
    "group_id",
    "status",
    "version",
    "execution_id",
    "dispatch_id",
    "run_id",
    "attempt",
    "started_at",
    "finished_at",
)
"""What statements that change cells RETURN first, in this order, for their events."""


@dataclass(frozen=True, slots=True)
class LoadedRows:
    """Rows in the table's order, and the table's schema version they were read under."""

    rows: list[RowState]
    schema_version: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One won claim: the cell is mine under ``execution_id``. It ``resumes`` when its run is one to continue.

    ``retries`` counts how often its group's policy has taken that run up again (T23).
    """

    next: Next
    cell_id: UUID
    execution_id: UUID
    run_id: UUID
    resumes: bool
    attempt: int
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """How a cell ends: its status, error, outputs by column key (``None``: write nothing), and T30's overwrite."""

    cell_id: UUID
    execution_id: UUID
    row_id: UUID
    group: GroupSpec
    run_id: UUID
    dispatch_id: UUID
    attempt: int
    status: CellStatus
    error: Mapping[str, Any] | None = None
    reason: str = ""
    patch: Mapping[str, Any] | None = None
    overwrite: bool = False


def rows_load(cursor: CursorWrapper, table_id: UUID, row_ids: Sequence[UUID]) -> LoadedRows:
    """Rows with their cells in one query; deleted rows and rows of an archived table are simply not there (T5)."""
    cursor.execute(sql.LOAD_ROWS, {"table": table_id, "rows": list(row_ids)})
    found = cursor.fetchall()
    version = found[0][4] if found else 0
    return LoadedRows([row_state(row[0], row[1], row[2], row[3]) for row in found], version)


def row_state(row_id: UUID, data: str, edited: Sequence[str], cells: str | None) -> RowState:
    """A row as loaded (jsonb arrives as text: Django leaves decoding to its fields)."""
    states = (_cell_state(row_id, fields) for fields in json.loads(cells or "[]"))
    return RowState(row_id, json.loads(data), frozenset(edited), {state.group_id: state for state in states})


def _cell_state(row_id: UUID, fields: Sequence[Any]) -> CellState:
    cell, group, status, version, execution, dispatch, window, run, attempt, crashes, cancelled, asked = (
        fields
    )
    return CellState(
        id=UUID(cell),
        row_id=row_id,
        group_id=UUID(group),
        status=CellStatus(status),
        version=version,
        execution_id=execution and UUID(execution),
        dispatch_id=dispatch and UUID(dispatch),
        window_id=window and UUID(window),
        run_id=run and UUID(run),
        attempt=attempt,
        crashes=crashes,
        cancelled_sequence=cancelled,
        requested=asked or 0,
    )


def cells_clear(cursor: CursorWrapper, cells: Sequence[CellState]) -> list[Event]:
    """Delete these records unless they changed since they were read."""
    if not cells:
        return []
    cursor.execute(sql.CLEAR_CELLS, [[cell.id for cell in cells], [cell.version for cell in cells]])
    cleared = cursor.fetchall()
    _runs_leave(cursor, cells, cleared)
    return [cell_cleared_event(*found) for found in cleared]


def _runs_leave(
    cursor: CursorWrapper, cells: Iterable[CellState | None], written: Iterable[Sequence[Any]]
) -> None:
    """Runs that were to be resumed by cells cleared or stamped anew, ``(row, group, …)``: nobody will take them up."""
    left = {
        (cell.row_id, cell.group_id): cell.run_id
        for cell in cells
        if cell and cell.is_pre_stamp and cell.run_id
    }
    if left:
        runs_stop(cursor, [left[row, group] for row, group, *_ in written if (row, group) in left])


def cells_stamp(
    cursor: CursorWrapper,
    table_id: UUID,
    dispatch_id: UUID,
    window_id: UUID,
    stamps: Sequence[tuple[RowState, GroupSpec, CellState | None]],
) -> list[Event]:
    """Pre-stamp cells; the events tell which of them were (the others changed meanwhile)."""
    if not stamps:
        return []
    cursor.execute(
        sql.STAMP_CELLS,
        {
            "ids": [uuid7() for _ in stamps],
            "rows": [row.id for row, _, _ in stamps],
            "groups": [group.id for _, group, _ in stamps],
            "versions": [cell.version if cell else None for _, _, cell in stamps],
            "table": table_id,
            "dispatch": dispatch_id,
            "window": window_id,
        },
    )
    stamped = cursor.fetchall()
    _runs_leave(cursor, [cell for _, _, cell in stamps], stamped)
    return [_stamped_event(dispatch_id, *found) for found in stamped]


def _stamped_event(dispatch_id: UUID, row_id: UUID, group_id: UUID, version: int) -> Event:
    return cell_event(cell_shown(row_id, group_id, CellStatus.PENDING, version, dispatch_id=dispatch_id))


def cells_claim(
    cursor: CursorWrapper, table_id: UUID, instance_id: UUID, wanted: Sequence[Next]
) -> tuple[list[Claim], list[Event]]:
    """Make this process the owner of the cells it can win (T15); return those, with their events."""
    drafts = {}
    for step in wanted:
        draft = _claim_draft(step)
        drafts[draft.cell_id] = draft
    claims = list(drafts.values())
    cursor.execute(
        sql.CLAIM_CELLS,
        {
            "ids": [claim.cell_id for claim in claims],
            "rows": [claim.next.row.id for claim in claims],
            "groups": [claim.next.group.id for claim in claims],
            "versions": [claim.next.cell.version if claim.next.cell else None for claim in claims],
            "executions": [claim.execution_id for claim in claims],
            "dispatches": [claim.next.dispatch_id for claim in claims],
            "windows": [claim.next.window_id for claim in claims],
            "runs": [claim.run_id for claim in claims],
            "revisions": [claim.next.group.revision for claim in claims],
            "table": table_id,
            "instance": instance_id,
        },
    )
    won, events = [], []
    for cell_id, execution_id, attempt, version, started_at, retries in cursor.fetchall():
        tried = drafts.get(cell_id)
        if tried is None or tried.execution_id != execution_id:
            continue
        won.append(Claim(tried.next, cell_id, execution_id, tried.run_id, tried.resumes, attempt, retries))
        events.append(_running_event(won[-1], version, started_at))
    return won, events


def _claim_draft(step: Next) -> Claim:
    """A claim about to be tried. A parked cell goes on under the execution and the run it has (T32)."""
    cell = step.cell
    if cell is None or cell.status is not CellStatus.PENDING:
        return Claim(step, cell.id if cell else uuid7(), uuid7(), uuid7(), False, 0)
    return Claim(
        step, cell.id, cell.execution_id or uuid7(), cell.run_id or uuid7(), cell.run_id is not None, 0
    )


def _running_event(claim: Claim, version: int, started_at: datetime) -> Event:
    step = claim.next
    return cell_event(
        cell_shown(
            step.row.id,
            step.group.id,
            CellStatus.RUNNING,
            version,
            dispatch_id=step.dispatch_id,
            execution_id=claim.execution_id,
            run_id=claim.run_id,
            attempt=claim.attempt,
            started_at=started_at,
        )
    )


class NoRoom(Exception):
    """Rows have no room for the outputs of these runs (F21): nothing of the transaction may stay."""

    def __init__(self, runs: Sequence[UUID]) -> None:
        super().__init__(f"{len(runs)} rows would be too large")
        self.runs = frozenset(runs)


def cells_finish(cursor: CursorWrapper, ends: Sequence[Finish]) -> list[Event]:
    """Finish cells and write their outputs in one statement; the events tell which writes were accepted (T18).

    They tell what was really written (T30). Raises ``NoRoom``.
    """
    by_id = {end.cell_id: end for end in ends}
    cursor.execute(
        sql.FINISH_CELLS,
        {
            "ids": [end.cell_id for end in ends],
            "executions": [end.execution_id for end in ends],
            "statuses": [end.status.value for end in ends],
            "errors": [to_json(end.error) for end in ends],
            "reasons": [end.reason for end in ends],
            "rows": [end.row_id for end in ends],
            "patches": [to_json(end.patch) for end in ends],
            "overwrites": [end.overwrite for end in ends],
            "row_bytes": settings.RUNSHEET_MAX_ROW_BYTES,
        },
    )
    found = cursor.fetchall()
    if too_large := [by_id[row[0]].run_id for row in found if row[-1]]:
        raise NoRoom(too_large)
    return [_finished_event(by_id[row[0]], *row[1:-1]) for row in found]


def row_too_large() -> dict[str, Any]:
    """The error of a cell whose outputs its row has no room for (F21)."""
    limit = settings.RUNSHEET_MAX_ROW_BYTES
    return {
        "code": "row_too_large",
        "message": f"With these outputs the row would take more than the {limit:,} bytes a row may hold.",
    }


def _finished_event(
    end: Finish, version: int, started_at: datetime, finished_at: datetime, written: str | None
) -> Event:
    shown = cell_shown(
        end.row_id,
        end.group.id,
        end.status,
        version,
        dispatch_id=end.dispatch_id,
        execution_id=end.execution_id,
        run_id=end.run_id,
        attempt=end.attempt,
        error=end.error,
        reason=end.reason,
        started_at=started_at,
        finished_at=finished_at,
    )
    return cell_event(shown, outputs=None if written is None else json.loads(written))


def cells_hand_back(
    cursor: CursorWrapper, held: Sequence[tuple[UUID, UUID]], *, crashes: int = 0
) -> list[Event]:
    """Make running cells, as ``(cell id, execution id)``, ownerless again; ``crashes`` counts a lost worker."""
    if not held:
        return []
    cursor.execute(
        sql.HAND_BACK_CELLS,
        {"ids": [cell for cell, _ in held], "executions": [token for _, token in held], "crashes": crashes},
    )
    return [
        cell_event(cell_shown(row_id, group_id, CellStatus.PENDING, version))
        for _cell, row_id, group_id, _window, version in cursor.fetchall()
    ]


def cells_returned(rows: Iterable[Sequence[Any]], *more: str) -> list[dict[str, Any]]:
    """Cells as a statement has returned them, by name: ``SHOWN``, then ``more``."""
    return [dict(zip((*SHOWN, *more), row, strict=True)) for row in rows]


def cell_shown(row_id: UUID, group_id: UUID, status: CellStatus, version: int, **more: Any) -> dict[str, Any]:
    """A cell in the shape ``tables.wire.cell_json`` reads; what is not named holds nothing."""
    empty = dict.fromkeys(
        ("execution_id", "run_id", "error", "reason", "wake_at", "started_at", "finished_at")
    )
    return {
        **empty,
        "row_id": row_id,
        "group_id": group_id,
        "status": status,
        "version": version,
        "attempt": 0,
        "running_blocks": [],
        **more,
    }
