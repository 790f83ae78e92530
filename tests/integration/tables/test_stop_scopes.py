"""Stop in every scope: what it cancels, what it leaves, what can never come back (T24, T25, T26)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tables.errors import CellFinished, CellNotFound
from tables.models import Dispatch, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.reaping import reap
from tables.services.stopping import CellRef, dispatch_stop, run_of_cell_stop, stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain, probing_table
from tests.bed.running import Inbox, Probe, Worker
from workflows.models import Run
from workflows.services.runs import run_cancel
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")


def start(sheet: Sheet, **options: Any) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def statuses(sheet: Sheet, name: str = "A") -> list[str | None]:
    """Statuses of a group's cells in the order of rows."""
    cells = sheet.cells()
    return [cells[row, name].status if (row, name) in cells else None for row in sheet.rows]


@pytest.mark.rule("T24")
def test_stopping_a_table_ends_its_dispatches_and_every_cell_in_flight(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(50)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table)
    assert (outcome.cancelled, outcome.dispatches) == (20, [dispatch])
    inbox.run_all()
    assert not probe.calls
    found = check_account(dispatch)
    assert (found.status, found.cancelled) == ("cancelled", 20)
    check_quiet()


@pytest.mark.rule("T24")
def test_stopping_twice_is_stopping_once(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(3)
    start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table)
    again = stop(table=sheet.table)
    assert (again.cancelled, again.dispatches) == (0, [])


@pytest.mark.rule("T24")
@pytest.mark.bug("a Stop pressed during preparation that stops nothing")
def test_a_stop_during_preparation_has_something_to_stop(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(3)
    dispatch = start(sheet)
    stop(table=sheet.table)
    inbox.run_all()
    assert Dispatch.objects.get(id=dispatch).status == "cancelled"
    assert not RowExecution.objects.exists()


@pytest.mark.rule("T24")
def test_stopping_a_dispatch_leaves_another_one_alone(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(4)
    first, second = start(sheet, rows=sheet.rows[:2]), start(sheet, rows=sheet.rows[2:])
    inbox.deliver(inbox.take())
    inbox.deliver(inbox.take())
    outcome = dispatch_stop(Dispatch.objects.get(id=first))
    assert (outcome.cancelled, outcome.dispatches) == (2, [first])
    inbox.run_all()
    assert check_account(first).cancelled == 2
    assert check_account(second).completed == 2


@pytest.mark.rule("T24")
def test_a_dispatch_that_has_ended_stays_as_it_is(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(2)
    dispatch = start(sheet)
    inbox.run_all()
    assert dispatch_stop(Dispatch.objects.get(id=dispatch)).dispatches == []
    assert Dispatch.objects.get(id=dispatch).status == "complete"


@pytest.mark.rule("T24", "T25")
def test_stopping_rows_stops_what_is_in_flight_and_what_is_still_to_come(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(30)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    reached, ahead = sheet.rows[0], sheet.rows[25]
    assert stop(table=sheet.table, rows=[reached, ahead]).cancelled == 1
    inbox.run_all()
    found = check_account(dispatch, rows=30)
    assert (found.completed, found.cancelled, found.skipped) == (28, 1, {"tombstoned": 1})
    assert {"n0", "n25"}.isdisjoint(probe.counts())


@pytest.mark.rule("T25")
def test_a_tombstone_stops_its_own_group_only(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    sheet = probing_table(30)
    sheet.group("D", sheet.groups["A"].workflow.draft, outputs={"d": "result"})
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, rows=[sheet.rows[0], sheet.rows[25]], groups=[sheet.groups["A"].id])
    inbox.run_all()
    assert check_account(dispatch, rows=30).completed == 58
    assert [statuses(sheet, name)[n] for name in ("A", "D") for n in (0, 25)] == [
        "cancelled",
        "cancelled",
        "completed",
        "completed",
    ]


@pytest.mark.rule("T25")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE, Mode.FAILED])
def test_a_dispatch_asked_for_later_clears_tombstones_and_runs_the_rest(
    mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(3)
    start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, rows=sheet.rows[1:])
    inbox.run_all()
    again = start(sheet, mode=mode)
    inbox.run_all()
    assert statuses(sheet) == ["completed"] * 3
    assert check_account(again, rows=3).completed == (3 if mode is Mode.ALL else 2)


@pytest.mark.rule("T25")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE])
def test_a_later_run_clears_a_tombstone_though_the_cell_has_to_wait_for_its_inputs(
    mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(2, auto_run=True)
    start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    stop(table=sheet.table, rows=sheet.rows, groups=[sheet.groups["B"].id])
    again = start(sheet, rows=sheet.rows[:1], groups=[sheet.groups["B"].id], mode=mode)
    inbox.deliver(inbox.newest())
    assert check_account(again).skipped == {"deps_unmet": 1}
    inbox.run_all()
    assert statuses(sheet, "A") == ["completed", "completed"]
    assert statuses(sheet, "B") == ["completed", "cancelled"]


@pytest.mark.rule("T25")
def test_a_tombstone_of_a_finished_cell_leaves_what_it_says(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(30)
    start(sheet)
    inbox.run_all()
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, rows=[sheet.rows[25]])
    inbox.run_all()
    assert statuses(sheet)[25] == "completed"
    assert check_account(dispatch, rows=30).skipped == {"tombstoned": 1}


@pytest.mark.rule("T24", "T26")
def test_a_stop_that_overtakes_the_body_leaves_nothing_behind(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(3)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    chord = inbox.take()
    for task in chord.tasks:
        inbox.deliver(task)
    stop(table=sheet.table)
    inbox.deliver(chord.body)
    inbox.run_all()
    found = check_account(dispatch, rows=3)
    assert (found.status, found.completed) == ("cancelled", 3)


@pytest.mark.rule("T24", "T26")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
def test_a_running_cell_is_cancelled_at_once_and_its_late_result_is_refused(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(1)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    seen: list[str] = []

    def while_running(tag: str, _context: object) -> str:
        stop(table=sheet.table)
        seen.extend(RowExecution.objects.values_list("status", flat=True))
        return tag

    probe.does = while_running
    inbox.run_all()
    assert seen == ["cancelled"]
    assert sheet.values("a") == [None]
    assert probe.counts() == {"A:n0": 1}
    assert Run.objects.get().status == "cancelled"
    assert check_account(dispatch, rows=1).cancelled == 1


@pytest.mark.rule("T26")
@pytest.mark.bug("a cancelled cell resurrected by a late worker")
def test_no_message_and_no_reaper_brings_a_cancelled_cell_back(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    sheet = probing_table(2)
    start(sheet)
    inbox.deliver(inbox.take())
    messages = list(inbox.waiting)
    stop(table=sheet.table)
    worker.die()
    for message in messages * 2:
        inbox.deliver(message)
    reap()
    inbox.run_all()
    assert statuses(sheet) == ["cancelled", "cancelled"]
    assert not probe.calls


@pytest.mark.rule("T24", "T26")
def test_after_a_stop_the_next_manual_run_fills_the_rest(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    sheet = probing_table(45)
    start(sheet)
    inbox.deliver(inbox.take())
    inbox.deliver(inbox.take())
    stop(table=sheet.table)
    inbox.run_all()
    again = start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert check_account(again, rows=45).skipped == {"completed": 20}
    assert probe.counts() == {f"n{i}": 1 for i in range(45)}


@pytest.mark.rule("T24", "T25")
@pytest.mark.bug("stopping one group silently skips all of them")
@pytest.mark.parametrize("reached", [False, True])
def test_stopping_a_group_lets_a_dispatch_go_on_with_its_others(
    reached: bool, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    """Neither rows still to come nor rows whose cascade has begun run the stopped group."""
    worker.start(slots=1)
    sheet = probing_chain(30)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stopped: list[int] = []

    def stop_b() -> None:
        stopped.append(stop(table=sheet.table, groups=[sheet.groups["B"].id]).cancelled)

    def while_a_runs(tag: str, _context: object) -> str:
        if not stopped:
            stop_b()
        return tag

    if reached:
        probe.does = while_a_runs
    else:
        stop_b()
    inbox.run_all()
    assert set(probe.counts()) == {f"A:n{i}" for i in range(30)}
    found = check_account(dispatch, rows=30)
    assert (found.status, found.completed) == ("complete", 30)
    assert found.stopped_groups == [sheet.groups["B"].id]
    assert found.skipped == {"stopped": 30}
    check_quiet()


@pytest.mark.rule("T24")
def test_stopping_every_group_of_a_dispatch_ends_it(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(3)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table, groups=[group.id for group in sheet.groups.values()])
    assert (outcome.cancelled, outcome.dispatches) == (3, [dispatch])
    inbox.run_all()
    assert check_account(dispatch, rows=3).cancelled == 3


@pytest.mark.rule("T24", "T25")
def test_a_cell_stopped_before_and_asked_for_again_can_be_stopped_again(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    start(sheet)
    stop(table=sheet.table, cell=ref(sheet))
    inbox.run_all()
    start(sheet)
    stop(table=sheet.table, cell=ref(sheet))
    inbox.run_all()
    assert statuses(sheet) == ["cancelled"]
    assert not probe.calls


# ---- one cell ----------------------------------------------------------------------------------------------------


def ref(sheet: Sheet, execution: UUID | None = None) -> CellRef:
    return CellRef(sheet.rows[0], sheet.groups["A"].id, execution)


@pytest.mark.rule("T24")
def test_one_cell_by_its_exact_execution(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(2)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    outcomes: list[int] = []

    def while_running(tag: str, _context: object) -> str:
        if tag == "n0":
            cell = RowExecution.objects.get(row=sheet.rows[0])
            this = ref(sheet, cell.execution_id)
            outcomes.extend(stop(table=sheet.table, cell=this).cancelled for _ in range(2))
        return tag

    probe.does = while_running
    inbox.run_all()
    assert outcomes == [1, 0]
    assert statuses(sheet) == ["cancelled", "completed"]
    assert check_account(dispatch, rows=2).cancelled == 1


@pytest.mark.rule("T24")
@pytest.mark.parametrize("execution", [None, uuid4()])
def test_a_finished_attempt_is_a_conflict(execution: UUID | None, inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    start(sheet)
    inbox.run_all()
    with pytest.raises(CellFinished):
        stop(table=sheet.table, cell=ref(sheet, execution))


@pytest.mark.rule("T24")
def test_an_attempt_that_was_replaced_by_another_is_a_conflict(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    start(sheet)
    inbox.deliver(inbox.take())
    with pytest.raises(CellFinished):
        stop(table=sheet.table, cell=ref(sheet, uuid4()))
    inbox.run_all()
    assert statuses(sheet) == ["completed"]


@pytest.mark.rule("T24")
def test_a_cell_of_no_group_of_this_table_is_not_found(inbox: Inbox) -> None:
    sheet = probing_table(1)
    with pytest.raises(CellNotFound):
        stop(table=sheet.table, cell=CellRef(sheet.rows[0], uuid4()))


@pytest.mark.rule("T24", "T25")
def test_a_cell_that_is_still_to_come_is_stopped_too(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(2)
    dispatch = start(sheet)
    stop(table=sheet.table, cell=ref(sheet))
    inbox.run_all()
    assert statuses(sheet) == ["cancelled", "completed"]
    assert check_account(dispatch, rows=2).skipped == {"tombstoned": 1}


@pytest.mark.rule("T24", "W17")
def test_cancelling_the_run_of_a_cell_stops_the_cell(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    start(sheet)
    inbox.deliver(inbox.take())
    actor = Actor.system("test")

    def while_running(tag: str, _context: object) -> str:
        run_cancel(run=Run.objects.get(), actor=actor)
        run_of_cell_stop(Run.objects.get(), actor)
        return tag

    probe.does = while_running
    inbox.run_all()
    assert statuses(sheet) == ["cancelled"]
    assert Run.objects.get().status == "cancelled"
    assert not Window.objects.exists()
    check_quiet()
