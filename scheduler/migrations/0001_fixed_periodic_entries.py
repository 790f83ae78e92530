"""The fixed entries that beat sends. A migration, not CELERY_BEAT_SCHEDULE, which would undo edits made in the admin
at every start of beat."""

from django.db import migrations
from django.utils import timezone

NAME = "runsheet.tables.reap"


def register(apps, schema_editor):
    """Every five seconds; a beat that finds no worker never leaves a backlog of reaps."""
    alias = schema_editor.connection.alias
    interval, _ = (
        apps.get_model("django_celery_beat", "IntervalSchedule")
        .objects.using(alias)
        .get_or_create(every=5, period="seconds")
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.using(alias).update_or_create(
        name=NAME,
        defaults={
            "task": "tables.reap",
            "interval": interval,
            "queue": "control",
            "expire_seconds": 5,
            "enabled": True,
            "description": "Returns abandoned work to claimable (T11). Runsheet needs it.",
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
    initial = True
    dependencies = [("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(register, unregister)]
