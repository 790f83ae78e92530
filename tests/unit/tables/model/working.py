"""Workers of the model: packs of rows under their locks, their deaths, and the reaper that picks up after them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tables.engine.cascade import Cascade, Next, leftover_stamps, next_cell
from tables.engine.group_policy import next_delay
from tables.engine.types import GroupSpec, Request, RowState, TableSpec
from tables.states import CellStatus, Mode
from tests.unit.tables.model.store import Cell, Guards, Place, Run
from tests.unit.tables.model.walking import Message, Walking


def result(group: GroupSpec, data: dict[str, Any]) -> str:
    """What the group's workflow makes of a row: a function of what it reads, and of nothing else."""
    return f"{group.name}({','.join(str(data.get(key)) for key in group.depends_on)})"


@dataclass(frozen=True, slots=True)
class Claim:
    """A cell that a pack has won."""

    place: Place
    execution: UUID
    run: UUID
    group: GroupSpec


@dataclass(slots=True)
class Turn:
    """A transaction of a pack that has read and not written: how a cell ends, and what is to be claimed next."""

    ends: tuple[Claim, str] | None
    steps: list[Next]
    done: list[RowState]


@dataclass(slots=True)
class Pack:
    """Rows of one window, held by a process."""

    id: UUID
    instance: int
    window: UUID
    request: Request
    resumes: bool
    rows: list[UUID]
    redriven: bool
    token: UUID
    body_fired: bool = False
    reran: dict[UUID, frozenset[UUID]] = field(default_factory=dict)
    claims: dict[UUID, Claim] = field(default_factory=dict)
    turn: Turn | None = None


class Working(Walking):
    """What happens to rows that were handed over."""

    def __init__(self, spec: TableSpec, guards: Guards) -> None:
        super().__init__(spec, guards)
        self.packs: dict[UUID, Pack] = {}
        self.locks: dict[UUID, UUID] = {}
        self.alive: list[int] = [1, 2]
        self.dead_executions: set[UUID] = set()
        self.resumed: set[UUID] = set()
        self.accepted: dict[tuple[UUID, Place], int] = {}
        self.written: dict[Place, tuple[UUID, dict[str, Any]]] = {}

    # ---- a pack --------------------------------------------------------------------------------------------

    def begin(self, message: Message, instance: int) -> None:
        """``rows_run``: take the locks that are free; rows that somebody holds are left to them (T17)."""
        window = self.windows.get(message.window) if message.window else None
        if window is None:
            return
        self._free_dead_locks(message.rows)
        rows = [row for row in message.rows if row not in self.locks]
        if not rows:
            if message.redriven:
                self.messages.append(Message("close", window.dispatch, window.id, window.token))
            return
        request = self.dispatches[window.dispatch].request()
        pack = Pack(
            self.new(), instance, window.id, request, window.resumes, rows, message.redriven, window.token
        )
        self.packs[pack.id] = pack
        self.locks.update(dict.fromkeys(rows, pack.id))
        self._read_next(pack, None, rows)

    def land(self, pack: Pack, claim: Claim, outcome: str) -> None:
        """A run comes to its end, a pause or a back-off: the first half of its commit."""
        self.pack_write(pack)
        if claim.run in pack.claims:
            self._read_next(pack, (claim, outcome), [claim.place[0]])

    def _read_next(self, pack: Pack, ends: tuple[Claim, str] | None, rows: list[UUID]) -> None:
        """Read the rows as they will be after the end, and leave the writing for later."""
        window = self.windows.get(pack.window)
        if window is not None:
            pack.body_fired, pack.token = window.body_fired, window.token
        before = self._snapshot(ends[0]) if ends else None
        reran = dict(pack.reran)
        if ends and not self._end(pack, *ends):
            del pack.claims[ends[0].run]
            self._let_go(pack)
            return
        turn = Turn(ends, [], [])
        for row in (self.load(row) for row in rows if row in self.rows) if window is not None else ():
            cascade = Cascade(pack.request, pack.window, pack.reran.get(row.id, frozenset()), pack.resumes)
            step = next_cell(self.spec, row, cascade)
            if step is None:
                turn.done.append(row)
            else:
                turn.steps.append(step)
        if ends and before is not None:
            self._undo(ends[0], before)
            pack.reran = reran
        pack.turn = turn

    def _snapshot(self, claim: Claim) -> tuple[Any, ...]:
        row, run = self.rows.get(claim.place[0]), self.runs.get(claim.run)
        status = run.status if run else ""
        return self.cells.get(claim.place), row and row.data, row and row.edited, status

    def _undo(self, claim: Claim, before: tuple[Any, ...]) -> None:
        cell, data, edited, status = before
        self.cells[claim.place] = cell
        self.rows[claim.place[0]].data, self.rows[claim.place[0]].edited = data, edited
        self.runs[claim.run].status = status

    def pack_write(self, pack: Pack) -> None:
        """The second half: end the cell, clear what the cascade leaves behind, claim what comes next."""
        turn, pack.turn = pack.turn, None
        if turn is None:
            return
        if turn.ends is not None:
            claim, outcome = turn.ends
            del pack.claims[claim.run]
            before = self.cells.get(claim.place)
            if not self._end(pack, claim, outcome):
                self._let_go(pack)
                return
            self._note_end(claim, before)
        for done in turn.done:
            self.clear(leftover_stamps(done, pack.window))
        again = [row for step in turn.steps if (row := self._claim(pack, step))]
        if again:
            self._read_next(pack, None, again)
            self.pack_write(pack)
        else:
            self._let_go(pack)

    def _claim(self, pack: Pack, step: Next) -> UUID | None:
        """Claim and begin; the row, when its cell failed at once and its cascade goes on."""
        cell = self.claim(step, pack.instance)
        if cell is None or cell.run_id is None or cell.execution_id is None:
            return None
        goes_on = step.cell is not None and step.cell.run_id == cell.run_id
        run = self.runs.get(cell.run_id)
        if not goes_on or run is None:
            run = self.runs[cell.run_id] = Run(dict(step.row.data), cell.execution_id)
        elif run.status not in {"queued", "waiting", "paused"}:
            self.finish(cell, CellStatus.FAILED, None, overwrite=False)
            return cell.row_id
        run.status, run.token = "running", cell.execution_id
        place = (cell.row_id, cell.group_id)
        pack.claims[cell.run_id] = Claim(place, cell.execution_id, cell.run_id, step.group)
        return None

    def _end(self, pack: Pack, claim: Claim, outcome: str) -> bool:
        """What the commit says of the cell; false when it is refused."""
        cell = self.held(claim.place, claim.execution, pack.instance)
        if cell is None or cell.run_id is None:
            return False
        run = self.runs[claim.run]
        failure = {"code": "http_503", "class": "transient"}
        delay = next_delay(claim.group.retry, cell.retries, failure, 0.5) if outcome == "fail" else None
        if outcome == "pause":
            run.status = "paused"
            self.put(cell, status=CellStatus.PAUSED, instance=None)
        elif delay is not None:
            run.status = "waiting"
            self.put(cell, status=CellStatus.QUEUED, instance=None, retries=cell.retries + 1)
        else:
            completed = outcome == "ok"
            run.status = "completed" if completed else "failed"
            patch = {claim.group.output_keys[0]: result(claim.group, run.read)} if completed else None
            status = CellStatus.COMPLETED if completed else CellStatus.FAILED
            self.finish(cell, status, patch, overwrite=pack.request.mode is Mode.ALL)
            row = claim.place[0]
            pack.reran[row] = pack.reran.get(row, frozenset()) | {claim.group.id}
        return True

    def _note_end(self, claim: Claim, before: Cell | None) -> None:
        """What the invariants ask about ends that were accepted."""
        assert claim.execution not in self.dead_executions, "T26: a cancelled attempt wrote"
        assert before is not None, "T18: a write to no cell"
        assert before.status is not CellStatus.CANCELLED, "T18: a write to a cancelled cell"
        cell = self.cells[claim.place]
        if cell.status is CellStatus.COMPLETED and cell.dispatch_id is not None:
            key = (cell.dispatch_id, claim.place)
            self.accepted[key] = self.accepted.get(key, 0) + 1
            key_written = claim.group.output_keys[0]
            made = result(claim.group, self.runs[claim.run].read)
            self.written[claim.place] = (claim.execution, {key_written: made})

    def _let_go(self, pack: Pack) -> None:
        """Nothing left to do: release the rows, then look for what others left on them (T17)."""
        if pack.claims or pack.turn is not None:
            return
        self.packs.pop(pack.id, None)
        for row in [row for row, holder in self.locks.items() if holder == pack.id]:
            del self.locks[row]
        waiting: dict[UUID, list[UUID]] = {}
        for cell in self.cells.values():
            if cell.row_id in pack.rows and cell.status is CellStatus.PENDING and cell.window_id is not None:
                waiting.setdefault(cell.window_id, []).append(cell.row_id)
        for window, rows in waiting.items():
            self.rows_send(window, rows)
        if pack.redriven or pack.body_fired:
            self.messages.append(Message("close", pack.request.dispatch_id, pack.window, pack.token))

    def rows_send(self, window: UUID, rows: list[UUID]) -> None:
        """Rows of an open window, beside its chord."""
        found = self.windows.get(window)
        if found is not None:
            named = tuple(dict.fromkeys(rows))
            self.messages.append(Message("rows", found.dispatch, window, found.token, named, redriven=True))

    def wait_for_window(self, window: UUID) -> None:
        """See ``Walking``."""
        for pack in [pack for pack in self.packs.values() if pack.window == window]:
            self.pack_write(pack)

    # ---- cells that rest (T23, T32) ------------------------------------------------------------------------

    def wake(self, place: Place, statuses: frozenset[CellStatus]) -> bool:
        """``cells_hand_over``: the cell goes on under the execution it has; whether it did."""
        cell = self.cells.get(place)
        if cell is None or cell.status not in statuses or cell.execution_id is None or cell.run_id is None:
            return False
        dispatch = self.dispatches[cell.dispatch_id] if cell.dispatch_id else None
        run = self.runs.get(cell.run_id)
        if dispatch is None or run is None or run.status in {"completed", "cancelled"}:
            return False
        self.wait([dispatch.id])
        window = self.windows.get(cell.window_id) if cell.window_id else None
        counts = window is None and not cell.counted and cell.group_id in dispatch.groups
        if counts and cell.status is CellStatus.FAILED:
            failed = dispatch.counts.get("failed", 0)
            self.count(dispatch, {"failed": -min(1, failed), "paused": 1}, {})
        if run.status == "failed":
            run.status = "queued"
            self.resumed.add(cell.run_id)
        home = self.house(cell.row_id, dispatch.id, window.id if window else None)
        self.put(
            self.cells[place],
            status=CellStatus.PENDING,
            window_id=home,
            counted=cell.counted or counts,
            crashes=0,
            finished=0,
        )
        return True

    def house(self, row: UUID, dispatch: UUID, window: UUID | None) -> UUID:
        """Where a cell begins or goes on: its window while it is open, else one that resumes."""
        if window is not None and window in self.windows:
            self.rows_send(window, [row])
            return window
        opened = self.window_open(dispatch, [row], resumes=True)
        self.send(opened)
        return opened.id

    # ---- faults and their repair ---------------------------------------------------------------------------

    def kill(self, instance: int, *, zombie: bool) -> None:
        """A process is dead, or only taken for dead: a zombie's packs go on and find their writes refused."""
        self.alive = [each for each in self.alive if each != instance] + [self.tick() + 100]
        for pack in [pack for pack in self.packs.values() if pack.instance == instance and not zombie]:
            del self.packs[pack.id]

    def _is_dead(self, instance: int | None) -> bool:
        return instance is not None and instance not in self.alive

    def _free_dead_locks(self, rows: tuple[UUID, ...]) -> None:
        for row in rows:
            holder = self.packs.get(self.locks[row]) if row in self.locks else None
            if row in self.locks and (holder is None or self._is_dead(holder.instance)):
                del self.locks[row]

    def reap(self, *, overdue: bool) -> None:
        """``reap``: what the dead held, what nobody woke, windows past their deadline, dispatches with nothing open."""
        busy = {p.turn.ends[0].place for p in self.packs.values() if p.turn and p.turn.ends}
        for cell in list(self.cells.values()):
            place = (cell.row_id, cell.group_id)
            is_lost = cell.status is CellStatus.RUNNING and self._is_dead(cell.instance)
            if is_lost and cell.window_id in self.windows and place not in busy:
                self.hand_back(cell, 1)
                self._free_dead_locks((cell.row_id,))
                self.rows_send(cell.window_id, [cell.row_id])
        for window in list(self.windows.values()) if overdue else ():
            self._redrive(window.id)
        for dispatch in self.dispatches.values():
            if dispatch.active and all(window.dispatch != dispatch.id for window in self.windows.values()):
                self.messages.append(Message("advance", dispatch.id))

    def _redrive(self, window_id: UUID) -> None:
        window, cells = self.windows[window_id], self.flying(window_id)
        running = {cell.row_id for cell in self.cells.values() if cell.status is CellStatus.RUNNING}
        waiting = {c.row_id for c in cells if c.status is CellStatus.PENDING} - running
        if not waiting and any(c.status in {CellStatus.RUNNING, CellStatus.QUEUED} for c in cells):
            return
        window.token = self.new()
        if waiting:
            self._free_dead_locks(tuple(waiting))
            self.send(window, sorted(waiting), size=2)
        else:
            self.messages.append(Message("close", window.dispatch, window.id, window.token))

    def stop(self, cells: Any, sequence: int) -> list[Cell]:
        """A stop is remembered by the invariants: none of these attempts is ever heard of again."""
        stopped = super().stop(cells, sequence)
        self.dead_executions |= {cell.execution_id for cell in stopped if cell.execution_id}
        return stopped

    def edits_forget(self, row: UUID) -> None:
        """An edit of the row may have its cells run once more in the same dispatch, and the row handed over again."""
        for dispatch, place in list(self.accepted):
            if place[0] == row:
                del self.accepted[dispatch, place]
        for handed_over in self.handed_over.values():
            handed_over[:] = [each for each in handed_over if each != row]
