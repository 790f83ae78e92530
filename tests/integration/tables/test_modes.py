"""Which cells each mode runs, over which rows: filters, ranges, exclusions, limits, groups (`tables.md` section 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution
from tables.services.dispatches import dispatch_start
from tables.states import CellStatus, Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, greeting_chain, probing, probing_table, setting, sheet_make
from tests.bed.running import Inbox, Probe
from workflows.models import Run

pytestmark = pytest.mark.usefixtures("worker")

STATES = ["completed", "failed", "cancelled", "none"]


def start(sheet: Sheet, **options: Any) -> UUID:
    """Start a dispatch; its id."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    return outcome.dispatch.id


def record(sheet: Sheet, rows: list[UUID], status: str, group: str = "A") -> None:
    """Cells of an earlier time, as if they had run."""
    RowExecution.objects.bulk_create(
        RowExecution(
            row_id=row,
            group=sheet.groups[group],
            table=sheet.table,
            status=status,
            attempt=1,
            error={"code": "x", "message": "x"} if status == "failed" else None,
        )
        for row in rows
    )


def mixed(each: int = 3) -> Sheet:
    """Rows n0… in each of the four states in turn: completed, failed, cancelled, none."""
    sheet = probing_table(each * len(STATES))
    for place, status in enumerate(STATES[:-1]):
        record(sheet, sheet.rows[place :: len(STATES)], status)
    return sheet


def names(*states: str, each: int = 3) -> list[str]:
    """Names of the rows in these states."""
    return [f"n{i}" for i in range(each * len(STATES)) if STATES[i % len(STATES)] in states]


RUNS = {
    Mode.ALL: (STATES, {}),
    Mode.INCOMPLETE: (["failed", "cancelled", "none"], {"completed": 3}),
    Mode.FAILED: (["failed", "cancelled"], {"not_failed": 6}),
    Mode.NEW: (["none"], {"has_attempt": 9}),
}


@pytest.mark.rule("T10", "T13")
@pytest.mark.parametrize("mode", RUNS)
def test_a_mode_runs_its_cells_and_says_why_not_the_others(mode: Mode, inbox: Inbox, probe: Probe) -> None:
    sheet = mixed()
    dispatch = start(sheet, mode=mode)
    inbox.run_all()
    states, skipped = RUNS[mode]
    found = check_account(dispatch, rows=12)
    assert sorted(probe.counts()) == sorted(names(*states))
    assert (found.completed, found.skipped) == (len(states) * 3, skipped)
    check_quiet()


@pytest.mark.rule("T10", "T13")
@pytest.mark.parametrize("mode", RUNS)
def test_a_mode_and_a_filter_narrow_each_other(mode: Mode, inbox: Inbox, probe: Probe) -> None:
    sheet = mixed()
    few = ["n0", "n1", "n2", "n3"]
    dispatch = start(sheet, mode=mode, filter={"column": "name", "op": "in", "value": few})
    inbox.run_all()
    states, _ = RUNS[mode]
    assert sorted(probe.counts()) == [name for name in few if name in names(*states)]
    assert check_account(dispatch, rows=4).rows_total == 4


@pytest.mark.rule("T10")
@pytest.mark.bug("a filtered rerun of finished cells that silently does nothing and eats the limit")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE, Mode.NEW])
def test_a_limit_counts_what_is_handed_over_under_a_filter_too(
    mode: Mode, inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(60)
    record(sheet, sheet.rows[:40], "completed")
    dispatch = start(sheet, mode=mode, limit=5, filter={"column": "name", "op": "starts_with", "value": "n"})
    inbox.run_all()
    first = 0 if mode is Mode.ALL else 40
    assert sorted(probe.counts()) == sorted(f"n{i}" for i in range(first, first + 5))
    found = check_account(dispatch)
    assert (found.rows_handed_over, found.completed) == (5, 5)


@pytest.mark.rule("T13")
@pytest.mark.parametrize("mode", [Mode.INCOMPLETE, Mode.FAILED, Mode.NEW])
def test_what_is_skimmed_over_is_accounted_for_exactly(mode: Mode, inbox: Inbox, probe: Probe) -> None:
    """Hundreds of settled rows between the few that have work: the first, some inside, the last."""
    sheet = probing_table(700)
    open_rows = [0, 33, 34, 250, 699]
    settled = [row for i, row in enumerate(sheet.rows) if i not in open_rows]
    record(sheet, settled, "completed")
    if mode is Mode.FAILED:
        record(sheet, [sheet.rows[i] for i in open_rows], "failed")
    dispatch = start(sheet, mode=mode)
    inbox.run_all()
    assert list(probe.counts()) == [f"n{i}" for i in open_rows]
    reason = {Mode.INCOMPLETE: "completed", Mode.FAILED: "not_failed", Mode.NEW: "has_attempt"}[mode]
    found = check_account(dispatch, rows=700)
    assert (found.completed, found.skipped, found.rows_seen) == (5, {reason: 695}, 700)


@pytest.mark.rule("T13")
def test_skimming_tells_tombstones_and_cells_in_flight_apart(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(300)
    record(sheet, sheet.rows[:100], "completed")
    record(sheet, sheet.rows[100:150], "cancelled")
    RowExecution.objects.filter(status="cancelled").update(cancelled_sequence=1_000)
    record(sheet, sheet.rows[150:200], "paused")
    dispatch = start(sheet, mode=Mode.NEW)
    inbox.run_all()
    assert sorted(probe.counts()) == sorted(f"n{i}" for i in range(200, 300))
    skipped = check_account(dispatch, rows=300).skipped
    assert skipped == {"has_attempt": 100, "tombstoned": 50, "in_flight": 50}


@pytest.mark.rule("T10")
def test_a_chain_with_a_finished_source_runs_what_is_left_of_it(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=60)
    start(sheet, groups=[sheet.groups["A"].id])
    inbox.run_all()
    dispatch = start(sheet, mode=Mode.NEW)
    inbox.run_all()
    found = check_account(dispatch, rows=60)
    assert (found.completed, found.skipped) == (120, {"has_attempt": 60})


@pytest.mark.rule("T10")
@pytest.mark.bug("the first row skipped")
def test_one_group_of_several_runs_from_the_first_row_on(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=3)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3
    assert sheet.values("a") == ["Hello n0", "Hello n1", "Hello n2"]
    assert sheet.values("b") == [None, None, None]


@pytest.mark.rule("T8", "T15")
@pytest.mark.bug("cascade steps running another group's workflow")
def test_each_step_of_a_cascade_runs_its_own_groups_workflow(inbox: Inbox) -> None:
    sheet = greeting_chain(rows=2)
    start(sheet)
    inbox.run_all()
    assert sheet.values("b") == ["HELLO N0", "HELLO N1"]
    assert sheet.values("c") == [8, 8]
    cells = RowExecution.objects.select_related("group").all()
    runs = {cell.run_id: cell.group.workflow_id for cell in cells if cell.run_id}
    assert dict(Run.objects.filter(id__in=list(runs)).values_list("id", "workflow_id")) == runs


@pytest.mark.rule("T10", "T22")
@pytest.mark.bug("an empty-output group that spins")
@pytest.mark.parametrize("mode", [Mode.ALL, Mode.INCOMPLETE, Mode.NEW])
@pytest.mark.parametrize("auto_run", [False, True])
def test_a_group_that_gives_nothing_ends_and_its_dependant_waits(
    mode: Mode, auto_run: bool, inbox: Inbox, probe: Probe
) -> None:
    sheet = sheet_make()
    sheet.column("name")
    more: dict[str, Any] = {"auto_run": auto_run}
    sheet.group(
        "A", chain(setting("nothing", "")), outputs={"a": "result.value"}, depends_on=["name"], **more
    )
    sheet.group(
        "B", chain(setting("loud", "{{ row.a }}!")), outputs={"b": "result.value"}, depends_on=["a"], **more
    )
    sheet.fill([{"name": f"n{i}"} for i in range(30)])
    dispatch = start(sheet, mode=mode)
    assert inbox.run_all(most=60)
    found = check_account(dispatch, rows=30)
    assert (found.completed, found.skipped) == (30, {"deps_unmet": 30})
    check_quiet()


@pytest.mark.rule("T10")
def test_a_groups_condition_is_judged_per_row_in_every_mode(inbox: Inbox, probe: Probe) -> None:
    sheet = mixed()
    sheet.groups["A"].condition = "row.name != 'n1'"
    sheet.groups["A"].save()
    dispatch = start(sheet, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert "n1" not in probe.counts()
    assert check_account(dispatch, rows=12).skipped == {"completed": 3, "condition_false": 1}


@pytest.mark.rule("T29", "T13")
def test_an_automatic_dispatch_skips_what_has_auto_run_off(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(30)
    outcome = dispatch_start(table=sheet.table, mode=Mode.NEW, is_manual=False)
    inbox.run_all()
    assert outcome.dispatch is not None
    assert check_account(outcome.dispatch.id, rows=30).skipped == {"auto_run_off": 30}
    assert not probe.counts()


# ---- ranges ------------------------------------------------------------------------------------------------------


def scored(*scores: int | None) -> Sheet:
    """Rows n0… with these scores."""
    sheet = sheet_make()
    sheet.column("name")
    sheet.column("score", "number")
    sheet.group("A", chain(probing("call")), outputs={"a": "result"})
    sheet.fill([{"name": f"n{i}", "score": score} for i, score in enumerate(scores)])
    return sheet


ORDERS: dict[str, tuple[Any, tuple[int, int], list[str]]] = {
    "ascending": (["score"], (1, 0), ["n0", "n1", "n3"]),  # 1 n1, 2 n3, 3 n0, 3 n4, 5 n2, - n5
    "descending": (["-score"], (2, 4), ["n0", "n2", "n4"]),  # 5 n2, 3 n0, 3 n4, 2 n3, 1 n1, - n5
    "equal values keep the table's order": (["score"], (0, 4), ["n0", "n4"]),
    "empty values come last": (["score"], (2, 5), ["n2", "n5"]),
    "either end first": (["score"], (0, 1), ["n0", "n1", "n3"]),
    "one row": (["score"], (3, 3), ["n3"]),
    "the table's own order": (None, (1, 3), ["n1", "n2", "n3"]),
    "the table's own order backwards": (None, (3, 1), ["n1", "n2", "n3"]),
}


@pytest.mark.rule("T4", "T10")
@pytest.mark.parametrize(("sort", "ends", "expected"), ORDERS.values(), ids=ORDERS)
def test_a_range_is_inclusive_in_the_order_it_was_made_in(
    sort: Any, ends: tuple[int, int], expected: list[str], inbox: Inbox, probe: Probe
) -> None:
    sheet = scored(3, 1, 5, 2, 3, None)
    bounds = {"from": sheet.rows[ends[0]], "to": sheet.rows[ends[1]]}
    dispatch = start(sheet, rows={**bounds, **({"sort": sort} if sort else {})})
    inbox.run_all()
    assert sorted(probe.counts()) == expected
    assert check_account(dispatch, rows=len(expected)).rows_total == len(expected)


@pytest.mark.rule("T10")
def test_a_range_of_a_filtered_list_leaves_out_what_the_filter_does(inbox: Inbox, probe: Probe) -> None:
    sheet = scored(3, 1, 5, 2, 3, None)
    wanted = {"column": "score", "op": "gte", "value": 3}
    start(sheet, rows={"from": sheet.rows[0], "to": sheet.rows[4], "filter": wanted})
    inbox.run_all()
    assert sorted(probe.counts()) == ["n0", "n2", "n4"]


@pytest.mark.rule("T10")
def test_a_range_stays_what_was_seen_though_the_rows_at_its_ends_go(inbox: Inbox, probe: Probe) -> None:
    sheet = scored(1, 2, 3, 4, 5)
    start(sheet, rows={"from": sheet.rows[1], "to": sheet.rows[3], "sort": ["score"]})
    Row.objects.filter(id__in=[sheet.rows[1], sheet.rows[3]]).delete()
    inbox.run_all()
    assert sorted(probe.counts()) == ["n2"]


@pytest.mark.rule("T10")
def test_a_range_over_the_column_that_the_run_itself_fills(inbox: Inbox, probe: Probe) -> None:
    """What a run writes must not push its own next rows out of the range."""
    sheet = scored(*range(50))
    sheet.columns["a"].type = "text"
    probe.does = lambda tag, _context: f"zzz {tag}"
    dispatch = start(sheet, rows={"from": sheet.rows[0], "to": sheet.rows[49], "sort": ["a"]})
    inbox.run_all()
    assert check_account(dispatch).completed == 50


def test_a_range_must_begin_and_end_at_rows_of_the_table(client: Any, inbox: Inbox) -> None:
    sheet, other = probing_table(2, workspace=client.workspace), probing_table(1)
    answer = client.post(
        f"/api/v1/tables/{sheet.table.id}/dispatches/",
        {"rows": {"from": str(sheet.rows[0]), "to": str(other.rows[0])}},
        format="json",
    )
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"rows.to": ["This table has no such row."]}
    assert not Dispatch.objects.exists()


def test_what_was_asked_for_is_what_is_shown(client: Any, inbox: Inbox) -> None:
    sheet = probing_table(3, workspace=client.workspace)
    rows = {"from": str(sheet.rows[2]), "to": str(sheet.rows[0]), "sort": ["-name"]}
    answer = client.post(f"/api/v1/tables/{sheet.table.id}/dispatches/", {"rows": rows}, format="json")
    assert (answer.status_code, answer.json()["scope"]) == (202, {"rows": rows})


EXCLUDED: dict[str, Callable[[Sheet], dict[str, Any]]] = {
    "the table": lambda sheet: {},
    "ids": lambda sheet: {"rows": sheet.rows},
    "a range": lambda sheet: {"rows": {"from": sheet.rows[0], "to": sheet.rows[-1]}},
    "a filter": lambda sheet: {"filter": {"column": "name", "op": "not_empty"}},
}


@pytest.mark.rule("T10")
@pytest.mark.parametrize("scope", EXCLUDED)
def test_rows_left_out_by_name_do_not_run_in_any_scope(scope: str, inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(5)
    start(sheet, exclude_rows=[sheet.rows[0], sheet.rows[3]], **EXCLUDED[scope](sheet))
    inbox.run_all()
    assert sorted(probe.counts()) == ["n1", "n2", "n4"]


@pytest.mark.rule("T30")
def test_a_rerun_that_clears_leaves_values_and_other_groups_cells(inbox: Inbox) -> None:
    """Step 4: a mode clears what it is about to run, and neither a completed sibling nor any value."""
    sheet = greeting_chain(rows=1)
    start(sheet)
    inbox.run_all()
    RowExecution.objects.filter(group=sheet.groups["B"]).update(status=CellStatus.FAILED)
    before = sheet.cells()[sheet.rows[0], "A"].version
    start(sheet, mode=Mode.INCOMPLETE)
    inbox.deliver(inbox.take())
    assert sheet.cells()[sheet.rows[0], "A"].version == before
    assert sheet.values("b") == ["HELLO N0"]
    inbox.run_all()
    assert sheet.cells()[sheet.rows[0], "B"].status == "completed"
