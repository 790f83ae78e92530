"""`/workflows/{id}/`: the shell around `<flow-editor>`, which fetches and draws the rest."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.generic.base import TemplateView

from workflows.errors import WorkflowNotFound
from workflows.models import Run, Workflow
from workflows.selectors import workflow_of
from workflows.services.uses import uses_of
from workspaces.pages.access import WorkspacePageMixin
from workspaces.selectors import membership_for, secret_names
from workspaces.states import Role


class WorkflowPage(WorkspacePageMixin, TemplateView):
    """A workflow of another of one's workspaces is shown there; a foreign one is a 404."""

    template_name = "runsheet/workflow.html"

    def get(self, request: HttpRequest, workflow_id: UUID) -> HttpResponse:
        """Show the editor, in the workflow's own workspace."""
        elsewhere = self._workspace_elsewhere(workflow_id)
        if elsewhere is not None and "workspace" not in request.GET:
            return HttpResponseRedirect(f"{request.path}?workspace={elsewhere}")
        try:
            workflow = workflow_of(self.workspace.pk, workflow_id)
        except WorkflowNotFound as error:
            raise Http404(str(error)) from error
        return self.render_to_response(self.get_context_data(workflow=workflow))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add who uses it, the secrets' names, its last run, and what the person may do here."""
        workflow: Workflow = kwargs["workflow"]
        rank = Role(self.membership.role).rank
        last = Run.objects.filter(workflow=workflow).order_by("-id").values_list("pk", flat=True).first()
        return super().get_context_data(
            section="workflows",
            around={
                "uses": [use.as_json() for use in uses_of([workflow.pk]).get(workflow.pk, ())],
                "secrets": sorted(secret_names(workflow.workspace_id)),
                "run": last and str(last),
                "may_edit": rank >= Role.EDITOR.rank,
                "may_archive": rank >= Role.ADMIN.rank,
            },
            **kwargs,
        )

    def _workspace_elsewhere(self, workflow_id: UUID) -> UUID | None:
        """Return the other workspace of this person that holds the workflow."""
        found = Workflow.objects.filter(pk=workflow_id).values_list("workspace_id", flat=True).first()
        if found is None or found == self.workspace.pk:
            return None
        place = membership_for(self.membership.user_id, found)
        return None if place is None else place.workspace_id
