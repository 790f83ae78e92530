"""A table once more: schema, groups, views, layout and rows, under new ids, and nothing is run (T1, T4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.factories import greeting_chain
from tests.integration.tables.clients import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T1")]


def group_body(client: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "Greet",
        "workflow": str(client.workflow().pk),
        "inputs": {"who": {"column": "name"}, "loud": {"expression": "row.name|upper"}},
        "outputs": [{"path": "result.value", "column": {"name": "Greeting"}}],
        "depends_on": ["name"],
        **more,
    }


def filled(client: Any) -> tuple[str, dict[str, Any]]:
    """A table with a group, a view and a layout; its path and how it is shown."""
    kind = {"name": "Kind", "type": "select", "options": {"choices": ["a"], "colours": {"a": "red"}}}
    path = client.table("name", kind)
    client.post(
        f"{path}/groups/", group_body(client, auto_run=True, condition="row.name != 'x'"), format="json"
    )
    shown = client.get(f"{path}/").json()
    ids = {column["key"]: column["id"] for column in shown["columns"]}
    client.put(
        f"{path}/layout/",
        {"widths": {ids["name"]: 200}, "hidden": [ids["kind"]], "pinned": []},
        format="json",
    )
    by_status = {"group": shown["groups"][0]["id"], "status": "failed"}
    view = {
        "name": "Mine",
        "filter": {"any": [{"column": ids["kind"], "op": "eq", "value": "a"}, by_status]},
        "sort": [{"column": ids["name"], "direction": "desc"}],
        "layout": {"hidden": [ids["greeting"]]},
    }
    answer = client.post(f"{path}/views/", view, format="json")
    assert answer.status_code == 201, answer.json()
    return path, client.get(f"{path}/").json()


def test_schema_groups_views_and_layout_are_copied_under_new_ids(client: Any) -> None:
    path, shown = filled(client)

    answer = client.post(f"{path}/duplicate/", {}, format="json")

    assert answer.status_code == 201, answer.json()
    copy = answer.json()
    assert (copy["name"], copy["row_count"], copy["locks"]) == ("Leads copy", 0, [])
    same = ("key", "name", "type", "options", "required", "unique", "ordinal", "output_path")
    assert [{f: c[f] for f in same} for c in copy["columns"]] == [
        {f: c[f] for f in same} for c in shown["columns"]
    ]
    old = {column["id"] for column in shown["columns"]} | {shown["groups"][0]["id"], shown["id"]}
    assert not [each for each in old if each in str(copy)]
    ids = {column["key"]: column["id"] for column in copy["columns"]}
    (group,) = copy["groups"]
    assert (group["depends_on"], group["auto_run"]) == ([ids["name"]], True)
    assert group["inputs"] == {"who": {"column": ids["name"]}, "loud": {"expression": "row.name|upper"}}
    assert [output["column"] for output in group["outputs"]] == [ids["greeting"]]
    assert copy["layout"] == {"widths": {ids["name"]: 200}, "hidden": [ids["kind"]], "pinned": []}
    (view,) = client.get(f"/api/v1/tables/{copy['id']}/views/").json()["results"]
    assert view["filter"]["any"][0]["column"] == ids["kind"]
    assert view["filter"]["any"][1]["group"] == group["id"]
    assert view["sort"] == [{"column": ids["name"], "direction": "desc"}]
    assert view["layout"] == {"hidden": [ids["greeting"]]}
    listed = client.get(f"/api/v1/tables/{copy['id']}/rows/", {"view": view["id"]})
    assert listed.status_code == 200, listed.json()


@pytest.mark.rule("T4")
def test_rows_come_along_in_order_with_what_is_completed_on_them() -> None:
    from tables.models import Row, RowExecution
    from tables.services.duplicating import table_duplicate

    sheet = greeting_chain(rows=3)
    Row.objects.update(position="a5")  # ties are broken by id, in the copy as in the original
    for number, row in enumerate(sorted(sheet.rows)):
        Row.objects.filter(id=row).update(
            data={"name": f"n{number}", "a": "A", "gone": 1}, edited=["b"] if number == 1 else []
        )
        for name, status in (("A", "completed"), ("B", "failed")):
            RowExecution.objects.create(
                row_id=row, group=sheet.groups[name], table=sheet.table, status=status, group_revision=1
            )
    sheet.table.retired_keys = ["gone"]
    sheet.table.save()

    copy = table_duplicate(table=sheet.table, actor=ACTOR, rows=True)

    rows = list(Row.objects.filter(table=copy).order_by("position", "id"))
    assert [row.data for row in rows] == [{"name": f"n{number}", "a": "A"} for number in range(3)]
    assert [row.edited for row in rows] == [[], ["b"], []]
    assert [row.id.version for row in rows] == [7, 7, 7]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert copy.row_count == 3
    cells = RowExecution.objects.filter(table=copy)
    assert {(cell.row_id, cell.status, cell.run_id) for cell in cells} == {
        (row.id, "completed", None) for row in rows
    }
    assert set(cells.values_list("group__name", flat=True)) == {"A"}
    assert copy.retired_keys == []
    assert Row.objects.filter(table=sheet.table).count() == 3


@pytest.mark.rule("T29")
@pytest.mark.django_db(transaction=True)
def test_a_copy_starts_nothing_and_runs_on_its_own_when_asked(inbox: Any, worker: Any) -> None:
    from tables.models import Dispatch, Row
    from tables.services.dispatches import dispatch_start
    from tables.services.duplicating import table_duplicate
    from tables.states import Mode
    from tests.bed.factories import probing_chain

    sheet = probing_chain(rows=3, auto_run=True)

    copy = table_duplicate(table=sheet.table, actor=ACTOR, rows=True)
    assert not inbox.waiting
    assert not Dispatch.objects.exists()

    worker.start()
    dispatch_start(table=copy, mode=Mode.INCOMPLETE)
    inbox.run_all()
    assert {bool(row.data.get("b")) for row in Row.objects.filter(table=copy)} == {True}
    assert {row.data.get("b") for row in Row.objects.filter(table=sheet.table)} == {None}


def test_names_are_free_ones_and_a_given_name_may_be_taken(client: Any) -> None:
    path = client.table("name", name="N" * 200)

    made = [client.post(f"{path}/duplicate/", {}, format="json").json()["name"] for _ in range(2)]
    taken = client.post(f"{path}/duplicate/", {"name": made[0]}, format="json")

    assert made == ["N" * 195 + " copy", "N" * 193 + " copy 2"]
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    for body, field in (({"name": " "}, "name"), ({"rows": "some"}, "rows"), ({"row": True}, "row")):
        answer = client.post(f"{path}/duplicate/", body, format="json")
        assert field in answer.json()["errors"]


@pytest.mark.rule("T6")
def test_a_table_of_more_rows_than_one_request_copies_is_refused_clearly(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tables.services import duplicating

    path = client.table("name")
    client.post(f"{path}/rows/", {"rows": [{"data": {"name": n}} for n in "abc"]}, format="json")
    monkeypatch.setattr(duplicating, "MAX_COPIED_ROWS", 2)

    answer = client.post(f"{path}/duplicate/", {"rows": True}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "limit_reached")
    assert "up to 2 rows" in answer.json()["detail"]
    assert client.post(f"{path}/duplicate/", {"rows": False}, format="json").status_code == 201


def test_a_repeated_request_makes_one_copy_and_a_foreign_table_none(client: Any, stranger: Any) -> None:
    from tables.models import Table

    path = client.table("name")
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}

    first = client.post(f"{path}/duplicate/", {"rows": True}, format="json", **key)
    again = client.post(f"{path}/duplicate/", {"rows": True}, format="json", **key)

    assert first.json()["id"] == again.json()["id"]
    assert Table.objects.count() == 2
    assert stranger.post(f"{path}/duplicate/", {}, format="json").status_code == 404
