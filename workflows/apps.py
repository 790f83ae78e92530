"""Django's entry to the app."""

from django.apps import AppConfig
from django.conf import settings


class WorkflowsConfig(AppConfig):
    """Definitions of work, and the engine that runs them."""

    name = "workflows"
    label = "workflows"
    verbose_name = "Workflows"

    def ready(self) -> None:
        """Register every block type, so that a wrong one stops the process at start and not a run later."""
        from workflows import worker  # noqa: F401  connects Celery's signals
        from workflows.blocks import registry
        from workflows.services import hooks  # noqa: F401  its secrets take part in the rotation of keys

        registry.load(settings.RUNSHEET_BLOCKS)
