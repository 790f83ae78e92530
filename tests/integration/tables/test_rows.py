"""Rows written over the API: values, order, edits at once, limits (T3, T4, T6, T30)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.bed.factories import greeting_chain
from tests.integration.tables.clients import ACTOR

pytestmark = pytest.mark.django_db


def add(client: Any, path: str, *names: str, **place: str) -> list[str]:
    answer = client.post(
        f"{path}/rows/", {"rows": [{"data": {"name": name}} for name in names], **place}, format="json"
    )
    assert answer.status_code == 201, answer.json()
    return [row["id"] for row in answer.json()["rows"]]


def names(client: Any, path: str) -> list[str]:
    return [row["data"]["name"] for row in client.rows(path)]


def test_values_are_coerced_and_read_back_by_key(client: Any) -> None:
    path = client.table(
        "Full Name", {"name": "Score", "type": "number"}, {"name": "When", "type": "datetime"}
    )

    made = client.post(
        f"{path}/rows/",
        {"data": {"full_name": 7, "Score": "1,234.5", "When": "2024-05-01T10:00+02:00"}},
        format="json",
    ).json()

    assert made["data"] == {"full_name": "7", "score": 1234.5, "when": "2024-05-01T08:00:00.000Z"}
    assert made["cells"] == {}
    assert client.get(f"{path}/rows/{made['id']}/").json() == made


@pytest.mark.rule("T4")
def test_rows_are_inserted_before_after_and_at_the_end(client: Any) -> None:
    path = client.table("name")
    b, d = add(client, path, "b", "d")
    add(client, path, "a", before=b)
    add(client, path, "c1", "c2", after=b)
    add(client, path, "e")
    add(client, path, "d2", after=d)

    assert names(client, path) == ["a", "b", "c1", "c2", "d", "d2", "e"]


@pytest.mark.rule("T4")
def test_a_thousand_inserts_at_one_place_keep_the_order(client: Any) -> None:
    path = client.table("name")
    (last,) = add(client, path, "last")
    for start in range(0, 1000, 250):
        add(client, path, *[str(n) for n in range(start, start + 250)], before=last)

    listed = client.get(f"{path}/rows/", {"start": 995, "limit": 10}).json()
    assert [row["data"]["name"] for row in listed["results"]] == ["995", "996", "997", "998", "999", "last"]
    assert (listed["total"], listed["total_exact"]) == (1001, True)


@pytest.mark.rule("T6")
def test_the_row_count_is_exact_after_every_write(client: Any) -> None:
    path = client.table("name")
    ids = add(client, path, "a", "b", "c")
    client.delete(f"{path}/rows/{ids[0]}/")
    answer = client.delete(f"{path}/rows/", {"rows": [ids[1], ids[0]]}, format="json")

    assert answer.json() == {"deleted": 1}
    assert client.get(f"{path}/").json()["row_count"] == 1
    assert client.delete(f"{path}/rows/{ids[0]}/").status_code == 404


def test_an_edit_writes_only_what_it_names_and_null_empties(client: Any) -> None:
    path = client.table("name", "city")
    row = client.post(f"{path}/rows/", {"data": {"name": "Ada", "city": "Ulm"}}, format="json").json()
    here = f"{path}/rows/{row['id']}/"

    assert client.patch(here, {"data": {"city": "Bonn"}}, format="json").json()["data"] == {
        "name": "Ada",
        "city": "Bonn",
    }
    assert client.patch(here, {"data": {"name": None}}, format="json").json()["data"] == {"city": "Bonn"}


@pytest.mark.rule("T30")
def test_a_person_typing_over_an_output_marks_it_edited_and_emptying_unmarks_it(client: Any) -> None:
    sheet = greeting_chain(rows=1, workspace=client.workspace)
    here = f"/api/v1/tables/{sheet.table.pk}/rows/{sheet.rows[0]}/"

    edited = client.patch(here, {"data": {"a": "Hi", "name": "Bo"}}, format="json").json()
    again = client.patch(here, {"data": {"a": "Ho", "b": "X"}}, format="json").json()
    emptied = client.patch(here, {"data": {"a": None}}, format="json").json()

    assert edited["edited"] == ["a"]
    assert sorted(again["edited"]) == ["a", "b"]
    assert (emptied["edited"], emptied["data"]) == (["b"], {"name": "Bo", "b": "X"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T3")
def test_two_people_editing_different_cells_of_a_row_both_keep_their_edit() -> None:
    from django.db import connection

    from tables.models import Row
    from tables.services.rows import row_update

    sheet = greeting_chain(rows=1)
    columns = [sheet.column(f"k{number}") for number in range(6)]
    start = threading.Barrier(len(columns))

    def edit(key: str) -> None:
        start.wait()
        row_update(table=sheet.table, row_id=sheet.rows[0], data={key: "mine", "a": key}, actor=ACTOR)
        connection.close()

    threads = [threading.Thread(target=edit, args=[column.key]) for column in columns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    data = Row.objects.get().data
    assert {data[column.key] for column in columns} == {"mine"}
    assert Row.objects.get().edited == ["a"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T4", "T6")
def test_inserts_at_once_give_distinct_positions_and_an_exact_count() -> None:
    from django.db import connection

    from tables.models import Row
    from tables.services.rows import rows_insert

    sheet = greeting_chain(rows=1)
    start = threading.Barrier(4)

    def insert() -> None:
        start.wait()
        for _ in range(5):
            rows_insert(table=sheet.table, rows=[{"name": "x"}] * 3, actor=ACTOR)
        connection.close()

    threads = [threading.Thread(target=insert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    sheet.table.refresh_from_db()
    assert sheet.table.row_count == Row.objects.count() == 61
    assert Row.objects.values("position").distinct().count() == 61


def test_required_and_unique_columns_refuse_with_the_place(client: Any) -> None:
    path = client.table({"name": "name", "required": True}, {"name": "code", "unique": True})
    client.post(f"{path}/rows/", {"data": {"name": "a", "code": "1"}}, format="json")

    missing = client.post(
        f"{path}/rows/", {"rows": [{"data": {"name": "b"}}, {"data": {"code": "2"}}]}, format="json"
    )
    twice = client.post(f"{path}/rows/", {"data": {"name": "c", "code": "1"}}, format="json")
    both = client.post(f"{path}/rows/", {"rows": [{"data": {"name": "c", "code": "9"}}] * 2}, format="json")
    row = client.post(f"{path}/rows/", {"data": {"name": "d", "code": "3"}}, format="json").json()
    edit = client.patch(f"{path}/rows/{row['id']}/", {"data": {"code": "1"}}, format="json")
    same = client.patch(f"{path}/rows/{row['id']}/", {"data": {"code": "3"}}, format="json")

    assert list(missing.json()["errors"]) == ["rows[1].name"]
    assert [each.status_code for each in (missing, twice, both, edit, same)] == [400, 400, 400, 400, 200]
    assert client.get(f"{path}/").json()["row_count"] == 2


@pytest.mark.rule("T6")
@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ({"nope": 1}, "value_invalid", "There is no column “nope”"),
        ({"score": "many"}, "value_invalid", "is not a number"),
        ({"name": "x" * 262_145}, "value_invalid", "a cell holds at most 262,144"),
        ({"name": "é" * 140_000}, "value_invalid", "a cell holds at most 262,144"),
        ({"link": "javascript:alert(1)"}, "value_invalid", "not a web address"),
        ({"json": "x" * 262_145}, "value_invalid", "a cell holds at most"),
        ({"name": "x" * 250_000, "json": "y" * 250_000}, "row_too_large", "a row holds at most 409,600"),
        ({"paid": "perhaps"}, "value_invalid", "neither true nor false"),
        ({"day": "31.31.2024"}, "value_invalid", "2024-12-31"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(client: Any, data: Any, code: str, words: str) -> None:
    kinds = {"score": "number", "link": "url", "json": "json", "paid": "boolean", "day": "date"}
    path = client.table("name", *[{"name": name, "type": kind} for name, kind in kinds.items()])

    answer = client.post(
        f"{path}/rows/", {"rows": [{"data": {"name": "fine"}}, {"data": data}]}, format="json"
    )

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert words in str(answer.json())
    assert client.rows(path) == []


@pytest.mark.rule("T6")
@pytest.mark.parametrize(
    "text",
    [
        '{"data": {"name": "a\\u0000b"}}',
        '{"data": {"name": "\\ud800"}}',
        '{"data": {"score": NaN}}',
        '{"data": {"score": 1e400}}',
        '{"data": {"json": ' + "[" * 65 + "]" * 65 + "}}",
        '{"data": {"json": ' + "[" * 100_000 + "]" * 100_000 + "}}",
        '{"data": {"score": ' + "9" * 5_000 + "}}",
        '{"data": ["name"]}',
        '{"data": {}, "extra": 1}',
        '{"data": {}, "rows": []}',
        '{"rows": [{"data": {}, "extra": 1}]}',
        '{"data": {}, "before": "x"}',
        "[]",
        "{",
    ],
)
def test_a_body_that_cannot_be_stored_is_a_problem_and_never_a_crash(client: Any, text: str) -> None:
    path = client.table("name", {"name": "score", "type": "number"}, {"name": "json", "type": "json"})

    answer = client.post(f"{path}/rows/", text, content_type="application/json")

    assert answer.status_code == 400, answer.content[:300]
    assert answer["content-type"] == "application/problem+json"
    assert client.rows(path) == []


@pytest.mark.rule("T6")
def test_a_batch_is_bounded(client: Any) -> None:
    path = client.table("name")

    answer = client.post(f"{path}/rows/", {"rows": [{"data": {}}] * 1_001}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "limit_reached")


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T29")
def test_new_rows_start_the_groups_that_run_by_themselves_and_only_on_them(inbox: Any, worker: Any) -> None:
    from tables.models import RowExecution, WorkflowGroup
    from tables.services.rows import rows_insert

    sheet = greeting_chain(rows=2)
    WorkflowGroup.objects.filter(name="B").update(auto_run=True)

    ids = rows_insert(table=sheet.table, rows=[{"name": "new", "a": "hello"}], actor=ACTOR)
    inbox.run_all()

    assert [(cell.row_id, cell.group.name) for cell in RowExecution.objects.all()] == [(ids[0], "B")]
    assert sheet.values("b") == [None, None, "HELLO"]


def test_fields_leave_out_what_is_not_asked_for(client: Any) -> None:
    path = client.table("name", "city")
    client.post(f"{path}/rows/", {"data": {"name": "Ada", "city": "Ulm"}}, format="json")

    assert client.rows(path, fields="city")[0]["data"] == {"city": "Ulm"}
    assert client.get(f"{path}/rows/", {"fields": "town"}).json()["errors"] == {
        "fields": ["There is no column “town”."]
    }


def test_a_saved_view_filters_and_sorts(client: Any) -> None:
    path = client.table("name")
    add(client, path, "b", "a", "c")
    body = {
        "name": "Not c",
        "filter": {"column": "name", "op": "ne", "value": "c"},
        "sort": [{"column": "name"}],
    }
    view = client.post(f"{path}/views/", body, format="json").json()

    assert [row["data"]["name"] for row in client.rows(path, view=view["id"])] == ["a", "b"]
    assert client.post(f"{path}/views/", body, format="json").json()["code"] == "name_taken"
    faulty = client.patch(
        f"{path}/views/{view['id']}/", {"filter": {"column": "x", "op": "eq"}}, format="json"
    )
    assert faulty.json()["code"] == "filter_invalid"
    assert client.delete(f"{path}/views/{view['id']}/").status_code == 204
