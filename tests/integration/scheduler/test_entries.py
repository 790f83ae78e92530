"""What beat sends for triggers: three fixed entries, registered by migration, put back when somebody deletes one."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from scheduler.fixed_entries import FIXED_ENTRIES, put_back_missing

pytestmark = pytest.mark.django_db

OURS = [entry for entry in FIXED_ENTRIES if entry.task.startswith("scheduler.")]
MIGRATION = import_module("scheduler.migrations.0004_tick_entries")
INTERVALS = import_module("scheduler.migrations.0005_wake_each_second")


class Editor:
    """What a data migration is given."""

    connection = connection


def stored() -> dict[str, tuple[str, int, int, str]]:
    """Name → task, seconds between messages, seconds until one expires, queue."""
    found = PeriodicTask.objects.filter(name__startswith="runsheet.scheduler.").select_related("interval")
    return {
        entry.name: (entry.task, entry.interval.every, entry.expire_seconds, entry.queue) for entry in found
    }


def test_the_migration_and_the_list_say_the_same() -> None:
    PeriodicTask.objects.filter(name__startswith="runsheet.scheduler.").delete()
    MIGRATION.register(apps, Editor)
    assert stored() == {
        entry.name: (entry.task, entry.every_seconds, entry.expire_seconds, entry.queue) for entry in OURS
    }
    assert stored()["runsheet.scheduler.tick"] == ("scheduler.tick", 1, 5, "control")


@pytest.mark.rule("migration_reversible")
def test_going_back_removes_only_ours_and_tells_beat() -> None:
    MIGRATION.register(apps, Editor)
    PeriodicTasks.objects.all().delete()
    others = PeriodicTask.objects.exclude(name__startswith="runsheet.scheduler.").count()
    MIGRATION.unregister(apps, Editor)
    assert stored() == {}
    assert PeriodicTask.objects.count() == others
    assert PeriodicTasks.objects.exists(), "a running beat would notice after five minutes"
    MIGRATION.register(apps, Editor)


def test_one_that_was_deleted_is_put_back_and_an_edited_one_left_alone() -> None:
    PeriodicTask.objects.filter(name="runsheet.scheduler.tick").delete()
    PeriodicTask.objects.filter(name="runsheet.scheduler.sweep").update(enabled=False)
    put_back_missing(using="default")
    assert "runsheet.scheduler.tick" in stored()
    assert not PeriodicTask.objects.get(name="runsheet.scheduler.sweep").enabled


def every(name: str) -> tuple[int, int]:
    """Seconds between messages, and until one expires."""
    entry = PeriodicTask.objects.select_related("interval").get(name=f"runsheet.workflows.{name}")
    return entry.interval.every, entry.expire_seconds


@pytest.mark.rule("migration_reversible")
def test_parked_runs_are_woken_each_second_and_an_interval_somebody_chose_stays() -> None:
    put_back_missing(using="default")
    assert (every("wake"), every("prune")) == ((1, 10), (3600, 600))
    INTERVALS.backward(apps, Editor)
    assert (every("wake"), every("prune")) == ((2, 10), (600, 300))
    INTERVALS.forward(apps, Editor)
    assert (every("wake"), every("prune")) == ((1, 10), (3600, 600))
    seven = IntervalSchedule.objects.create(every=7, period="seconds")
    PeriodicTask.objects.filter(name="runsheet.workflows.wake").update(interval=seven)
    INTERVALS.backward(apps, Editor)
    INTERVALS.forward(apps, Editor)
    assert every("wake") == (7, 10)
