"""Stopping what waits: the run is cancelled, its questions die, nothing comes back (T24 to T27, T5)."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from django.db import transaction

from tables.errors import CellFinished
from tables.models import Dispatch, Row, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.going_on import cells_wake
from tables.services.groups import group_delete
from tables.services.reaping import reap
from tables.services.rows import row_delete
from tables.services.schema import table_archive
from tables.services.stopping import CellRef, StopOutcome, dispatch_stop, stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import (
    APPROVE,
    BY,
    answer,
    cell,
    data,
    figures,
    parking_table,
    question,
    start,
    statuses,
)
from workflows.errors import PauseGone
from workflows.models import PausePoint, Run
from workflows.services.pauses import pause_answer
from workflows.services.runs import run_cancel
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")
ADA = Actor.system("ada")


def parked(inbox: Inbox, rows: int = 1) -> tuple[Sheet, UUID, PausePoint]:
    """A table whose first row waits for approval, its dispatch complete; and what it asks."""
    sheet = parking_table(rows=rows)
    dispatch = start(sheet)
    inbox.run_all()
    return sheet, dispatch, question(cell(sheet))


def check_dead(sheet: Sheet, pause: PausePoint) -> None:
    """The run is cancelled, nobody can answer for it, and nothing brings it back (T27)."""
    assert Run.objects.get(id=pause.run_id).status == "cancelled"
    with pytest.raises(PauseGone):
        pause_answer(pause_id=pause.pk, data=APPROVE, by=BY)
    cells = RowExecution.objects.filter(run_id=pause.run_id)
    for found in cells:
        cells_wake([(pause.run_id, found.id)])
        assert RowExecution.objects.get(id=found.id).status == "cancelled"
    assert not Window.objects.exists()
    check_quiet()


@pytest.mark.rule("T27", "T24", "T13")
@pytest.mark.bug("a paused cell stopped and then answered")
@pytest.mark.parametrize("scope", ["cell", "rows", "groups", "table", "dispatch", "run"])
def test_stopping_a_parked_cell_cancels_its_run_and_kills_its_question(
    scope: str, inbox: Inbox, probe: Probe
) -> None:
    sheet, dispatch, pause = parked(inbox)
    waiting = cell(sheet)
    group = sheet.groups["A"].id
    outcome: StopOutcome | None = None
    match scope:
        case "cell":
            outcome = stop(table=sheet.table, cell=CellRef(sheet.rows[0], group, waiting.execution_id))
        case "rows":
            outcome = stop(table=sheet.table, rows=sheet.rows)
        case "groups":
            outcome = stop(table=sheet.table, groups=[group])
        case "table":
            outcome = stop(table=sheet.table)
        case "dispatch":
            outcome = dispatch_stop(Dispatch.objects.get(id=dispatch))
        case _:
            run_cancel(run=Run.objects.get(id=pause.run_id), actor=ADA)
    assert outcome is None or outcome.cancelled == 1
    assert statuses(sheet) == {"A": "cancelled", "C": "completed"}
    assert (cell(sheet).reason, cell(sheet).waits_for) == ("", None)
    assert figures(dispatch) == {"completed": 1, "cancelled": 1, "skipped": {"deps_unmet": 1}}
    assert check_account(dispatch, rows=1).paused == 0
    check_dead(sheet, pause)


@pytest.mark.rule("T27", "T26")
def test_a_question_answered_before_the_stop_comes_too_late_too(inbox: Inbox, probe: Probe) -> None:
    sheet, dispatch, pause = parked(inbox)
    answer(cell(sheet))
    assert cell(sheet).status == "pending"
    outcome = stop(table=sheet.table)
    assert (outcome.cancelled, outcome.dispatches) == (1, [])
    inbox.run_all()
    assert statuses(sheet) == {"A": "cancelled", "C": "completed"}
    assert figures(dispatch) == {"completed": 1, "cancelled": 1, "skipped": {"deps_unmet": 1}}
    assert (Dispatch.objects.get(id=dispatch).status, Run.objects.get(id=pause.run_id).status) == (
        "complete",
        "cancelled",
    )
    check_quiet()


@pytest.mark.rule("T27", "T26")
@pytest.mark.parametrize("scope", ["cell", "rows", "table", "dispatch"])
def test_a_stop_while_a_woken_cell_runs_leaves_nothing_behind(scope: str, inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    dispatch = start(sheet)
    inbox.run_all()

    def stopped(tag: str, _context: object) -> str:
        if tag.startswith("B:"):
            match scope:
                case "cell":
                    stop(table=sheet.table, cell=CellRef(sheet.rows[0], sheet.groups["B"].id))
                case "rows":
                    stop(table=sheet.table, rows=sheet.rows)
                case "table":
                    stop(table=sheet.table)
                case _:
                    dispatch_stop(Dispatch.objects.get(id=dispatch))
        return tag

    probe.does = stopped
    answer(cell(sheet))
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "cancelled", "C": "completed"}
    assert "b" not in data(sheet)
    assert figures(dispatch) == {"completed": 2, "cancelled": 1}
    reap()
    inbox.run_all()
    check_quiet()


@pytest.mark.rule("T5", "T27")
@pytest.mark.parametrize("gone", ["row", "group", "table"])
def test_deleting_what_a_parked_cell_stands_in_ends_it_quietly(gone: str, inbox: Inbox, probe: Probe) -> None:
    sheet, dispatch, pause = parked(inbox, rows=2)
    match gone:
        case "row":
            row_delete(table=sheet.table, row_id=sheet.rows[0], actor=ADA)
            assert not Row.objects.filter(id=sheet.rows[0]).exists()
        case "group":
            group_delete(table=sheet.table, group_id=sheet.groups["A"].id, actor=ADA)
        case _:
            table_archive(table=sheet.table, actor=ADA)
    inbox.run_all()
    assert Run.objects.get(id=pause.run_id).status == "cancelled"
    with pytest.raises(PauseGone):
        pause_answer(pause_id=pause.pk, data=APPROVE, by=BY)
    shown = figures(dispatch)
    assert shown.get("paused", 0) == (1 if gone == "row" else 0)


@pytest.mark.rule("T26", "T32")
def test_running_the_row_again_takes_the_place_of_what_waits(inbox: Inbox, probe: Probe) -> None:
    sheet, dispatch, pause = parked(inbox)
    old = cell(sheet)
    again = start(sheet, rows=sheet.rows)
    inbox.run_all()
    new = cell(sheet)
    assert (new.status, new.attempt) == ("paused", 2)
    assert new.run_id != old.run_id
    with pytest.raises(PauseGone):
        pause_answer(pause_id=pause.pk, data=APPROVE, by=BY)
    answer(new)
    inbox.run_all()
    assert figures(again) == {"completed": 3}
    assert "paused" not in figures(dispatch)
    with pytest.raises(CellFinished):
        stop(table=sheet.table, cell=CellRef(sheet.rows[0], sheet.groups["A"].id, old.execution_id))


@pytest.mark.rule("T26", "T32")
def test_running_the_row_again_stops_a_cell_that_is_about_to_go_on(inbox: Inbox, probe: Probe) -> None:
    sheet, _, pause = parked(inbox)
    answer(cell(sheet))
    inbox.waiting.clear()
    start(sheet, rows=sheet.rows)
    inbox.run_all()
    assert Run.objects.get(id=pause.run_id).status == "cancelled"
    assert (cell(sheet).status, cell(sheet).attempt) == ("paused", 2)


@pytest.mark.rule("T32")
@pytest.mark.parametrize(
    ("mode", "asked_again"), [(Mode.ALL, True), (Mode.INCOMPLETE, False), (Mode.NEW, False)]
)
def test_run_all_asks_again_only_when_everything_is_to_run(
    mode: Mode, asked_again: bool, inbox: Inbox, probe: Probe
) -> None:
    sheet, _, pause = parked(inbox)
    dispatch_start(table=sheet.table, mode=mode)
    inbox.run_all()
    assert (cell(sheet).run_id != pause.run_id) == asked_again
    assert cell(sheet).status == "paused"


@pytest.mark.rule("T27", "T26")
@pytest.mark.bug("a paused cell stopped and then answered")
def test_an_answer_and_a_stop_at_once_never_leave_both(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    for _ in range(8):
        sheet, dispatch, pause = parked(inbox)
        two_connections(
            partial(pause_answer, pause_id=pause.pk, data=APPROVE, by=BY),
            partial(stop, table=sheet.table, rows=sheet.rows),
        )
        inbox.run_all()
        found = statuses(sheet)
        assert found.pop("B", "cancelled") == "cancelled"  # when the cell was about to go on: a tombstone
        assert found == {"A": "cancelled", "C": "completed"}
        assert "B:sent n0" not in probe.counts()
        assert Run.objects.get(id=pause.run_id).status == "cancelled"
        assert figures(dispatch) == {"completed": 1, "cancelled": 1, "skipped": {"deps_unmet": 1}}
        check_quiet()


@pytest.mark.rule("T32", "W21")
def test_two_wakes_at_once_hand_over_once(inbox: Inbox, probe: Probe, two_connections: Race) -> None:
    for _ in range(8):
        sheet, dispatch, pause = parked(inbox)
        waiting = cell(sheet)
        PausePoint.objects.filter(id=pause.id).update(
            status="answered", answer=APPROVE, answered_at="2026-01-01T00:00:00Z"
        )

        def wake(waiting: RowExecution = waiting) -> None:
            with transaction.atomic():
                cells_wake([(waiting.run_id, waiting.id)])  # type: ignore[list-item]

        first, second = two_connections(wake, wake)
        assert (first.error, second.error) == (None, None)
        assert Window.objects.count() == 1
        inbox.run_all()
        assert (cell(sheet).status, cell(sheet).execution_id) == ("completed", waiting.execution_id)
        assert figures(dispatch) == {"completed": 3}
        check_quiet()
