"""What an edit makes of cells that wait: parked, held back, in windows that are open or closed (T28, T32)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Window
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import probing_chain
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import (
    APPROVE,
    BY,
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
    waiting,
)
from tests.integration.tables.test_edits import edit
from workflows.blocks.base import BlockPostponed
from workflows.errors import PauseGone
from workflows.models import Run
from workflows.services.pauses import pause_answer

pytestmark = pytest.mark.usefixtures("worker")


@pytest.mark.rule("T28", "T27", "T13", "T32")
def test_a_parked_cell_whose_input_is_edited_asks_anew(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    asked, before = question(cell(sheet)), cell(sheet)
    assert figures(dispatch) == {"completed": 1, "paused": 1, "skipped": {"deps_unmet": 1}}
    edit(sheet, {"name": "new"})
    assert Run.objects.get(id=run_id(before)).status == "cancelled"
    assert Window.objects.get().resumes
    inbox.run_all()
    again = cell(sheet)
    assert (again.status, again.attempt) == ("paused", 2)
    assert again.run_id != before.run_id
    with pytest.raises(PauseGone):
        pause_answer(pause_id=asked.pk, data=APPROVE, by=BY)
    assert figures(dispatch) == {"completed": 1, "paused": 1, "skipped": {"deps_unmet": 1}}
    answer(again)
    inbox.run_all()
    assert data(sheet)["a"] == "sent new"
    assert data(sheet)["b"] == "B:sent new"
    assert figures(dispatch) == {"completed": 3}
    check_quiet()


def held_back(tag: str, _context: Any) -> str:
    """The provider's limit is reached for one row."""
    if tag == "A:n0":
        raise BlockPostponed(60, "the provider's limit is reached")
    return tag


@pytest.mark.rule("T28", "T23")
def test_a_cell_that_waits_out_a_limit_begins_anew_in_its_window(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1)
    probe.does = held_back
    dispatch = start(sheet)
    inbox.run_all()
    waits, window = cell(sheet), Window.objects.get()
    assert waits.status == "queued"
    edit(sheet, {"name": "good"})
    assert (cell(sheet).status, cell(sheet).window_id) == ("pending", window.id)
    inbox.run_all()
    assert sheet.values("b") == ["B:good"]
    assert Run.objects.get(id=run_id(waits)).status == "cancelled"
    assert check_account(dispatch, rows=1).completed == 2
    check_quiet()


@pytest.mark.rule("T28", "T23", "T11")
def test_the_window_of_a_waiting_cell_that_is_cleared_closes_at_once(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1)
    probe.does = held_back
    dispatch = start(sheet)
    inbox.run_all()
    edit(sheet, {"name": None})
    inbox.run_all()
    assert check_account(dispatch, rows=1).completed == 0
    check_quiet()


@pytest.mark.rule("T28", "T13")
def test_what_runs_on_an_input_that_is_emptied_ends_and_its_dispatch_goes_on(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(2)

    def meanwhile(tag: str, _context: Any) -> str:
        if tag == "A:n0":
            edit(sheet, {"name": None})
            assert "A" not in statuses(sheet)
        return tag

    probe.does = meanwhile
    sheet.groups["A"].auto_run = True
    sheet.groups["A"].save()
    dispatch = start(sheet)
    inbox.run_all()
    assert data(sheet) == {}
    done = check_account(dispatch, rows=2)
    assert (done.completed, done.skipped) == (2, {"deps_unmet": 2})
    check_quiet()


@pytest.mark.rule("T28", "T13", "T27")
def test_a_parked_cell_whose_input_is_emptied_is_no_longer_counted_as_paused(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()
    edit(sheet, {"name": None})
    assert statuses(sheet) == {}
    assert figures(dispatch) == {"completed": 1, "skipped": {"deps_unmet": 1, "superseded": 1}}
    assert not inbox.waiting
    check_quiet()


@pytest.mark.rule("T28")
def test_a_parked_cell_behind_a_window_still_open_begins_anew_there(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(waiting())

    def meanwhile(tag: str, _context: Any) -> str:
        if tag == "C:n0":
            window = Window.objects.get()
            assert cell(sheet).status == "paused"
            edit(sheet, {"name": "new"})
            assert (cell(sheet).status, cell(sheet).window_id) == ("pending", window.id)
            assert Window.objects.get() == window
        return tag

    probe.does = meanwhile
    dispatch = start(sheet)
    inbox.run_all()
    assert statuses(sheet) == {"A": "paused", "C": "completed"}
    assert (data(sheet)["first"], data(sheet)["c"]) == ("first:new", "C:new")
    assert figures(dispatch) == {"completed": 1, "paused": 1, "skipped": {"deps_unmet": 1}}


@pytest.mark.rule("T28", "T27")
def test_the_run_of_a_restarted_cell_can_neither_finish_nor_be_answered(inbox: Inbox, probe: Probe) -> None:
    from tables.services.going_on import cells_wake

    sheet = parking_table(approval())
    start(sheet)
    inbox.run_all()
    left = run_id(cell(sheet))
    edit(sheet, {"name": "new"})
    cells_wake([(left, cell(sheet).id)])
    assert cell(sheet).execution_id is None
    inbox.run_all()
    assert run_id(cell(sheet)) != left
