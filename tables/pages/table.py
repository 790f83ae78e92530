"""One table's page: the shell around `<run-sheet>`, which fetches and draws the rest."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.generic.base import TemplateView

from tables.api.shapes import table_detail_json, view_json
from tables.errors import TableNotFound
from tables.events import stream_key
from tables.models import Table
from tables.selectors import table_of, table_spec, views_of
from workspaces.live.place import topic_place
from workspaces.pages.access import WorkspacePageMixin
from workspaces.selectors import membership_for
from workspaces.states import Role

MOST_VIEWS = 200
"""As many as a page of the API holds: the browser asks for no more either."""


class TablePage(WorkspacePageMixin, TemplateView):
    """`/tables/{id}/`. A table of another of one's workspaces is shown there; a foreign one is a 404."""

    template_name = "runsheet/table.html"

    def get(self, request: HttpRequest, table_id: UUID) -> HttpResponse:
        """Show the table, in its own workspace."""
        elsewhere = self._workspace_elsewhere(table_id)
        if elsewhere is not None and "workspace" not in request.GET:
            return HttpResponseRedirect(f"{request.path}?workspace={elsewhere}")
        try:
            table = table_of(self.workspace.pk, table_id)
        except TableNotFound as error:
            raise Http404(str(error)) from error
        return self.render_to_response(self.get_context_data(table=table, given=_given(table)))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what the person may do here."""
        may_run = Role(self.membership.role).rank >= Role.EDITOR.rank
        return super().get_context_data(section="tables", may_run=may_run, **kwargs)

    def _workspace_elsewhere(self, table_id: UUID) -> UUID | None:
        """Return the other workspace of this person that holds the table."""
        workspace_id = Table.objects.filter(pk=table_id).values_list("workspace_id", flat=True).first()
        if workspace_id is None or workspace_id == self.workspace.pk:
            return None
        place = membership_for(self.membership.user_id, workspace_id)
        return None if place is None else place.workspace_id


def _given(table: Table) -> dict[str, Any]:
    """What `<run-sheet>` would ask for first, as the API answers it: its rows need not wait for that.

    ``seq`` is the place in the table's log from which its socket goes on; null when Redis does not answer.
    """
    seq = topic_place(stream_key(table.pk))  # before what goes with it is read
    table.refresh_from_db()
    views = views_of(table).order_by("name", "id")[:MOST_VIEWS]
    return {
        "seq": seq,
        "table": table_detail_json(table, table_spec(table.pk)),
        "views": [view_json(view) for view in views],
    }
