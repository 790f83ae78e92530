"""The fixed entries that drive triggers: the tick, the sweep behind it, and the hourly forgetting (scheduler.md 10)."""

from django.db import migrations
from django.utils import timezone

ENTRIES = (
    ("runsheet.scheduler.tick", "scheduler.tick", 1, 5, "Fires due triggers. Runsheet needs it."),
    ("runsheet.scheduler.sweep", "scheduler.sweep", 30, 30, "Finds lost invocations. Runsheet needs it."),
    ("runsheet.scheduler.prune", "scheduler.prune", 3600, 600, "Deletes old invocations."),
    ("runsheet.scheduler.recompute", "scheduler.recompute", 86_400, 3600, "Follows new time zone laws."),
)
"""Name, task, seconds between messages, seconds after which one expires unread, description."""


def register(apps, schema_editor):
    """Unread messages expire, so that a stalled worker never faces a backlog of ticks."""
    alias = schema_editor.connection.alias
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects.using(alias)
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias)
    for name, task, every, expire, description in ENTRIES:
        interval, _ = intervals.get_or_create(every=every, period="seconds")
        tasks.update_or_create(
            name=name,
            defaults={
                "task": task,
                "interval": interval,
                "queue": "control",
                "expire_seconds": expire,
                "enabled": True,
                "description": description,
            },
        )
    _tell_beat(apps, alias)


def unregister(apps, schema_editor):
    """Remove only our rows; the intervals may serve others."""
    alias = schema_editor.connection.alias
    tasks = apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias)
    tasks.filter(name__in=[entry[0] for entry in ENTRIES]).delete()
    _tell_beat(apps, alias)


def _tell_beat(apps, alias):
    # Historical models send no signals: without this a running beat notices after five minutes.
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.using(alias).update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("scheduler", "0003_triggers_and_invocations")]
    operations = [migrations.RunPython(register, unregister)]
