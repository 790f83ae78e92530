"""What people and programs do in the model: rows, edits, stops, schema changes, and coming to rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from tables.engine.eligibility import is_fresh
from tables.engine.invalidation import Change, Invalidation, concerns, plan_invalidation, starting_groups
from tables.engine.stopping import groups_reached
from tables.engine.types import CellState, GroupSpec, RowState, TableSpec
from tables.states import HOLDS_WINDOW, IN_FLIGHT, CellStatus, Mode
from tests.unit.tables.model.store import Cell, Dispatch, Place, Row, Window
from tests.unit.tables.model.walking import Message
from tests.unit.tables.model.working import Claim, Pack, Working

PARKED = frozenset({CellStatus.PAUSED, CellStatus.QUEUED})
RESUMABLE = frozenset({CellStatus.PAUSED, CellStatus.FAILED})


class World(Working):
    """The whole product, but for its store: one table."""

    # ---- rows ----------------------------------------------------------------------------------------------

    def insert(self, data: dict[str, Any], position: int) -> UUID:
        """A new row; groups with auto_run on take it (T29)."""
        row = Row(self.new(), self.tick(), position, data)
        self.rows[row.id] = row
        auto = [group.id for group in self.spec.groups if group.auto_run]
        self.request(auto, (row.id,), Mode.NEW, is_manual=False)
        return row.id

    def move(self, row: UUID, position: int) -> None:
        """To another place in the table's order."""
        self.rows[row].position, self.rows[row].moved = position, self.tick()

    def delete(self, row: UUID) -> None:
        """What runs on it is stopped first, and ends quietly (T5)."""
        self.stop_rows([row], [group.id for group in self.spec.groups], gone=True)
        self.delete_row(row)

    # ---- edits (T28 to T31) --------------------------------------------------------------------------------

    def edit(self, row_id: UUID, changes: Mapping[str, Any]) -> None:
        """``rows_edit``: ``None`` empties."""
        row, emptied = self.rows[row_id], {key for key, value in changes.items() if value is None}
        concerned = concerns(self.spec, changes, emptied)
        if concerned and self.guards.held:
            active = [d.id for d in self.dispatches.values() if d.active]
            cells = [cell for cell in self.cells.values() if cell.row_id == row_id]
            flying = [cell for cell in cells if cell.status in IN_FLIGHT]
            self.wait({*active, *(cell.dispatch_id for cell in flying if cell.dispatch_id)})
            self.wait((), [w.id for w in self.windows.values() if row_id in w.rows])
        before, data = row.edited, {**row.data, **changes}
        typed = {c.key for c in self.spec.columns if c.group_id and changes.get(c.key) is not None}
        new = {key: value for key, value in data.items() if value is not None}
        keys = frozenset(key for key in changes if row.data.get(key) != new.get(key))
        row.data, row.edited = new, (before - emptied) | typed
        if concerned and (keys or row.edited != before):
            self._invalidate(self.load(row_id), keys, emptied & keys, before)

    def _invalidate(
        self, row: RowState, keys: frozenset[str], emptied: Collection[str], before: frozenset[str]
    ) -> None:
        """``rows_invalidate``, and the dispatch that follows."""
        was = RowState(row.id, row.data, before, row.cells)
        dirty = keys | {key for key in row.edited - before if not is_fresh(self.spec, was, key)}
        floor = min((d.sequence for d in self.dispatches.values() if d.active), default=None)
        plan = plan_invalidation(self.spec, row, dirty, emptied=frozenset(emptied), tombstone_floor=floor)
        self.edits_forget(row.id)
        for found in plan:
            self._change(found)
        starting = starting_groups(plan)
        if starting:
            self.request(list(starting), (row.id,), Mode.NEW, is_manual=False)

    def _change(self, found: Invalidation) -> None:
        cell = found.cell
        if cell is None or found.change is Change.KEEP:
            return
        stored = self.cells[cell.row_id, cell.group_id]
        if found.change is Change.RESTART:
            if not (cell.is_pre_stamp and cell.run_id is None) and cell.dispatch_id:
                self.restart(cell, self.house(cell.row_id, cell.dispatch_id, cell.window_id))
            return
        if found.change is Change.TOMBSTONE:
            self.set_aside(cell)
        else:
            self.clear([cell])
        if cell.status in IN_FLIGHT:
            self.stop_run(cell.run_id)
            self._account_ended(cell, counted=stored.counted)

    def _account_ended(self, cell: CellState, *, counted: bool) -> None:
        """Dispatches counted it as paused, windows may have waited for it alone."""
        if counted and cell.dispatch_id is not None:
            self.paused_settle(self.dispatches[cell.dispatch_id])
        window = self.windows.get(cell.window_id) if cell.window_id else None
        if window is not None and window.body_fired:
            self.messages.append(Message("close", window.dispatch, window.id, window.token))

    # ---- stops (T24 to T27) --------------------------------------------------------------------------------

    def stop_table(self, groups: Sequence[UUID] | None) -> None:
        """A table's dispatches and cells, or those of some groups."""
        sequence = self.action()
        under_way = self._under_way()
        self.wait([dispatch.id for dispatch in under_way])
        under_way = self._under_way()
        if groups is None:
            self.dispatches_stop([dispatch.id for dispatch in under_way], sequence)
        else:
            self._groups_stop(under_way, set(groups), sequence)
        named = {group.id for group in self.spec.groups} if groups is None else set(groups)
        self.stop_and_settle([c for c in self.cells.values() if c.group_id in named], sequence)

    def stop_dispatch(self, dispatch: UUID) -> None:
        """One dispatch and what is in flight of it."""
        self.dispatches_stop([dispatch], self.action())

    def stop_cell(self, place: Place, execution: UUID | None) -> None:
        """One exact attempt, if it is still in flight."""
        sequence = self.action()
        mine = [c for c in self.cells.values() if c.row_id == place[0]]
        self.wait((), {c.window_id for c in mine if c.status in HOLDS_WINDOW and c.window_id})
        cell = self.cells.get(place)
        if cell is not None and cell.execution_id == execution is not None:
            self.stop_and_settle([cell], sequence)

    def stop_rows(self, rows: Sequence[UUID], groups: Sequence[UUID], *, gone: bool = False) -> None:
        """``rows_stop``: what is in flight there, and by tombstones what is still to come."""
        sequence, named = self.action(), set(groups)
        self.wait([dispatch.id for dispatch in self._under_way()])
        held = self._under_way()
        same = [d.id for d in held if len(rows) > 1 and self._is_about(d, rows, named)]
        windows = [w for w in self.windows.values() if set(w.rows) & set(rows) or w.dispatch in same]
        self.wait((), [window.id for window in windows] if self.guards.window else ())
        self.dispatches_stop(same, sequence)
        self.stop_and_settle(
            [c for c in self.cells.values() if c.row_id in rows and c.group_id in named], sequence
        )
        others = [dispatch for dispatch in held if dispatch.id not in same]
        windows = [window for window in windows if window.id in self.windows]
        for window in windows:
            if window.body_fired:
                self.messages.append(Message("close", window.dispatch, window.id, window.token))
        if not gone:
            self.tombstone(self._to_come(rows, named, others, windows), sequence)

    def _under_way(self) -> list[Dispatch]:
        opened = {window.dispatch for window in self.windows.values()}
        return [d for d in self.dispatches.values() if d.active or d.id in opened]

    def _is_about(self, dispatch: Dispatch, rows: Sequence[UUID], groups: set[UUID]) -> bool:
        is_same = dispatch.rows is not None and set(dispatch.rows) == set(rows)
        return dispatch.active and is_same and set(dispatch.groups_left) <= groups

    def _reached(self, dispatch: Dispatch) -> frozenset[UUID]:
        return groups_reached(self.spec, dispatch.groups_left, dispatch.stopped)

    def _to_come(
        self, rows: Sequence[UUID], groups: set[UUID], others: list[Dispatch], windows: list[Window]
    ) -> set[Place]:
        """Cells that a cascade under way, a parked cell, or a walk would come to."""
        places: set[Place] = set()
        by_id = {dispatch.id: dispatch for dispatch in others}
        for window in windows:
            if window.dispatch in by_id:
                reached = self._reached(by_id[window.dispatch]) & groups
                places |= self.places_of(set(window.rows) & set(rows), reached)
        for cell in self.cells.values():
            if cell.row_id in rows and cell.status is CellStatus.PAUSED and cell.dispatch_id:
                reached = self._reached(self.dispatches[cell.dispatch_id]) & groups
                places |= self.places_of([cell.row_id], reached)
        for dispatch in others:
            if dispatch.active:
                ahead = [r for r in rows if r in self.rows and self._is_ahead(dispatch, self.rows[r])]
                places |= self.places_of(ahead, self._reached(dispatch) & groups)
        return places

    def _is_ahead(self, dispatch: Dispatch, row: Row) -> bool:
        if row.seq > dispatch.upper or not dispatch.names(row.id):
            return False
        return dispatch.cursor is None or (row.position, row.id) > dispatch.cursor or row.moved > 0

    def _groups_stop(self, dispatches: list[Dispatch], groups: set[UUID], sequence: int) -> None:
        """``groups_stop``: dispatches go on without them; those left with none are ended."""
        leaving = {d.id: self._reached(d) & groups for d in dispatches if self._reached(d) & groups}
        concerned = [d for d in dispatches if d.id in leaving]
        windows = [w.id for w in self.windows.values() if w.dispatch in leaving]
        self.wait((), windows if self.guards.window else ())
        whole = [d.id for d in concerned if set(d.groups_left) <= groups]
        self.dispatches_stop(whole, sequence)
        for dispatch in concerned:
            if dispatch.id not in whole:
                self._groups_leave(dispatch, leaving[dispatch.id], sequence)

    def _groups_leave(self, dispatch: Dispatch, groups: frozenset[UUID], sequence: int) -> None:
        windows = {w.id: w for w in self.windows.values() if w.dispatch == dispatch.id}
        mine = [c for c in self.cells.values() if c.window_id in windows and c.group_id in groups]
        self.stop_and_settle(mine, sequence)
        in_hand = {row for window in windows.values() for row in window.rows}
        self.tombstone(self.places_of(in_hand, groups), sequence)
        if dispatch.active:
            self.windows_settle(dispatch, [group for group in dispatch.groups_left if group in groups])
            dispatch.stopped |= groups

    # ---- the schema ----------------------------------------------------------------------------------------

    def add_group(self, group: GroupSpec, spec: TableSpec) -> None:
        """A group is there from now on; with auto_run on it takes the rows that are there."""
        self.spec = spec
        if group.auto_run and self.rows:
            self.request([group.id], None, Mode.NEW, is_manual=False)

    def switch(self, group_id: UUID) -> None:
        """auto_run on or off."""
        groups = tuple(
            replace(g, auto_run=not g.auto_run) if g.id == group_id else g for g in self.spec.groups
        )
        self.spec = replace(self.spec, groups=groups)
        switched = self.spec.group(group_id)
        if switched is not None and switched.auto_run and self.rows:
            self.request([group_id], None, Mode.NEW, is_manual=False)

    # ---- going on ------------------------------------------------------------------------------------------

    def deliver(self, message: Message, instance: int) -> None:
        """A message arrives, once or again, in time or late."""
        if message.kind == "advance":
            self.advance(message.dispatch)
        elif message.kind == "rows":
            self.begin(message, instance)
        elif message.window is not None and message.token is not None:
            self.close(message.window, message.token)

    def open_work(self) -> list[Callable[[], None]]:
        """What somebody could go on with at once: halves to be written, runs to be ended."""
        turns = [partial(self.pack_write, pack) for pack in self.packs.values() if pack.turn is not None]
        return [*(partial(self.step_write, dispatch) for dispatch in self.halves), *turns]

    def running(self) -> list[tuple[Pack, Claim]]:
        """Runs that are being executed, zombies' too."""
        return [(pack, claim) for pack in self.packs.values() for claim in pack.claims.values()]

    def settle(self) -> None:
        """Everything goes on to its end: messages arrive, runs complete, back-offs end, the reaper looks."""
        for _ in range(60):
            self._settle_once()
            if self.is_quiet():
                return
            self.reap(overdue=True)
            for place, cell in list(self.cells.items()):
                if cell.status is CellStatus.QUEUED:
                    self.wake(place, PARKED)
        raise AssertionError("nothing comes to rest")

    def _settle_once(self) -> None:
        for _ in range(10_000):
            for work in self.open_work():
                work()
            for pack, claim in self.running():
                self.land(pack, claim, "ok")
                self.pack_write(pack)
            if not self.messages:
                return
            self.deliver(self.messages.pop(0), self.alive[0])
        raise AssertionError("messages without end")

    def is_quiet(self) -> bool:
        """Nothing is under way."""
        return not (
            self.messages
            or self.windows
            or self.packs
            or self.halves
            or any(dispatch.active for dispatch in self.dispatches.values())
            or any(cell.status in HOLDS_WINDOW for cell in self.cells.values())
        )

    def flying_cells(self) -> list[Cell]:
        """Cells in flight, in a fixed order."""
        return [cell for _, cell in sorted(self.cells.items()) if cell.status in IN_FLIGHT]
