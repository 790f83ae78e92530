"""What cells cost, told once: by the cell, by the dispatch that ran it, whatever it went through (T13)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution
from tables.services.budget import cells_left
from tables.services.progress import dispatch_json
from tables.services.stopping import stop
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, greeting_chain, probing, probing_table, sheet_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import answer, approval, cell, figures, run_id, start, time_passes
from workflows.blocks.base import BlockContext, BlockFailed, BlockResult
from workflows.models import Run
from workflows.services.resuming import run_resume
from workflows.states import ErrorClass
from workspaces.actors import Actor
from workspaces.ids import uuid7

pytestmark = pytest.mark.usefixtures("worker")

ONCE: dict[str, Any] = {"retry": {"max_attempts": 1}}


def cost_of(dispatch: UUID) -> Decimal | None:
    """What its progress says; what is stored must agree once it has ended."""
    shown = dispatch_json(Dispatch.objects.get(id=dispatch))["progress"]["cost"]
    return None if shown is None else Decimal(shown)


class Till:
    """Every call costs a quarter; those whose tag starts with ``call`` fail while it is shut."""

    def __init__(self, probe: Probe) -> None:
        self.shut = False
        probe.does = self.called

    def called(self, tag: str, _context: BlockContext) -> Any:
        """What the probes do."""
        if self.shut and tag.startswith("call"):
            raise BlockFailed.because(ErrorClass.UPSTREAM, "down", "away")
        return BlockResult(tag, cost=Decimal("0.25"))


@pytest.fixture
def till(probe: Probe) -> Till:
    return Till(probe)


def costly_table(rows: int = 1, *between: dict[str, Any], **options: Any) -> Sheet:
    """Group A pays for a first call, perhaps waits, then pays for a second one."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(
        probing("first", "first:{{ row.name }}", **ONCE),
        *between,
        probing("second", "call:{{ row.name }}", **ONCE),
    )
    for edge in blocks["edges"]:
        edge["handle"] = "approved" if edge["from"] == "ask" else edge["handle"]
    sheet.group("A", blocks, outputs={"a": "blocks.second"}, **options)
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


@pytest.mark.rule("T13")
def test_cells_and_dispatches_tell_what_was_spent(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(25)
    dispatch = start(sheet)
    inbox.run_all()
    assert set(sheet.table.cells.values_list("cost", flat=True)) == {Decimal("0.5")}
    assert check_account(dispatch, rows=25).cost == cost_of(dispatch) == Decimal("12.5")


@pytest.mark.rule("T13")
def test_nothing_is_told_where_nothing_costs(inbox: Inbox, probe: Probe) -> None:
    sheet = greeting_chain(2)
    dispatch = start(sheet)
    inbox.run_all()
    assert cost_of(dispatch) is None
    assert set(sheet.table.cells.values_list("cost", flat=True)) == {None}


@pytest.mark.rule("T13", "T23")
def test_a_retry_adds_to_the_cost_and_is_counted_with_the_end(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(2, retry={"max_attempts": 2, "delay_seconds": 60})
    till.shut = True
    dispatch = start(sheet)
    inbox.run_all()
    assert figures(dispatch) == {"queued": 2}
    assert cost_of(dispatch) is None  # cells tell with their end
    till.shut = False
    time_passes()
    inbox.run_all()
    assert check_account(dispatch, rows=2).cost == cost_of(dispatch) == Decimal(1)


@pytest.mark.rule("T13", "T32")
def test_a_cell_that_paused_is_counted_once_when_it_ends(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(1, approval())
    dispatch = start(sheet)
    inbox.run_all()
    assert (figures(dispatch), cost_of(dispatch)) == ({"paused": 1}, None)
    answer(cell(sheet))
    inbox.run_all()
    assert (figures(dispatch), cost_of(dispatch)) == ({"completed": 1}, Decimal("0.5"))
    assert Dispatch.objects.get(id=dispatch).cost == Decimal("0.5")
    check_quiet()


@pytest.mark.rule("T13", "W22")
def test_a_failed_cell_that_is_resumed_is_not_counted_twice(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(2)
    till.shut = True
    dispatch = start(sheet)
    inbox.run_all()
    assert check_account(dispatch, rows=2).cost == Decimal("0.5")
    till.shut = False
    run_resume(run_id=run_id(cell(sheet)), actor=Actor.system("test"))
    assert cost_of(dispatch) == Decimal("0.25")  # the other one's; this one tells with its end
    inbox.run_all()
    assert cost_of(dispatch) == Dispatch.objects.get(id=dispatch).cost == Decimal("0.75")
    assert figures(dispatch) == {"completed": 1, "failed": 1}
    check_quiet()


@pytest.mark.rule("T13")
def test_a_second_dispatch_pays_for_itself(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(1)
    first = start(sheet)
    inbox.run_all()
    second = start(sheet)
    inbox.run_all()
    assert cost_of(first) == cost_of(second) == cell(sheet).cost == Decimal("0.5")


# ---- the budget --------------------------------------------------------------------------------------------------


@pytest.mark.rule("S18")
def test_cells_beyond_the_budget_are_skipped_and_say_so(inbox: Inbox, probe: Probe, settings: Any) -> None:
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 5
    sheet = probing_table(30)
    dispatch = start(sheet)
    inbox.run_all()
    assert len(probe.calls) == 5
    assert figures(dispatch) == {"completed": 5, "skipped": {"budget_exceeded": 25}}
    assert not sheet.table.cells.exclude(status="completed").exists()
    check_account(dispatch, rows=30)
    check_quiet()
    other = probing_table(2)
    start(other)
    inbox.run_all()
    assert other.table.cells.count() == 2  # another workspace has its own


@pytest.mark.rule("S18")
def test_a_pack_is_cut_where_the_budget_ends(inbox: Inbox, probe: Probe, settings: Any) -> None:
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 7
    sheet = probing_table(20)
    sheet.groups["A"].mean_cell_ms = 1
    sheet.groups["A"].save()
    dispatch = start(sheet)
    inbox.run_all()
    assert len(probe.calls) == 7
    assert figures(dispatch) == {"completed": 7, "skipped": {"budget_exceeded": 13}}


@pytest.mark.rule("S18")
def test_a_days_budget_is_new_at_midnight_and_a_resume_spends_none(
    inbox: Inbox, till: Till, settings: Any
) -> None:
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 1
    sheet = costly_table(2)
    till.shut = True
    start(sheet)
    inbox.run_all()
    assert cells_left(sheet.workspace.id) == 0
    till.shut = False
    run_resume(run_id=run_id(cell(sheet)), actor=Actor.system("test"))
    inbox.run_all()
    assert cell(sheet).status == "completed"
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 2
    assert cells_left(sheet.workspace.id) == 1
    yesterdays = Run.objects.get()
    yesterdays.pk = UUID(int=yesterdays.pk.int - (86_400_000 << 80))
    yesterdays.save(force_insert=True)
    assert cells_left(sheet.workspace.id) == 1


# ---- sizes -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("F21", "T6")
def test_an_output_above_the_cells_limit_fails_its_cell_alone(
    inbox: Inbox, probe: Probe, settings: Any
) -> None:
    settings.RUNSHEET_MAX_CELL_BYTES = 1_000
    probe.does = lambda tag, _context: tag * (500 if tag == "n1" else 1)
    sheet = probing_table(3)
    sheet.groups["A"].mean_cell_ms = 1
    sheet.groups["A"].save()
    start(sheet)
    inbox.run_all()
    assert sheet.values("a") == ["n0", "n1" * 500, "n2"]
    probe.does = lambda tag, _context: tag * (501 if tag == "n1" else 1)
    dispatch = start(sheet)
    inbox.run_all()
    assert [cell(sheet, row=row).status for row in range(3)] == ["completed", "failed", "completed"]
    assert (cell(sheet, row=1).error or {})["code"] == "output_too_large"
    assert sheet.values("a")[1] == "n1" * 500  # the last good value, stale
    assert figures(dispatch) == {"completed": 2, "failed": 1}


@pytest.mark.rule("F21", "T6", "T18")
def test_an_output_its_row_has_no_room_for_fails_its_cell_alone_and_the_run_with_it(
    inbox: Inbox, probe: Probe, settings: Any
) -> None:
    settings.RUNSHEET_MAX_ROW_BYTES = 2_000
    probe.does = lambda tag, _context: "x" * 500
    sheet = probing_table(3)
    sheet.groups["A"].mean_cell_ms = 1
    sheet.groups["A"].save()
    full = Row.objects.get(id=sheet.rows[1])
    full.data = {"name": "y" * 1_600}
    full.save()
    dispatch = start(sheet)
    inbox.run_all()
    failed = cell(sheet, row=1)
    assert [cell(sheet, row=row).status for row in range(3)] == ["completed", "failed", "completed"]
    assert (failed.error or {})["code"] == "row_too_large"
    run = Run.objects.get(id=run_id(failed))
    assert (run.status, (run.error or {})["code"], run.result) == ("failed", "row_too_large", None)
    assert "a" not in Row.objects.get(id=sheet.rows[1]).data
    assert check_account(dispatch, rows=3).failed == 1
    Row.objects.filter(id=sheet.rows[1]).update(data={"name": "short"})
    run_resume(
        run_id=run.id, actor=Actor.system("test")
    )  # nothing is paid for twice: only the end is told again
    inbox.run_all()
    assert (cell(sheet, row=1).status, len(probe.calls)) == ("completed", 3)
    check_quiet()


@pytest.mark.rule("F21", "T19")
def test_a_partial_output_the_row_has_no_room_for_waits_for_the_end(
    inbox: Inbox, probe: Probe, settings: Any
) -> None:
    settings.RUNSHEET_MAX_ROW_BYTES = 2_000
    probe.does = lambda tag, _context: "x" * 1_900 if tag.startswith("first") else "y"
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(probing("first", "first:{{ row.name }}"), probing("second", "second"))
    sheet.group("A", blocks, outputs={"first": "blocks.first", "a": "blocks.second"})
    sheet.fill([{"name": "z" * 100}])
    start(sheet)
    inbox.run_all()
    assert (cell(sheet).error or {})["code"] == "row_too_large"
    assert set(Row.objects.get().data) == {"name"}


@pytest.mark.rule("T30", "T18")
@pytest.mark.parametrize("mode", ["incomplete", "all"])
def test_an_event_tells_what_was_really_written(mode: str, inbox: Inbox, probe: Probe) -> None:
    from tables.states import Mode
    from tests.integration.tables.told import told

    sheet = sheet_make()
    sheet.column("name")
    sheet.group(
        "A", chain(probing("call")), outputs={"a": "result", "a2": "result"}, depends_on=["name"]
    )  # fmt: skip
    sheet.fill([{"name": "n0"}])
    Row.objects.update(data={"name": "n0", "a2": "typed"}, edited=["a2"])
    start(sheet, mode=Mode(mode))
    inbox.run_all()
    written = {"a": "n0"} if mode == "incomplete" else {"a": "n0", "a2": "n0"}
    assert [event["data"] for event in told(sheet) if event["status"] == "completed"] == [written]
    row = Row.objects.get()
    assert (row.data["a2"], row.edited) == (("typed", ["a2"]) if mode == "incomplete" else ("n0", []))


@pytest.mark.rule("T18", "T5")
@pytest.mark.parametrize("change", ["retyped", "deleted", "unmapped"])
def test_what_a_run_writes_fits_the_schema_as_it_is_then(change: str, inbox: Inbox, probe: Probe) -> None:
    """The column changes while the run is under way: its values follow, or are not written."""
    from tables.models import Column, Table

    sheet = sheet_make()
    sheet.column("name")
    sheet.group("A", chain(probing("call", "1{{ row.name }}")), outputs={"a": "result", "b": "result"})
    sheet.fill([{"name": "2"}])

    def called(tag: str, _context: BlockContext) -> str:
        column = Column.objects.filter(table=sheet.table, key="a")
        if change == "retyped":
            column.update(type="number")
        elif change == "deleted":
            column.delete()
        else:
            column.update(group=None, output_path="")
        Table.objects.filter(id=sheet.table.id).update(schema_version=uuid7().int % 1_000_000 + 10)
        return tag

    probe.does = called
    start(sheet)
    inbox.run_all()
    assert RowExecution.objects.get().status == "completed"
    written = {"retyped": {"a": 12, "b": "12"}}.get(change, {"b": "12"})
    assert Row.objects.get().data == {"name": "2", **written}


@pytest.mark.rule("T13", "T24")
def test_what_was_spent_before_a_stop_is_told_too(inbox: Inbox, till: Till) -> None:
    sheet = costly_table(1, approval())
    dispatch = start(sheet)
    inbox.run_all()
    assert figures(dispatch) == {"paused": 1}
    stop(table=sheet.table)
    assert figures(dispatch) == {"cancelled": 1}
    assert cell(sheet).cost == cost_of(dispatch) == Decimal("0.25")
