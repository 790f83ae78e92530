"""What an edit of a row makes of its cells, and what it starts (T28, T29, T31)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution, Window
from tables.services import invalidating
from tables.services.cells import rows_load
from tables.services.dispatches import dispatch_start
from tables.services.rows import row_update, rows_update
from tables.services.stopping import stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing_chain, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe
from tests.bed.signals import Signals
from tests.integration.tables.clients import ACTOR
from tests.integration.tables.parked import (
    cell,
    data,
    start,
    statuses,
)
from tests.integration.tables.test_claim_races import somebody_waits_for_a_lock
from workflows.models import Run

pytestmark = pytest.mark.usefixtures("worker")


def edit(sheet: Sheet, values: dict[str, Any], row: int = 0) -> None:
    row_update(table=sheet.table, row_id=sheet.rows[row], data=values, actor=ACTOR)


def finished(inbox: Inbox, *, rows: int = 1, auto_run: bool = False) -> tuple[Sheet, UUID]:
    """A chain A, B whose cells are completed, and the dispatch that did it."""
    sheet = probing_chain(rows, auto_run=auto_run)
    dispatch = start(sheet)
    inbox.run_all()
    return sheet, dispatch


@pytest.mark.rule("T28", "T29")
def test_an_edited_input_reruns_the_chain_that_runs_by_itself_in_one_dispatch(
    inbox: Inbox, probe: Probe
) -> None:
    sheet, first = finished(inbox, rows=2, auto_run=True)
    edit(sheet, {"name": "new"})
    assert statuses(sheet) == {}
    inbox.run_all()
    assert sheet.values("b") == ["B:new", "B:n1"]
    automatic = Dispatch.objects.exclude(id=first).get()
    assert (automatic.mode, automatic.is_manual, automatic.rows_total) == ("new", False, 1)
    assert check_account(automatic.id, rows=1).completed == 2
    assert probe.counts()["A:n1"] == 1
    check_quiet()


@pytest.mark.rule("T28", "T7")
def test_with_auto_run_off_the_values_stay_stale_until_a_person_runs_them(inbox: Inbox, probe: Probe) -> None:
    sheet, first = finished(inbox)
    edit(sheet, {"name": "new"})
    assert statuses(sheet) == {}
    assert data(sheet) == {"name": "new", "a": "A:n0", "b": "B:n0"}
    assert not inbox.waiting
    assert Dispatch.objects.count() == 1
    start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert sheet.values("b") == ["B:new"]
    assert check_account(first).completed == 2


@pytest.mark.rule("T28", "T17", "T10")
@pytest.mark.parametrize("auto_run", [False, True], ids=["by hand", "auto"])
def test_what_runs_while_its_input_is_edited_begins_anew_in_its_own_dispatch(
    auto_run: bool, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(2, auto_run=auto_run)

    def meanwhile(tag: str, _context: Any) -> str:
        if tag == "A:n0":
            edit(sheet, {"name": "new"})
            assert (cell(sheet).status, cell(sheet).execution_id) == ("pending", None)
        return tag

    probe.does = meanwhile
    dispatch = start(sheet)
    inbox.run_all()
    assert sheet.values("b") == ["B:new", "B:n1"]
    assert Dispatch.objects.count() == 1
    assert check_account(dispatch, rows=2).completed == 4
    assert sorted(Run.objects.values_list("status", flat=True)) == ["cancelled", *["completed"] * 4]
    assert (cell(sheet).attempt, cell(sheet, "A", 1).attempt) == (2, 1)
    check_quiet()


@pytest.mark.rule("T28", "T13")
def test_what_waits_to_run_simply_reads_the_new_value(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    before = cell(sheet)
    edit(sheet, {"name": "new"})
    assert cell(sheet).version == before.version
    inbox.run_all()
    assert sheet.values("b") == ["B:new"]
    assert (Dispatch.objects.count(), check_account(dispatch).completed) == (1, 2)


@pytest.mark.rule("T28", "T29")
@pytest.mark.parametrize("values", [{"name": "n0"}, {"a": "A:n0"}, {}], ids=["input", "output", "nothing"])
def test_writing_what_is_there_already_changes_nothing_and_starts_nothing(
    values: dict[str, Any], inbox: Inbox, probe: Probe
) -> None:
    sheet, _ = finished(inbox, auto_run=True)
    edit(sheet, values)
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    assert Dispatch.objects.count() == 1
    assert not inbox.waiting


@pytest.mark.rule("T28", "T7", "T30")
def test_a_stale_value_typed_again_is_relied_on_from_then_on(inbox: Inbox, probe: Probe) -> None:
    sheet, _ = finished(inbox, auto_run=True)
    RowExecution.objects.filter(group=sheet.groups["A"]).update(status="failed")
    RowExecution.objects.filter(group=sheet.groups["B"]).delete()
    edit(sheet, {"a": "A:n0"})
    inbox.run_all()
    assert statuses(sheet) == {"A": "failed", "B": "completed"}
    assert Dispatch.objects.order_by("id").last().groups == [sheet.groups["B"].id]


@pytest.mark.rule("T28", "T29")
def test_a_batch_is_judged_row_by_row_and_starts_one_dispatch(inbox: Inbox, probe: Probe) -> None:
    sheet, first = finished(inbox, rows=4, auto_run=True)
    wishes: list[dict[str, Any]] = [{"name": "x"}, {"name": "n1"}, {"name": None}, {"a": "typed"}]
    edits = list(zip(sheet.rows, wishes, strict=True))
    done = rows_update(table=sheet.table, rows=edits, actor=ACTOR)
    assert (len(done.changed), done.unchanged) == (3, [sheet.rows[1]])
    assert [statuses(sheet, row) for row in range(4)] == [
        {},
        {"A": "completed", "B": "completed"},
        {},
        {"A": "completed"},
    ]
    inbox.run_all()
    assert Dispatch.objects.exclude(id=first).get().id == done.dispatch
    assert sheet.values("b") == ["B:x", "B:n1", "B:n2", "B:n3"]
    assert [statuses(sheet, row) for row in (0, 2, 3)] == [
        {"A": "completed", "B": "completed"},
        {},
        {"A": "completed", "B": "completed"},
    ]


@pytest.mark.rule("T28", "T25")
def test_an_edit_does_not_bring_back_what_was_stopped(inbox: Inbox, probe: Probe) -> None:
    """Stopped before an active dispatch reached the row: the edit clears what is stale, and the stop survives."""
    sheet, _ = finished(inbox, rows=2)
    later = start(sheet, rows=[sheet.rows[1]], mode=Mode.ALL)
    stop(table=sheet.table, rows=[sheet.rows[1]])
    edit(sheet, {"name": "new"}, 1)
    assert set(statuses(sheet, 1).values()) == {"cancelled"}
    assert set(RowExecution.objects.filter(row=sheet.rows[1]).values_list("run_id", flat=True)) == {None}
    inbox.run_all()
    assert set(statuses(sheet, 1).values()) == {"cancelled"}
    assert check_account(later).completed == 0
    start(sheet, rows=[sheet.rows[1]], mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert sheet.values("b")[1] == "B:new"


@pytest.mark.rule("T31")
@pytest.mark.parametrize("auto_run", [False, True], ids=["by hand", "auto"])
def test_an_emptied_output_is_filled_again(auto_run: bool, inbox: Inbox, probe: Probe) -> None:
    sheet, _ = finished(inbox, auto_run=auto_run)
    edit(sheet, {"b": None})
    assert statuses(sheet) == {"A": "completed"}
    if not auto_run:
        assert not inbox.waiting
        start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert sheet.values("b") == ["B:n0"]
    assert probe.counts() == {"A:n0": 1, "B:n0": 2}


@pytest.mark.rule("T31", "T28")
def test_emptying_a_cell_that_is_just_running_leaves_it_alone(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1)

    def meanwhile(tag: str, _context: Any) -> str:
        if tag.startswith("A"):
            edit(sheet, {"a": "typed"})
            edit(sheet, {"a": None})
            assert cell(sheet).status == "running"
        return tag

    probe.does = meanwhile
    start(sheet)
    inbox.run_all()
    assert sheet.values("a") == ["A:n0"]


@pytest.mark.rule("T20", "T29")
@pytest.mark.bug("the auto-run loop that triggers itself")
def test_outputs_of_workflows_start_nothing(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    dispatch_start(table=sheet.table, mode=Mode.NEW, is_manual=False)
    assert inbox.run_all() < 10
    assert Dispatch.objects.count() == 1
    assert Row.objects.get().data["b"] == "B:n0"


@pytest.mark.rule("T28")
def test_a_window_that_is_still_to_come_with_a_row_is_held_by_an_edit_of_it(
    inbox: Inbox, probe: Probe, two_connections: Race, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stamp was cleared, but whoever takes the row up claims in its name: never between an edit and its commit."""
    sheet = probing_chain(1)
    start(sheet)
    inbox.deliver(inbox.take())
    edit(sheet, {"name": None})
    edit(sheet, {"name": "old"})
    assert statuses(sheet) == {}
    window = Window.objects.get()

    def while_somebody_claims(*args: Any) -> Any:
        found = rows_load(*args)
        two_connections.meet()
        signals(somebody_waits_for_a_lock, "the claim to wait for the edit")
        return found

    monkeypatch.setattr(invalidating, "rows_load", while_somebody_claims)

    def claim() -> None:
        two_connections.meet()
        inbox.run_all()

    outcomes = two_connections(lambda: edit(sheet, {"name": "new"}), claim)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert not Window.objects.filter(id=window.id).exists()
    assert sheet.values("b") == ["B:new"]


@pytest.mark.rule("T20", "T28")
@pytest.mark.bug("the auto-run loop that triggers itself")
@pytest.mark.parametrize("whose", ["its own row", "another row"])
def test_a_run_that_writes_the_inputs_of_its_table_never_calls_itself(whose: str, inbox: Inbox) -> None:
    """Each run changes what it, or its neighbour, was made from; every row is run once."""
    sheet = sheet_make(name="Circle")
    for key in ("name", "next", "value"):
        sheet.column(key)
    write = {
        "table": "Circle",
        "key": "name",
        "rows": {
            "name": "{{ row.%s }}" % ("name" if whose == "its own row" else "next"),
            "value": "{{ row.name }}!",
        },
    }
    sheet.group(
        "A",
        chain({"key": "write", "type": "table_upsert", "config": write}),
        outputs={"a": "result"},
        types={"a": "json"},
        depends_on=["value"],
        auto_run=True,
    )
    sheet.fill([{"name": "x", "next": "y", "value": "1"}, {"name": "y", "next": "x", "value": "1"}])
    start(sheet)
    assert inbox.run_all() < 20
    assert Dispatch.objects.count() == 1
    assert Run.objects.count() <= 2
    assert {cell.status for cell in RowExecution.objects.all()} <= {"completed"}
    check_quiet()
