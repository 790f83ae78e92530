"""The walk of a dispatch over a table that changes under its feet (T10, T13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from tables.models import Dispatch, Row, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, greeting_chain, probing_table
from tests.bed.running import Inbox, Probe, Worker

pytestmark = pytest.mark.usefixtures("worker")


def start(sheet: Sheet, **options: Any) -> UUID:
    """Start a dispatch; its id."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


@pytest.mark.bug("the first row skipped")
@pytest.mark.rule("T10")
@pytest.mark.parametrize("rows", [0, 1, 20, 40, 41])
def test_every_row_runs_once_whatever_the_windows_come_to(
    rows: int, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)  # one window at a time
    sheet = probing_table(rows)
    dispatch = start(sheet)
    inbox.run_all()
    assert check_account(dispatch, rows=rows).status == "complete"
    assert sorted(probe.counts()) == sorted(f"n{i}" for i in range(rows))
    assert set(probe.counts().values()) <= {1}


@pytest.mark.bug("duplicate order keys at a window's edge")
@pytest.mark.rule("T10")
def test_rows_on_one_and_the_same_position_each_run_once(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    sheet = probing_table(45)
    Row.objects.filter(table=sheet.table).update(position="m")
    dispatch = start(sheet)
    inbox.run_all()
    check_account(dispatch, rows=45)
    assert probe.counts() == {f"n{i}": 1 for i in range(45)}


@pytest.mark.rule("T10")
def test_a_limit_counts_rows_handed_over_and_not_rows_passed(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(60)
    first = start(sheet, rows=sheet.rows[:30])
    inbox.run_all()
    probe.reset()
    dispatch = start(sheet, mode=Mode.NEW, limit=25)
    inbox.run_all()
    found = check_account(dispatch)
    assert (found.rows_handed_over, found.completed) == (25, 25)
    assert list(probe.counts()) == [f"n{i}" for i in range(30, 55)]
    assert check_account(first).completed == 30


@pytest.mark.rule("T10")
def test_a_limit_of_exactly_one_window_ends_the_dispatch(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    sheet = probing_table(30)
    dispatch = start(sheet, limit=20)
    inbox.run_all()
    assert check_account(dispatch).completed == 20


def between_windows(inbox: Inbox, change: Callable[[], object]) -> None:
    """Deliver until the first window is through, change the table, deliver the rest."""
    while not Window.objects.exists():
        inbox.deliver(inbox.take())
    change()
    inbox.run_all()


@pytest.mark.rule("T10")
def test_rows_deleted_meanwhile_simply_do_not_run(inbox: Inbox, probe: Probe, worker: Worker) -> None:
    worker.start(slots=1)
    sheet = probing_table(50)
    dispatch = start(sheet)
    between_windows(inbox, lambda: Row.objects.filter(id__in=sheet.rows[10:30]).delete())
    check_account(dispatch)
    assert probe.counts() == {f"n{i}": 1 for i in (*range(10), *range(30, 50))}
    check_quiet()


@pytest.mark.bug("rows inserted above the cursor or moved across it")
@pytest.mark.rule("T10")
def test_rows_inserted_meanwhile_are_not_in_it_wherever_they_stand(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(30)
    dispatch = start(sheet)
    between_windows(inbox, lambda: sheet.fill([{"name": "late"}]))
    assert "late" not in probe.counts()
    assert check_account(dispatch, rows=30).completed == 30


def move(row: UUID, position: str) -> None:
    """As the service moves a row."""
    Row.objects.filter(id=row).update(position=position, moved_at=Now())


@pytest.mark.rule("T10")
def test_a_row_moved_behind_the_cursor_still_runs_and_one_moved_ahead_does_not_run_twice(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(50)

    def swap() -> None:
        move(sheet.rows[45], "0")
        move(sheet.rows[0], "zzz")

    dispatch = start(sheet)
    between_windows(inbox, swap)
    assert probe.counts() == {f"n{i}": 1 for i in range(50)}
    assert check_account(dispatch, rows=50).completed == 50


@pytest.mark.rule("T10")
def test_a_row_moved_behind_the_cursor_does_not_exceed_a_limit(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(50)
    dispatch = start(sheet, limit=30)
    between_windows(inbox, lambda: move(sheet.rows[45], "0"))
    assert check_account(dispatch).completed == 30
    assert len(probe.calls) == 30


@pytest.mark.rule("T10")
def test_a_filter_is_evaluated_as_the_walk_reaches_the_rows(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(40)
    wanted = {"column": "name", "op": "starts_with", "value": "n"}
    dispatch = start(sheet, filter={"all": [wanted]})
    between_windows(inbox, lambda: Row.objects.filter(id=sheet.rows[30]).update(data={"name": "other"}))
    assert check_account(dispatch).completed == 39
    assert "other" not in probe.counts()


@pytest.mark.rule("T10")
def test_ranges_and_exclusions_name_the_rows_between(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(10)
    bounds = {"from": sheet.rows[2], "to": sheet.rows[6]}
    check = start(sheet, rows=bounds, exclude_rows=[sheet.rows[4]])
    inbox.run_all()
    assert check_account(check, rows=4).completed == 4
    assert sorted(probe.counts()) == ["n2", "n3", "n5", "n6"]


@pytest.mark.rule("T13")
def test_what_is_skipped_is_counted_by_reason(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=3)
    sheet.groups["A"].condition = "row.name != 'n1'"
    sheet.groups["A"].save()
    dispatch = start(sheet)
    inbox.run_all()
    found = check_account(dispatch, rows=3)
    assert found.completed == 6
    assert found.skipped == {"condition_false": 1, "deps_unmet": 2}


@pytest.mark.rule("T13")
def test_a_second_incomplete_run_has_nothing_to_do_and_says_why(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=3)
    start(sheet)
    inbox.run_all()
    again = start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    found = check_account(again, rows=3)
    assert (found.completed, found.rows_handed_over, found.skipped) == (0, 0, {"completed": 9})


@pytest.mark.rule("T13")
def test_mode_all_reruns_a_chain_in_order_and_keeps_the_account(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=3)
    start(sheet)
    inbox.run_all()
    again = start(sheet)
    inbox.run_all()
    assert check_account(again, rows=3).completed == 9
    assert set(RowExecution.objects.values_list("dispatch_id", flat=True)) == {again}


@pytest.mark.rule("T13")
def test_mode_failed_runs_only_what_failed(inbox: Inbox, probe: Probe) -> None:
    probe.does = lambda tag, _context: 1 / 0 if tag == "n1" else tag
    sheet = probing_table(3)
    assert start(sheet)
    inbox.run_all()
    probe.reset()
    again = start(sheet, mode=Mode.FAILED)
    inbox.run_all()
    found = check_account(again, rows=3)
    assert (probe.counts(), found.completed, found.skipped) == ({"n1": 1}, 1, {"not_failed": 2})


@pytest.mark.rule("T13", "T11")
def test_a_cell_taken_over_by_a_later_request_counts_there_and_is_skipped_here(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(3)
    earlier = start(sheet)
    inbox.deliver(inbox.take())  # stamped, not yet delivered
    later = start(sheet, rows=[sheet.rows[1]], mode=Mode.INCOMPLETE)
    inbox.deliver(inbox.newest())
    inbox.run_all()
    assert check_account(later, rows=1).completed == 1
    found = check_account(earlier, rows=3)
    assert (found.completed, sum(found.skipped.values())) == (2, 1)
    assert probe.counts() == {"n0": 1, "n1": 1, "n2": 1}


@pytest.mark.rule("T13")
def test_a_table_wide_manual_run_replaces_an_earlier_one(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(25)
    earlier = start(sheet)
    inbox.deliver(inbox.take())
    later = start(sheet)
    inbox.deliver(inbox.newest())
    inbox.run_all()
    assert check_account(earlier).status == "cancelled"
    assert check_account(later, rows=25).completed == 25
    assert probe.counts() == {f"n{i}": 1 for i in range(25)}
    check_quiet()


SCOPES: dict[str, Callable[[Sheet], dict[str, Any]]] = {
    "rows": lambda sheet: {"rows": sheet.rows[:1]},
    "range": lambda sheet: {"rows": {"from": sheet.rows[0], "to": sheet.rows[0]}},
    "filter": lambda sheet: {"filter": {"all": [{"column": "name", "op": "eq", "value": "n0"}]}},
    "table": lambda sheet: {},
}


@pytest.mark.rule("T13", "T26")
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE, Mode.FAILED])
def test_a_manual_run_stops_what_runs_in_its_scope_and_runs_it_anew(
    scope: str, mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(2)
    earlier = start(sheet)
    later: list[UUID] = []

    def meanwhile(tag: str, _context: object) -> str:
        if not later:
            later.append(start(sheet, mode=mode, **SCOPES[scope](sheet)))
            inbox.deliver(inbox.newest())
            assert RowExecution.objects.get(row=sheet.rows[0]).status == "pending"
        return f"{tag} by {len(later)}"

    probe.does = meanwhile
    inbox.run_all()
    check_quiet()
    assert probe.counts() == {"n0": 2, "n1": 1}
    found = check_account(later[0])
    assert found.completed == (2 if scope == "table" else 1)
    assert check_account(earlier, rows=2).status == ("cancelled" if scope == "table" else "complete")


@pytest.mark.rule("T13")
def test_mode_new_stops_nothing_that_is_under_way(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    earlier = start(sheet)
    later: list[UUID] = []

    def meanwhile(tag: str, _context: object) -> str:
        if not later:
            later.append(start(sheet, mode=Mode.NEW))
            inbox.deliver(inbox.newest())
        return tag

    probe.does = meanwhile
    inbox.run_all()
    assert check_account(earlier, rows=1).completed == 1
    assert check_account(later[0]).skipped == {"in_flight": 1}


@pytest.mark.rule("T13")
def test_nothing_to_do_makes_no_dispatch(inbox: Inbox) -> None:
    sheet = probing_table(2)
    assert dispatch_start(table=sheet.table, rows=[]).dispatch is None
    assert dispatch_start(table=sheet.table, groups=[]).dispatch is None
    assert not Dispatch.objects.exists()
    assert not inbox.waiting
