"""A million rows run, and stop at once (F27): nothing grows with the table but the walk itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connection

from tables.models import RowExecution
from tables.states import HOLDS_WINDOW
from tests.bed.signals import wait_for
from tests.chaos.site import Site, site

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 1_000_000
SLOTS = 20
"""Of the worker and the reserve together."""
DEEPEST_QUEUE = 6 * SLOTS + 60
RUNS_SECONDS = 5.0
STOPS_SECONDS, STARTS_SECONDS = 1.0, 2.0

_FILL = """
INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
SELECT gen_random_uuid(), %(table)s, jsonb_build_object('name', 'm' || n), 'b' || lpad(n::text, 9, '0'), '{}', now(),
       now() FROM generate_series(1, %(rows)s) n
"""


def filled(table_id: UUID) -> None:
    """A million rows behind those that are there."""
    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"table": table_id, "rows": ROWS})
        cursor.execute("UPDATE tables_table SET row_count = row_count + %s WHERE id = %s", [ROWS, table_id])
        cursor.execute("VACUUM ANALYZE tables_row")


@pytest.mark.rule("F27", "T9", "T24", "I10")
def test_a_million_rows_run_and_stop_at_once(site: Site, invariants_hold: Callable[..., None]) -> None:
    site.start()
    sheet = site.sheet(rows=1, milliseconds=20)
    filled(sheet.table.pk)
    began = time.monotonic()
    dispatch = site.started(sheet)
    assert site.member.history[-1].seconds < STOPS_SECONDS * site.slowness
    site.half_way(cells=1)
    assert time.monotonic() - began < STARTS_SECONDS * 2 * site.slowness  # it has not only started but ended
    assert deepest_queue(began + RUNS_SECONDS) <= DEEPEST_QUEUE

    answer = site.member.call("POST", f"/dispatches/{dispatch}/cancel/")
    stopped_at = database_time()
    assert answer.ok
    assert answer.seconds < STOPS_SECONDS * site.slowness
    in_flight = RowExecution.objects.filter(table=sheet.table, status__in=HOLDS_WINDOW)
    wait_for(lambda: not in_flight.exists(), "nothing to be in flight", 20 * site.slowness)
    assert not RowExecution.objects.filter(table=sheet.table, started_at__gt=stopped_at).exists()
    invariants_hold()


def deepest_queue(until: float) -> int:
    """The most messages that wait at any moment until then (monotonic)."""
    deepest = 0
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as broker:
        while time.monotonic() < until:
            deepest = max(deepest, sum(int(broker.llen(queue)) for queue in settings.QUEUES))
            time.sleep(0.02)
    return deepest


def database_time() -> object:
    """Now, by the clock that cells are stamped with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
