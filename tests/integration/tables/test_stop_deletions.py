"""Deleting a row, column, group, table or workflow under running cells ends them quietly (T5, F31)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution
from tables.services.columns import column_delete
from tables.services.dispatches import dispatch_start
from tables.services.groups import group_delete, group_update
from tables.services.reaping import reap
from tables.services.rows import rows_delete
from tables.services.schema import table_archive, table_restore
from tables.states import IN_FLIGHT, Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import (
    Sheet,
    chain,
    probing,
    probing_chain,
    probing_table,
    setting,
    sheet_make,
    workflow_make,
)
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe
from workflows.errors import WorkflowInUse
from workflows.models import Run
from workflows.services.definitions import workflow_archive
from workflows.services.runs import run_start
from workflows.services.versions import version_for_ref
from workspaces.actors import Actor

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.rule("T5", "F31")]
ADA = Actor.system("ada")


def start(sheet: Sheet, **options: Any) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def delete(what: str, sheet: Sheet) -> None:
    """Delete it, as its service does."""
    match what:
        case "row":
            rows_delete(table=sheet.table, row_ids=sheet.rows[:1], actor=ADA)
        case "column":
            column_delete(table=sheet.table, column_id=sheet.columns["a"].id, actor=ADA)
        case "group":
            group_delete(table=sheet.table, group_id=sheet.groups["A"].id, actor=ADA)
        case "table":
            table_archive(table=sheet.table, actor=ADA)


@pytest.fixture
def once(probe: Probe) -> Callable[[Callable[[], None]], None]:
    """Have this done while the first call of a block is under way."""

    def arm(does: Callable[[], None]) -> None:
        left = [does]

        def called(tag: str, _context: object) -> str:
            while left:
                left.pop()()
            return tag

        probe.does = called

    return arm


def check_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody complained."""
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.bug("a deleted row breaking its worker")
@pytest.mark.parametrize("what", ["row", "column", "group", "table"])
def test_the_run_under_way_ends_and_says_that_its_target_is_gone(
    what: str,
    inbox: Inbox,
    once: Callable[[Callable[[], None]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sheet = probing_chain(2)
    dispatch = start(sheet)
    once(partial(delete, what, sheet))
    inbox.run_all()
    reap()
    inbox.run_all()
    stopped = Run.objects.filter(status="cancelled")
    assert {run.error["code"] for run in stopped if run.error} == {"target_deleted"}
    assert stopped.exists()
    assert not Row.objects.filter(data__a="A:n0").exists()
    assert Dispatch.objects.get(id=dispatch).status in {"complete", "cancelled"}
    assert not RowExecution.objects.filter(status__in=IN_FLIGHT).exists()
    check_quiet()
    check_silent(caplog)


@pytest.mark.bug("a deleted row breaking its worker")
def test_the_other_rows_of_a_deleted_one_run_to_the_end(
    inbox: Inbox, probe: Probe, once: Callable[[Callable[[], None]], None]
) -> None:
    sheet = probing_chain(3)
    dispatch = start(sheet)
    once(partial(delete, "row", sheet))
    inbox.run_all()
    assert [cell.status for cell in RowExecution.objects.all()] == ["completed"] * 4
    assert check_account(dispatch, rows=3).completed == 4
    assert not RowExecution.objects.filter(row_id=sheet.rows[0]).exists()


@pytest.mark.parametrize("path", ["result", "blocks.call"])
def test_a_run_writes_nothing_under_the_key_of_a_column_that_is_gone(
    path: str, inbox: Inbox, once: Callable[[Callable[[], None]], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Its group has another output, so the run goes on: at its end, and with what a single block fills before."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = [probing("call"), setting("say", "{{ blocks.call }}"), probing("last", "last")]
    sheet.group("A", chain(*blocks), outputs={"a": path, "kept": "result"}, depends_on=["name"])
    sheet.fill([{"name": "n0"}])
    dispatch = start(sheet)
    once(partial(delete, "column", sheet))
    inbox.run_all()
    assert Row.objects.get().data == {"name": "n0", "kept": "last"}
    assert check_account(dispatch, rows=1).completed == 1
    check_silent(caplog)


def test_a_column_that_is_read_may_go_while_runs_read_it(
    inbox: Inbox, once: Callable[[Callable[[], None]], None], caplog: pytest.LogCaptureFixture
) -> None:
    sheet = probing_chain(2)
    dispatch = start(sheet)
    name = sheet.columns["name"].id
    once(lambda: column_delete(table=sheet.table, column_id=name, actor=ADA))
    inbox.run_all()
    assert check_account(dispatch, rows=2).status == "complete"
    check_quiet()
    check_silent(caplog)


def test_a_restored_table_runs_again(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(2)
    start(sheet)
    inbox.deliver(inbox.take())
    table_archive(table=sheet.table, actor=ADA)
    inbox.run_all()
    table_restore(table=sheet.table, actor=ADA)
    again = start(sheet)
    inbox.run_all()
    assert check_account(again, rows=2).completed == 2


def test_a_workflow_that_groups_run_stays_and_names_them(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    workflow = sheet.groups["A"].workflow
    with pytest.raises(WorkflowInUse, match=f"{sheet.table.name} / A"):
        workflow_archive(workflow=workflow, actor=ADA)
    table_archive(table=sheet.table, actor=ADA)
    workflow_archive(workflow=workflow, actor=ADA)


def test_a_workflow_that_goes_takes_its_runs_under_way_along(
    inbox: Inbox, once: Callable[[Callable[[], None]], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Those of a cell whose group runs another workflow by now, and those that work for nobody."""
    sheet = probing_table(1)
    old = sheet.groups["A"].workflow
    plain, _ = run_start(workflow=old, version=version_for_ref(old, "live"), input={}, actor=ADA)
    other = workflow_make(sheet.workspace, chain(setting("greet", "Hello")))

    def move_on() -> None:
        group_update(table=sheet.table, group_id=sheet.groups["A"].id, actor=ADA, workflow=other.id)
        workflow_archive(workflow=old, actor=ADA)

    dispatch = start(sheet)
    once(move_on)
    inbox.waiting.reverse()  # the cell first
    inbox.run_all()
    for run in Run.objects.filter(workflow=old):
        assert (run.status, (run.error or {})["code"]) == ("cancelled", "target_deleted")
    assert Run.objects.filter(workflow=old).count() == 2
    assert Run.objects.filter(id=plain.pk).exists()
    assert sheet.values("a") == [None]
    assert check_account(dispatch, rows=1).cancelled == 1
    check_quiet()
    check_silent(caplog)


@pytest.mark.bug("a deleted row breaking its worker")
@pytest.mark.parametrize("what", ["row", "column", "group", "table"])
def test_a_deletion_at_the_moment_of_the_finish_leaves_no_half(
    what: str, inbox: Inbox, probe: Probe, two_connections: Race
) -> None:
    for _ in range(6):
        sheet = probing_table(2)
        dispatch = start(sheet)
        inbox.deliver(inbox.take())
        chord = inbox.chord()
        outcomes = two_connections(partial(inbox.deliver, chord), partial(delete, what, sheet))
        assert [outcome.error for outcome in outcomes] == [None, None]
        inbox.run_all()
        reap()
        inbox.run_all()
        assert Dispatch.objects.get(id=dispatch).status in {"complete", "cancelled"}
        check_quiet()
