"""Pages of rows: totals, estimates, and what a page costs (T40, P9)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tables import row_list, row_search
from tables.engine.filters import compile_filter
from tables.engine.sorting import compile_sort
from tables.models import RowExecution
from tables.row_list import Listing
from tables.row_search import count_estimated
from tables.selectors import table_spec
from tests.bed.factories import Sheet, greeting_chain
from tests.integration.tables.clients import V1, TableClient

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T40")]

NAMED = {"column": "name", "op": "starts_with", "value": "n"}
ODD = {"any": [{"column": "name", "op": "ends_with", "value": odd} for odd in "13579"]}


@pytest.fixture
def sheet(client: TableClient) -> Sheet:
    return greeting_chain(rows=400, workspace=client.workspace)


def page(client: TableClient, sheet: Sheet, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{V1}/tables/{sheet.table.id}/rows/", query)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def listing(sheet: Sheet, filter_: Any) -> Listing:
    spec = table_spec(sheet.table.pk)
    return Listing(spec, compile_filter(filter_, spec.columns), compile_sort(None, spec.columns))


def test_ordinal_pages_say_how_many_rows_there_are(client: TableClient, sheet: Sheet) -> None:
    found = page(client, sheet, start=100, limit=50)
    assert (found["total"], found["total_exact"]) == (400, True)
    assert [row["data"]["name"] for row in found["results"]] == [f"n{n}" for n in range(100, 150)]
    filtered = page(client, sheet, start=0, limit=50, filter=json.dumps(ODD))
    assert (filtered["total"], filtered["total_exact"]) == (200, True)
    assert page(client, sheet, start=10_000, limit=50)["results"] == []
    assert page(client, sheet, start=10_000, limit=50)["total"] == 400


@pytest.mark.parametrize("start", [0, 190, 200, 201, 240, 350, 351, 399, 400, 10_000])
def test_a_page_is_the_same_from_either_end(client: TableClient, sheet: Sheet, start: int) -> None:
    found = page(client, sheet, start=start, limit=50)
    assert [row["data"]["name"] for row in found["results"]] == [f"n{n}" for n in range(400)][
        start : start + 50
    ]
    assert (found["next"] is None) == (start + 50 >= 400)
    if found["next"]:
        assert page(client, sheet, after=found["next"], limit=1)["results"][0]["data"] == {
            "name": f"n{start + 50}"
        }


def test_beyond_the_limit_the_total_is_an_estimate_and_marked_so(
    client: TableClient, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_list, "COUNT_LIMIT", 100)
    found = page(client, sheet, start=0, limit=50, filter=json.dumps(ODD))
    assert (found["total"], found["total_exact"]) == (200, False)  # a sample of all of so few rows
    monkeypatch.setattr(row_search, "SAMPLE_ROWS", 100)
    count, exact = count_estimated(listing(sheet, ODD), 400)
    assert exact is False
    assert 100 <= count <= 400


def test_a_count_that_takes_too_long_is_estimated(
    client: TableClient, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ends(_listing: Listing) -> tuple[int, bool]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")
        return 0, True

    monkeypatch.setattr(row_search, "COUNT_SECONDS", 0.01)
    monkeypatch.setattr(row_search, "count_rows", never_ends)
    found = page(client, sheet, start=0, limit=50, filter=json.dumps(ODD))
    assert (found["total"], found["total_exact"]) == (200, False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)  # the bound ends with the count


def test_an_estimate_is_never_less_than_what_is_shown(
    client: TableClient, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_search, "count_estimated", lambda _listing, _rows: (3, False))
    found = page(client, sheet, start=40, limit=20, filter=json.dumps(NAMED))
    assert (found["total"], found["total_exact"]) == (61, False)
    last = page(client, sheet, start=190, limit=20, filter=json.dumps(ODD))
    assert (last["total"], last["total_exact"], last["next"]) == (200, True, None)  # the end tells by itself


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": 150},
        {"filter": json.dumps(ODD), "sort": "-name"},
        {"filter": json.dumps(ODD), "start": 10},
        {"q": "n1"},
    ],
    ids=["keyset", "ordinal", "filtered and sorted", "filtered ordinal", "searched"],
)
def test_a_page_costs_the_same_queries_whatever_its_size(
    client: TableClient, sheet: Sheet, query: dict[str, Any]
) -> None:
    RowExecution.objects.bulk_create(
        RowExecution(row_id=row, group=group, table=sheet.table, status="completed")
        for row in sheet.rows
        for group in sheet.groups.values()
    )
    counts = set()
    page(client, sheet, limit=1, **query)
    for limit in (1, 20, 50):
        with CaptureQueriesContext(connection) as queries:
            page(client, sheet, limit=limit, **query)
        counts.add(len(queries))
    assert len(counts) == 1, counts


def test_a_filtered_sorted_list_pages_by_keyset_and_by_ordinal_alike(
    client: TableClient, sheet: Sheet
) -> None:
    query: dict[str, Any] = {"filter": json.dumps(ODD), "sort": "-name", "limit": 70}
    by_ordinal = [
        row["id"] for start in (0, 70, 140) for row in page(client, sheet, start=start, **query)["results"]
    ]
    by_keyset: list[str] = []
    after: dict[str, Any] = {}
    while True:
        found = page(client, sheet, **query, **after)
        by_keyset += [row["id"] for row in found["results"]]
        if found["next"] is None:
            break
        after = {"after": found["next"]}
    assert by_keyset == by_ordinal
    assert len(set(by_keyset)) == 200
