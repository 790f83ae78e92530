"""Django's entry to the app."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from scheduler.fixed_entries import put_back_missing


class SchedulerConfig(AppConfig):
    """Triggers and their invocations."""

    name = "scheduler"
    label = "scheduler"

    def ready(self) -> None:
        """Connect the receivers, which need the models; after every migrate, the fixed entries are there again."""
        from scheduler import (
            checks,  # noqa: F401 - registers them
            receivers,  # noqa: F401 - connects by calls
        )

        post_migrate.connect(
            put_back_missing,
            sender=apps.get_app_config("django_celery_beat"),
            dispatch_uid="scheduler.fixed_entries",
        )
