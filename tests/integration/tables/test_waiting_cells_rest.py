"""Cells that wait, as REST shows them: what active dispatches are still to do (T36)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Row, RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.services.foretelling import rows_show
from tables.services.stopping import stop
from tables.states import Mode
from tests.bed.factories import Sheet, greeting_chain, probing_chain, probing_table
from tests.bed.running import Inbox, Worker

pytestmark = [pytest.mark.rule("T36")]


@pytest.fixture(autouse=True)
def one_row_windows(settings: Any) -> None:
    settings.RUNSHEET_WINDOW_ROWS = 1


def start(sheet: Sheet, **asked: Any) -> Dispatch:
    dispatch = dispatch_start(table=sheet.table, **asked).dispatch
    assert dispatch is not None
    return dispatch


def shown(sheet: Sheet, name: str) -> list[str | None]:
    """For each row in order, what the group's cell says: a status, "waits for …", a reason, or nothing."""
    group = str(sheet.groups[name].id)
    return [said(row["cells"].get(group)) for row in rows_show(sheet.table.id, sheet.rows)]


def said(cell: dict[str, Any] | None) -> str | None:
    if cell is None:
        return None
    if cell["status"] is not None:
        return str(cell["status"])
    return f"waits for {', '.join(cell['waits_for'])}" if "waits_for" in cell else str(cell["reason"])


@pytest.mark.django_db
def test_rows_ahead_of_a_dispatch_show_queued_and_their_dependants_what_they_wait_for() -> None:
    sheet = greeting_chain(rows=3)
    assert shown(sheet, "A") == [None] * 3
    dispatch = start(sheet)
    assert shown(sheet, "A") == ["queued"] * 3
    assert shown(sheet, "B") == ["waits for a"] * 3
    assert shown(sheet, "C") == ["waits for b"] * 3
    cell = rows_show(sheet.table.id, sheet.rows[:1])[0]["cells"][str(sheet.groups["A"].id)]
    assert (cell["version"], cell["execution_id"], cell["dispatch"]) == (0, None, str(dispatch.id))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"rows": [1]}, [None, "queued", None, None]),
        ({"rows": (1, 2)}, [None, "queued", "queued", None]),
        ({"filter": {"column": "name", "op": "eq", "value": "n2"}}, [None, None, "queued", None]),
        ({"exclude_rows": [0]}, [None, "queued", "queued", "queued"]),
        ({"limit": 2}, ["queued", "queued", None, None]),
        ({"groups": ["B"]}, [None] * 4),
        ({"mode": Mode.FAILED}, [None] * 4),
        ({"mode": Mode.NEW}, ["queued"] * 4),
        ({"mode": Mode.ALL}, ["queued"] * 4),
        ({"is_manual": False}, [None] * 4),
    ],
    ids=["rows", "range", "filter", "exclusions", "limit", "groups", "failed", "new", "all", "automatic"],
)
@pytest.mark.django_db
def test_only_rows_that_the_dispatch_would_run_are_foretold(
    asked: dict[str, Any], expected: list[str | None]
) -> None:
    sheet = greeting_chain(rows=4)
    given = dict(asked)
    if isinstance(asked.get("rows"), tuple):
        first, last = (str(sheet.rows[n]) for n in asked["rows"])
        given["rows"] = {"from": first, "to": last}
    elif "rows" in asked:
        given["rows"] = [sheet.rows[n] for n in asked["rows"]]
    if "exclude_rows" in asked:
        given["exclude_rows"] = [sheet.rows[n] for n in asked["exclude_rows"]]
    given["groups"] = [sheet.groups[name].id for name in asked.get("groups", ["A"])]
    start(sheet, **given)
    assert shown(sheet, "A") == expected


def test_the_overlay_follows_the_cursor_and_ends_with_the_dispatch(inbox: Inbox, worker: Worker) -> None:
    sheet = greeting_chain(rows=9)
    worker.start(slots=1)
    start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())  # six windows are handed over: their cells have records, the others are ahead
    assert shown(sheet, "A") == ["pending"] * 6 + ["queued"] * 3
    inbox.run_all()
    assert shown(sheet, "A") == ["completed"] * 9
    assert shown(sheet, "B") == [None] * 9


def test_a_row_under_way_says_what_its_other_cells_wait_for(inbox: Inbox, worker: Worker) -> None:
    sheet = greeting_chain(rows=1)
    worker.start()
    start(sheet)
    inbox.deliver(inbox.take())
    assert Window.objects.count() == 1
    assert (shown(sheet, "A"), shown(sheet, "B")) == (["pending"], ["waits for a"])


@pytest.mark.django_db
def test_rows_made_or_stopped_after_the_request_are_not_foretold() -> None:
    sheet = greeting_chain(rows=2)
    start(sheet, groups=[sheet.groups["A"].id])
    sheet.fill([{"name": "late"}])
    stop(table=sheet.table, rows=sheet.rows[:1])
    assert shown(sheet, "A") == ["cancelled", "queued", None]


@pytest.mark.django_db
def test_a_finished_cell_keeps_its_record_and_says_what_is_ahead() -> None:
    sheet = greeting_chain(rows=2)
    a, b = sheet.groups["A"], sheet.groups["B"]
    for status, row in (("completed", sheet.rows[0]), ("failed", sheet.rows[1])):
        for group in (a, b):
            RowExecution.objects.create(row_id=row, group=group, table=sheet.table, status=status)
    dispatch = start(sheet, groups=[a.id, b.id], mode=Mode.INCOMPLETE)
    first, second = (row["cells"] for row in rows_show(sheet.table.id, sheet.rows))
    assert "ahead" not in first[str(a.id)]
    assert second[str(a.id)]["status"] == "failed"
    assert second[str(a.id)]["version"] > 0
    assert second[str(a.id)]["ahead"] == {"status": "queued", "dispatch": str(dispatch.id)}
    assert second[str(b.id)]["ahead"] == {
        "status": None,
        "reason": "deps_unmet",
        "waits_for": ["a"],
        "dispatch": str(dispatch.id),
    }


@pytest.mark.django_db
def test_a_group_that_runs_by_itself_says_what_it_waits_for_without_any_dispatch() -> None:
    sheet = probing_chain(rows=1, auto_run=True)
    Row.objects.filter(id=sheet.rows[0]).update(data={})
    assert shown(sheet, "A") == ["waits for name"]
    assert shown(sheet, "B") == ["waits for a"]
    Row.objects.filter(id=sheet.rows[0]).update(data={"name": "x"})
    assert shown(sheet, "A") == [None]


@pytest.mark.django_db
def test_a_condition_that_does_not_hold_is_the_reason() -> None:
    sheet = probing_table(rows=1)
    sheet.groups["A"].condition = "row.name == 'other'"
    sheet.groups["A"].save()
    start(sheet)
    assert shown(sheet, "A") == ["condition_false"]


@pytest.mark.django_db
def test_of_two_dispatches_the_one_that_would_run_the_cell_is_named() -> None:
    sheet = greeting_chain(rows=1)
    start(sheet, groups=[sheet.groups["A"].id], mode=Mode.FAILED)
    second = start(sheet, groups=[sheet.groups["A"].id], mode=Mode.NEW)
    cell = rows_show(sheet.table.id, sheet.rows)[0]["cells"][str(sheet.groups["A"].id)]
    assert (cell["status"], cell["dispatch"]) == ("queued", str(second.id))


@pytest.mark.django_db
def test_a_filter_whose_column_is_gone_foretells_nothing() -> None:
    sheet = greeting_chain(rows=1)
    extra = sheet.column("extra")
    start(sheet, filter={"column": str(extra.id), "op": "is_empty"})
    extra.delete()
    assert shown(sheet, "A") == [None]


def test_a_page_says_so_and_costs_at_most_two_queries_more(
    client: Any, django_assert_max_num_queries: Any
) -> None:
    sheet = greeting_chain(rows=30, workspace=client.workspace)
    path = f"/api/v1/tables/{sheet.table.id}"
    with django_assert_max_num_queries(100) as idle:
        client.rows(path, limit=30)
    for n in range(5):
        start(sheet, groups=[sheet.groups["A"].id], rows=sheet.rows[n : n + 3])
    with django_assert_max_num_queries(len(idle) + 1):
        rows = client.rows(path, limit=30)
    told = [said(row["cells"].get(str(sheet.groups["A"].id))) for row in rows]
    assert told == ["queued"] * 7 + [None] * 23


def test_the_page_survives_a_reload_and_a_row_alone_says_the_same(client: Any) -> None:
    sheet = greeting_chain(rows=2, workspace=client.workspace)
    start(sheet)
    path = f"/api/v1/tables/{sheet.table.id}"
    first = client.rows(path)
    assert client.rows(path) == first
    one: UUID = sheet.rows[1]
    assert client.get(f"{path}/rows/{one}/").json()["cells"] == first[1]["cells"]
    by_ordinal = client.get(f"{path}/rows/", {"start": 1, "limit": 1}).json()["results"][0]
    assert by_ordinal["cells"] == first[1]["cells"]


@pytest.mark.django_db
def test_as_many_rows_are_foretold_as_a_dry_run_counts() -> None:
    sheet = greeting_chain(rows=6)
    first = sheet.groups["A"]
    RowExecution.objects.create(row_id=sheet.rows[2], group=first, table=sheet.table, status="completed")
    plan = dispatch_plan(table=sheet.table, groups=[first.id], mode=Mode.INCOMPLETE)
    start(sheet, groups=[first.id], mode=Mode.INCOMPLETE)
    assert shown(sheet, "A").count("queued") == plan["groups"][str(first.id)]["run"] == 5
