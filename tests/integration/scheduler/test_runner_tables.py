"""Invocations of table triggers: one dispatch each, told of its end in the same transaction (§5.5)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import Client

from scheduler.errors import InvocationFinished
from scheduler.models import Trigger
from scheduler.services.cancelling import invocation_cancel
from scheduler.services.ending import invocation_look, invocation_time_out
from tables.models import Dispatch, Row, RowExecution, Table, WorkflowGroup
from tables.services.dispatches import dispatch_start
from tables.services.stopping import dispatch_stop, stop
from tables.states import Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, greeting_chain, probing_table, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe, inbox, probe, worker
from tests.bed.triggers import person_make, trigger_make
from tests.integration.scheduler.firings import acting, again, earlier, fresh, ran, status
from workflows.models import Run, WorkflowVersion
from workspaces.ids import uuid7

__all__ = ["inbox", "probe", "worker"]


def table_trigger(sheet: Sheet, **fields: Any) -> Any:
    """A trigger that runs this table."""
    return trigger_make(sheet.workspace, table=sheet.table, **fields)


def dispatch_of(invocation: Any) -> Dispatch:
    """The dispatch of its newest attempt."""
    return Dispatch.objects.get(pk=fresh(invocation).children[-1])


def failing(probe: Probe, *names: str) -> None:
    """Cells of these rows fail at once from now on; of all rows when none is named."""

    def does(tag: Any, _context: object) -> Any:
        if not names or tag in names:
            raise ValueError("It is broken.")
        return tag

    probe.does = does


def test_an_invocation_becomes_a_dispatch_and_ends_with_it(inbox: Inbox, worker: Any) -> None:
    sheet = greeting_chain(rows=4)
    trigger = table_trigger(sheet, payload={"n": 1})
    invocation = ran(trigger)
    dispatch = dispatch_of(invocation)
    assert (invocation.status, dispatch.status, dispatch.mode) == ("running", "pending", "incomplete")
    assert (dispatch.trigger_id, dispatch.requested_by_id) == (trigger.pk, trigger.run_as_user_id)
    assert (dispatch.idempotency_key, dispatch.is_manual) == (f"inv:{invocation.pk}:1", True)
    assert (invocation.resolved_payload, invocation.rendered_message) == ({"n": 1}, None)
    inbox.run_all()
    assert dispatch_of(invocation).status == "complete"
    ended = fresh(invocation)
    assert (ended.status, ended.trigger.last_status) == ("completed", "completed")
    assert sheet.values("c") == ["8"] * 4 or sheet.values("c") == [8] * 4


def test_the_options_of_the_trigger_are_the_dispatchs(inbox: Inbox, worker: Any) -> None:
    sheet = greeting_chain(rows=4)
    options = {
        "groups": [str(sheet.groups["A"].id)],
        "filter": {"column": "name", "op": "eq", "value": "n2"},
        "mode": "all",
        "limit": 3,
    }
    dispatch = dispatch_of(ran(table_trigger(sheet, target_options=options)))
    assert (dispatch.groups, dispatch.mode, dispatch.row_limit) == ([sheet.groups["A"].id], "all", 3)
    assert dispatch.scope["filter"] == options["filter"]


def test_with_nothing_to_do_it_is_complete_at_once(inbox: Inbox, worker: Any) -> None:
    sheet = sheet_make()
    sheet.column("name")
    sheet.fill([{"name": "a"}])
    invocation = ran(table_trigger(sheet))
    assert (invocation.status, invocation.reason, invocation.children) == ("completed", "nothing_to_do", [])
    assert invocation.trigger.last_status == "completed"
    assert not Dispatch.objects.exists()


def test_a_group_that_is_gone_is_named(inbox: Inbox, worker: Any) -> None:
    gone = uuid7()
    options = {"groups": [str(gone)]}
    invocation = ran(table_trigger(greeting_chain(rows=1), target_options=options, max_retries=5))
    assert (invocation.status, invocation.error_code) == ("failed", "group_not_found")
    assert str(gone) in invocation.error_message


def test_an_archived_table_runs_nothing(inbox: Inbox, worker: Any) -> None:
    sheet = greeting_chain(rows=1)
    trigger = table_trigger(sheet)
    Table.objects.filter(pk=sheet.table.pk).update(archived_at="2026-01-01T00:00:00Z")
    invocation = ran(trigger)
    assert (invocation.status, invocation.error_code) == ("failed", "table_not_found")


def test_a_run_of_which_every_cell_failed_is_tried_again_for_those(
    inbox: Inbox, worker: Any, probe: Probe
) -> None:
    sheet = probing_table(rows=3)
    failing(probe)
    invocation = ran(table_trigger(sheet, target_options={"mode": "all"}))
    inbox.run_all()
    waiting = fresh(invocation)
    assert (waiting.status, waiting.error_code) == ("pending", "child_failed")
    assert waiting.error_message == "3 of 3 cells failed."
    failing(probe, "n1")
    again(invocation)
    assert dispatch_of(invocation).mode == "failed"
    inbox.run_all()
    ended = fresh(invocation)
    assert (ended.status, ended.attempt, len(ended.children)) == ("completed", 2, 2)


@pytest.mark.parametrize(
    ("percent", "ends"), [(100, "completed"), (34, "completed"), (33, "failed"), (0, "failed")]
)
def test_how_many_cells_may_fail_is_the_triggers_affair(
    inbox: Inbox, worker: Any, probe: Probe, percent: int, ends: str
) -> None:
    sheet = probing_table(rows=3)
    failing(probe, "n1")
    options = {"fail_above_percent": percent}
    invocation = ran(table_trigger(sheet, target_options=options, max_retries=0))
    inbox.run_all()
    assert status(invocation) == ends


@pytest.mark.parametrize(("mode", "again_in"), [("all", 2), ("new", 2), ("incomplete", 2), ("failed", 0)])
def test_a_dispatch_that_was_cut_off_is_taken_up_where_it_was(
    inbox: Inbox, worker: Any, probe: Probe, settings: Any, mode: str, again_in: int
) -> None:
    """What it asked for, without what it completed: no cell is paid for twice, none is left as it was before (§5.5)."""
    settings.RUNSHEET_WINDOW_ROWS = 1
    sheet = probing_table(rows=3)
    if mode == "all":
        dispatch_start(table=sheet.table)
        inbox.run_all()
        probe.reset()
    invocation = ran(table_trigger(sheet, timeout_seconds=30, target_options={"mode": mode}))
    while mode != "failed" and not probe.calls:
        inbox.deliver(inbox.take())
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    cut = dispatch_of(invocation)
    assert (status(invocation), cut.status) == ("pending", "cancelled")
    inbox.waiting.clear()
    again(invocation)
    going_on = dispatch_of(invocation)
    assert (going_on.mode, going_on.scope) == (mode, {"continues": [str(cut.pk)]})
    inbox.run_all()
    assert status(invocation) == "completed"
    check_account(cut.pk)
    check_account(going_on.pk, rows=3)
    assert len(probe.calls) == (1 + again_in if again_in else 0)
    assert len(probe.counts()) == len(probe.calls)


@pytest.mark.parametrize("done", [1, 4])
def test_a_limit_is_not_exceeded_by_taking_up_what_was_cut_off(
    inbox: Inbox, worker: Any, probe: Probe, settings: Any, done: int
) -> None:
    settings.RUNSHEET_WINDOW_ROWS = 1
    sheet = probing_table(rows=9)
    options = {"mode": "all", "limit": 4}
    invocation = ran(table_trigger(sheet, timeout_seconds=30, target_options=options))
    while len(probe.calls) < done:
        inbox.unpack()  # so that the last row does not end the dispatch
        inbox.deliver(inbox.take())
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    inbox.waiting.clear()
    again(invocation)
    inbox.run_all()
    assert status(invocation) == "completed"
    assert probe.counts() == {f"n{n}": 1 for n in range(4)}
    assert len(fresh(invocation).children) == (2 if done < 4 else 1)


def test_a_run_that_a_storm_of_failures_ended_runs_all_the_rest_when_it_is_tried_again(
    inbox: Inbox, worker: Any, probe: Probe, settings: Any
) -> None:
    settings.RUNSHEET_WINDOW_ROWS, settings.RUNSHEET_STORM_FAILURES = 1, 2
    worker.start(slots=1)
    sheet = probing_table(rows=60)
    dispatch_start(table=sheet.table)
    inbox.run_all()
    probe.reset()
    failing(probe, *(f"n{n}" for n in range(1, 60)))
    invocation = ran(table_trigger(sheet, target_options={"mode": "all"}))
    inbox.run_all()
    waiting = fresh(invocation)
    assert (waiting.status, waiting.error_code) == ("pending", "child_failed")
    assert "so the run stopped itself" in waiting.error_message
    reached = set(probe.counts())
    assert "n0" in reached
    assert len(reached) < 60
    probe.reset()
    again(invocation)
    inbox.run_all()
    assert status(invocation) == "completed"
    assert probe.counts() == {f"n{n}": 1 for n in range(1, 60)}
    assert check_account(dispatch_of(invocation).pk, rows=60).skipped == {"completed": 1}


def test_the_table_that_ran_is_shown_though_the_trigger_runs_another_one_by_now(
    inbox: Inbox, worker: Any
) -> None:
    sheet = probing_table(rows=1)
    invocation = ran(table_trigger(sheet))
    inbox.run_all()
    other = probing_table(rows=0, workspace=sheet.workspace)
    Trigger.objects.filter(pk=invocation.trigger_id).update(table=other.table)
    visitor = Client()
    visitor.force_login(person_make(sheet.workspace))
    (item,) = visitor.get("/invocations/").context["items"]
    assert item.child == (f"/tables/{sheet.table.pk}/", "View table")


@pytest.mark.rule("W15", "timeout_cancels_child")
def test_a_dispatch_of_which_a_cell_asks_what_became_of_it_is_neither_stopped_nor_repeated(
    inbox: Inbox, worker: Any
) -> None:
    sheet = probing_table(rows=2, effect="unsafe")
    invocation = ran(table_trigger(sheet, timeout_seconds=30, max_retries=3))
    dispatch = dispatch_of(invocation)
    group = WorkflowGroup.objects.get(pk=sheet.groups["A"].id)
    asking = Run.objects.create(
        workspace_id=sheet.table.workspace_id,
        workflow_id=group.workflow_id,
        version=WorkflowVersion.objects.filter(workflow_id=group.workflow_id).latest("number"),
        status="needs_decision",
        owner_kind="cell",
    )
    RowExecution.objects.create(
        row=Row.objects.filter(table=sheet.table).earliest("id"),
        group=group,
        table=sheet.table,
        status="paused",
        reason="needs_decision",
        dispatch_id=dispatch.pk,
        run_id=asking.pk,
    )
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    ended = fresh(invocation)
    assert (ended.status, ended.error_code) == ("failed", "unknown_outcome")
    assert dispatch_of(invocation).status == dispatch.status
    asking.refresh_from_db()
    assert asking.status == "needs_decision"


@pytest.mark.parametrize("whole_table", [True, False])
def test_a_dispatch_that_somebody_stops_cancels_its_invocation(
    inbox: Inbox, worker: Any, whole_table: bool
) -> None:
    sheet = probing_table(rows=3)
    invocation = ran(table_trigger(sheet, max_retries=5))
    if whole_table:
        stop(table=sheet.table)
    else:
        dispatch_stop(dispatch_of(invocation))
    after = fresh(invocation)
    assert (after.status, after.reason) == ("cancelled", "child_stopped")


@pytest.mark.rule("cancel_running")
def test_cancelling_an_invocation_stops_its_dispatch(inbox: Inbox, worker: Any, probe: Probe) -> None:
    sheet = probing_table(rows=3)
    invocation = ran(table_trigger(sheet))
    invocation_cancel(invocation=invocation, actor=acting(None))
    assert (status(invocation), dispatch_of(invocation).status) == ("cancelled", "cancelled")
    inbox.run_all()
    assert (probe.counts(), status(invocation)) == ({}, "cancelled")


@pytest.mark.rule("cancel_running")
def test_a_cancel_beside_the_end_and_a_stop_leaves_one_end_for_both(
    inbox: Inbox, worker: Any, probe: Probe, two_connections: Race
) -> None:
    def cancelled(invocation: Any) -> bool:
        try:
            return invocation_cancel(invocation=invocation, actor=acting(None)).status == "cancelled"
        except InvocationFinished:
            return False

    sheet = probing_table(rows=2)
    for _ in range(6):
        invocation = ran(table_trigger(sheet, target_options={"mode": "all"}))
        outcomes = two_connections(
            inbox.run_all, partial(cancelled, invocation), partial(stop, table=sheet.table)
        )
        assert [outcome.error for outcome in outcomes] == [None] * 3
        ends = {"complete": "completed", "cancelled": "cancelled"}
        assert status(invocation) == ends[dispatch_of(invocation).status]
        inbox.run_all()


def test_a_dispatch_that_cannot_go_on_fails_its_invocation(inbox: Inbox, worker: Any) -> None:
    sheet = greeting_chain(rows=2)
    options = {"filter": {"column": "name", "op": "eq", "value": "n1"}}
    invocation = ran(table_trigger(sheet, target_options=options, max_retries=0))
    sheet.columns["name"].delete()
    Table.objects.filter(pk=sheet.table.pk).update(schema_version=99)
    inbox.run_all()
    ended = fresh(invocation)
    assert (dispatch_of(invocation).status, ended.status, ended.error_code) == (
        "failed",
        "failed",
        "child_failed",
    )


def test_a_dispatch_of_a_person_concerns_no_invocation(inbox: Inbox, worker: Any) -> None:
    sheet = greeting_chain(rows=2)
    invocation = ran(table_trigger(sheet))
    theirs = dispatch_start(table=sheet.table, mode=Mode.ALL).dispatch
    assert theirs is not None
    inbox.run_all()
    assert Dispatch.objects.get(pk=theirs.pk).status == "complete"
    assert status(invocation) == "cancelled"  # a manual run replaces what runs on the same cells


def test_the_sweep_finds_the_end_of_a_dispatch_that_nobody_told(
    inbox: Inbox, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation = ran(table_trigger(greeting_chain(rows=2)))
    with monkeypatch.context() as patch:
        patch.setattr("tables.services.dispatch_ends._told", [])
        inbox.run_all()
    assert status(invocation) == "running"
    assert invocation_look(invocation.pk)
    assert status(invocation) == "completed"
