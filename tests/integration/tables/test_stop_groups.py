"""Stopping workflow groups: a dispatch goes on with what it has left, and stays what it was asked for (T24)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch
from tables.services.dispatches import dispatch_start
from tables.services.groups import group_delete
from tables.services.progress import dispatch_json
from tables.services.stopping import stop
from tables.states import Mode
from tests.bed.accounts import accounted, check_account, check_quiet
from tests.bed.factories import Sheet, probing_chain, probing_table
from tests.bed.running import Inbox, Probe, Worker
from tests.integration.tables.clients import V1
from workspaces.actors import Actor

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.rule("T24")]


def start(sheet: Sheet, **options: Any) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def independent(rows: int) -> Sheet:
    """Groups A and D, which both read the name."""
    sheet = probing_table(rows)
    sheet.group("D", sheet.groups["A"].workflow.draft, outputs={"d": "result"})
    return sheet


@pytest.mark.rule("T13")
@pytest.mark.bug("stopping one group silently skips all of them")
@pytest.mark.parametrize("delivered", [0, 1, 2, 3])
def test_the_others_run_to_the_end_wherever_the_walk_stands(
    delivered: int, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = independent(50)
    dispatch = start(sheet)
    for _ in range(delivered):
        inbox.deliver(inbox.take())
    outcome = stop(table=sheet.table, groups=[sheet.groups["D"].id])
    assert outcome.dispatches == []
    inbox.run_all()
    found = check_account(dispatch, rows=50)
    assert found.status == "complete"
    assert sheet.values("a") == [f"n{n}" for n in range(50)]
    done = 20 * max(0, delivered - 1)
    assert sheet.values("d") == [f"n{n}" if n < done else None for n in range(50)]
    assert found.completed == 50 + done
    assert found.cancelled + found.skipped.get("stopped", 0) == 50 - done
    check_quiet()


@pytest.mark.bug("stopping one group silently skips all of them")
def test_stopping_one_after_the_other_ends_the_dispatch_with_the_last(inbox: Inbox, probe: Probe) -> None:
    sheet = independent(3)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    assert stop(table=sheet.table, groups=[sheet.groups["A"].id]).dispatches == []
    assert stop(table=sheet.table, groups=[sheet.groups["A"].id]).cancelled == 0
    assert stop(table=sheet.table, groups=[sheet.groups["D"].id]).dispatches == [dispatch]
    inbox.run_all()
    assert check_account(dispatch, rows=3).cancelled == 6
    assert not probe.calls


def test_what_was_asked_for_stays_as_it_was_and_says_what_was_stopped(inbox: Inbox, probe: Probe) -> None:
    sheet = independent(3)
    dispatch = start(sheet)
    stop(table=sheet.table, groups=[sheet.groups["D"].id])
    shown = dispatch_json(Dispatch.objects.get(id=dispatch))
    assert shown["groups"] == [str(sheet.groups[name].id) for name in ("A", "D")]
    assert shown["stopped_groups"] == [str(sheet.groups["D"].id)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stopped", ["group", "filter"])
def test_the_same_request_again_is_answered_with_the_dispatch_though_part_of_it_was_stopped(
    stopped: str, client: Any, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tables.services.stopping_rows.MOST_ROWS", 0)
    sheet = probing_chain(3)
    sheet.table.workspace = client.workspace
    sheet.table.save()
    path = f"{V1}/tables/{sheet.table.pk}"
    named = {"column": "name", "op": "not_empty"}
    outcomes = [dispatch_start(table=sheet.table, mode=Mode.ALL, filter=named, idempotency_key="k")]
    what = {
        "group": {"groups": [str(sheet.groups["B"].id)]},
        "filter": {"filter": {"column": "name", "op": "eq", "value": "n1"}},
    }
    assert client.post(f"{path}/cancel/", what[stopped], format="json").status_code == 200
    outcomes.append(dispatch_start(table=sheet.table, mode=Mode.ALL, filter=named, idempotency_key="k"))
    first, second = (outcome.dispatch for outcome in outcomes)
    assert first is not None
    assert second is not None
    assert (first.id, second.status) == (second.id, "pending")


@pytest.mark.rule("T20", "T25")
@pytest.mark.parametrize("in_hand", [False, True])
def test_a_group_that_would_follow_by_itself_does_not(
    in_hand: bool, inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    worker.start(slots=1)
    sheet = probing_chain(30, auto_run=True)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    b = sheet.groups["B"].id

    def stops_once(tag: str, _context: object) -> str:
        if not Dispatch.objects.get(id=dispatch).stopped_groups:
            stop(table=sheet.table, groups=[b])
        return tag

    if in_hand:
        probe.does = stops_once
    else:
        stop(table=sheet.table, groups=[b])
    inbox.run_all()
    assert set(probe.counts()) == {f"A:n{n}" for n in range(30)}
    found = Dispatch.objects.get(id=dispatch)
    assert (found.status, found.completed, accounted(found)) == ("complete", 30, 30)
    check_quiet()


def test_another_run_of_the_group_runs_it(inbox: Inbox, probe: Probe) -> None:
    sheet = independent(3)
    start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, groups=[sheet.groups["D"].id])
    again = start(sheet, groups=[sheet.groups["D"].id], mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert check_account(again, rows=3).completed == 3
    assert probe.counts() == {f"n{n}": 2 for n in range(3)}


@pytest.mark.rule("T5", "F31")
def test_deleting_a_group_lets_the_dispatch_go_on_with_the_others(inbox: Inbox, probe: Probe) -> None:
    sheet = independent(3)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    group_delete(table=sheet.table, group_id=sheet.groups["D"].id, actor=Actor.system("t"))
    inbox.run_all()
    found = check_account(dispatch, rows=3)
    assert (found.status, found.completed) == ("complete", 3)
    assert sheet.values("a") == ["n0", "n1", "n2"]
    check_quiet()


@pytest.mark.bug("stopping one group silently skips all of them")
def test_what_reads_from_a_stopped_group_still_waits_for_it(
    inbox: Inbox, probe: Probe, worker: Worker
) -> None:
    """A request for a chain stays one: B does not begin to run on nothing because A was stopped (T7)."""
    worker.start(slots=1)
    sheet = probing_chain(30)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    stop(table=sheet.table, groups=[sheet.groups["A"].id])
    inbox.run_all()
    assert not probe.calls
    found = check_account(dispatch, rows=30)
    assert (found.cancelled, found.skipped) == (20, {"stopped": 10, "deps_unmet": 30})
