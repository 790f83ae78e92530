"""`/scheduler/`: who leads, how late things start, what waits (`scheduler.md` section 4)."""

from __future__ import annotations

from typing import Any, Final

from django.views.generic.base import TemplateView

from scheduler.engine.health import HealthStatus
from scheduler.models import Trigger
from scheduler.pages.trigger_list import schedule_words
from scheduler.services.health import health
from workflows.pages.run_words import Pill
from workspaces.pages.access import WorkspacePageMixin
from workspaces.states import Role

UPCOMING: Final = 20
PILLS: Final = {
    HealthStatus.OK: Pill("done", "Well"),
    HealthStatus.DEGRADED: Pill("waiting", "Degraded"),
    HealthStatus.DOWN: Pill("failed", "Down"),
}


class SchedulerPage(WorkspacePageMixin, TemplateView):
    """How the scheduler fares, judged anew at every look, and what of this workspace comes next."""

    template_name = "runsheet/scheduler.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the health and the next slots."""
        found = health()
        coming = Trigger.objects.of_workspace(self.workspace.pk).filter(enabled=True)
        coming = coming.defer("payload", "message_template").order_by("next_run_at", "id")
        return super().get_context_data(
            section="triggers",
            health=found,
            pill=PILLS[found.status],
            upcoming=[(trigger, schedule_words(trigger)) for trigger in coming[:UPCOMING]],
            may_restart=self.membership.role == Role.ADMIN,
            **kwargs,
        )
