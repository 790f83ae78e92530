"""The fixed entry that wakes parked runs whose time has come: timers never travel as messages with an ETA (W21)."""

from django.db import migrations
from django.utils import timezone

NAME = "runsheet.workflows.wake"


def register(apps, schema_editor):
    """Every two seconds; unread messages expire, so that a stalled worker never faces a backlog of them."""
    alias = schema_editor.connection.alias
    interval, _ = (
        apps.get_model("django_celery_beat", "IntervalSchedule")
        .objects.using(alias)
        .get_or_create(every=2, period="seconds")
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias).update_or_create(
        name=NAME,
        defaults={
            "task": "workflows.wake",
            "interval": interval,
            "queue": "control",
            "expire_seconds": 10,
            "enabled": True,
            "description": "Wakes parked runs that are due (W21). Runsheet needs it.",
        },
    )
    _tell_beat(apps, alias)


def unregister(apps, schema_editor):
    """Remove only our row; the interval may serve others."""
    alias = schema_editor.connection.alias
    apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias).filter(name=NAME).delete()
    _tell_beat(apps, alias)


def _tell_beat(apps, alias):
    # Historical models send no signals: without this a running beat notices after five minutes.
    apps.get_model("django_celery_beat", "PeriodicTasks").objects.using(alias).update_or_create(
        ident=1, defaults={"last_update": timezone.now()}
    )


class Migration(migrations.Migration):
    dependencies = [("scheduler", "0001_fixed_periodic_entries")]
    operations = [migrations.RunPython(register, unregister)]
