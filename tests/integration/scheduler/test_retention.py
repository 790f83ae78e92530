"""Which invocations are forgotten, and which never are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from scheduler.models import Invocation, Trigger
from scheduler.services import retention
from scheduler.services.retention import invocations_prune
from scheduler.states import IN_FLIGHT, TERMINAL
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, trigger_make

pytestmark = [pytest.mark.django_db, pytest.mark.rule("retention_batches")]

NOW = timezone.now()


@pytest.fixture
def trigger(db: None) -> Trigger:
    return trigger_make(workspace_make())


@pytest.fixture(autouse=True)
def limits(settings: Any) -> Any:
    settings.RUNSHEET_INVOCATION_RETENTION_DAYS = 90
    settings.RUNSHEET_INVOCATION_RETENTION_COUNT = 1_000
    return settings


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def made(trigger: Trigger, days: float, status: str = "completed", **fields: Any) -> Invocation:
    """One of so many days ago."""
    return invocation_make(trigger, status=status, scheduled_for=ago(days), created_at=ago(days), **fields)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_what_is_over_goes_when_it_is_old(trigger: Trigger, status: str) -> None:
    made(trigger, 91, status)
    kept = made(trigger, 89, status)
    assert invocations_prune(NOW) == 1
    assert list(Invocation.objects.all()) == [kept]


@pytest.mark.parametrize("status", sorted(IN_FLIGHT))
def test_what_is_under_way_never_goes(trigger: Trigger, limits: Any, status: str) -> None:
    limits.RUNSHEET_INVOCATION_RETENTION_COUNT = 1
    for _ in range(3):
        made(trigger, 400, status)
    assert invocations_prune(NOW) == 0


def test_a_trigger_keeps_its_newest(trigger: Trigger, limits: Any) -> None:
    limits.RUNSHEET_INVOCATION_RETENTION_COUNT = 3
    found = [made(trigger, days) for days in (9, 8, 7, 6, 5)]
    other = made(trigger_make(trigger.workspace), 30)
    assert invocations_prune(NOW) == 2
    assert set(Invocation.objects.all()) == {*found[2:], other}


def test_a_request_may_be_repeated_for_a_day_however_many_there_are(trigger: Trigger, limits: Any) -> None:
    limits.RUNSHEET_INVOCATION_RETENTION_COUNT = 1
    for hours in range(5):
        made(trigger, hours / 24)
    assert invocations_prune(NOW) == 0


def test_nothing_goes_where_everything_is_kept(trigger: Trigger, limits: Any) -> None:
    limits.RUNSHEET_INVOCATION_RETENTION_DAYS = limits.RUNSHEET_INVOCATION_RETENTION_COUNT = 0
    made(trigger, 4_000)
    assert invocations_prune(NOW) == 0


def test_a_rerun_outlives_what_it_repeats(trigger: Trigger) -> None:
    first = made(trigger, 100)
    again = made(trigger, 5, source="rerun", rerun_of=first)
    assert invocations_prune(NOW) == 1
    again.refresh_from_db()
    assert again.rerun_of is None


def test_it_goes_in_batches(trigger: Trigger, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        made(trigger, 100)
    deleted = []
    delete = retention._delete

    def noted(*asked: Any) -> int:
        deleted.append(delete(*asked))
        return deleted[-1]

    monkeypatch.setattr(retention, "_delete", noted)
    assert invocations_prune(NOW, batch=3) == 7
    assert deleted == [3, 3, 1]


def test_it_stops_when_its_time_is_up_and_goes_on_the_next_time(trigger: Trigger) -> None:
    made(trigger, 100)
    assert invocations_prune(NOW, budget_seconds=-1) == 0
    assert invocations_prune(NOW) == 1
