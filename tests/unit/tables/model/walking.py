"""Dispatchers of the model: steps in two halves, reading and writing, and the account of what was handed over.

Between the halves others go on. Who needs the dispatch or a window that an open half holds waits for it: ``wait``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tables.engine.eligibility import Reason, runnable
from tables.engine.types import TableSpec
from tables.engine.window import WindowPlan, count_reasons, packs, plan_window, windows_wanted
from tables.states import FINISHED, IN_FLIGHT, CellStatus, DispatchStatus, Mode
from tests.unit.tables.model.store import Cell, Dispatch, Guards, Place, Store, Window

WINDOW_ROWS, SLOTS = 2, 1


@dataclass(frozen=True, slots=True)
class Message:
    """What Celery carries: ``advance`` a dispatch, ``close`` a window (the chord's body), or run ``rows`` of one."""

    kind: str
    dispatch: UUID
    window: UUID | None = None
    token: UUID | None = None
    rows: tuple[UUID, ...] = ()
    redriven: bool = False


@dataclass(frozen=True, slots=True)
class Half:
    """A step that has read and not written: what it found."""

    dispatch: UUID
    plan: WindowPlan
    cursor: tuple[int, UUID] | None
    seen: int
    exhausted: bool
    was_exhausted: bool
    room: int


class Walking(Store):
    """Dispatches from their request to their end."""

    def __init__(self, spec: TableSpec, guards: Guards) -> None:
        super().__init__(guards)
        self.spec = spec
        self.messages: list[Message] = []
        self.halves: dict[UUID, Half] = {}
        self.handed_over: dict[UUID, list[UUID]] = {}

    def wait(self, dispatches: Iterable[UUID], windows: Iterable[UUID] = ()) -> None:
        """Whoever holds one of these comes to an end first."""
        for dispatch in list(dispatches):
            self.step_write(dispatch)
        for window in list(windows):
            self.wait_for_window(window)

    def wait_for_window(self, window: UUID) -> None:
        """Packs with a transaction open under the window commit it; see ``Working``."""
        raise NotImplementedError

    # ---- a request -----------------------------------------------------------------------------------------

    def request(
        self,
        groups: Sequence[UUID],
        rows: tuple[UUID, ...] | None,
        mode: Mode,
        *,
        limit: int | None = None,
        is_manual: bool = True,
        continues: Iterable[UUID] = (),
    ) -> Dispatch | None:
        """``dispatch_start``: automatic ones are judged first."""
        named = [group.id for group in self.spec.groups if group.id in groups]
        if not named or rows == ():
            return None
        made = Dispatch(
            self.new(), named, rows, mode, is_manual, limit, self.action(), self.tick(), self.tick()
        )
        made.continues = frozenset(continues)
        if not is_manual and rows is not None:
            loaded = [self.load(row) for row in rows if row in self.rows]
            verdicts = [v for row in loaded for v in runnable(self.spec, row, made.request()).values()]
            if not any(verdict.runs for verdict in verdicts):
                return None
        self.dispatches[made.id] = made
        self.messages.append(Message("advance", made.id))
        return made

    def _prepare(self, dispatch: Dispatch) -> None:
        """``dispatch_prepare``: a manual run replaces earlier work on the same cells."""
        if dispatch.is_manual and dispatch.mode is not Mode.NEW:
            self._supersede(dispatch)
        dispatch.status, dispatch.started = DispatchStatus.DISPATCHING, self.tick()

    def _supersede(self, dispatch: Dispatch) -> None:
        named = set(dispatch.groups_left)
        found = [
            d
            for d in self.dispatches.values()
            if d.active and d.sequence < dispatch.sequence and named.intersection(d.groups_left)
        ]

        def asked_before(cell: Cell) -> bool:
            return cell.requested <= dispatch.sequence

        self.dispatches_stop([d.id for d in found if dispatch.rows is None], dispatch.sequence)
        if dispatch.rows is not None:
            cells = [self.cells.get((row, group)) for row in dispatch.rows for group in dispatch.groups_left]
            taken = [c for c in cells if c and c.status in IN_FLIGHT and not c.is_pre_stamp]
            rows = {cell.row_id for cell in taken}
            self.wait((), {c.window_id for c in self.cells.values() if c.row_id in rows and c.window_id})
            now = [self.cells.get((cell.row_id, cell.group_id)) for cell in taken]
            self.stop_and_settle(
                [c for c in now if c and not c.is_pre_stamp and asked_before(c)], dispatch.sequence
            )
        elif dispatch.mode is Mode.ALL:
            parked = [c for c in self.cells.values() if c.status is CellStatus.PAUSED and c.group_id in named]
            self.stop_and_settle([c for c in parked if asked_before(c)], dispatch.sequence)

    # ---- a step --------------------------------------------------------------------------------------------

    def advance(self, dispatch_id: UUID) -> None:
        """The first half of a step: read what comes next."""
        self.wait([dispatch_id])
        dispatch = self.dispatches[dispatch_id]
        if not dispatch.active:
            return
        if dispatch.status is DispatchStatus.PENDING:
            self._prepare(dispatch)
        lanes = {window.lane for window in self.windows.values() if window.dispatch == dispatch_id}
        active = sum(each.active for each in self.dispatches.values())
        room = windows_wanted(SLOTS, WINDOW_ROWS, 1, active) - len(lanes)
        if room > 0:
            self.halves[dispatch_id] = self._read(dispatch, room)

    def _read(self, dispatch: Dispatch, room: int) -> Half:
        wanted = WINDOW_ROWS
        if dispatch.limit is not None:
            wanted = min(wanted, dispatch.limit - dispatch.handed)
        if wanted <= 0:
            return Half(dispatch.id, WindowPlan(), dispatch.cursor, 0, True, dispatch.exhausted, room)
        mine = [row for row in self.in_order() if row.seq <= dispatch.upper and dispatch.names(row.id)]
        if dispatch.exhausted:
            moved = [row for row in mine if row.moved and dispatch.cursor is not None]
            plan = plan_window(self.spec, (self.load(row.id) for row in moved), dispatch.request(), wanted)
            return Half(dispatch.id, plan, dispatch.cursor, len(plan.rows), True, True, room)
        ahead = [row for row in mine if dispatch.cursor is None or (row.position, row.id) > dispatch.cursor]
        plan = plan_window(self.spec, (self.load(row.id) for row in ahead), dispatch.request(), wanted)
        cursor = dispatch.cursor
        if plan.passed:
            last = ahead[plan.passed - 1]
            cursor = last.position, last.id
        seen, exhausted = plan.passed - plan.again, plan.passed == len(ahead)
        return Half(dispatch.id, plan, cursor, seen, exhausted, False, room)

    def step_write(self, dispatch_id: UUID) -> None:
        """The second half, if a step is half done: count, stamp, move the cursor; or end the dispatch."""
        half = self.halves.pop(dispatch_id, None)
        if half is None:
            return
        dispatch, plan = self.dispatches[dispatch_id], half.plan
        if self.guards.cursor:
            dispatch.cursor = half.cursor
        dispatch.exhausted = half.exhausted
        dispatch.seen += half.seen
        stopped = half.seen * len(dispatch.stopped)
        self.count(dispatch, {}, {Reason.STOPPED.value: stopped} if stopped else {})
        if not half.was_exhausted:
            self.count(dispatch, {}, plan.skipped)
        self.clear(plan.clears)
        if plan.rows:
            self._hand_over(dispatch, plan)
        elif half.was_exhausted:
            if not any(window.dispatch == dispatch_id for window in self.windows.values()):
                dispatch.status = DispatchStatus.COMPLETE
            return
        if half.room > 1 or not plan.rows:
            self.messages.append(Message("advance", dispatch_id))

    def _hand_over(self, dispatch: Dispatch, plan: WindowPlan) -> None:
        window = self.window_open(dispatch.id, [row.id for row in plan.rows])
        self.stamp(plan.stamps, dispatch.id, window.id)
        dispatch.handed += len(plan.rows)
        self.handed_over.setdefault(dispatch.id, []).extend(window.rows)
        self.send(window)

    def window_open(self, dispatch: UUID, rows: list[UUID], *, resumes: bool = False) -> Window:
        """INSERT_WINDOW, in the first lane that is free."""
        lanes = {window.lane for window in self.windows.values() if window.dispatch == dispatch}
        lane = 1_000 if resumes else next(n for n in range(len(lanes) + 1) if n not in lanes)
        window = Window(self.new(), dispatch, lane, self.new(), rows, resumes)
        self.windows[window.id] = window
        return window

    def send(self, window: Window, rows: Sequence[UUID] | None = None, size: int = 1) -> None:
        """One chord: a message per pack of rows, and its body."""
        for pack in packs(window.rows if rows is None else rows, size):
            redriven = rows is not None
            self.messages.append(
                Message("rows", window.dispatch, window.id, window.token, tuple(pack), redriven)
            )
        self.messages.append(Message("close", window.dispatch, window.id, window.token))

    def close(self, window_id: UUID, token: UUID) -> None:
        """The body of a chord, or whoever asks in its place (T11)."""
        window = self.windows.get(window_id)
        if window is None:
            return
        dispatch = self.dispatches[window.dispatch]
        self.wait([dispatch.id], [window_id])
        if self.closes(window_id, token) is None:
            return
        if window.resumes:
            self._rejoin(dispatch, window, dispatch.groups_left)
        else:
            self._account(dispatch, window)
        self.messages.append(Message("advance", dispatch.id))

    # ---- accounts (T13) ------------------------------------------------------------------------------------

    def count(self, dispatch: Dispatch, counted: dict[str, int], skipped: dict[str, int]) -> None:
        """``counters_add``."""
        for into, more in ((dispatch.counts, counted), (dispatch.skipped, skipped)):
            for name, number in more.items():
                into[name] = into.get(name, 0) + number

    def _counted(self, window: Window, groups: Sequence[UUID]) -> dict[str, int]:
        """COUNT_WINDOW, and COUNT_AS_PAUSED, which draws no version."""
        cells = [
            c
            for c in self.cells.values()
            if c.window_id == window.id and c.group_id in groups and not c.counted
        ]
        for cell in cells:
            if cell.status is CellStatus.PAUSED:
                self.cells[cell.row_id, cell.group_id] = replace(cell, counted=True)
        return dict(Counter(cell.status.value for cell in cells))

    def _account(self, dispatch: Dispatch, window: Window) -> None:
        counted = self._counted(window, dispatch.groups_left)
        missing = len(window.rows) * len(dispatch.groups_left) - sum(counted.values())
        skipped: dict[str, int] = {}
        known = 0
        for row in (self.load(row) for row in window.rows if row in self.rows) if missing else ():
            for group, verdict in runnable(self.spec, row, dispatch.request()).items():
                cell = row.cells.get(group)
                if cell is not None and cell.window_id == window.id:
                    continue
                taken = verdict.runs or verdict.reason is Reason.IN_FLIGHT
                count_reasons(skipped, [Reason.SUPERSEDED if taken else verdict.reason])
                known += verdict.reason is Reason.ALREADY_DONE_HERE
        rest = missing - known - sum(skipped.values())
        if rest > 0:
            skipped[Reason.SUPERSEDED.value] = skipped.get(Reason.SUPERSEDED.value, 0) + rest
        self.count(dispatch, counted, skipped)

    def _rejoin(self, dispatch: Dispatch, window: Window, groups: Sequence[UUID]) -> None:
        """``window_rejoin``: its rows were accounted for before."""
        counted = self._counted(window, groups)
        self.count(dispatch, counted, {})
        ran = sum(counted.values())
        for reason in sorted(dispatch.skipped, key=lambda name: name != Reason.DEPS_UNMET.value):
            taken = min(ran, dispatch.skipped[reason])
            dispatch.skipped[reason] -= taken
            ran -= taken
        self.paused_settle(dispatch)

    def paused_settle(self, dispatch: Dispatch) -> None:
        """Cells counted as paused that have ended move under their heading."""
        if not dispatch.counts.get("paused"):
            return
        mine = [c for c in self.cells.values() if c.dispatch_id == dispatch.id and c.counted]
        for cell in mine:
            if cell.status in FINISHED and cell.window_id not in self.windows:
                self.cells[cell.row_id, cell.group_id] = replace(cell, counted=False)
                self.count(dispatch, {cell.status.value: 1, "paused": -1}, {})
        left = sum(c.dispatch_id == dispatch.id and c.counted for c in self.cells.values())
        gone = dispatch.counts["paused"] - left
        if gone > 0:
            self.count(dispatch, {"paused": -gone}, {Reason.SUPERSEDED.value: gone})

    def windows_settle(self, dispatch: Dispatch, groups: Sequence[UUID]) -> None:
        """These groups' cells in the windows in flight, which a Stop has just ended."""
        for window in [w for w in self.windows.values() if w.dispatch == dispatch.id]:
            if window.resumes:
                self._rejoin(dispatch, window, groups)
                continue
            counted = self._counted(window, groups)
            rest = len(window.rows) * len(groups) - sum(counted.values())
            self.count(dispatch, counted, {Reason.STOPPED.value: rest} if rest > 0 else {})

    # ---- stops of dispatches -------------------------------------------------------------------------------

    def stop_and_settle(self, cells: Sequence[Cell], sequence: int) -> list[Cell]:
        """``cells_stop``, and after its commit the dispatches that counted them as paused."""
        stopped = self.stop(cells, sequence)
        for dispatch in {c.dispatch_id: None for c in stopped if c.counted and c.dispatch_id}:
            self.paused_settle(self.dispatches[dispatch])
        return stopped

    def dispatches_stop(self, ids: Sequence[UUID], sequence: int) -> None:
        """End dispatches with their cells in flight; of one that has ended, what is parked or goes on."""
        windows = [w.id for w in self.windows.values() if w.dispatch in ids]
        self.wait(ids, windows if self.guards.window else ())
        windows = [w.id for w in self.windows.values() if w.dispatch in ids]
        cells = [
            c
            for c in self.cells.values()
            if c.window_id in windows or (c.status is CellStatus.PAUSED and c.dispatch_id in ids)
        ]
        self.stop_and_settle(cells, sequence)
        for dispatch in (self.dispatches[each] for each in ids):
            self.windows_settle(dispatch, dispatch.groups_left)
            for window in [w.id for w in self.windows.values() if w.dispatch == dispatch.id]:
                del self.windows[window]
            self.paused_settle(dispatch)
            if dispatch.active:
                dispatch.status = DispatchStatus.CANCELLED

    def places_of(self, rows: Iterable[UUID], groups: Iterable[UUID]) -> set[Place]:
        """Rows × groups."""
        named = list(groups)
        return {(row, group) for row in rows for group in named}
