"""Running and stopping."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import serializers as bodies
from tables.api.tables import TablesAPIView
from tables.errors import GroupNotFound
from tables.models import Dispatch, Table, WorkflowGroup
from tables.services.dispatches import DispatchOutcome, dispatch_start
from tables.services.dry_run import dispatch_plan
from tables.services.failed_again import failed_plan, failed_retry
from tables.services.progress import dispatch_json, dispatches_json
from tables.services.storms import dispatch_go_on
from tables.states import ACTIVE_DISPATCH, Mode
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.services.audit import audit_record
from workspaces.states import Access


class DispatchesView(TablesAPIView):
    """The dispatches of a table."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        responses=page_of(bodies.DispatchAnswer),
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("active", bool, description="Only those (not) under way."),
        ],
    )
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List dispatches, the newest first."""
        dispatches = Dispatch.objects.filter(table=self.table(table))
        active = request.query_params.get("active")
        if active is not None:
            under_way = {"status__in": [status.value for status in ACTIVE_DISPATCH]}
            wanted = active in {"1", "true"}
            dispatches = dispatches.filter(**under_way) if wanted else dispatches.exclude(**under_way)
        return self.listed_together(dispatches, dispatches_json, order=["-id"])

    @extend_schema(request=bodies.DispatchBody, responses={202: bodies.DispatchAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Run workflow groups over rows: 202 with the dispatch, or 200 when there is nothing to do, or a dry run."""
        stored = self.table(table)
        data = self.body(bodies.DispatchBody)
        dry_run = data.pop("dry_run")
        wanted: dict[str, Any] = {**data, "mode": Mode(data["mode"]), "table": stored}
        if dry_run:
            return Response(dispatch_plan(**wanted))
        outcome = dispatch_start(**wanted, actor=request.user)
        return _started(request, outcome, "dispatch.started", {"table": str(stored.pk), "mode": data["mode"]})


class DispatchView(TablesAPIView):
    """One dispatch."""

    @extend_schema(responses=bodies.DispatchAnswer)
    def get(self, request: WorkspaceRequest, dispatch: UUID) -> Response:
        """Show a dispatch with its exact progress."""
        return Response(dispatch_json(self.one(selectors.dispatches_of(request.workspace.pk), pk=dispatch)))


class DispatchGoOnView(TablesAPIView):
    """Going on with a run that stopped itself."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=None, responses={202: bodies.DispatchAnswer})
    def post(self, request: WorkspaceRequest, dispatch: UUID) -> Response:
        """Go on where a run stopped itself because cell after cell failed; it may do so again."""
        stored = self.one(selectors.dispatches_of(request.workspace.pk), pk=dispatch)
        going = dispatch_go_on(stored)
        audit_record(
            workspace_id=request.workspace.pk, actor=request.actor, action="dispatch.went_on", target=going
        )
        return Response(dispatch_json(going), status=202)


class DispatchRetryFailedView(TablesAPIView):
    """Running again what failed of a dispatch."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(
        request=bodies.RetryFailedBody, responses={202: bodies.DispatchAnswer, 200: bodies.RetryFailedAnswer}
    )
    @idempotent
    def post(self, request: WorkspaceRequest, dispatch: UUID) -> Response:
        """Run again the cells that failed in this dispatch and that nobody has run since, and no others.

        202 with the dispatch that does it: a new one, or the one that is at it already. 200 when nothing is left, or
        with what would run for a dry run.
        """
        stored = self.one(selectors.dispatches_of(request.workspace.pk), pk=dispatch)
        table = self.table(stored.table_id)
        if self.body(bodies.RetryFailedBody)["dry_run"]:
            return Response(failed_plan(table=table, dispatch=stored))
        outcome = failed_retry(table=table, dispatch=stored, actor=request.user)
        about = {"table": str(table.pk), "failed_of": str(stored.pk)}
        return _started(request, outcome, "dispatch.failed_retried", about)


def _started(
    request: WorkspaceRequest, outcome: DispatchOutcome, action: str, about: Mapping[str, Any]
) -> Response:
    """202 with what was started, which is recorded; 200 with the reasons when there was nothing to do."""
    if outcome.dispatch is None:
        return Response({"dispatch": None, "skipped": outcome.skipped})
    audit_record(
        workspace_id=request.workspace.pk,
        actor=request.actor,
        action=action,
        target=outcome.dispatch,
        after={**about, "groups": len(outcome.dispatch.groups)},
    )
    return Response(dispatch_json(outcome.dispatch), status=202)


def groups_of(table: Table, groups: list[UUID] | None) -> list[UUID] | None:
    """The groups named, all of this table. Raises ``GroupNotFound``."""
    if groups is None:
        return None
    known = set(WorkflowGroup.objects.filter(table=table).values_list("id", flat=True))
    if set(groups) - known:
        raise GroupNotFound
    return groups
