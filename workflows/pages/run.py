"""`/runs/{id}/`: one run's page, the shell around `<run-view>`, which fetches and draws the rest (W30)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.generic.base import TemplateView

from workflows.errors import RunNotFound
from workflows.models import Run, WorkflowVersion
from workflows.pages.run_words import pill_of
from workflows.selectors import run_of
from workspaces.pages.access import WorkspacePageMixin
from workspaces.selectors import membership_for
from workspaces.states import Role

CARD_FIELDS: Final = ("key", "type", "name", "parent", "enabled")


class RunPage(WorkspacePageMixin, TemplateView):
    """A run of another of one's workspaces is shown there; a foreign one is a 404."""

    template_name = "runsheet/run.html"

    def get(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Show the run, in its own workspace."""
        elsewhere = self._workspace_elsewhere(run_id)
        if elsewhere is not None and "workspace" not in request.GET:
            return HttpResponseRedirect(f"{request.path}?workspace={elsewhere}")
        try:
            run = run_of(self.workspace.pk, run_id)
        except RunNotFound as error:
            raise Http404(str(error)) from error
        return self.render_to_response(self.get_context_data(run=run))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the version's graph, as far as it is drawn, and what the person may do here."""
        run: Run = kwargs["run"]
        return super().get_context_data(
            section="runs",
            pill=pill_of(run),
            graph=_graph(run.version_id),
            may_run=Role(self.membership.role).rank >= Role.EDITOR.rank,
            **kwargs,
        )

    def _workspace_elsewhere(self, run_id: UUID) -> UUID | None:
        """Return the other workspace of this person that holds the run."""
        workspace_id = Run.objects.filter(pk=run_id).values_list("workspace_id", flat=True).first()
        if workspace_id is None or workspace_id == self.workspace.pk:
            return None
        place = membership_for(self.membership.user_id, workspace_id)
        return None if place is None else place.workspace_id


def _graph(version_id: UUID) -> dict[str, Any]:
    """The blocks and edges of a version, without their config."""
    definition = WorkflowVersion.objects.values_list("definition", flat=True).get(pk=version_id)
    return {
        "blocks": [
            {name: block[name] for name in CARD_FIELDS if name in block}
            for block in definition["blocks"]
            if block.get("type") != "note"
        ],
        "edges": definition.get("edges", []),
    }
