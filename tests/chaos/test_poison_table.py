"""One workspace floods the workers (F35): another's small run starts at once all the same."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection

from tables.models import Table
from tables.services.stopping import stop
from tests.bed.factories import Sheet
from tests.chaos.site import Site, site

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 100_000
START_SECONDS = 0.5
ROUNDS = 3

FLOOD = """
INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
SELECT gen_random_uuid(), %s, jsonb_build_object('name', 'f' || n), 'a' || lpad(n::text, 7, '0'), '{}', now(), now()
  FROM generate_series(1, %s) n
"""


def flooded(sheet: Sheet) -> Sheet:
    """The same table with a hundred thousand rows."""
    with connection.cursor() as cursor:
        cursor.execute(FLOOD, [sheet.table.pk, ROWS])
    Table.objects.filter(pk=sheet.table.pk).update(row_count=ROWS)
    return sheet


@pytest.mark.rule("F35", "T9")
@pytest.mark.selection
def test_a_flood_of_one_workspace_does_not_delay_another_s_small_run(
    site: Site, invariants_hold: Callable[..., None]
) -> None:
    site.start()
    neighbour = site.newcomer()
    flood = flooded(site.sheet(rows=0, milliseconds=500))
    site.started(flood)
    site.half_way(60)  # every slot has had its turn
    waits = []
    for n in range(ROUNDS):
        small = site.sheet(rows=20, milliseconds=10, names=f"small{n}-", member=neighbour)
        pressed = time.time()
        answer = neighbour.run(small)
        assert answer.status == 202, answer
        site.completes(answer.body["id"])
        began = [float(words[4]) for words in site.trace.lines() if words[2].startswith(f"small{n}-")]
        waits.append(min(began) - pressed)
        assert small.values("c") == [f"C(B(A(small{n}-{i})))" for i in range(20)]
    assert sorted(waits)[ROUNDS // 2] < START_SECONDS * site.slowness, waits
    stop(table=flood.table)
    invariants_hold()
