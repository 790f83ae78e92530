"""What beat sends without being asked is registered, and comes back when deleted."""

from io import StringIO

import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

pytestmark = pytest.mark.django_db


def test_the_reaper_is_registered_on_the_control_queue_and_expires() -> None:
    entry = PeriodicTask.objects.get(name="runsheet.tables.reap")
    assert (entry.task, entry.queue, entry.expire_seconds, entry.enabled) == (
        "tables.reap",
        "control",
        5,
        True,
    )
    assert (entry.interval.every, entry.interval.period) == (5, "seconds")


def test_a_deleted_entry_comes_back_and_a_disabled_one_stays_disabled() -> None:
    PeriodicTask.objects.all().delete()
    call_command("migrate", verbosity=0, stdout=StringIO())
    PeriodicTask.objects.update(enabled=False)
    call_command("migrate", verbosity=0, stdout=StringIO())
    assert not PeriodicTask.objects.get(name="runsheet.tables.reap").enabled
