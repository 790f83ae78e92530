"""Tables, columns and workflow groups over the API: the rules of a schema, and what moves and deletions take along."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.bed.factories import greeting_chain, workflow_make

pytestmark = pytest.mark.django_db


def group_body(client: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "Greet",
        "workflow": str(client.workflow().pk),
        "inputs": {"who": {"column": "name"}},
        "outputs": [{"path": "result.value", "column": {"name": "Greeting"}}],
        **more,
    }


def detail(client: Any, path: str) -> dict[str, Any]:
    return dict(client.get(f"{path}/").json())


def columns(client: Any, path: str) -> list[str]:
    return [column["key"] for column in detail(client, path)["columns"]]


def column_id(client: Any, path: str, key: str) -> str:
    return next(c["id"] for c in detail(client, path)["columns"] if c["key"] == key)


def test_a_table_is_made_with_typed_columns_and_readable_keys(client: Any) -> None:
    path = client.table(
        "Company Domain",
        {"name": "Größe", "type": "number"},
        "company-domain",
        "…",
        {"name": "2nd", "type": "date"},
    )

    shown = detail(client, path)

    assert [c["key"] for c in shown["columns"]] == [
        "company_domain",
        "groe",
        "company_domain_2",
        "column",
        "c_2nd",
    ]
    assert [c["type"] for c in shown["columns"]] == ["text", "number", "text", "text", "date"]
    assert shown["row_count"] == 0


@pytest.mark.rule("T3")
def test_a_rename_keeps_the_key_and_a_deleted_key_is_never_given_out_again(client: Any) -> None:
    path = client.table("name", "city")
    client.post(f"{path}/rows/", {"data": {"city": "Ulm"}}, format="json")
    city = column_id(client, path, "city")

    renamed = client.patch(f"{path}/columns/{city}/", {"name": "Town"}, format="json").json()
    assert (renamed["key"], renamed["name"]) == ("city", "Town")

    assert client.delete(f"{path}/columns/{city}/").status_code == 204
    client.post(f"{path}/columns/", {"name": "city"}, format="json")
    assert columns(client, path) == ["name", "city_2"]
    assert client.rows(path)[0]["data"] == {}


def test_a_taken_name_is_a_conflict_until_the_table_is_archived(client: Any) -> None:
    path = client.table("name", name="Leads")
    again = client.post("/api/v1/tables/", {"name": "Leads"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")

    assert client.delete(f"{path}/").status_code == 204
    assert client.get(f"{path}/").status_code == 404
    second = client.table("name", name="Leads")
    assert client.post(f"{path}/restore/").json()["code"] == "name_taken"
    client.patch(f"{second}/", {"name": "Others"}, format="json")
    assert client.post(f"{path}/restore/").status_code == 200
    assert client.get(f"{path}/").status_code == 200


@pytest.mark.rule("T1")
def test_a_group_is_made_with_new_columns_side_by_side(client: Any) -> None:
    path = client.table("name", "city")
    outputs = [
        {"path": "result.value", "column": {"name": "Greeting"}},
        {"path": "blocks.greet.value", "column": {"name": "Length", "type": "number"}},
    ]

    made = client.post(
        f"{path}/groups/",
        group_body(client, outputs=outputs, depends_on=["city"], auto_run=True),
        format="json",
    )

    assert made.status_code == 201, made.json()
    group = made.json()
    assert columns(client, path) == ["name", "city", "greeting", "length"]
    assert group["depends_on"] == [column_id(client, path, "city")]
    assert group["inputs"] == {"who": {"column": column_id(client, path, "name")}}
    assert [output["key"] for output in group["outputs"]] == ["greeting", "length"]
    assert group["revision"] == 1


def fills(*columns: Any) -> list[dict[str, Any]]:
    return [{"path": "result.value", "column": column} for column in columns]


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"outputs": []}, "output_missing", "outputs"),
        ({"outputs": fills("gone")}, "output_missing", "outputs[0].column"),
        ({"depends_on": ["gone"]}, "dependency_missing", "depends_on[0]"),
        ({"auto_run": True}, "auto_run_needs_dependency", "auto_run"),
        ({"outputs": fills("name"), "inputs": {}, "depends_on": ["name"]}, "depends_on_itself", "depends_on"),
        ({"outputs": fills("name"), "inputs": {}, "depends_on": ["city"]}, "depends_on_right", "depends_on"),
        ({"outputs": fills("name"), "inputs": {"x": {"column": "city"}}}, "depends_on_right", "inputs.x"),
        ({"outputs": fills("name", "name")}, "output_claimed_twice", "outputs[1].column"),
        ({"outputs": fills("name", {"name": "End"}), "inputs": {}}, None, None),
        ({"outputs": [{"path": "rezult", "column": {"name": "X"}}]}, "invalid", "outputs[0].path"),
        ({"inputs": {"x": {"expression": "row.name +"}}}, "invalid", "inputs.x"),
        ({"inputs": {"x": {"expression": "blocks.a.b"}}}, "invalid", "inputs.x"),
        ({"condition": "row.name >"}, "invalid", "condition"),
        ({"ref": "nowhere"}, "invalid", "ref"),
        ({"workflow": "00000000-0000-7000-8000-000000000000"}, "invalid", "workflow"),
        ({"outputs": fills({"name": "name"})}, "invalid", "outputs[0].column.name"),
    ],
)  # fmt: skip
def test_a_faulty_group_is_refused_with_code_and_place_and_leaves_nothing(
    client: Any, more: dict[str, Any], code: str | None, field: str | None
) -> None:
    path = client.table("name", "city")
    before = detail(client, path)

    answer = client.post(f"{path}/groups/", group_body(client, **more), format="json")

    if code is None:  # the new column stands next to the existing output
        assert answer.status_code == 201, answer.json()
        assert columns(client, path) == ["name", "end", "city"]
        return
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.json()
    assert field in answer.json()["errors"]
    assert detail(client, path) == before


@pytest.mark.rule("T1")
def test_an_output_of_another_group_cannot_be_claimed(client: Any) -> None:
    path = client.table("name")
    client.post(f"{path}/groups/", group_body(client), format="json")

    second = group_body(client, name="Other", outputs=[{"path": "result.value", "column": "greeting"}])

    assert client.post(f"{path}/groups/", second, format="json").json()["code"] == "output_claimed_twice"


@pytest.mark.rule("T2")
def test_a_move_takes_dependencies_and_inputs_away_and_stops_auto_run(client: Any) -> None:
    path = client.table("name", "city")
    client.post(
        f"{path}/groups/", group_body(client, depends_on=["name", "city"], auto_run=True), format="json"
    )
    order = [column_id(client, path, key) for key in ("city", "greeting", "name")]

    moved = client.put(f"{path}/layout/", {"order": order, "widths": {order[0]: 120}}, format="json")

    assert moved.status_code == 200, moved.json()
    (group,) = moved.json()["groups"]
    assert group["depends_on"] == [order[0]]
    assert (group["inputs"], group["auto_run"], group["revision"]) == ({}, True, 2)
    last = client.put(f"{path}/layout/", {"order": [order[1], order[0], order[2]]}, format="json").json()
    assert (last["groups"][0]["depends_on"], last["groups"][0]["auto_run"]) == ([], False)
    assert last["layout"]["widths"] == {order[0]: 120}


@pytest.mark.rule("T1")
def test_a_move_may_not_split_a_group(client: Any) -> None:
    path = client.table("name")
    outputs = [{"path": "result.value", "column": {"name": name}} for name in ("A", "B")]
    client.post(f"{path}/groups/", group_body(client, inputs={}, outputs=outputs), format="json")
    order = [column_id(client, path, key) for key in ("a", "name", "b")]

    answer = client.put(f"{path}/layout/", {"order": order}, format="json")

    assert answer.json()["code"] == "not_adjacent"
    assert columns(client, path) == ["name", "a", "b"]


@pytest.mark.rule("T2")
def test_deleting_a_column_scrubs_groups_and_the_last_output_takes_its_group_and_cells(client: Any) -> None:
    from tables.models import RowExecution, Table

    path = client.table("name", "city")
    group = client.post(f"{path}/groups/", group_body(client, depends_on=["city"]), format="json").json()
    row = client.post(f"{path}/rows/", {"data": {"name": "Ada"}}, format="json").json()
    table = Table.objects.get()
    RowExecution.objects.create(row_id=row["id"], group_id=group["id"], table=table, status="completed")

    client.delete(f"{path}/columns/{column_id(client, path, 'city')}/")
    assert detail(client, path)["groups"][0]["depends_on"] == []

    client.delete(f"{path}/columns/{column_id(client, path, 'greeting')}/")
    assert detail(client, path)["groups"] == []
    assert not RowExecution.objects.exists()


@pytest.mark.rule("T29")
def test_only_a_change_of_meaning_raises_the_revision(client: Any) -> None:
    path = client.table("name")
    group = client.post(f"{path}/groups/", group_body(client), format="json").json()
    here = f"{path}/groups/{group['id']}/"

    same = client.patch(
        here, {"name": "Salute", "inputs": group["inputs"], "depends_on": []}, format="json"
    ).json()
    other = client.patch(here, {"inputs": {"who": {"expression": "row.name|upper"}}}, format="json").json()

    assert (same["name"], same["revision"]) == ("Salute", 1)
    assert other["revision"] == 2


def test_a_deleted_group_leaves_its_columns_as_plain_ones(client: Any) -> None:
    path = client.table("name")
    group = client.post(f"{path}/groups/", group_body(client), format="json").json()

    assert client.delete(f"{path}/groups/{group['id']}/").status_code == 204
    shown = detail(client, path)
    assert [(c["key"], c["group"], c["output_path"]) for c in shown["columns"]] == [
        ("name", None, ""),
        ("greeting", None, ""),
    ]


@pytest.mark.rule("T6")
def test_limits_are_settings_with_clear_errors(client: Any, settings: Any) -> None:
    settings.RUNSHEET_MAX_COLUMNS, settings.RUNSHEET_MAX_GROUPS = 2, 0
    path = client.table("a", "b")

    column = client.post(f"{path}/columns/", {"name": "c"}, format="json").json()
    group = client.post(f"{path}/groups/", group_body(client, inputs={}), format="json").json()

    assert (column["code"], group["code"]) == ("limit_reached", "limit_reached")
    assert "at most 2 columns" in column["detail"]


def test_a_schema_lock_holds_for_people_until_an_admin_lifts_it(client: Any) -> None:
    path = client.table("a")
    client.patch(f"{path}/", {"locks": ["schema", "insert"]}, format="json")

    assert client.post(f"{path}/columns/", {"name": "c"}, format="json").json()["code"] == "table_locked"
    assert client.post(f"{path}/rows/", {"data": {}}, format="json").json()["code"] == "table_locked"
    assert client.patch(f"{path}/", {"locks": ["nonsense"]}, format="json").status_code == 400


def test_a_column_keeps_its_type_while_it_holds_values(client: Any) -> None:
    path = client.table("a")
    here = f"{path}/columns/{column_id(client, path, 'a')}/"
    assert client.patch(here, {"type": "number"}, format="json").json()["type"] == "number"
    client.post(f"{path}/rows/", {"data": {"a": 1}}, format="json")

    assert client.patch(here, {"type": "date"}, format="json").json()["code"] == "column_holds_values"
    client.post(f"{path}/rows/", {"data": {"a": 1}}, format="json")
    assert client.patch(here, {"unique": True}, format="json").json()["code"] == "column_holds_values"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "type": "colour"}, "type"),
        ({"name": "x", "type": "select", "options": {"choices": ["a", "a"]}}, "options"),
        ({"name": "x", "type": "text", "options": {"choices": ["a"]}}, "options"),
        ({"name": "x", "tpye": "text"}, "tpye"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_a_faulty_column_is_refused_by_field(client: Any, body: dict[str, Any], field: str) -> None:
    path = client.table("a")

    answer = client.post(f"{path}/columns/", body, format="json")

    assert answer.status_code == 400
    assert field in answer.json()["errors"]


@pytest.mark.rule("T1", "T8")
def test_the_spec_translates_ids_to_keys_in_two_queries(django_assert_num_queries: Any) -> None:
    from tables.selectors import table_spec, table_spec_cached

    sheet = greeting_chain(rows=1)

    with django_assert_num_queries(2):
        spec = table_spec(sheet.table.pk)
    assert [group.name for group in spec.groups] == ["A", "B", "C"]
    assert [group.depends_on for group in spec.groups] == [(), ("a",), ("b",)]
    table_spec_cached(sheet.table.pk, 1)
    with django_assert_num_queries(0):
        table_spec_cached(sheet.table.pk, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T3")
def test_two_people_adding_columns_at_once_lose_nothing() -> None:
    from django.db import connection

    from tables.models import Column
    from tables.services.columns import column_create
    from tests.bed.factories import sheet_make
    from tests.integration.tables.clients import ACTOR

    sheet = sheet_make()
    start = threading.Barrier(4)

    def add(number: int) -> None:
        start.wait()
        column_create(table=sheet.table, name=f"Column {number}", actor=ACTOR)
        connection.close()

    threads = [threading.Thread(target=add, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(Column.objects.values_list("ordinal", flat=True)) == [0, 1, 2, 3]
    sheet.table.refresh_from_db()
    assert sheet.table.schema_version == 5


@pytest.mark.rule("T5")
def test_a_table_with_rows_and_cells_is_deleted_in_bulk_by_the_database(
    django_assert_max_num_queries: Any,
) -> None:
    from tables.models import Row, RowExecution

    sheet = greeting_chain(rows=50)
    RowExecution.objects.create(
        row_id=sheet.rows[0], group=sheet.groups["A"], table=sheet.table, status="completed"
    )

    with django_assert_max_num_queries(20):
        sheet.table.delete()
    assert not Row.objects.exists()
    assert not RowExecution.objects.exists()


def test_foreign_ids_in_bodies_are_as_unknown_as_those_that_never_were(client: Any, stranger: Any) -> None:
    theirs = workflow_make(stranger.workspace, {"blocks": [], "edges": []})
    path, their_path = client.table("name"), stranger.table("secret")
    their_column = column_id(stranger, their_path, "secret")

    for more in (
        {"workflow": str(theirs.pk)},
        {"depends_on": [their_column]},
        {"inputs": {"x": {"column": their_column}}},
    ):
        answer = client.post(f"{path}/groups/", group_body(client, **more), format="json")
        assert answer.status_code == 400
        assert "secret" not in answer.content.decode()
