"""What a run replaces: earlier runs of the table, of the same rows, of the same trigger; and twenty of them at once."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tables.errors import IdempotencyMismatch
from tables.models import Column, Dispatch, RowExecution
from tables.services.dispatches import dispatch_start
from tables.services.stopping import dispatch_stop, stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, greeting_chain, probing_table
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe
from workspaces.ids import uuid7

pytestmark = pytest.mark.usefixtures("worker")

FIRST = {"column": "name", "op": "in", "value": ["n0", "n1"]}


def start(sheet: Sheet, **options: Any) -> UUID:
    """Start a dispatch; its id."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def status(dispatch: UUID) -> str:
    """How it stands."""
    return str(Dispatch.objects.get(id=dispatch).status)


def prepare(inbox: Inbox) -> None:
    """Deliver the message sent last: the dispatch prepares itself and opens its windows."""
    inbox.deliver(inbox.newest())


@pytest.mark.rule("T13")
@pytest.mark.bug("a second Run all racing the first")
def test_run_all_again_replaces_the_first_and_runs_every_row_once(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(50)
    first = start(sheet)
    prepare(inbox)
    second = start(sheet)
    prepare(inbox)
    inbox.run_all()
    assert (status(first), check_account(second, rows=50).completed) == ("cancelled", 50)
    assert set(probe.counts().values()) == {1}
    check_quiet()


@pytest.mark.rule("T13")
@pytest.mark.bug("a second Run all racing the first")
def test_the_one_that_prepares_late_finds_itself_replaced(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(5)
    first = start(sheet)
    late = inbox.take()
    second = start(sheet)
    prepare(inbox)
    inbox.deliver(late)
    inbox.run_all()
    assert (status(first), status(second)) == ("cancelled", "complete")
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T13")
def test_another_groups_run_goes_on(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=2)
    first = start(sheet, groups=[sheet.groups["A"].id])
    prepare(inbox)
    second = start(sheet, groups=[sheet.groups["C"].id])
    prepare(inbox)
    inbox.run_all()
    assert (status(first), status(second)) == ("complete", "complete")


@pytest.mark.rule("T13")
def test_a_filtered_run_takes_only_matching_rows_from_an_earlier_one(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(4)
    first = start(sheet)
    later: list[UUID] = []

    def meanwhile(tag: str, _context: object) -> str:
        if tag == "n2" and not later:
            later.append(start(sheet, filter=FIRST))
            prepare(inbox)
        return tag

    probe.does = meanwhile
    inbox.run_all()
    assert check_account(first, rows=4).status == "complete"
    assert check_account(later[0], rows=2).completed == 2
    assert (probe.counts()["n2"], probe.counts()["n3"]) == (1, 1)
    check_quiet()


@pytest.mark.rule("T13")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE])
def test_the_same_filtered_run_again_replaces_the_first_whole(mode: Mode, inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(60)
    named = {"filter": {"column": "name", "op": "not_empty"}, "mode": mode}
    first = start(sheet, **named)
    prepare(inbox)
    second = start(sheet, **named)
    prepare(inbox)
    inbox.run_all()
    assert (status(first), check_account(second, rows=60).completed) == ("cancelled", 60)
    assert set(probe.counts().values()) == {1}


@pytest.mark.rule("T13")
@pytest.mark.parametrize("scope", [{}, {"filter": FIRST}], ids=["table", "filter"])
def test_a_trigger_replaces_only_what_its_own_earlier_firings_left(
    scope: dict[str, Any], inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(2)
    mine, other = uuid7(), uuid7()
    by_hand = start(sheet, **scope)
    theirs = start(sheet, trigger_id=other, **scope)
    earlier = start(sheet, trigger_id=mine, **scope)
    for _ in range(3):
        inbox.deliver(inbox.take())
    held = Counter(RowExecution.objects.values_list("dispatch_id", flat=True))
    latest = start(sheet, trigger_id=mine, **scope)
    prepare(inbox)
    assert sum(held.values()) == 2
    inbox.run_all()
    assert [status(each) for each in (by_hand, theirs, earlier, latest)] == [
        "complete",
        "complete",
        "cancelled",
        "complete",
    ]
    check_quiet()


@pytest.mark.rule("T13")
def test_a_trigger_on_some_rows_leaves_running_cells_of_others_alone(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(2)
    start(sheet)
    fired: list[UUID] = []

    def meanwhile(tag: str, _context: object) -> str:
        if not fired:
            fired.append(start(sheet, trigger_id=uuid7(), filter=FIRST, mode=Mode.INCOMPLETE))
            prepare(inbox)
            assert RowExecution.objects.filter(status="running").exists()
        return tag

    probe.does = meanwhile
    inbox.run_all()
    assert probe.counts() == {"n0": 1, "n1": 1}


# ---- twenty at once ----------------------------------------------------------------------------------------------


@pytest.mark.rule("F30")
@pytest.mark.bug("a second Run all racing the first")
def test_twenty_presses_without_a_key_run_no_row_twice_at_once(
    inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    sheet = probing_table(25)
    running: Counter[Any] = Counter()

    def watched(tag: str, _context: object) -> str:
        running[tag] += 1
        assert running[tag] == 1, "two runs of one row at once"
        running[tag] -= 1
        return tag

    probe.does = watched
    outcomes = two_connections(*[lambda: start(sheet) for _ in range(20)])
    assert not [each.error for each in outcomes if each.error]
    two_connections(*[partial(inbox.deliver, inbox.take()) for _ in range(20)])
    assert Dispatch.objects.filter(status__in=["pending", "dispatching"]).count() == 1
    inbox.run_all()
    last = Dispatch.objects.order_by("-requested_sequence").first()
    assert last is not None
    assert check_account(last.id, rows=25).completed == 25
    assert set(probe.counts().values()) == {1}
    for each in outcomes:
        check_account(each.value)
    check_quiet()


@pytest.mark.rule("F30")
def test_twenty_posts_with_one_key_are_one_dispatch(inbox: Inbox, two_connections: Race) -> None:
    from tests.integration.tables.clients import client_make

    client = client_make("double")
    sheet = probing_table(2, workspace=client.workspace)
    path = f"/api/v1/tables/{sheet.table.id}/dispatches/"

    def press() -> Any:
        return client.post(path, {"mode": "all"}, format="json", headers={"Idempotency-Key": "press"})

    outcomes = two_connections(*[press for _ in range(20)])
    assert {each.value.status_code for each in outcomes} == {202}
    assert len({each.value.json()["id"] for each in outcomes}) == 1
    assert Dispatch.objects.count() == 1


@pytest.mark.rule("F30")
@pytest.mark.parametrize(
    "ending", ["group stopped", "dispatch stopped", "column gone", "group gone", "row gone"]
)
def test_a_key_answers_the_same_dispatch_whatever_has_become_of_it(ending: str, inbox: Inbox) -> None:
    sheet = greeting_chain(rows=2)
    named: dict[str, Any] = {
        "rows": {"from": sheet.rows[0], "to": sheet.rows[1]},
        "filter": {"column": "c", "op": "is_empty"},
        "idempotency_key": "k",
    }
    first = start(sheet, **named)
    prepare(inbox)
    if ending == "group stopped":
        stop(table=sheet.table, groups=[sheet.groups["C"].id])
    elif ending == "dispatch stopped":
        dispatch_stop(Dispatch.objects.get(id=first))
    elif ending == "column gone":
        Column.objects.filter(id=sheet.columns["c"].id).delete()
    elif ending == "group gone":
        sheet.groups["C"].delete()
    else:
        sheet.table.rows.filter(id=sheet.rows[0]).delete()
    assert start(sheet, **named) == first
    with pytest.raises(IdempotencyMismatch):
        start(sheet, **{**named, "limit": 1})
    assert Dispatch.objects.count() == 1


@pytest.mark.rule("T11")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE, Mode.FAILED])
def test_an_earlier_run_that_is_prepared_late_stops_nothing_of_a_later_one(
    mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    """Its message was lost for a while; what was asked for since is in somebody's hands."""
    sheet = probing_table(1)
    earlier = start(sheet, rows=sheet.rows, mode=mode)
    late = inbox.take()
    later = start(sheet, rows=sheet.rows)

    def while_running(tag: str, _context: object) -> str:
        inbox.deliver(late)
        return tag

    probe.does = while_running
    inbox.run_all()
    assert [cell.status for cell in sheet.cells().values()] == ["completed"]
    assert (check_account(later).completed, check_account(earlier).completed) == (1, 0)
    assert probe.counts() == {"n0": 1}
    check_quiet()
