"""Parked runs are woken each second, and old runs forgotten each hour, as everything else is (scheduler.md 0.1)."""

from django.db import migrations
from django.utils import timezone

CHANGES = (
    ("runsheet.workflows.wake", 2, 1, 10, 10),
    ("runsheet.workflows.prune", 600, 3600, 300, 600),
)
"""Name, seconds between messages before and after, seconds until one expires unread before and after."""


def forward(apps, schema_editor):
    """An interval that somebody has chosen is left alone."""
    alias = schema_editor.connection.alias
    for name, before, after, expired, expires in CHANGES:
        _move(apps, alias, name, before, after, expired, expires)
    _tell_beat(apps, alias)


def backward(apps, schema_editor):
    """The same the other way round."""
    alias = schema_editor.connection.alias
    for name, before, after, expired, expires in CHANGES:
        _move(apps, alias, name, after, before, expires, expired)
    _tell_beat(apps, alias)


def _move(apps, alias, name, every, wanted, expired, expires):
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(alias)
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias)
    interval, _ = intervals.get_or_create(every=wanted, period="seconds")
    ours = tasks.filter(name=name, interval__every=every, interval__period="seconds")
    ours.filter(expire_seconds=expired).update(expire_seconds=expires)
    ours.update(interval=interval)


def _tell_beat(apps, alias):
    # Historical models send no signals: without this a running beat notices after five minutes.
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.using(alias).update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("scheduler", "0004_tick_entries")]
    operations = [migrations.RunPython(forward, backward)]
