"""A dry run: exact by reason, the same as the run that follows, and without a trace (T14)."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from tables.models import Dispatch, Row, RowExecution
from tables.services.dispatches import dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.states import CellStatus, Mode
from tests.bed.accounts import check_account
from tests.bed.factories import Sheet, greeting_chain, probing_chain, probing_table
from tests.bed.running import Inbox, Probe

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.rule("T14")]


def database_print() -> str:
    """Of every row of every table of ours."""
    found = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t"
            )
            found.update(f"{table}{cursor.fetchone()[0]}".encode())
        cursor.execute(
            "SELECT last_value FROM tables_row_seq UNION ALL SELECT last_value FROM tables_cell_version"
        )
        found.update(str(cursor.fetchall()).encode())
    return found.hexdigest()


def mixed() -> Sheet:
    """A chain of which rows 0 to 3 are complete, failed in B, stopped in A, never run; row 4 fails a condition."""
    sheet = greeting_chain(rows=6)
    sheet.groups["A"].condition = "row.name != 'n4'"
    sheet.groups["A"].save()
    made = {
        0: {"A": "completed", "B": "completed", "C": "completed"},
        1: {"A": "completed", "B": "failed"},
        2: {"A": "cancelled"},
    }
    for place, cells in made.items():
        for group, status in cells.items():
            RowExecution.objects.create(
                row_id=sheet.rows[place],
                group=sheet.groups[group],
                table=sheet.table,
                status=status,
                attempt=1,
            )
    Row.objects.filter(id=sheet.rows[0]).update(data={"name": "n0", "a": "Hello n0", "b": "HELLO N0", "c": 8})
    Row.objects.filter(id=sheet.rows[1]).update(data={"name": "n1", "a": "Hello n1"})
    return sheet


SCOPES: dict[str, dict[str, Any]] = {
    "the table": {},
    "a filter": {"filter": {"column": "name", "op": "ne", "value": "n3"}},
    "a limit": {"limit": 2},
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("mode", list(Mode))
def test_it_says_what_the_run_then_does(mode: Mode, scope: str, inbox: Inbox) -> None:
    sheet = mixed()
    before = database_print()
    planned = dispatch_plan(table=sheet.table, mode=mode, **SCOPES[scope])
    assert database_print() == before
    outcome = dispatch_start(table=sheet.table, mode=mode, **SCOPES[scope])
    inbox.run_all()
    assert outcome.dispatch is not None
    ran = check_account(outcome.dispatch.id)
    skipped: dict[str, int] = {}
    for group in planned["groups"].values():
        for reason, count in group["skipped"].items():
            skipped[reason] = skipped.get(reason, 0) + count
    assert sum(group["run"] for group in planned["groups"].values()) == ran.completed
    assert skipped == ran.skipped
    assert (planned["rows"], planned["exact"]) == (ran.rows_seen, True)


def test_it_counts_by_group_and_says_which_cells_follow_on_others() -> None:
    sheet = greeting_chain(rows=3)
    planned = dispatch_plan(table=sheet.table, mode=Mode.ALL)
    assert [planned["groups"][str(sheet.groups[name].id)] for name in "ABC"] == [
        {"run": 3, "follow": 0, "skipped": {}},
        {"run": 3, "follow": 3, "skipped": {}},
        {"run": 3, "follow": 3, "skipped": {}},
    ]


def test_what_auto_run_takes_along_is_told_too(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(rows=2, auto_run=True)
    planned = dispatch_plan(table=sheet.table, groups=[sheet.groups["A"].id], mode=Mode.ALL)
    assert planned["carried_on"] == {str(sheet.groups["B"].id): 2}
    dispatch_start(table=sheet.table, groups=[sheet.groups["A"].id], mode=Mode.ALL)
    inbox.run_all()
    assert len(probe.calls) == 4


@pytest.mark.parametrize(
    "scope", [{}, {"filter": {"column": "name", "op": "not_empty"}}], ids=["table", "filter"]
)
def test_cells_that_the_run_would_stop_first_are_counted_as_run(scope: dict[str, Any], inbox: Inbox) -> None:
    sheet = probing_table(30)
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.deliver(inbox.take())
    RowExecution.objects.update(status=CellStatus.RUNNING, execution_id=sheet.rows[0])
    (planned,) = dispatch_plan(table=sheet.table, mode=Mode.ALL, **scope)["groups"].values()
    assert planned == {"run": 30, "follow": 0, "skipped": {}}
    (new,) = dispatch_plan(table=sheet.table, mode=Mode.NEW, **scope)["groups"].values()
    assert new["skipped"] == {"in_flight": RowExecution.objects.count()}


def test_what_is_left_when_time_is_up_is_extrapolated_and_says_so() -> None:
    sheet = probing_table(1_200)
    planned = dispatch_plan(table=sheet.table, mode=Mode.ALL, exact_seconds=0)
    (found,) = planned["groups"].values()
    assert (planned["exact"], planned["rows"], found["run"]) == (False, 1_200, 1_200)
    limited = dispatch_plan(table=sheet.table, mode=Mode.ALL, exact_seconds=0, limit=700)
    assert (limited["exact"], limited["rows"]) == (False, 700)
    assert dispatch_plan(table=sheet.table, mode=Mode.ALL, exact_seconds=0, limit=20)["exact"]


def test_it_estimates_the_cost_from_completed_cells() -> None:
    sheet = probing_table(10)
    cells = [
        RowExecution(row_id=row, group=sheet.groups["A"], table=sheet.table, status="completed", cost=cost)
        for row, cost in zip(sheet.rows, [Decimal("0.01"), Decimal("0.03"), None], strict=False)
    ]
    assert dispatch_plan(table=sheet.table, mode=Mode.ALL)["estimated_cost"] is None
    RowExecution.objects.bulk_create(cells[:2])
    assert Decimal(dispatch_plan(table=sheet.table, mode=Mode.ALL)["estimated_cost"]) == Decimal("0.2")
    assert Decimal(dispatch_plan(table=sheet.table, mode=Mode.NEW)["estimated_cost"]) == Decimal("0.16")
    empty = dispatch_plan(table=sheet.table, mode=Mode.FAILED)
    assert empty["estimated_cost"] is None


def test_over_rest_nothing_is_stored(client: Any, inbox: Inbox) -> None:
    sheet = probing_table(2, workspace=client.workspace)
    path = f"/api/v1/tables/{sheet.table.id}/dispatches/"
    answer = client.post(path, {"mode": "all", "dry_run": True}, format="json")
    assert answer.status_code == 200
    assert answer.json() == {
        "rows": 2,
        "groups": {str(sheet.groups["A"].id): {"run": 2, "follow": 0, "skipped": {}}},
        "carried_on": {},
        "exact": True,
        "estimated_cost": None,
    }
    assert not Dispatch.objects.exists()
    assert not inbox.waiting


@pytest.mark.rule("S18")
def test_what_the_budget_of_the_day_leaves_no_room_for_is_not_promised(settings: Any) -> None:
    sheet = probing_table(10)
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 4
    planned = dispatch_plan(table=sheet.table, mode=Mode.ALL)
    (found,) = planned["groups"].values()
    assert (found["run"], found["skipped"], planned["exact"]) == (4, {"budget_exceeded": 6}, False)
    settings.RUNSHEET_MAX_CELLS_PER_DAY = 10
    assert dispatch_plan(table=sheet.table, mode=Mode.ALL)["exact"]
