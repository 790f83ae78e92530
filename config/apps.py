"""`config` is an installed app so that its commands, templates and static files are found."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Has no models."""

    name = "config"

    def ready(self) -> None:
        """Register the checks, and make our Celery application current wherever tasks are published from."""
        from config import checks  # noqa: F401 - registers them
        from config.celery import app

        app.set_default()
