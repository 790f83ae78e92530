"""Stopping, in every scope."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import stop_bodies as bodies
from tables.api.dispatches import groups_of
from tables.api.tables import TablesAPIView
from tables.services.stopping import CellRef, StopOutcome, dispatch_stop, stop
from workspaces.api.access import WorkspaceRequest
from workspaces.services.audit import audit_record
from workspaces.states import Access


class DispatchCancelView(TablesAPIView):
    """Stopping one dispatch."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=None, responses=bodies.CancelAnswer)
    def post(self, request: WorkspaceRequest, dispatch: UUID) -> Response:
        """Stop a dispatch and its own cells; one that has ended is left as it is."""
        stored = self.one(selectors.dispatches_of(request.workspace.pk), pk=dispatch)
        outcome = dispatch_stop(stored)
        audit_record(
            workspace_id=request.workspace.pk, actor=request.actor, action="dispatch.stopped", target=stored
        )
        return Response(_stopped(outcome))


class CancelView(TablesAPIView):
    """Stopping in every scope."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=bodies.CancelBody, responses=bodies.CancelAnswer)
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Stop a table, a selection of any size, workflow groups, or one cell's exact attempt."""
        stored = self.table(table)
        data = self.body(bodies.CancelBody)
        data["groups"] = groups_of(stored, data.get("groups"))
        if (cell := data.pop("cell", None)) is not None:
            outcome = stop(table=stored, cell=CellRef(cell["row"], cell["group"], cell.get("execution_id")))
        else:
            outcome = stop(table=stored, **data)
        audit_record(
            workspace_id=request.workspace.pk,
            actor=request.actor,
            action="table.stopped",
            target=stored,
            after=_stopped(outcome),
        )
        return Response(_stopped(outcome))


def _stopped(outcome: StopOutcome) -> dict[str, Any]:
    return {
        "cancelled": outcome.cancelled,
        "ahead": outcome.ahead,
        "dispatches": [str(each) for each in outcome.dispatches],
    }
