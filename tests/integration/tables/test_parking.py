"""A cell that waits frees its row, and goes on later under the same execution (T32, T23, T13)."""

from __future__ import annotations

from uuid import UUID

import pytest

from tables.lease import owners
from tables.models import Dispatch, Window
from tables.row_list import rows_named
from tables.selectors import table_spec
from tables.services.going_on import cells_wake
from tables.services.reaping import reap
from tables.services.rows import row_update
from tests.bed.accounts import check_account, check_quiet
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import (
    APPROVE,
    BY,
    REJECT,
    answer,
    approval,
    cell,
    data,
    figures,
    parking_table,
    question,
    run_id,
    start,
    statuses,
    time_passes,
    waiting,
)
from workflows.models import Run
from workflows.services.pauses import pause_answer
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.rule("T32", "T13")
def test_an_approval_parks_its_cell_and_the_row_goes_on_without_it(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    run = Run.objects.get(id=run_id(parked))
    assert statuses(sheet) == {"A": "paused", "C": "completed"}
    assert (parked.reason, parked.instance_id, run.status, run.lease_token) == (
        "approval",
        None,
        "paused",
        None,
    )
    assert data(sheet) == {"name": "n0", "first": "first:n0", "c": "C:n0"}
    assert not owners(sheet.rows)
    assert not Window.objects.exists()
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    assert figures(dispatch) == {"completed": 1, "paused": 1, "skipped": {"deps_unmet": 1}}


@pytest.mark.rule("T32", "T13")
def test_an_answer_finishes_the_run_under_the_same_execution_and_the_cascade_goes_on(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    answer(parked)
    woken = cell(sheet)
    assert (woken.status, woken.execution_id, woken.run_id) == ("pending", parked.execution_id, parked.run_id)
    assert figures(dispatch) == {"completed": 1, "queued": 1, "skipped": {"deps_unmet": 1}}
    inbox.run_all()
    done = cell(sheet)
    assert statuses(sheet) == {"A": "completed", "B": "completed", "C": "completed"}
    assert data(sheet) == {"name": "n0", "first": "first:n0", "a": "sent n0", "b": "B:sent n0", "c": "C:n0"}
    assert (done.execution_id, done.run_id, done.attempt) == (parked.execution_id, parked.run_id, 1)
    assert (done.started_at, done.reason, done.waits_for) == (parked.started_at, "", None)
    assert probe.counts() == {"first:n0": 1, "B:sent n0": 1, "C:n0": 1}
    assert figures(dispatch) == {"completed": 3}
    assert Run.objects.count() == 3
    check_account(dispatch, rows=1)
    check_quiet()


@pytest.mark.rule("T32")
def test_a_run_of_pure_blocks_is_recorded_when_it_parks(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(pure=True)
    start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    assert (parked.status, data(sheet)["first"]) == ("paused", "draft n0")
    answer(parked)
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)["a"]) == ("completed", "sent n0")
    assert cell(sheet).execution_id == parked.execution_id


@pytest.mark.rule("T32")
def test_a_timer_wakes_its_cell(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(waiting(), rows=2)
    dispatch = start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    assert (parked.status, parked.reason) == ("paused", "timer")
    assert parked.wake_at is not None
    assert figures(dispatch)["paused"] == 2
    assert time_passes() == 2
    inbox.run_all()
    assert sheet.values("b") == ["B:sent n0", "B:sent n1"]
    assert figures(dispatch) == {"completed": 6}
    check_quiet()


@pytest.mark.rule("T32", "T13")
def test_a_cell_may_park_again_and_again(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(approval("ask"), approval("ask_again"))
    dispatch = start(sheet)
    inbox.run_all()
    first = cell(sheet)
    for _ in range(2):
        answer(cell(sheet))
        inbox.run_all()
        if cell(sheet).status == "paused":
            assert figures(dispatch) == {"completed": 1, "paused": 1, "skipped": {"deps_unmet": 1}}
    assert (cell(sheet).status, cell(sheet).execution_id) == ("completed", first.execution_id)
    assert figures(dispatch) == {"completed": 3}


@pytest.mark.rule("T32", "T13")
def test_a_rejection_leads_nowhere_and_ends_the_run_without_output(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    answer(cell(sheet), REJECT)
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)["a"]) == ("completed", None)
    assert figures(dispatch) == {"completed": 2, "skipped": {"deps_unmet": 1}}
    check_quiet()


@pytest.mark.rule("T32")
def test_while_its_window_is_open_a_cell_goes_on_in_that(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(rows=2)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    inbox.unpack()
    inbox.deliver(inbox.take())  # the first row; the second keeps the window open
    window = Window.objects.get()
    answer(cell(sheet))
    assert Window.objects.get().id == cell(sheet).window_id == window.id
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed", "C": "completed"}
    assert figures(dispatch) == {"completed": 4, "paused": 1, "skipped": {"deps_unmet": 1}}
    assert not Window.objects.exists()


@pytest.mark.rule("T32", "T13")
def test_what_the_dispatch_asked_for_beside_is_not_run_again(inbox: Inbox, probe: Probe) -> None:
    """Days may lie between; whoever ran another column of the row since then has the say on that."""
    sheet = parking_table()
    first = start(sheet)
    inbox.run_all()
    later = start(sheet, groups=[sheet.groups["C"].id], rows=sheet.rows)
    inbox.run_all()
    assert probe.counts()["C:n0"] == 2
    answer(cell(sheet))
    inbox.run_all()
    assert probe.counts() == {"first:n0": 1, "B:sent n0": 1, "C:n0": 2}
    assert (figures(first)["completed"], figures(later)["completed"]) == (3, 1)


@pytest.mark.rule("T32")
def test_doubled_wakes_run_it_once(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    answer(parked)
    for _ in range(3):
        cells_wake([(run_id(parked), parked.id)])
    assert Window.objects.count() == 1
    inbox.run_all()
    cells_wake([(run_id(parked), parked.id)])
    inbox.run_all()
    assert probe.counts() == {"first:n0": 1, "B:sent n0": 1, "C:n0": 1}
    assert not Window.objects.exists()


@pytest.mark.rule("T32", "T11")
def test_a_wake_whose_message_is_lost_is_sent_again_by_the_reaper(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    parked = cell(sheet)
    answer(parked)
    inbox.waiting.clear()
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert (cell(sheet).status, cell(sheet).execution_id) == ("completed", parked.execution_id)
    assert figures(dispatch) == {"completed": 3}
    check_quiet()


@pytest.mark.rule("T32", "T11")
def test_a_closing_body_that_is_lost_is_found_though_the_dispatch_has_ended(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    answer(cell(sheet))
    inbox.unpack()
    message = inbox.take()
    inbox.deliver(message)
    inbox.waiting.clear()
    assert Window.objects.count() == 1
    assert figures(dispatch) == {"completed": 3}  # told as it is, though not accounted for yet
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert figures(dispatch) == {"completed": 3}
    check_account(dispatch, rows=1)


@pytest.mark.rule("T32", "T17")
def test_a_woken_row_that_somebody_holds_is_left_to_them(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    start(sheet)
    inbox.run_all()
    parked = cell(sheet)

    def answered_meanwhile(tag: str, _context: object) -> str:
        if tag == "C:n0":
            answer(cell(sheet))
            inbox.run_all()  # the row is taken: nothing happens
            assert cell(sheet).status == "pending"
        return tag

    probe.does = answered_meanwhile
    start(sheet, groups=[sheet.groups["C"].id], rows=sheet.rows)
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed", "C": "completed"}
    assert cell(sheet).execution_id == parked.execution_id
    check_quiet()


@pytest.mark.rule("T32", "T15")
def test_a_worker_that_dies_over_a_woken_cell_loses_nothing(
    inbox: Inbox, probe: Probe, worker: object
) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()

    def killed(tag: str, _context: object) -> str:
        if tag.startswith("B:") and probe.counts()[tag] == 1:
            worker.die()  # type: ignore[attr-defined]
        return tag

    probe.does = killed
    answer(cell(sheet))
    inbox.run_all()
    reap()
    inbox.run_all()
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed", "C": "completed"}
    assert figures(dispatch) == {"completed": 3}
    check_quiet()


@pytest.mark.rule("T32", "T20")
def test_a_dependant_that_runs_by_itself_follows_a_woken_cell(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(auto_run=True)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.run_all()
    answer(cell(sheet))
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    assert figures(dispatch) == {"completed": 1}


@pytest.mark.rule("T32", "T7")
def test_what_a_parked_run_has_written_meets_no_dependency(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    sheet.group("D", sheet.groups["C"].workflow.draft, outputs={"d": "result"}, depends_on=["first"])
    start(sheet)
    inbox.run_all()
    assert "first" in data(sheet)
    assert statuses(sheet) == {"A": "paused", "C": "completed"}
    answer(cell(sheet))
    inbox.run_all()
    assert statuses(sheet)["D"] == "completed"


@pytest.mark.rule("T19", "T30")
def test_partial_outputs_leave_what_a_person_typed(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    row_update(table=sheet.table, row_id=sheet.rows[0], data={"first": "mine"}, actor=Actor.system("ada"))
    start(sheet, mode="incomplete")
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)["first"]) == ("paused", "mine")
    answer(cell(sheet))
    inbox.run_all()
    assert (data(sheet)["first"], data(sheet)["a"]) == ("mine", "sent n0")


@pytest.mark.rule("T32")
def test_a_cell_tells_what_it_waits_for(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    start(sheet)
    inbox.run_all()
    pause = question(cell(sheet))
    (shown,) = rows_named(table_spec(sheet.table.id), sheet.rows)
    found = shown["cells"][str(sheet.groups["A"].id)]
    assert (found["status"], found["reason"], found["run"]) == ("paused", "approval", str(pause.run_id))
    (waits,) = found["waits_for"]
    assert (waits["kind"], waits["step_key"], waits["pause"]) == ("approval", "ask", str(pause.pk))
    pause_answer(pause_id=UUID(waits["pause"]), data=APPROVE, by=BY)
    inbox.run_all()
    (shown,) = rows_named(table_spec(sheet.table.id), sheet.rows)
    assert "waits_for" not in shown["cells"][str(sheet.groups["A"].id)]
