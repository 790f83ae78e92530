"""Messages and results that come late, from processes taken for dead (F15, F37): refused, and nobody sees a flicker."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.db import connection

from tables.events import stream_key
from tables.models import Dispatch, Row, RowExecution
from tests.bed.blocks import PUBLISH, SEED
from tests.bed.factories import Sheet
from tests.bed.proxy import to_postgres
from tests.bed.signals import wait_for
from tests.chaos.site import PATIENCE_SECONDS, Site, site, standing_still
from workflows.models import Instance

__all__ = ["site"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SLOTS = 16


def written(sheet: Sheet) -> list[Any]:
    """Everything that a late result could change."""
    return [
        list(Row.objects.filter(table=sheet.table).order_by("id").values()),
        list(RowExecution.objects.filter(table=sheet.table).order_by("id").values()),
        list(Dispatch.objects.filter(table=sheet.table).order_by("id").values()),
    ]


def check_no_flicker(table: UUID) -> None:
    """By version, which is how clients admit events (T35), no cell leaves its end again."""
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        entries: Any = client.xrange(stream_key(table))
    told: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for _, fields in entries:
        for event in json.loads(fields.get(b"e", b"[]")):
            if event["kind"] == "cell":
                told[event["row"], event["group"]][event["version"]] = event["status"]
    assert told
    for cell, by_version in told.items():
        course = [status for _, status in sorted(by_version.items())]
        assert "completed" not in course[:-1], (cell, course)


@pytest.mark.rule("F15", "T11", "T12")
@pytest.mark.selection
def test_messages_that_come_late_change_nothing(
    site: Site, invariants_hold: Callable[..., None], seed: int
) -> None:
    site.start(**{PUBLISH: "late", SEED: str(seed), "RUNSHEET_WINDOW_DEADLINE_SECONDS": "3"})
    sheet = site.sheet(rows=100, milliseconds=20)
    dispatch = site.started(sheet)
    done = site.completes(dispatch)
    site.check_filled(sheet, done, 100, repeated_at_most=0)
    check_no_flicker(sheet.table.pk)
    invariants_hold()


@pytest.mark.rule("F15", "T18", "W13", "W23")
@pytest.mark.selection
def test_results_that_a_partition_held_back_are_refused(
    site: Site, invariants_hold: Callable[..., None]
) -> None:
    proxy, through = to_postgres(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    with proxy:
        site.start("web", "worker@1", "reserve", "control", "beat")
        site.start("worker@2", DATABASE_URL=through.format(address=proxy.address))
        both = Instance.objects.filter(role="worker", stopped_at=None)
        wait_for(lambda: both.count() == 2, "both workers to be up", PATIENCE_SECONDS * site.slowness)
        sheet = site.sheet(rows=120, milliseconds=300)
        dispatch = site.started(sheet)
        site.half_way(60)
        proxy.hold()  # its results are on their way, and arrive when others have done the work
        done = site.completes(dispatch)
        before = written(sheet)
        released = time.monotonic()
        proxy.release()
        wait_for(
            lambda: both.count() == 2, "the lost one to take a new name", PATIENCE_SECONDS * site.slowness
        )
        quiet = 3.0 * site.slowness
        wait_for(lambda: time.monotonic() > released + quiet, "late results to arrive", quiet + 1)
        assert written(sheet) == before
        site.check_filled(sheet, done, 120, repeated_at_most=SLOTS)
        check_no_flicker(sheet.table.pk)
        invariants_hold()


@pytest.mark.rule("F37", "T15", "T18", "W13")
@pytest.mark.selection
def test_a_worker_stopped_past_its_lease_finds_its_rows_taken(
    site: Site, invariants_hold: Callable[..., None]
) -> None:
    short = {
        "RUNSHEET_ROW_LOCK_SECONDS": "2",
        "RUNSHEET_INSTANCE_DEAD_SECONDS": "4",
        "RUNSHEET_HEARTBEAT_SECONDS": "1",
    }
    stack = site.start("web", "worker@1", "worker@2", "reserve", "control", "beat", **short)
    sheet = site.sheet(rows=120, milliseconds=300)
    dispatch = site.started(sheet)
    site.half_way(60)
    with standing_still(stack, "worker@2") as pid:
        done = site.completes(dispatch)
        before = written(sheet)
    reborn = Instance.objects.filter(pid=pid, stopped_at=None)
    wait_for(reborn.exists, "the zombie to take a new name", PATIENCE_SECONDS * site.slowness)
    again = site.started(site.sheet(rows=3, milliseconds=0, names="more"))
    site.completes(again)
    assert written(sheet) == before
    site.check_filled(sheet, done, 120, repeated_at_most=SLOTS)
    check_no_flicker(sheet.table.pk)
    invariants_hold()
