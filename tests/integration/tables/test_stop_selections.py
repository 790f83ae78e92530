"""Stopping a selection: a filter, a range, many rows; what it ends, what goes on without it (T24, T25)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution, Window
from tables.services import stopped_ahead, stopping_rows
from tables.services.dispatches import dispatch_start
from tables.services.groups import group_update
from tables.services.stopping import stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain, probing_table
from tests.bed.running import Inbox, Probe, Worker
from tests.integration.tables.parked import answer, cell, parking_table, statuses
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")


def start(sheet: Sheet, **options: Any) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def names(*numbers: int) -> dict[str, Any]:
    """A filter for these rows."""
    return {"column": "name", "op": "in", "value": [f"n{n}" for n in numbers]}


def ran(probe: Probe) -> set[int]:
    """Numbers of the rows whose group A has run."""
    return {int(tag.rpartition("n")[2]) for tag in probe.counts()}


@pytest.fixture
def one_lane(worker: Worker) -> None:
    """A dispatch has one window in flight: 20 rows; the others are ahead."""
    worker.start(slots=1)


@pytest.fixture(params=["named", "noted"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Cells ahead get their tombstones at once, or the dispatch notes the selection, as it does of very many."""
    if request.param == "noted":
        monkeypatch.setattr(stopping_rows, "MOST_ROWS", 0)
        monkeypatch.setattr(stopped_ahead, "ROWS_AT_ONCE", 3)
    yield request.param


SELECTIONS: dict[str, Callable[[Sheet], dict[str, Any]]] = {
    "filter": lambda sheet: {"filter": names(3, 25, 28)},
    "ids": lambda sheet: {"rows": [sheet.rows[n] for n in (3, 25, 28)]},
    "range": lambda sheet: {"rows": {"from": str(sheet.rows[25]), "to": str(sheet.rows[28])}},
    "range and filter": lambda sheet: {
        "rows": {"from": str(sheet.rows[0]), "to": str(sheet.rows[26])},
        "filter": names(3, 25, 28),
    },
    "all but some": lambda sheet: {"exclude_rows": [sheet.rows[n] for n in range(30) if n not in (3, 25)]},
    "sorted range": lambda sheet: {
        "rows": {"from": str(sheet.rows[25]), "to": str(sheet.rows[28]), "sort": ["-name"]}
    },
}
NAMED = {
    "filter": {3, 25, 28},
    "ids": {3, 25, 28},
    "range": {25, 26, 27, 28},
    "range and filter": {3, 25},
    "all but some": {3, 25},
    "sorted range": {25, 26, 27, 28},
}


@pytest.mark.rule("T24", "T25", "T13")
@pytest.mark.parametrize("kind", sorted(SELECTIONS))
@pytest.mark.usefixtures("one_lane")
def test_a_dispatch_of_more_goes_on_without_the_selection(
    kind: str, either_way: str, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(30)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table, **SELECTIONS[kind](sheet))
    in_flight = len({n for n in NAMED[kind] if n < 20})
    ahead = len(NAMED[kind]) - in_flight
    assert (outcome.cancelled, outcome.dispatches) == (in_flight, [])
    assert outcome.ahead == (ahead if either_way == "named" else None)
    inbox.run_all()
    assert ran(probe) == set(range(30)) - NAMED[kind]
    found = check_account(dispatch, rows=30)
    assert (found.status, found.cancelled, found.skipped) == ("complete", in_flight, {"tombstoned": ahead})
    cancelled = RowExecution.objects.filter(status="cancelled").values_list("row_id", flat=True)
    assert set(cancelled) == {sheet.rows[n] for n in NAMED[kind]}
    check_quiet()


@pytest.mark.rule("T24")
@pytest.mark.parametrize("pending", [True, False])
@pytest.mark.parametrize("kind", sorted(SELECTIONS))
@pytest.mark.bug("a Stop pressed during preparation that stops nothing")
def test_a_dispatch_over_the_very_same_rows_is_ended(
    kind: str, pending: bool, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(30)
    same = start(sheet, **SELECTIONS[kind](sheet))
    other = start(sheet, rows=sheet.rows[:2])
    if not pending:
        inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table, **SELECTIONS[kind](sheet))
    assert outcome.dispatches == [same]
    assert (outcome.cancelled > 0) is not pending
    inbox.run_all()
    assert Dispatch.objects.get(id=same).status == "cancelled"
    assert check_account(other).status == "complete"
    assert ran(probe) == {0, 1}


@pytest.mark.rule("T24")
def test_one_that_asks_for_other_groups_too_goes_on_with_those(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(4)
    group_update(
        table=sheet.table, group_id=sheet.groups["B"].id, actor=Actor.system("t"), depends_on=["name"]
    )
    dispatch = start(sheet, filter=names(1, 2))
    outcome = stop(table=sheet.table, filter=names(1, 2), groups=[sheet.groups["A"].id])
    assert (outcome.dispatches, outcome.ahead) == ([], 2)
    inbox.run_all()
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    assert probe.counts() == {"B:n1": 1, "B:n2": 1}


@pytest.mark.rule("T25")
@pytest.mark.usefixtures("one_lane")
def test_only_cells_that_a_dispatch_would_come_to_get_a_tombstone(inbox: Inbox, probe: Probe) -> None:
    """Neither rows out of its scope, nor rows it has passed, nor groups it does not ask for."""
    sheet = probing_table(100)
    sheet.group("D", sheet.groups["A"].workflow.draft, outputs={"d": "result"})
    start(sheet, groups=[sheet.groups["A"].id], filter=names(*range(0, 100, 2)))
    inbox.deliver(inbox.take())
    inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table, rows=[sheet.rows[n] for n in (0, 1, 91, 98)])
    inbox.run_all()
    stopped = RowExecution.objects.filter(status="cancelled").values_list("row_id", flat=True)
    assert (outcome.cancelled, outcome.ahead) == (0, 1)
    assert list(stopped) == [sheet.rows[98]]


@pytest.mark.rule("T25")
def test_no_rows_are_not_the_whole_table(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(3)
    dispatch = start(sheet)
    assert stop(table=sheet.table, rows=[]).dispatches == []
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T25")
@pytest.mark.usefixtures("one_lane")
def test_a_row_that_slips_behind_the_cursor_stays_stopped(
    either_way: str, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(30)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, filter=names(25, 28))
    Row.objects.filter(id=sheet.rows[25]).update(position="A", moved_at="2100-01-01T00:00:00Z")
    inbox.run_all()
    assert ran(probe) == set(range(30)) - {25, 28}
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    check_quiet()


@pytest.mark.rule("T25")
@pytest.mark.usefixtures("one_lane")
def test_a_run_asked_for_after_the_stop_is_not_stopped_by_it(
    either_way: str, inbox: Inbox, probe: Probe
) -> None:
    """Compared by sequence: the earlier dispatch skips the rows, the later one runs them, whoever comes first."""
    sheet = probing_table(30)
    first = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, filter=names(25, 28))
    again = start(sheet, rows=[sheet.rows[25]])
    inbox.run_all()
    assert probe.counts()["n25"] == 1
    assert "n28" not in probe.counts()
    assert check_account(again, rows=1).completed == 1
    assert Dispatch.objects.get(id=first).status == "complete"
    check_quiet()


@pytest.mark.rule("T25", "T24")
@pytest.mark.usefixtures("one_lane")
def test_a_stopped_group_of_a_selection_leaves_its_other_groups(
    either_way: str, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(30)
    sheet.group("D", sheet.groups["A"].workflow.draft, outputs={"d": "result"})
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, filter=names(0, 25), groups=[sheet.groups["D"].id])
    inbox.run_all()
    assert check_account(dispatch, rows=30).completed == 58
    cancelled = RowExecution.objects.filter(status="cancelled").values_list("row_id", "group_id")
    assert set(cancelled) == {(sheet.rows[n], sheet.groups["D"].id) for n in (0, 25)}


@pytest.mark.rule("T25", "T20")
@pytest.mark.usefixtures("one_lane")
def test_what_would_follow_by_itself_is_stopped_too(either_way: str, inbox: Inbox, probe: Probe) -> None:
    """B runs by itself after A: stopping B of some rows holds though nobody asked for B."""
    sheet = probing_chain(30, auto_run=True)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    stop(table=sheet.table, filter=names(0, 25), groups=[sheet.groups["B"].id])
    inbox.run_all()
    counts = probe.counts()
    assert {tag for tag in counts if tag.startswith("A:")} == {f"A:n{n}" for n in range(30)}
    assert sum(tag.startswith("B:") for tag in counts) == 28
    assert {"B:n0", "B:n25"}.isdisjoint(counts)
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    check_quiet()


@pytest.mark.rule("T25", "T27")
def test_what_reads_from_a_parked_cell_is_stopped_before_it_goes_on(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(rows=2)
    start(sheet)
    inbox.run_all()
    stop(table=sheet.table, rows=sheet.rows[:1], groups=[sheet.groups["B"].id])
    for row in (0, 1):
        answer(cell(sheet, row=row))
    inbox.run_all()
    assert statuses(sheet, 0) == {"A": "completed", "B": "cancelled", "C": "completed"}
    assert statuses(sheet, 1) == {"A": "completed", "B": "completed", "C": "completed"}
    check_quiet()


@pytest.mark.rule("T24", "T13")
def test_a_filter_stops_parked_cells_of_dispatches_that_have_ended(inbox: Inbox, probe: Probe) -> None:
    sheet = parking_table(rows=3)
    dispatch = start(sheet)
    inbox.run_all()
    assert stop(table=sheet.table, filter=names(1)).cancelled == 1
    assert [cell(sheet, row=row).status for row in range(3)] == ["paused", "cancelled", "paused"]
    assert Dispatch.objects.get(id=dispatch).cancelled == 1


@pytest.mark.rule("T24", "T25")
def test_a_stop_over_very_many_rows_writes_nothing_about_those_it_has_not_reached(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_table(6_000)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    everything = {"column": "name", "op": "not_empty"}
    outcome = stop(table=sheet.table, filter=everything)
    assert (outcome.cancelled, outcome.ahead, outcome.dispatches) == (20, None, [])
    assert RowExecution.objects.count() == 20
    inbox.run_all()
    found = check_account(dispatch, rows=6_000)
    assert (found.status, found.cancelled, found.skipped) == ("complete", 20, {"tombstoned": 5_980})
    assert not probe.calls
    assert not Window.objects.exists()
