"""The store of the model: rows, cells, windows, dispatches and runs in memory, written under the guards of the SQL.

Each method stands for a statement of ``tables/models/*_sql.py`` and compares what that compares: versions, execution
ids, the life of a window. ``Guards`` can leave one out, to show that the model finds what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from tables.engine.cascade import Next
from tables.engine.types import CellState, GroupSpec, Request, RowState
from tables.states import ACTIVE_DISPATCH, HOLDS_WINDOW, IN_FLIGHT, CellStatus, DispatchStatus, Mode

Place = tuple[UUID, UUID]
"""A cell's row and workflow group."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What the statements compare; false: that guard is missing."""

    version: bool = True
    """Stamps, claims and clears compare the version that was judged."""
    execution: bool = True
    """Finishing compares the execution id, the owner and the status."""
    window: bool = True
    """Claims hold the window's row, which a Stop deletes."""
    tombstone: bool = True
    """The action number of a stop is kept on the cell."""
    cursor: bool = True
    """The cursor moves in the transaction that hands rows over."""
    quiet: bool = True
    """A window closes only when none of its cells is in flight."""
    held: bool = True
    """An edit waits for those who have read the rows and not written yet."""


@dataclass(frozen=True, slots=True)
class Cell(CellState):
    """A cell as stored: beside what decisions read, its owner, its account and when it began and ended."""

    instance: int | None = None
    counted: bool = False
    retries: int = 0
    started: int = 0
    finished: int = 0


@dataclass(slots=True)
class Row:
    """``position`` orders the table; ``moved`` is when it last changed (0: never)."""

    id: UUID
    seq: int
    position: int
    data: dict[str, Any]
    edited: frozenset[str] = frozenset()
    moved: int = 0


@dataclass(slots=True)
class Run:
    """``read`` is the row as the run was begun on it; ``token`` its lease."""

    read: dict[str, Any]
    token: UUID
    status: str = "running"


@dataclass(slots=True)
class Window:
    """Rows handed over together."""

    id: UUID
    dispatch: UUID
    lane: int
    token: UUID
    rows: list[UUID]
    resumes: bool = False
    body_fired: bool = False


@dataclass(slots=True)
class Dispatch:
    """A request with its cursor and its account; ``rows`` is what it named (``None``: the table).

    ``continues`` are those it takes up where they were cut off.
    """

    id: UUID
    groups: list[UUID]
    rows: tuple[UUID, ...] | None
    mode: Mode
    is_manual: bool
    limit: int | None
    sequence: int
    upper: int
    at: int
    continues: frozenset[UUID] = frozenset()
    status: DispatchStatus = DispatchStatus.PENDING
    stopped: set[UUID] = field(default_factory=set)
    started: int = 0
    cursor: tuple[int, UUID] | None = None
    exhausted: bool = False
    seen: int = 0
    handed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def groups_left(self) -> list[UUID]:
        """Those it has not been stopped in."""
        return [group for group in self.groups if group not in self.stopped]

    @property
    def active(self) -> bool:
        """Still to go on."""
        return self.status in ACTIVE_DISPATCH

    def request(self) -> Request:
        """What it asks of a cell."""
        groups, stopped = frozenset(self.groups_left), frozenset(self.stopped)
        asked = Request(self.id, groups, self.mode, self.is_manual, self.sequence, stopped)
        return replace(asked, continues=self.continues)

    def names(self, row: UUID) -> bool:
        """Whether the row is in its scope."""
        return self.rows is None or row in self.rows


class Store:
    """Everything that PostgreSQL would hold of one table."""

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.rows: dict[UUID, Row] = {}
        self.cells: dict[Place, Cell] = {}
        self.windows: dict[UUID, Window] = {}
        self.dispatches: dict[UUID, Dispatch] = {}
        self.runs: dict[UUID, Run] = {}
        self.sequence = 0
        self.clock = 0

    def new(self) -> UUID:
        """An id; they ascend, as those of the product do."""
        return UUID(int=self.tick())

    def tick(self) -> int:
        """The one sequence that versions, times and ids are drawn from."""
        self.clock += 1
        return self.clock

    def action(self) -> int:
        """The table's next action number."""
        self.sequence += 1
        return self.sequence

    # ---- reading -------------------------------------------------------------------------------------------

    def cells_of(self, row: UUID) -> dict[UUID, CellState]:
        """The row's cells by group; a copy."""
        return {group: cell for (of, group), cell in self.cells.items() if of == row}

    def load(self, row: UUID) -> RowState:
        """LOAD_ROWS: as it stands now; what is written later does not reach it."""
        found = self.rows[row]
        return RowState(row, found.data, found.edited, self.cells_of(row))

    def in_order(self) -> list[Row]:
        """The table's order."""
        return sorted(self.rows.values(), key=lambda row: (row.position, row.id))

    def flying(self, window: UUID) -> list[Cell]:
        """Cells that hold the window open."""
        return [c for c in self.cells.values() if c.window_id == window and c.status in HOLDS_WINDOW]

    # ---- writing -------------------------------------------------------------------------------------------

    def put(self, cell: Cell, **changes: Any) -> Cell:
        """Write a cell; every write draws a version."""
        if not self.guards.tombstone:
            changes["cancelled_sequence"] = 0
        written = replace(cell, **changes, version=self.tick())
        self.cells[written.row_id, written.group_id] = written
        return written

    def matches(self, judged: CellState | None, place: Place) -> bool:
        """Whether the record is the one that was judged (``None``: that there still is none)."""
        found = self.cells.get(place)
        if judged is None or found is None:
            return found is None and judged is None
        return found.id == judged.id and (found.version == judged.version or not self.guards.version)

    def clear(self, cells: Iterable[CellState]) -> None:
        """CLEAR_CELLS."""
        for cell in cells:
            if self.matches(cell, (cell.row_id, cell.group_id)):
                found = self.cells.pop((cell.row_id, cell.group_id))
                if found.is_pre_stamp:
                    self.stop_run(found.run_id)

    def stamp(
        self,
        stamps: Iterable[tuple[RowState, GroupSpec, CellState | None]],
        dispatch: UUID,
        window: UUID,
    ) -> None:
        """STAMP_CELLS."""
        for row, group, judged in stamps:
            if row.id not in self.rows or not self.matches(judged, (row.id, group.id)):
                continue
            found = self.cells.get((row.id, group.id)) or self._blank(row.id, group.id)
            if found.is_pre_stamp:
                self.stop_run(found.run_id)
            asked = self.dispatches[dispatch].sequence
            self.put(
                found,
                **_ANEW,
                dispatch_id=dispatch,
                requested=asked,
                window_id=window,
                counted=False,
                started=0,
            )

    def claim(self, step: Next, instance: int) -> Cell | None:
        """CLAIM_CELLS: the cell as won, or ``None``."""
        place = (step.row.id, step.group.id)
        if step.row.id not in self.rows or not self.matches(step.cell, place):
            return None
        found = self.cells.get(place) or self._blank(*place)
        is_handed = step.cell is not None and step.cell.status is CellStatus.PENDING
        goes_on = is_handed and step.cell is not None and step.cell.execution_id is not None
        run = (step.cell.run_id if is_handed and step.cell else None) or self.new()
        return self.put(
            found,
            status=CellStatus.RUNNING,
            execution_id=step.cell.execution_id if goes_on and step.cell else self.new(),
            attempt=found.attempt + (not goes_on),
            dispatch_id=step.dispatch_id,
            requested=self.dispatches[step.dispatch_id].sequence,
            window_id=step.window_id,
            counted=found.counted and found.dispatch_id == step.dispatch_id,
            retries=found.retries if found.run_id == run else 0,
            run_id=run,
            instance=instance,
            started=found.started if found.run_id == run else self.tick(),
            finished=0,
        )

    def held(self, place: Place, execution: UUID, instance: int) -> Cell | None:
        """LOCK_CELLS and the lock on its run: mine and running, or ``None``."""
        cell = self.cells.get(place)
        if cell is None or not self.guards.execution:
            return cell
        if (cell.execution_id, cell.instance, cell.status) != (execution, instance, CellStatus.RUNNING):
            return None
        run = self.runs.get(cell.run_id) if cell.run_id else None
        is_mine = run is not None and (run.status, run.token) == ("running", execution)
        return cell if is_mine else None

    def finish(
        self, cell: Cell, status: CellStatus, patch: dict[str, Any] | None, *, overwrite: bool
    ) -> None:
        """FINISH_CELLS: a person's edit survives, except in mode ``all`` (T30)."""
        row = self.rows[cell.row_id]
        if patch is not None:
            written = {key: value for key, value in patch.items() if overwrite or key not in row.edited}
            row.data = {**row.data, **written}
            row.edited -= frozenset(written) if overwrite else frozenset()
        self.put(cell, status=status, instance=None, finished=self.tick())

    def hand_back(self, cell: Cell, crashes: int) -> None:
        """HAND_BACK_CELLS, or the end of a cell that lost its worker too often; its run goes the same way."""
        run = self.runs[cell.run_id] if cell.run_id else None
        if cell.crashes + crashes >= 3:
            if run:
                run.status = "failed"
            self.put(
                cell, status=CellStatus.FAILED, crashes=cell.crashes + 1, instance=None, finished=self.tick()
            )
            return
        if run:
            run.status = "queued"
        self.put(
            cell,
            status=CellStatus.PENDING,
            execution_id=None,
            instance=None,
            crashes=cell.crashes + crashes,
        )

    def stop(self, cells: Sequence[Cell], sequence: int) -> list[Cell]:
        """STOP_CELLS: written without asking who owns them; their runs are told."""
        stopped = []
        for cell in cells:
            if cell.status not in IN_FLIGHT:
                continue
            self.stop_run(cell.run_id)
            stopped.append(self._cancel(cell, sequence))
        return stopped

    def tombstone(self, places: Iterable[Place], sequence: int) -> None:
        """WRITE_TOMBSTONES: what is finished keeps what it says and only learns the number."""
        for place in sorted(set(places)):
            if place[0] not in self.rows:
                continue
            cell = self.cells.get(place)
            if cell is not None and cell.cancelled_sequence >= sequence:
                continue
            if cell is None or cell.status in IN_FLIGHT:
                self.stop_run(cell.run_id if cell else None)
                self._cancel(cell or self._blank(*place), sequence)
            else:
                self.put(cell, cancelled_sequence=sequence)

    def restart(self, cell: CellState, window: UUID) -> None:
        """RESTART_CELLS."""
        found = self.cells[cell.row_id, cell.group_id]
        if self.matches(cell, (cell.row_id, cell.group_id)):
            self.put(found, **_ANEW, window_id=window, started=0)
            self.stop_run(cell.run_id)

    def set_aside(self, cell: CellState) -> None:
        """SET_ASIDE_CELLS."""
        found = self.cells[cell.row_id, cell.group_id]
        if self.matches(cell, (cell.row_id, cell.group_id)):
            self.stop_run(cell.run_id if cell.status in IN_FLIGHT else None)
            self.put(
                found,
                status=CellStatus.CANCELLED,
                instance=None,
                run_id=None if found.status is CellStatus.COMPLETED else found.run_id,
                finished=found.finished or self.tick(),
            )

    def stop_run(self, run_id: UUID | None) -> None:
        """STOP_RUNS: what is under way has no lease from now on."""
        run = self.runs.get(run_id) if run_id else None
        if run is not None and run.status not in {"completed", "failed", "cancelled"}:
            run.status = "cancelled"

    def delete_row(self, row: UUID) -> None:
        """A row with its cells."""
        del self.rows[row]
        for place in [place for place in self.cells if place[0] == row]:
            del self.cells[place]

    def closes(self, window: UUID, token: UUID) -> Window | None:
        """NOTE_BODY and CLOSE_WINDOW: the window, if this closed it."""
        found = self.windows.get(window)
        if found is None or found.token != token:
            return None
        found.body_fired = True
        if self.guards.quiet and self.flying(window):
            return None
        return self.windows.pop(window)

    def _blank(self, row: UUID, group: UUID) -> Cell:
        return Cell(self.new(), row, group, CellStatus.PENDING, 0, None, None, None, None, 0, 0, 0)

    def _cancel(self, cell: Cell, sequence: int) -> Cell:
        return self.put(
            cell,
            status=CellStatus.CANCELLED,
            instance=None,
            cancelled_sequence=max(cell.cancelled_sequence, sequence),
            finished=self.tick(),
        )


_ANEW: dict[str, Any] = {
    "status": CellStatus.PENDING,
    "execution_id": None,
    "run_id": None,
    "instance": None,
    "crashes": 0,
    "retries": 0,
    "finished": 0,
}
