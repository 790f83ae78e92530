"""A failed cell resumes under its execution, and its row's cascade goes on (W22, W23, T26, T13)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, RowExecution, Window
from tables.services.reaping import reap
from tables.services.rows import row_delete
from tables.services.stopping import stop
from tests.bed.accounts import check_quiet
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.races import Race
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled
from tests.integration.tables.parked import cell, data, figures, run_id, start, statuses
from workflows.blocks.base import BlockContext
from workflows.errors import NotResumable, RunSuperseded
from workflows.models import Attempt, Run
from workflows.services.decisions import Decision, run_decide
from workflows.services.resuming import run_resume, runs_resume
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")
ADA = Actor.system("ada")


class Fault:
    """Makes the second block fail until it is mended."""

    def __init__(self, probe: Probe) -> None:
        self.there = True
        probe.does = self.called

    def called(self, tag: str, _context: BlockContext) -> str:
        """What the probes do."""
        if self.there and tag.startswith("second"):
            raise ValueError("no such thing")
        return tag


@pytest.fixture
def fault(probe: Probe) -> Fault:
    return Fault(probe)


def failing_table(rows: int = 1, effect: str = "repeatable", **more: Any) -> Sheet:
    """Group A: ``first``, then ``second``, which fails; B reads what A fills."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(
        probing("first", "first:{{ row.name }}"),
        probing("second", "second:{{ row.name }}", effect=effect, **more),
    )
    sheet.group("A", blocks, outputs={"a": "result"}, depends_on=["name"])
    sheet.group("B", chain(probing("call", "B:{{ row.a }}")), outputs={"b": "result"}, depends_on=["a"])
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def failed(inbox: Inbox, rows: int = 1) -> tuple[Sheet, UUID]:
    sheet = failing_table(rows)
    dispatch = start(sheet)
    inbox.run_all()
    assert cell(sheet).status == "failed"
    return sheet, dispatch


def resume(sheet: Sheet, row: int = 0) -> Run:
    return run_resume(run_id=run_id(cell(sheet, row=row)), actor=ADA)


@pytest.mark.rule("W22", "W23", "T32")
def test_a_failed_cell_resumes_under_its_execution_and_its_cascade_goes_on(
    inbox: Inbox, probe: Probe, fault: Fault
) -> None:
    sheet, dispatch = failed(inbox)
    before = cell(sheet)
    assert figures(dispatch) == {"failed": 1, "skipped": {"deps_unmet": 1}}
    fault.there = False
    resume(sheet)
    pending = cell(sheet)
    assert (pending.status, pending.execution_id, pending.error) == ("pending", before.execution_id, None)
    assert figures(dispatch) == {"queued": 1, "skipped": {"deps_unmet": 1}}
    inbox.run_all()
    after = cell(sheet)
    assert (after.execution_id, after.run_id, after.attempt) == (
        before.execution_id,
        before.run_id,
        before.attempt,
    )
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    assert data(sheet) == {"name": "n0", "a": "second:n0", "b": "B:second:n0"}
    assert probe.counts() == {"first:n0": 1, "second:n0": 2, "B:second:n0": 1}
    assert figures(dispatch) == {"completed": 2}
    assert Attempt.objects.filter(run_id=run_id(after), step_key="second").count() == 2
    check_quiet()


@pytest.mark.rule("W22", "T13")
def test_one_that_fails_again_is_told_once(inbox: Inbox, probe: Probe, fault: Fault) -> None:
    sheet, dispatch = failed(inbox, rows=2)
    for _ in range(2):
        resume(sheet)
        inbox.run_all()
        assert cell(sheet).status == "failed"
        assert figures(dispatch) == {"failed": 2, "skipped": {"deps_unmet": 2}}
    assert probe.counts() == {"first:n0": 1, "second:n0": 3, "first:n1": 1, "second:n1": 1}


@pytest.mark.rule("W22")
def test_a_cell_resumes_while_its_window_is_open(inbox: Inbox, probe: Probe, fault: Fault) -> None:
    sheet = failing_table(rows=2)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    inbox.unpack()
    inbox.deliver(inbox.take())
    fault.there = False
    resume(sheet)
    assert Window.objects.count() == 1
    inbox.run_all()
    assert figures(dispatch) == {"completed": 4}
    assert Dispatch.objects.get(id=dispatch).status == "complete"
    check_quiet()


@pytest.mark.rule("W23")
def test_two_resumes_at_once_one_wins(
    inbox: Inbox, probe: Probe, fault: Fault, two_connections: Race
) -> None:
    for _ in range(8):
        fault.there = True
        sheet, dispatch = failed(inbox)
        outcomes = two_connections(partial(resume, sheet), partial(resume, sheet))
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        assert [type(error) for error in errors] == [NotResumable]
        assert Window.objects.count() == 1
        fault.there = False
        inbox.run_all()
        assert figures(dispatch) == {"completed": 2}
        check_quiet()


@pytest.mark.rule("W23", "T26")
def test_a_resume_and_a_stop_at_once(inbox: Inbox, probe: Probe, fault: Fault, two_connections: Race) -> None:
    for _ in range(8):
        fault.there = True
        sheet, dispatch = failed(inbox)
        resumed = run_id(cell(sheet))
        two_connections(partial(resume, sheet), partial(stop, table=sheet.table))
        fault.there = False
        inbox.run_all()
        outcome = (cell(sheet).status, Run.objects.get(id=resumed).status)
        assert outcome in {("cancelled", "cancelled"), ("completed", "completed")}
        assert sum(n for name, n in figures(dispatch).items() if name in ("completed", "cancelled")) >= 1
        check_quiet()


@pytest.mark.rule("W22", "T26")
@pytest.mark.parametrize("since", ["stopped_and_run_again", "run_again", "deleted", "emptied"])
def test_a_run_that_its_cell_has_left_is_superseded(
    since: str, inbox: Inbox, probe: Probe, fault: Fault
) -> None:
    sheet, _ = failed(inbox)
    left = run_id(cell(sheet))
    match since:
        case "deleted":
            row_delete(table=sheet.table, row_id=sheet.rows[0], actor=ADA)
        case "emptied":
            sheet.table.cells.all().delete()
        case "run_again":
            start(sheet, rows=sheet.rows)
            inbox.run_all()
        case _:
            start(sheet, rows=sheet.rows)
            inbox.deliver(inbox.take())
            stop(table=sheet.table)
            inbox.run_all()
    before = list(RowExecution.objects.values_list("status", "execution_id"))
    with pytest.raises(RunSuperseded):
        run_resume(run_id=left, actor=ADA)
    inbox.run_all()
    assert list(RowExecution.objects.values_list("status", "execution_id")) == before
    assert Run.objects.get(id=left).status == "failed"


@pytest.mark.rule("W23")
def test_every_failed_cell_of_a_group_resumes_each_by_itself(
    inbox: Inbox, probe: Probe, fault: Fault
) -> None:
    sheet, dispatch = failed(inbox, rows=30)
    fault.there = False
    runs = [found.run_id for found in sheet.table.cells.all() if found.run_id]
    row_delete(table=sheet.table, row_id=sheet.rows[3], actor=ADA)
    outcomes = runs_resume(run_ids=runs, actor=ADA)
    assert sorted(outcomes.values()) == ["resumed"] * 29 + ["superseded"]
    inbox.run_all()
    assert sheet.values("b") == [f"B:second:n{i}" for i in range(30) if i != 3]
    shown = figures(dispatch)
    assert (shown["completed"], shown["failed"]) == (58, 1)
    check_quiet()


@pytest.mark.rule("W15", "T32")
@pytest.mark.parametrize(
    ("decision", "becomes"), [("done", "completed"), ("retry", "completed"), ("fail", "failed")]
)
def test_a_decision_lets_the_cell_go_on(
    decision: str,
    becomes: str,
    inbox: Inbox,
    probe: Probe,
    worker: Worker,
    kill_at_commit: Callable[..., None],
) -> None:
    sheet = failing_table(effect="unsafe")
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    kill_at_commit(3)  # the first step, the mark of the second, and then not its result
    with pytest.raises(WorkerKilled):
        inbox.deliver(inbox.take())
    reap()
    inbox.run_all()
    waiting = cell(sheet)
    assert (waiting.status, waiting.reason) == ("paused", "needs_decision")
    assert figures(dispatch) == {"paused": 1, "skipped": {"deps_unmet": 1}}
    run_decide(
        run_id=run_id(waiting), step_key="second", decision=Decision(decision), output="by hand", actor=ADA
    )
    inbox.run_all()
    done = cell(sheet)
    assert (done.status, done.execution_id) == (becomes, waiting.execution_id)
    value = {"done": "by hand", "retry": "second:n0", "fail": None}[decision]
    assert data(sheet).get("a") == value
    check_quiet()
