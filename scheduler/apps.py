"""Django's entry to the app."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from scheduler.fixed_entries import put_back_missing


class SchedulerConfig(AppConfig):
    """Triggers and their invocations."""

    name = "scheduler"
    label = "scheduler"

    def ready(self) -> None:
        """After every migrate, the fixed entries are there again."""
        post_migrate.connect(
            put_back_missing,
            sender=apps.get_app_config("django_celery_beat"),
            dispatch_uid="scheduler.fixed_entries",
        )
