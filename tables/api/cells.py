"""One cell: resumed, or run again from a block."""

from dataclasses import asdict
from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from tables.api import cell_bodies as bodies
from tables.api.dispatches import groups_of
from tables.api.tables import TablesAPIView
from tables.services.progress import dispatch_json
from tables.services.rerunning import CellAsked, cell_rerun, cell_rerun_plan, plan_json
from tables.services.resuming import cell_resume_run, cells_resume
from workflows.api.serializers import RunSummarySerializer
from workflows.engine.planner import PlanMode
from workflows.selectors import runs_of
from workflows.services.owners import CELL
from workflows.services.reruns import Asked
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.services.audit import audit_record
from workspaces.states import Access


class CellResumeView(TablesAPIView):
    """Resuming one cell."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=bodies.ResumeBody, responses={202: bodies.ResumedAnswer})
    def post(self, request: WorkspaceRequest, table: UUID, row: UUID, group: UUID) -> Response:
        """Take the cell's failed run up at its first unfinished step, under the same execution."""
        stored = self.table(table)
        note = self.body(bodies.ResumeBody)["note"]
        run = cell_resume_run(table=stored, row_id=row, group_id=group, actor=request.actor, note=note)
        cell = stored.cells.get(row_id=row, group_id=group)
        shown = {"cell": cell.pk, "row": row, "group": group, "run": run}
        return Response(
            {**{name: str(value) for name, value in shown.items()}, "outcome": "resumed"}, status=202
        )


class TableResumeView(TablesAPIView):
    """Resuming what failed in a table."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=bodies.ResumeAllBody, responses={202: bodies.ResumedAllAnswer})
    def post(self, request: WorkspaceRequest, table: UUID) -> Response:
        """Resume every failed cell, 1,000 at most a call, each by itself; the answer says what became of each."""
        stored = self.table(table)
        data = self.body(bodies.ResumeAllBody)
        resumed, more = cells_resume(
            table=stored,
            groups=groups_of(stored, data.get("groups")),
            filter=data.get("filter"),
            actor=request.actor,
            note=data["note"],
        )
        results = [{name: str(value) for name, value in asdict(each).items()} for each in resumed]
        return Response({"results": results, "more": more}, status=202)


class CellRunsView(TablesAPIView):
    """What a cell ran."""

    @extend_schema(
        operation_id="cell_runs_list", responses=page_of(RunSummarySerializer), parameters=PAGE_PARAMETERS
    )
    def get(self, request: WorkspaceRequest, table: UUID, row: UUID, group: UUID) -> Response:
        """The runs of one cell, the newest first. One that has done nothing yet may not be among them."""
        stored = self.table(table)
        self.one(stored.rows.all(), pk=row)
        self.one(stored.groups.all(), pk=group)
        cell = stored.cells.filter(row_id=row, group_id=group).values("pk")
        runs = runs_of(request.workspace.pk).filter(owner_kind=CELL, owner_id__in=cell)
        return self.page(runs, RunSummarySerializer, order=["-id"])


class CellRerunView(TablesAPIView):
    """Running one cell again."""

    requires: ClassVar[dict[str, Access]] = {"POST": "run"}

    @extend_schema(request=bodies.RerunBody, responses={202: bodies.RerunAnswer})
    @idempotent
    def post(self, request: WorkspaceRequest, table: UUID, row: UUID, group: UUID) -> Response:
        """Fork a new run from the cell's latest one, or from `source_run`; a dry run answers the plan (200)."""
        stored = self.table(table)
        data = self.body(bodies.RerunBody)
        asked = Asked(
            start=data.get("start_block"), mode=PlanMode(data["mode"]), plan_hash=data.get("plan_hash")
        )
        wish = CellAsked(row, group, asked, data.get("source_run"))
        if data["dry_run"]:
            return Response(plan_json(cell_rerun_plan(table=stored, wish=wish)))
        dispatch, run = cell_rerun(table=stored, wish=wish, actor=request.user)
        audit_record(
            workspace_id=request.workspace.pk,
            actor=request.actor,
            action="cell.rerun",
            target=dispatch,
            after={"table": str(stored.pk), "row": str(row), "group": str(group), "run": str(run)},
        )
        dispatch.refresh_from_db()
        return Response({"run": str(run), "dispatch": dispatch_json(dispatch)}, status=202)
