"""A pack of rows under one lock, as the executor's sink (W13a, T15, T18, T21).

Each commit is one short transaction: lock the window (a Stop deletes it), the cells and the runs; write the ledger;
finish the cells and write their values; read the rows afresh; claim what comes next. What it returns is executed in
the same batch, so finishing one group and claiming the next cost one transaction together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.cascade import Cascade, Next, leftover_stamps, next_cell
from tables.engine.mapping import judge_condition, streamed_columns
from tables.engine.types import RowState, TableSpec
from tables.events import emit
from tables.models import RowExecution, sql
from tables.selectors import table_spec_cached
from tables.services.budget import steps_within
from tables.services.cells import (
    Claim,
    Event,
    Finish,
    NoRoom,
    cells_claim,
    cells_clear,
    cells_finish,
    cells_hand_back,
    row_too_large,
    rows_load,
)
from tables.services.ending import is_over, outputs_of, row_goes_on
from tables.services.group_limits import limits_waited_for, places_ask, places_give, rows_wake, wakes_send
from tables.services.recovery import cells_give_up_or_back
from tables.services.requests import WindowRequest
from tables.services.retrying import retries_begin
from tables.services.showing import Showing, cells_show, showing_of
from tables.services.starting import Started, Starter
from tables.services.streaming import Streams
from tables.states import CellStatus, Mode
from workflows.services import ledger
from workflows.services.live import LiveRun
from workflows.services.retrying import runs_retry
from workflows.states import RunStatus
from workspaces.cursors import prepared_cursor


class PackSink:
    """The sink of one pack: rows of one window, held under their locks by this process."""

    def __init__(self, window: WindowRequest, instance_id: UUID) -> None:
        self.window = window
        self.instance_id = instance_id
        self.body_fired = False
        self.token = window.token
        self.reran: dict[UUID, frozenset[UUID]] = {}
        self.measured: dict[UUID, tuple[float, int]] = {}
        self._rows: list[UUID] = []
        self._unsure = False  # a transaction of ours broke off: it may have been committed all the same
        self._claims: dict[UUID, Claim] = {}
        self._live: dict[UUID, LiveRun] = {}
        self._unborn: dict[UUID, ledger.NewRun] = {}
        self._shown: dict[UUID, Event] = {}
        self._again: dict[
            UUID, Mapping[str, Any]
        ] = {}  # parked by policy in a commit that may have to be repeated
        self._streams = Streams(window.table_id)
        self._starter = Starter(window.actor_id, instance_id)
        self._spec: TableSpec | None = None

    # ---- the executor's side -------------------------------------------------------------------------------

    def start(self, row_ids: Sequence[UUID]) -> list[LiveRun]:
        """Claim the first cell of each row; the runs to execute."""
        self._rows = list(row_ids)
        with self._transaction() as (cursor, window_lives, _):
            started = self._advance(cursor, self._rows) if window_lives else Started()
        self._take(started)
        emit(self.window.table_id, started.events)
        return [*started.runs, *self._give_places(started)]

    def commit(self, writes: Sequence[ledger.RunWrite]) -> ledger.Commit:
        """One transaction for all that is said of these runs, and for what follows from it.

        Where a row has no room for the outputs, cell and run fail together, in a second try (F21).
        """
        while True:
            try:
                return self._commit(writes)
            except NoRoom as refused:
                for write in writes:
                    if write.run_id in refused.runs:
                        write.end = ledger.RunEnd(RunStatus.FAILED, error=row_too_large())

    def _commit(self, writes: Sequence[ledger.RunWrite]) -> ledger.Commit:
        with self._transaction() as (cursor, window_lives, rows):
            mine, events, shown = self._write(cursor, writes)
            ended = [write for write in writes if write.run_id in mine and write.end is not None]
            rows += [self._claims[write.run_id].next.row.id for write in ended if row_goes_on(write)]
            started = self._advance(cursor, rows) if rows and window_lives else Started()
        for run_id in mine:
            self._unborn.pop(run_id, None)
        refused = {write.run_id for write in writes} - mine
        left = refused | {write.run_id for write in ended}
        started.look |= _limited(self._claims[run_id] for run_id in left)
        self._shown.update(shown)
        for run_id in left:
            self._measure(self._claims.pop(run_id, None), self._live.pop(run_id, None))
            self._shown.pop(run_id, None)
            self._again.pop(run_id, None)
            self._streams.forget(run_id)
        self._take(started)
        emit(self.window.table_id, [*events, *shown.values(), *started.events])
        return ledger.Commit(refused=refused, started=[*started.runs, *self._give_places(started)])

    def abandon(self) -> None:
        """Give back what is still claimed after the executor broke off; a cell that breaks it thrice fails (T11)."""
        with transaction.atomic(), prepared_cursor() as cursor:
            held = [(claim.cell_id, claim.execution_id) for claim in self._claims.values()]
            events = cells_give_up_or_back(cursor, held)
        emit(self.window.table_id, events)

    @contextmanager
    def _transaction(self) -> Iterator[tuple[CursorWrapper, bool, list[UUID]]]:
        """A short transaction under the window's shared lock: its cursor, whether the window lives, rows to go on with.

        When the one before broke off, nobody knows whether PostgreSQL committed it (F9). If it did, cells are claimed
        in our name that nobody runs: they are given back here, and their rows go on.
        """
        unsure, self._unsure = self._unsure, True
        with transaction.atomic(), prepared_cursor() as cursor:
            window_lives = self._lock_window(cursor)
            yield cursor, window_lives, self._give_back_unknown(cursor) if unsure else []
        self._unsure = False

    def _give_back_unknown(self, cursor: CursorWrapper) -> list[UUID]:
        mine = RowExecution.objects.filter(
            window_id=self.window.window_id, instance_id=self.instance_id, status=CellStatus.RUNNING
        )
        known = [claim.execution_id for claim in self._claims.values()]
        found: list[tuple[UUID, Any, Any, UUID]] = list(
            mine.filter(row_id__in=self._rows)
            .exclude(execution_id__in=known)
            .order_by("id")
            .values_list("id", "execution_id", "run_id", "row_id")
        )
        ledger.runs_release(cursor, [row[2] for row in found])
        cells_hand_back(cursor, [(row[0], row[1]) for row in found])
        return [row[3] for row in found]

    def _measure(self, claim: Claim | None, live: LiveRun | None) -> None:
        if claim is not None and live is not None:
            spent, cells = self.measured.get(claim.next.group.id, (0.0, 0))
            self.measured[claim.next.group.id] = (spent + live.busy_seconds * 1000, cells + 1)

    def lost(self, leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
        """Which runs are no longer mine: their cell was stopped, taken over, or deleted."""
        held = RowExecution.objects.filter(
            execution_id__in=[token for _, token in leases],
            id__in=[self._claims[run_id].cell_id for run_id, _ in leases],
            status=CellStatus.RUNNING,
        ).values_list("run_id", flat=True)
        return {run_id for run_id, _ in leases} - set(held)

    def tell(self, run_id: UUID, step_key: str, kind: str, value: Any) -> None:
        """Show the text a block is writing in the column that its output fills (T19, W33). From any thread."""
        claim, live, cell = self._claims.get(run_id), self._live.get(run_id), self._shown.get(run_id)
        if kind != "chunk" or claim is None or live is None or cell is None:
            return
        columns = streamed_columns(self._current_spec(), claim.next.group, step_key)
        if columns:
            speaker = (step_key, live.attempts.get(step_key, 0))
            self._streams.hear(run_id, speaker, str(value), columns, cell, list(live.secrets.values()))

    # ---- writing -------------------------------------------------------------------------------------------

    def _write(
        self, cursor: CursorWrapper, writes: Sequence[ledger.RunWrite]
    ) -> tuple[set[UUID], list[Event], dict[UUID, Event]]:
        """Lock and write what is mine; the accepted runs, events, and by run those of cells that have not ended.

        Lock order: window, cells, runs, rows.
        """
        claims = [self._claims[write.run_id] for write in writes]
        held: list[Any] = [[c.cell_id for c in claims], [c.execution_id for c in claims], self.instance_id]
        cursor.execute(sql.LOCK_CELLS, held)
        cells = self._held(cursor.fetchall())
        leases = [(c.run_id, c.execution_id) for c in claims if c.cell_id in cells]
        born = [lease for lease in leases if lease[0] not in self._unborn]
        mine = ledger.runs_lock(cursor, born) if born else set()
        mine |= {run_id for run_id, _ in leases if run_id in self._unborn}
        accepted = [write for write in writes if write.run_id in mine]
        again = retries_begin(accepted, self._claims, self._current_spec(), self._again) if accepted else {}
        finishes = [self._finish(write) for write in accepted if write.end is not None and is_over(write)]
        ledger.ledger_write(cursor, *self._give_birth(cursor, accepted))
        if again:
            runs_retry(cursor, again)
        events = cells_finish(cursor, finishes) if finishes else []
        events += self._hand_back(
            cursor, [write for write in accepted if write.end and not row_goes_on(write)]
        )
        showings = (self._showing(write, again.get(write.run_id)) for write in accepted)
        shown = cells_show(cursor, [showing for showing in showings if showing is not None])
        for finish in finishes:
            self.reran[finish.row_id] = self.reran.get(finish.row_id, frozenset()) | {finish.group.id}
        return mine, events, shown

    def _held(self, found: Sequence[tuple[UUID, int]]) -> set[UUID]:
        """The cells that are mine; what their runs write is to fit the schema as it is now, not as it was."""
        for version in {version for _, version in found}:
            self._spec = table_spec_cached(self.window.table_id, version)
        return {cell for cell, _ in found}

    def _give_birth(
        self, cursor: CursorWrapper, writes: Sequence[ledger.RunWrite]
    ) -> tuple[list[ledger.RunWrite], UUID, set[UUID]]:
        """Insert the runs whose record has waited for something to be told; what the ledger is to write then.

        A pure run is born with its end, one that has more to tell before (a failed attempt, a wait) is born running,
        and one that is handed back leaves no record at all: it is worked out anew (W15).
        """
        newborn = [
            (self._unborn[write.run_id], write.end if is_over(write) else None)
            for write in writes
            if write.run_id in self._unborn and (write.end is None or row_goes_on(write))
        ]
        if newborn:
            ledger.runs_insert(cursor, newborn, self.instance_id)
        known = [
            write
            for write in writes
            if write.end is None or row_goes_on(write) or write.run_id not in self._unborn
        ]
        return known, self.instance_id, {run.run_id for run, end in newborn if end is not None}

    def _finish(self, write: ledger.RunWrite) -> Finish:
        """How the cell ends; a result that does not fit its column fails cell and run alike, and says so."""
        claim = self._claims[write.run_id]
        end = write.end
        assert end is not None
        patch = outputs_of(end, self._live[write.run_id], self._current_spec(), claim.next.group)
        completed = end.status is RunStatus.COMPLETED
        status = CellStatus.COMPLETED if completed else CellStatus.FAILED
        return self._finish_of(claim, status, None if completed else end.error, patch)

    def _finish_of(
        self,
        claim: Claim,
        status: CellStatus,
        error: Mapping[str, Any] | None,
        patch: Mapping[str, Any] | None,
    ) -> Finish:
        return Finish(
            cell_id=claim.cell_id,
            execution_id=claim.execution_id,
            row_id=claim.next.row.id,
            group=claim.next.group,
            run_id=claim.run_id,
            dispatch_id=claim.next.dispatch_id,
            attempt=claim.attempt,
            status=status,
            error=error,
            patch=patch,
            overwrite=self._overwrites,
        )

    def _showing(self, write: ledger.RunWrite, error: Mapping[str, Any] | None) -> Showing | None:
        """What a cell shows whose run goes on or is parked; ``error``: what it is to be taken up again for."""
        claim, live = self._claims[write.run_id], self._live[write.run_id]
        spec = self._current_spec()
        return showing_of(write, claim, live, spec, overwrite=self._overwrites, error=error)

    @property
    def _overwrites(self) -> bool:
        """Whether outputs win over what a person typed (T30)."""
        return self.window.request.mode is Mode.ALL

    def _hand_back(self, cursor: CursorWrapper, writes: Sequence[ledger.RunWrite]) -> list[Event]:
        """Cells of runs that leave unfinished: ownerless again, their run kept (W17)."""
        if not writes:
            return []
        claims = [self._claims[write.run_id] for write in writes]
        return cells_hand_back(cursor, [(c.cell_id, c.execution_id) for c in claims])

    # ---- what comes next -----------------------------------------------------------------------------------

    def _advance(self, cursor: CursorWrapper, row_ids: list[UUID]) -> Started:
        """Claim the next cell of each of these rows, until each has one or nothing more is eligible."""
        started = Started()
        while row_ids:
            steps, done = self._next_steps(cursor, row_ids)
            started.events += cells_clear(
                cursor, [cell for row in done for cell in leftover_stamps(row, self.window.window_id)]
            )
            started.look |= {group for row in done for group in limits_waited_for(self._current_spec(), row)}
            if not steps:
                break
            asked = places_ask(cursor, self._current_spec(), steps)
            started.look |= asked.look
            started.wakes |= asked.wakes
            started.events += asked.events
            row_ids = self._claim(cursor, asked.steps, started) + asked.held if asked.steps else asked.held
        return started

    def _claim(self, cursor: CursorWrapper, steps: Sequence[Next], started: Started) -> list[UUID]:
        """Claim these cells and begin their runs; the rows that go on at once, as their cell failed."""
        claims, events = cells_claim(cursor, self.window.table_id, self.instance_id, steps)
        started.events += events
        started.shown.update(zip((claim.run_id for claim in claims), events, strict=True))
        return self._begin(cursor, claims, started)

    def _give_places(self, started: Started) -> list[LiveRun]:
        """After the commit: what became free under a limit goes to the next that wait. Runs to execute here.

        Rows of this very pack go on in it, as it holds their locks; should that fail, they are found when it lets go
        of them (T17).
        """
        wakes_send(self.window.table_id, started.wakes)
        admitted = places_give(self.window.table_id, started.look)
        mine = admitted.keep(self.window.window_id, self._rows)
        rows_wake(admitted)
        if not mine:
            return []
        try:
            with self._transaction() as (cursor, window_lives, rows):
                more = self._advance(cursor, [*mine, *rows]) if window_lives else Started()
        except (OperationalError, InterfaceError):
            return []
        self._take(more)
        emit(self.window.table_id, more.events)
        wakes_send(self.window.table_id, more.wakes)
        return more.runs

    def _lock_window(self, cursor: CursorWrapper) -> bool:
        """Hold the window shared until this transaction ends; ``False``: a Stop deleted it, nothing may start."""
        cursor.execute(sql.LOCK_WINDOWS, [[self.window.window_id]])
        found = cursor.fetchone()
        if found is not None:
            self.body_fired, self.token = found
        return found is not None

    def _next_steps(
        self, cursor: CursorWrapper, row_ids: Sequence[UUID]
    ) -> tuple[list[Next], list[RowState]]:
        loaded = rows_load(cursor, self.window.table_id, row_ids)
        if not loaded.rows:
            return [], []
        self._spec = spec = table_spec_cached(self.window.table_id, loaded.schema_version)
        steps, done = [], []
        for row in loaded.rows:
            reran = self.reran.get(row.id, frozenset())
            cascade = Cascade(self.window.request, self.window.window_id, reran, self.window.resumes)
            step = next_cell(spec, row, cascade, judge_condition)
            if step is None:
                done.append(row)
            else:
                steps.append(step)
        steps, beyond = steps_within(spec.workspace_id, steps)
        return steps, done + beyond

    def _begin(self, cursor: CursorWrapper, claims: Sequence[Claim], started: Started) -> list[UUID]:
        """Begin or take over the runs of these cells; the rows whose cell failed at once: their cascade goes on."""
        broken = self._starter.begin(cursor, claims, self._current_spec(), started)
        failed = [self._finish_of(claim, CellStatus.FAILED, error, None) for claim, error in broken]
        if failed:
            started.events += cells_finish(cursor, failed)
            started.look |= _limited(claim for claim, _ in broken)
        return [finish.row_id for finish in failed]

    def _take(self, started: Started) -> None:
        """Once it is committed: these cells are mine."""
        self._unborn.update(started.unborn)
        self._shown.update(started.shown)
        for claim, live in started.taken:
            self._claims[claim.run_id] = claim
            self._live[claim.run_id] = live

    def _current_spec(self) -> TableSpec:
        assert self._spec is not None
        return self._spec


def _limited(claims: Iterable[Claim]) -> set[UUID]:
    """Groups of these cells in which a place is free now."""
    return {claim.next.group.id for claim in claims if claim.next.group.limits.concurrency is not None}
