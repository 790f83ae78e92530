"""An export as a real web process serves it: piece by piece, and over when its reader goes away (T39)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.db import connection

from tables.models import Row, Table
from tests.integration.tables.test_exports import open_exports

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.rule("T39")]

ROWS = 40_000


def test_a_reader_that_goes_away_half_way_ends_the_export(
    client: Any, start_stack: Any, signals: Any
) -> None:
    path = client.table("Name")
    table_id = path.rpartition("/")[2]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)"
            " SELECT gen_random_uuid(), %s, jsonb_build_object('name', repeat('x', 1000)), lpad(i::text, 9, '0'),"
            " '{}', now(), now() FROM generate_series(1, %s) AS i",
            [table_id, ROWS],
        )
    Table.objects.filter(pk=table_id).update(row_count=ROWS)
    stack = start_stack("web")
    headers = {"authorization": client._credentials["HTTP_AUTHORIZATION"]}

    with httpx.stream("GET", f"{stack.url}{path}/export/", headers=headers, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == 'attachment; filename="Leads.csv"'
        parts = answer.iter_raw()
        assert sum(len(next(parts)) for _ in range(3)) < 2_000_000
        signals(
            lambda: open_exports() == 1, "the export to wait for its reader"
        )  # 40 MB are not on their way
    signals(lambda: open_exports() == 0, "the export to notice")

    whole = httpx.get(f"{stack.url}{path}/export/", headers=headers, timeout=60)
    assert whole.text.count("\r\n") == ROWS + 1 == Row.objects.filter(table_id=table_id).count() + 1
