"""Filters and sorts judged by PostgreSQL itself (T40, trust.md 23)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from tests.bed.factories import Sheet, sheet_make

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T40")]

ROWS: list[dict[str, Any]] = [
    {
        "name": "Ada",
        "score": 10,
        "paid": True,
        "day": "2024-01-05",
        "tags": ["a", "b"],
        "note": "50% off_now",
    },
    {"name": "bob", "score": 2.5, "paid": False, "day": "2023-12-31", "tags": ["b"]},
    {"name": "Cy", "score": 0, "tags": []},
    {"name": ""},
    {"name": "Dee", "score": "ten", "paid": "yes"},
]


@pytest.fixture
def sheet() -> Sheet:
    sheet = sheet_make()
    for key, kind in [
        ("name", "text"),
        ("score", "number"),
        ("paid", "boolean"),
        ("day", "date"),
        ("note", "text"),
    ]:
        sheet.column(key, kind)
    sheet.column("tags", "multi_select", options={"choices": ["a", "b", "c"]})
    sheet.fill(ROWS)
    return sheet


def found(sheet: Sheet, filter_: Any) -> list[int]:
    from tables.engine.filters import compile_filter
    from tables.selectors import table_spec

    clause = compile_filter(filter_, table_spec(sheet.table.pk).columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id FROM tables_row r WHERE r.table_id = %s AND {clause.sql}",
            [sheet.table.pk, *clause.params],
        )
        ids = {row[0] for row in cursor.fetchall()}
    return [place for place, row in enumerate(sheet.rows) if row in ids]


def where(column: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"column": column, "op": op, "value": value}


@pytest.mark.parametrize(
    ("filter_", "places"),
    [
        (None, [0, 1, 2, 3, 4]),
        (where("name", "eq", "Ada"), [0]),
        (where("Name", "ne", "Ada"), [1, 2, 3, 4]),
        (where("name", "contains", "D"), [0, 4]),
        (where("name", "starts_with", "b"), [1]),
        (where("note", "contains", "%"), [0]),
        (where("note", "contains", "f_n"), [0]),
        (where("note", "contains", "0_o"), []),
        (where("name", "is_empty"), [3]),
        (where("name", "not_empty"), [0, 1, 2, 4]),
        (where("name", "in", ["Ada", "Cy"]), [0, 2]),
        (where("score", "gt", 2), [0, 1]),
        (where("score", "eq", "10"), [0]),
        (where("score", "lte", 2.5), [1, 2]),
        (where("score", "between", [0, 3]), [1, 2]),
        (where("score", "in", [0, 10]), [0, 2]),
        (where("score", "is_empty"), [3]),
        (where("paid", "eq", True), [0]),
        (where("paid", "is_empty"), [1, 2, 3, 4]),
        (where("paid", "ne", True), [1, 2, 3, 4]),
        (where("day", "gte", "2024-01-01"), [0]),
        (where("day", "lt", "05.01.2024"), [1]),
        (where("tags", "contains", "a"), [0]),
        (where("tags", "contains", ["a", "b"]), [0, 1]),
        (where("tags", "is_empty"), [2, 3, 4]),
        ({"not": where("score", "gt", 2)}, [2, 3, 4]),
        ({"all": [where("score", "gte", 0), where("paid", "is_empty")]}, [1, 2]),
        ({"any": [where("name", "eq", "Cy"), where("paid", "eq", True)]}, [0, 2]),
        ({"all": []}, [0, 1, 2, 3, 4]),
        ({"any": []}, []),
    ],
)
def test_each_operator_finds_what_its_words_say(sheet: Sheet, filter_: Any, places: list[int]) -> None:
    assert found(sheet, filter_) == places


@pytest.mark.parametrize("name", ['"; drop table', "a'->>'b", "%s %(x)s", "o'clock\\"])
def test_a_column_name_never_reaches_the_sql(name: str) -> None:
    from tables.engine.sorting import compile_sort
    from tables.selectors import table_spec

    sheet = sheet_make()
    sheet.column(name)
    sheet.fill([{name: "x"}, {name: "y"}])

    assert found(sheet, where(name, "eq", "y")) == [1]
    sort = compile_sort([{"column": name, "direction": "desc"}], table_spec(sheet.table.pk).columns)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT r.id FROM tables_row r ORDER BY {sort.order_by.sql}", sort.order_by.params)
        assert [row[0] for row in cursor.fetchall()] == sheet.rows[::-1]


def test_cells_are_found_by_their_status() -> None:
    from tables.models import RowExecution
    from tests.bed.factories import greeting_chain

    sheet = greeting_chain(rows=3)
    group = sheet.groups["A"]
    RowExecution.objects.create(row_id=sheet.rows[1], group=group, table=sheet.table, status="failed")

    assert found(sheet, {"group": str(group.pk), "status": "failed"}) == [1]
    assert found(sheet, {"group": str(group.pk), "status": ["none", "completed"]}) == [0, 2]
    assert found(sheet, {"not": {"group": str(group.pk), "status": "failed"}}) == [0, 2]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (None, ["Ada", "bob", "Cy", "", "Dee"]),
        ("-score", ["Ada", "bob", "Cy", "", "Dee"]),
        ("score", ["Cy", "bob", "Ada", "", "Dee"]),
        ("day,-name", ["bob", "Ada", "Dee", "Cy", ""]),
        (json.dumps([{"column": "paid", "direction": "desc"}]), ["Ada", "bob", "Cy", "", "Dee"]),
        ("-name", ["Dee", "Cy", "bob", "Ada", ""]),
    ],
)
def test_every_order_pages_through_all_rows_once(client: Any, sort: str | None, names: list[str]) -> None:
    columns = [{"name": "name"}, {"name": "score", "type": "number"}, {"name": "paid", "type": "boolean"}]
    path = client.table(*columns, {"name": "day", "type": "date"})
    keep = ("name", "score", "paid", "day")
    rows = [{key: value for key, value in row.items() if key in keep and value != "ten"} for row in ROWS]
    rows[4]["paid"] = None
    client.post(f"{path}/rows/", {"rows": [{"data": row} for row in rows]}, format="json")

    seen, query = [], {"limit": 2} | ({"sort": sort} if sort else {})
    while True:
        page = client.get(f"{path}/rows/", query).json()
        seen += [row["data"].get("name", "") for row in page["results"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert seen == names


@pytest.mark.parametrize(
    ("filter_", "place"),
    [
        (where("nmae", "eq", "x"), "filter.column"),
        ({"all": [where("name", "eq", "x"), where("score", "like", "x")]}, "filter.all[1].op"),
        ({"any": [{"not": where("score", "gt", "many")}]}, "filter.any[0].not.value"),
        (where("score", "eq", None), "filter.value"),
        (where("score", "between", [1]), "filter.value"),
        (where("name", "contains", ""), "filter.value"),
        (where("name", "eq", "x") | {"valeu": 1}, "filter.valeu"),
        ({"group": "00000000-0000-0000-0000-000000000000", "status": "failed"}, "filter.group"),
        ({"some": []}, "filter"),
        (["name"], "filter"),
        ({"column": [[[["name"]]]]}, "filter.column"),
        ({"all": [where("name", "is_empty")] * 51}, "filter.all[50]"),
        (
            {"not": {"not": {"not": {"not": {"not": where("name", "is_empty")}}}}},
            "filter.not.not.not.not.not",
        ),
    ],
)
def test_a_faulty_filter_is_answered_with_its_place(client: Any, filter_: Any, place: str) -> None:
    path = client.table("name", {"name": "score", "type": "number"})

    answer = client.get(f"{path}/rows/", {"filter": json.dumps(filter_)})

    assert answer.status_code == 400
    assert answer.json()["code"] == "filter_invalid"
    assert list(answer.json()["errors"]) == [place]


@pytest.mark.parametrize(
    "text",
    ["{", "NaN", "[" * 100_000, '{"not":' * 900 + "{}" + "}" * 900, '{"column": "name", "value": 1e999}'],
)
def test_a_filter_that_is_no_sound_json_is_refused(client: Any, text: str) -> None:
    path = client.table("name")

    assert client.get(f"{path}/rows/", {"filter": text}).status_code == 400


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "WzEsMl0", "W10"])
def test_a_damaged_cursor_is_refused(client: Any, cursor: str) -> None:
    path = client.table("name")

    assert client.get(f"{path}/rows/", {"after": cursor}).json()["code"] == "cursor_invalid"


def test_a_cursor_of_another_order_is_refused(client: Any) -> None:
    path = client.table("name")
    client.post(f"{path}/rows/", {"rows": [{"data": {"name": n}} for n in "abc"]}, format="json")
    following = client.get(f"{path}/rows/", {"limit": 1, "sort": "name"}).json()["next"]

    answer = client.get(f"{path}/rows/", {"sort": "-name", "after": following})

    assert answer.json()["code"] == "cursor_invalid"


def test_text_is_found_in_any_column_but_not_in_keys(client: Any) -> None:
    path = client.table("name", "note")
    client.post(
        f"{path}/rows/",
        {"rows": [{"data": {"name": "Ada", "note": "x"}}, {"data": {"note": "AD"}}]},
        format="json",
    )

    assert len(client.rows(path, q="ad")) == 2
    assert client.rows(path, q="note") == []
