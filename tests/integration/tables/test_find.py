"""Finding rows by a text, with their places in the listing (T40)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tables import row_search
from tables.models import Table
from tests.integration.tables.clients import TableClient

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T40")]

ROWS: list[dict[str, Any]] = [
    {"name": "Ada", "note": "first", "score": 30},
    {"name": "bob", "note": "ADA's friend", "score": 10},
    {"name": "Cy", "tags": ["red", "blue"], "score": 20},
    {"name": "50% off_now", "paid": True},
    {"name": "ada", "note": "ada", "score": 41208.5},
]
COLUMNS = (
    "name",
    "note",
    {"name": "score", "type": "number"},
    {"name": "paid", "type": "boolean"},
    {"name": "tags", "type": "multi_select", "options": {"choices": ["red", "blue"]}},
)


@pytest.fixture
def path(client: TableClient) -> str:
    path = client.table(*COLUMNS)
    client.post(f"{path}/rows/", {"rows": [{"data": row} for row in ROWS]}, format="json")
    return path


def find(client: TableClient, path: str, q: str, **more: Any) -> Any:
    answer = client.post(f"{path}/rows/find/", {"q": q, **more}, format="json")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def places(found: Any) -> list[int]:
    return [match["ordinal"] for match in found["matches"]]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("ada", {0: ["name"], 1: ["note"], 4: ["name", "note"]}),
        ("ADA", {0: ["name"], 1: ["note"], 4: ["name", "note"]}),
        ("%", {3: ["name"]}),
        ("f_n", {3: ["name"]}),
        ("41208.5", {4: ["score"]}),
        ("red, b", {2: ["tags"]}),
        ("true", {}),
        ("score", {}),
        ("nobody", {}),
    ],
)
def test_a_text_is_found_in_what_columns_show(
    client: TableClient, path: str, q: str, expected: dict[int, list[str]]
) -> None:
    found = find(client, path, q)
    assert {match["ordinal"]: sorted(match["columns"]) for match in found["matches"]} == expected
    assert (found["next"], found["complete"]) == (None, True)
    rows = client.rows(path)
    assert all(rows[match["ordinal"]]["id"] == match["row"] for match in found["matches"])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sort": ["score"]}, [0, 2, 3]),
        ({"sort": [{"column": "score", "direction": "desc"}]}, [0, 1, 3]),
        ({"filter": {"column": "score", "op": "gte", "value": 20}}, [0, 2]),
        ({"filter": {"column": "score", "op": "gte", "value": 20}, "sort": ["-score"]}, [0, 1]),
        ({"columns": ["note"]}, [1, 4]),
        ({"columns": []}, []),
    ],
    ids=["sorted", "descending", "filtered", "both", "one column", "no column"],
)
def test_ordinals_are_those_of_the_listing(
    client: TableClient, path: str, more: dict[str, Any], expected: list[int]
) -> None:
    assert places(find(client, path, "ada", **more)) == expected


def test_a_view_gives_its_order_its_filter_and_hides_columns(client: TableClient, path: str) -> None:
    note = next(
        column["id"] for column in client.get(f"{path}/columns/").json()["results"] if column["key"] == "note"
    )
    view = client.post(
        f"{path}/views/",
        {
            "name": "High first",
            "filter": {"column": "score", "op": "not_empty"},
            "sort": [{"column": "score", "direction": "desc"}],
            "layout": {"hidden": [note]},
        },
        format="json",
    ).json()
    assert places(find(client, path, "ada", view=view["id"])) == [0, 1]


@pytest.mark.parametrize("sort", [[], ["-name"]], ids=["table order", "sorted"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_pages_of_matches_go_on_where_they_ended(
    client: TableClient, path: str, monkeypatch: pytest.MonkeyPatch, sort: list[str], chunk: int
) -> None:
    monkeypatch.setattr(row_search, "FIND_CHUNK", chunk)
    monkeypatch.setattr(row_search, "FIND_CHUNK_SORTED", chunk)
    whole = find(client, path, "a", sort=sort)["matches"]
    seen, after = [], None
    while True:
        page = find(client, path, "a", sort=sort, limit=1, **({"after": after} if after else {}))
        seen += page["matches"]
        if (after := page["next"]) is None:
            break
    assert seen == whole
    assert places({"matches": whole}) == sorted(places({"matches": whole}))


@pytest.mark.parametrize("sort", [[], ["score"]], ids=["table order", "sorted"])
def test_when_time_is_up_the_answer_says_so_and_leads_on(
    client: TableClient, path: str, monkeypatch: pytest.MonkeyPatch, sort: list[str]
) -> None:
    monkeypatch.setattr(row_search, "FIND_SECONDS", -1.0)
    monkeypatch.setattr(row_search, "FIND_CHUNK", 2)
    monkeypatch.setattr(row_search, "FIND_CHUNK_SORTED", 2)
    found, answers = [], [find(client, path, "ada", sort=sort)]
    while (after := answers[-1]["next"]) is not None:
        assert answers[-1]["complete"] is False
        answers.append(find(client, path, "ada", sort=sort, after=after))
    for answer in answers:
        found += places(answer)
    assert len(answers) == 3
    assert found == ([0, 1, 4] if not sort else [0, 2, 3])


def test_a_rare_filter_never_keeps_a_search_from_getting_on(
    client: TableClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows outside the listing are passed and not counted: a chunk ends after so many rows, not so many hits."""
    monkeypatch.setattr(row_search, "FIND_SECONDS", -1.0)
    monkeypatch.setattr(row_search, "FIND_CHUNK", 2)
    rare = {"column": "note", "op": "eq", "value": "ada"}
    first = find(client, path, "ada", filter=rare)
    assert (first["matches"], first["complete"]) == ([], False)
    third = find(
        client,
        path,
        "ada",
        filter=rare,
        after=find(client, path, "ada", filter=rare, after=first["next"])["next"],
    )
    assert (places(third), third["complete"]) == ([0], True)


def test_an_order_that_takes_too_long_is_refused(
    client: TableClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_search, "FIND_STATEMENT_SECONDS", 0.001)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)"
            " SELECT gen_random_uuid(), %s, '{\"name\": \"x\"}', 'b' || n, '{}', now(), now()"
            "  FROM generate_series(1, 20000) n",
            [Table.objects.get().pk],
        )
    answer = client.post(f"{path}/rows/find/", {"q": "x", "sort": ["name"]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "search_too_slow")


def test_values_of_deleted_columns_are_not_found(client: TableClient, path: str) -> None:
    columns = client.get(f"{path}/columns/").json()["results"]
    note = next(column["id"] for column in columns if column["key"] == "note")
    assert client.delete(f"{path}/columns/{note}/").status_code == 204
    assert places(find(client, path, "friend")) == []
    assert client.rows(path, q="friend") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "x", "limit": 1_001}, "limit"),
        ({"q": "x", "columns": ["nmae"]}, "columns"),
        ({"q": "x", "whole_word": True}, "whole_word"),
        ({"q": "x", "filter": {"column": "score", "op": "like"}}, "filter.op"),
    ],
)
def test_a_faulty_search_is_answered_by_field(
    client: TableClient, path: str, body: dict[str, Any], field: str
) -> None:
    answer = client.post(f"{path}/rows/find/", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("after", ["x", "1.x", "-1.WyIi", "٣.WyIi", "99999999999999999999.WyIi"])
def test_a_damaged_cursor_is_refused(client: TableClient, path: str, after: str) -> None:
    answer = client.post(f"{path}/rows/find/", {"q": "x", "after": after}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


def test_viewers_may_search_and_strangers_find_no_table(
    client: TableClient, stranger: TableClient, path: str
) -> None:
    assert stranger.post(f"{path}/rows/find/", {"q": "ada"}, format="json").status_code == 404
