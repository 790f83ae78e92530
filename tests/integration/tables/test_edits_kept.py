"""A person's value in a workflow-filled column: what withstands it, what takes it away, and who is told (T3, T30)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from tables.models import Row, RowExecution
from tables.services.rows import row_update, rows_update
from tables.states import Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, chain, probing_chain, setting, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe
from tests.integration.tables.clients import ACTOR
from tests.integration.tables.parked import answer, cell, data, parking_table, start, statuses
from tests.integration.tables.told import told

pytestmark = pytest.mark.usefixtures("worker")


def pair(status: str = "") -> Sheet:
    """A group that fills ``a`` and ``b``; ``a`` was typed over. Its cell has that status, or was never run."""
    sheet = sheet_make()
    sheet.column("name")
    sheet.group(
        "A", chain(setting("say", "{{ row.name }}")), outputs={"a": "result.value", "b": "blocks.say.value"}
    )
    sheet.fill([{"name": "new"}])
    row_update(table=sheet.table, row_id=sheet.rows[0], data={"a": "mine"}, actor=ACTOR)
    if status:
        RowExecution.objects.create(
            row_id=sheet.rows[0], group=sheet.groups["A"], table=sheet.table, status=status
        )
    return sheet


def last_told(sheet: Sheet) -> dict[str, Any]:
    """What the last event of a finished cell says was written."""
    found = [event for event in told(sheet) if event["status"] == "completed"]
    return dict(found[-1]["data"])


@pytest.mark.rule("T30")
@pytest.mark.parametrize(("mode", "status"), [("incomplete", "failed"), ("failed", "failed"), ("new", "")])
def test_other_outputs_are_written_and_the_typed_one_stays(mode: str, status: str, inbox: Inbox) -> None:
    sheet = pair(status)
    start(sheet, mode=Mode(mode))
    inbox.run_all()
    assert data(sheet) == {"name": "new", "a": "mine", "b": "new"}
    assert Row.objects.get().edited == ["a"]
    assert last_told(sheet) == {"b": "new"}


@pytest.mark.rule("T30")
def test_mode_incomplete_leaves_a_completed_cell_with_a_typed_value(inbox: Inbox) -> None:
    sheet = pair("completed")
    dispatch = start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert check_account(dispatch, rows=1).skipped == {"completed": 1}
    assert data(sheet)["a"] == "mine"


@pytest.mark.rule("T30")
def test_mode_all_overwrites_the_typed_value_and_takes_the_mark_away(inbox: Inbox) -> None:
    sheet = pair("completed")
    start(sheet, mode=Mode.ALL)
    inbox.run_all()
    assert data(sheet) == {"name": "new", "a": "new", "b": "new"}
    assert Row.objects.get().edited == []
    assert last_told(sheet) == {"a": "new", "b": "new"}


@pytest.mark.rule("T30", "T19")
@pytest.mark.parametrize("mode", ["incomplete", "all"])
def test_outputs_that_stream_withstand_or_yield_alike(mode: str, inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table()
    row_update(table=sheet.table, row_id=sheet.rows[0], data={"first": "mine"}, actor=ACTOR)
    start(sheet, mode=Mode(mode))
    inbox.run_all()
    assert cell(sheet).status == "paused"
    told_of = {
        key: value for event in told(sheet) for key, value in event.get("data", {}).items() if key == "first"
    }
    expected = {"all": ("first:n0", []), "incomplete": ("mine", ["first"])}[mode]
    assert (data(sheet)["first"], Row.objects.get().edited) == expected
    assert told_of == ({"first": "first:n0"} if mode == "all" else {})
    answer(cell(sheet))
    inbox.run_all()
    assert (data(sheet)["first"], data(sheet)["a"]) == (expected[0], "sent n0")


@pytest.mark.rule("T30", "T28")
@pytest.mark.parametrize("mode", ["incomplete", "all"])
def test_what_is_typed_while_the_cell_runs_counts_as_typed_before(
    mode: str, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(1)

    def meanwhile(tag: str, _context: Any) -> str:
        if tag == "A:n0":
            row_update(table=sheet.table, row_id=sheet.rows[0], data={"a": "mine"}, actor=ACTOR)
        return tag

    probe.does = meanwhile
    start(sheet, mode=Mode(mode))
    inbox.run_all()
    assert data(sheet)["a"] == ("A:n0" if mode == "all" else "mine")
    assert statuses(sheet) == {"A": "completed", "B": "completed"}


@pytest.mark.rule("T3", "T28")
@pytest.mark.bug("two people's edits of one row losing one")
def test_everybodys_edits_of_a_row_are_kept_whatever_runs_on_it(inbox: Inbox, probe: Probe) -> None:
    """Six people at once, alone and in batches, on columns that workflows read, fill, or leave alone."""
    sheet = probing_chain(3, auto_run=True)
    keys = [sheet.column(f"k{number}").key for number in range(4)]
    start(sheet)
    inbox.run_all()
    wishes: list[dict[str, Any]] = [*({key: "mine"} for key in keys), {"name": "new"}, {"b": "typed"}]
    gate = threading.Barrier(len(wishes))
    faults: list[BaseException] = []

    def edit(number: int) -> None:
        try:
            gate.wait()
            rows = sheet.rows if number % 2 else reversed(sheet.rows)
            rows_update(table=sheet.table, rows=[(row, wishes[number]) for row in rows], actor=ACTOR)
        except BaseException as fault:  # noqa: BLE001 - handed to the test
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=edit, args=[number]) for number in range(len(wishes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    inbox.run_all()
    for row in range(3):
        found = data(sheet, row)
        assert {found[key] for key in keys} == {"mine"}
        assert (found["name"], found["a"], found["b"]) == ("new", "A:new", "typed")
        assert statuses(sheet, row)["A"] == "completed"


@pytest.mark.rule("T28", "T18")
def test_a_cell_that_finishes_as_its_input_is_edited_is_told_of_the_edit(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    """Whichever comes first: completed means that the value came of what the row holds."""
    from tables.services.pack import PackSink
    from tests.integration.tables.test_claim_races import _ended, sink_of, stamped

    sheet = probing_chain(1, effect="pure")
    for _ in range(5):
        RowExecution.objects.all().delete()
        row_update(table=sheet.table, row_id=sheet.rows[0], data={"name": "old"}, actor=ACTOR)
        _, window = stamped(sheet, inbox)
        sink: PackSink = sink_of(window)
        runs = sink.start(sheet.rows)

        def finish(sink: PackSink = sink, runs: list[Any] = runs) -> None:
            sink.commit([run.next_write() for run in _ended(runs)])

        def edit() -> None:
            row_update(table=sheet.table, row_id=sheet.rows[0], data={"name": "new"}, actor=ACTOR)

        outcomes = two_connections(finish, edit)
        assert [outcome.error for outcome in outcomes] == [None, None]
        found = statuses(sheet)
        assert found.get("A") in {None, "pending"}, found
        sink.abandon()
        inbox.waiting.clear()
