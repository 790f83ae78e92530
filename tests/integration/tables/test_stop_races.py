"""A Stop against whoever acts at the same moment: the walk, the close, a finish, a wake, the reaper (T24 to T27)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from tables.errors import CellFinished
from tables.models import Dispatch, RowExecution, Window
from tables.services.dispatcher import dispatch_advance
from tables.services.dispatches import dispatch_start
from tables.services.going_on import cells_wake
from tables.services.pack import PackSink
from tables.services.reaping import reap
from tables.services.resuming import cell_resume_run
from tables.services.stopping import CellRef, dispatch_stop, stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled
from workflows.blocks.base import BlockContext, BlockPostponed
from workflows.errors import NotResumable
from workflows.models import Run
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")
ADA = Actor.system("ada")
ROUNDS = 5


def start(sheet: Sheet, **options: Any) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def scopes(sheet: Sheet, dispatch: UUID) -> dict[str, Callable[[], Any]]:
    """Every way to stop all of a table's first dispatch."""
    everything = {"column": "name", "op": "not_empty"}
    return {
        "table": partial(stop, table=sheet.table),
        "groups": partial(stop, table=sheet.table, groups=[group.id for group in sheet.groups.values()]),
        "rows": partial(stop, table=sheet.table, rows=sheet.rows),
        "filter": partial(stop, table=sheet.table, filter=everything),
        "dispatch": lambda: dispatch_stop(Dispatch.objects.get(id=dispatch)),
    }


ALL_SCOPES = ["table", "groups", "rows", "filter", "dispatch"]


@pytest.mark.rule("T24")
@pytest.mark.bug("a Stop overwritten by complete")
@pytest.mark.parametrize("scope", ["table", "groups", "dispatch"])
def test_a_dispatch_that_a_stop_has_ended_is_never_complete(
    scope: str, inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    """The last step, which completes the dispatch, and the stop meet."""
    for _ in range(ROUNDS):
        sheet = probing_table(2)
        dispatch = start(sheet)
        inbox.deliver(inbox.take())
        chord = inbox.chord()
        for task in chord.tasks:
            inbox.deliver(task)
        _, stopped = two_connections(partial(inbox.deliver, chord.body), scopes(sheet, dispatch)[scope])
        assert stopped.error is None
        inbox.run_all()
        is_ended = dispatch in stopped.value.dispatches
        found = check_account(dispatch, rows=2)
        assert (found.status, found.completed) == ("cancelled" if is_ended else "complete", 2)
        check_quiet()


@pytest.mark.rule("T24", "T25")
@pytest.mark.bug("a Stop pressed during preparation that stops nothing")
@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_stop_while_a_dispatch_is_prepared_and_takes_its_first_window(
    scope: str, inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    for _ in range(ROUNDS):
        sheet = probing_table(3)
        dispatch = start(sheet)
        inbox.waiting.clear()
        advanced, stopped = two_connections(
            partial(dispatch_advance, dispatch), scopes(sheet, dispatch)[scope]
        )
        assert (advanced.error, stopped.error) == (None, None)
        inbox.run_all()
        assert not probe.calls
        assert Dispatch.objects.get(id=dispatch).status in {"cancelled", "complete"}
        assert not RowExecution.objects.exclude(status="cancelled").exists()
        check_quiet()


@pytest.mark.rule("T24", "T26")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
@pytest.mark.parametrize("scope", [*ALL_SCOPES, "cell"])
def test_a_stop_and_a_finish_at_once_agree_on_one_end(
    scope: str, inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    """Whoever is first: a cell that the stop has counted holds no value, one that it has not was finished."""
    for _ in range(ROUNDS):
        sheet = probing_table(2)
        dispatch = start(sheet)
        inbox.deliver(inbox.take())
        chord = inbox.chord()
        cell = CellRef(sheet.rows[0], sheet.groups["A"].id)
        stops = scopes(sheet, dispatch) | {"cell": partial(stop, table=sheet.table, cell=cell)}
        ran, stopped = two_connections(partial(inbox.deliver, chord), stops[scope])
        assert ran.error is None
        assert stopped.error is None or isinstance(stopped.error, CellFinished)
        inbox.run_all()
        cells = {found.row_id: found.status for found in RowExecution.objects.filter(table=sheet.table)}
        values = dict(zip(sheet.rows, sheet.values("a"), strict=True))
        for row, status in cells.items():
            assert (status == "completed") == (values[row] is not None)
        counted = stopped.value.cancelled if stopped.error is None else 0
        assert list(cells.values()).count("cancelled") == counted
        assert check_account(dispatch).cancelled == counted
        check_quiet()


@pytest.mark.rule("T24")
def test_stopping_an_exact_attempt_while_it_ends_is_a_conflict_or_the_end_of_it(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    for _ in range(2 * ROUNDS):
        sheet = probing_table(1)
        dispatch = start(sheet)
        inbox.deliver(inbox.take())
        attempts: list[UUID] = []

        def called(tag: str, _context: object, sheet: Sheet = sheet, attempts: list[UUID] = attempts) -> str:
            cell = RowExecution.objects.get(table=sheet.table)
            attempts.extend(filter(None, [cell.execution_id]))
            two_connections.meet()
            return tag

        def attempt_stop(sheet: Sheet = sheet, attempts: list[UUID] = attempts) -> int | str:
            try:
                return stop(
                    table=sheet.table, cell=CellRef(sheet.rows[0], sheet.groups["A"].id, attempts[0])
                ).cancelled
            except CellFinished:
                return "finished"

        def met_stop(attempt_stop: Callable[[], int | str] = attempt_stop) -> int | str:
            two_connections.meet()
            return attempt_stop()

        probe.does = called
        ran, first = two_connections(partial(inbox.deliver, inbox.chord()), met_stop)
        assert (ran.error, first.error) == (None, None)
        status = RowExecution.objects.get(table=sheet.table).status
        answers = {"completed": ("finished", "finished"), "cancelled": (1, 0)}
        assert (first.value, attempt_stop()) == answers[status]
        inbox.run_all()
        assert check_account(dispatch, rows=1).status == "complete"
        check_quiet()


@pytest.mark.rule("T26", "T23")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_cell_stopped_in_its_back_off_is_not_woken(
    scope: str, inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    def postponed(tag: str, _context: BlockContext) -> str:
        raise BlockPostponed(60, "later")

    for _ in range(ROUNDS):
        sheet = probing_table(1)
        dispatch = start(sheet)
        probe.does = postponed
        inbox.run_all()
        waiting = RowExecution.objects.get(table=sheet.table)
        assert (waiting.status, waiting.run_id is not None) == ("queued", True)

        def wake(waiting: RowExecution = waiting) -> None:
            with transaction.atomic():
                cells_wake([(waiting.run_id, waiting.id)])  # type: ignore[list-item]

        probe.does = lambda tag, _context: tag
        woken, stopped = two_connections(wake, scopes(sheet, dispatch)[scope])
        assert (woken.error, stopped.error) == (None, None)
        wake()
        inbox.run_all()
        reap()
        inbox.run_all()
        assert RowExecution.objects.get(id=waiting.id).status == "cancelled"
        assert sheet.values("a") == [None]
        assert Run.objects.get(owner_id=waiting.id).status == "cancelled"
        assert check_account(dispatch, rows=1).cancelled == 1
        check_quiet()


@pytest.mark.rule("T24")
def test_a_window_that_only_waited_for_stopped_cells_closes_at_once(inbox: Inbox, probe: Probe) -> None:
    """Its body has come and gone: nobody else would ask before the reaper does."""

    def postponed(tag: str, _context: BlockContext) -> str:
        raise BlockPostponed(60, "later")

    sheet = probing_table(2)
    dispatch = start(sheet)
    probe.does = postponed
    inbox.run_all()
    assert Window.objects.count() == 1
    for row in sheet.rows:
        stop(table=sheet.table, rows=[row])
    inbox.run_all()
    found = check_account(dispatch, rows=2)
    assert (found.status, found.cancelled) == ("complete", 2)


@pytest.mark.rule("T26")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
def test_a_failed_cell_that_was_stopped_on_its_way_back_is_not_resumed_again(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    def fails(tag: str, _context: object) -> str:
        raise ValueError("no")

    for _ in range(ROUNDS):
        sheet = probing_table(1)
        start(sheet)
        probe.does = fails
        inbox.run_all()
        group = sheet.groups["A"].id
        probe.does = lambda tag, _context: tag
        resume = partial(cell_resume_run, table=sheet.table, row_id=sheet.rows[0], group_id=group, actor=ADA)
        resumed, stopped = two_connections(resume, partial(stop, table=sheet.table))
        assert stopped.error is None
        if stopped.value.cancelled:
            assert resumed.error is None
            inbox.run_all()
            with pytest.raises(NotResumable):
                resume()
            assert RowExecution.objects.get(table=sheet.table).status == "cancelled"
            assert sheet.values("a") == [None]
        inbox.run_all()
        check_quiet()


@pytest.mark.rule("T26")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
def test_recovery_of_a_dead_worker_and_a_stop_at_once(
    inbox: Inbox, probe: Probe, worker: Worker, kill_at_commit: Callable[..., None], two_connections: Race
) -> None:
    whole = PackSink.commit
    for _ in range(4):
        sheet = probing_table(1)
        dispatch = start(sheet)
        inbox.deliver(inbox.take())
        kill_at_commit()
        with pytest.raises(WorkerKilled):
            inbox.deliver(inbox.chord())
        PackSink.commit = whole  # type: ignore[method-assign]
        assert RowExecution.objects.get(table=sheet.table).status == "running"
        recovered, stopped = two_connections(reap, partial(stop, table=sheet.table))
        assert (recovered.error, stopped.error) == (None, None)
        assert stopped.value.cancelled == 1
        inbox.run_all()
        reap()
        inbox.run_all()
        assert RowExecution.objects.get(table=sheet.table).status == "cancelled"
        assert check_account(dispatch, rows=1).status == "cancelled"
        check_quiet()
