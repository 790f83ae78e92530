"""`/triggers/new/` and `/triggers/{id}/`: the form of one trigger, which its script fills over REST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.views.generic.base import TemplateView

from scheduler.models import Trigger
from scheduler.pages.rights import may_change, may_make, may_run
from workspaces.models import User
from workspaces.pages.access import WorkspacePageMixin


class TriggerNewPage(WorkspacePageMixin, TemplateView):
    """An empty form. Editors only."""

    template_name = "runsheet/trigger_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say who is looking."""
        if not may_make(self.membership):
            raise PermissionDenied("Only editors and admins make triggers.")
        return super().get_context_data(
            section="triggers",
            trigger=None,
            person=_person(self.membership.user),
            may_change=True,
            may_make=True,
            **kwargs,
        )


class TriggerPage(WorkspacePageMixin, TemplateView):
    """The form of a trigger; those who may not change it look at it."""

    template_name = "runsheet/trigger_form.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the trigger's name, and what the person may do; the rest is read over REST."""
        trigger = trigger_here(self.workspace.pk, kwargs["trigger_id"])
        return super().get_context_data(
            section="triggers",
            trigger=trigger,
            person=_person(self.membership.user),
            may_change=may_change(self.membership, trigger),
            may_make=may_make(self.membership),
            may_run=may_run(self.membership, trigger),
            **kwargs,
        )


def trigger_here(workspace_id: UUID, trigger_id: UUID) -> Trigger:
    """A trigger of this workspace; a foreign one is a missing page."""
    found = Trigger.objects.of_workspace(workspace_id).filter(pk=trigger_id).first()
    if found is None:
        raise Http404("There is no such trigger. It may have been deleted.")
    return found


def _person(user: User) -> dict[str, str]:
    return {"id": str(user.pk), "name": user.label}
