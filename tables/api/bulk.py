"""Bulk updates and deletes, and the jobs of a table or of all tables."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from tables import selectors
from tables.api import import_bodies as bodies
from tables.api.bulk_bodies import BulkDeleteBody, BulkUpdateBody
from tables.api.tables import TablesAPIView
from tables.models import Job, Table
from tables.services.bulk_jobs import Chosen, bulk_delete, bulk_update
from tables.services.job_events import job_json
from tables.states import ACTIVE_JOB
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import PAGE_PARAMETERS


class JobsView(TablesAPIView):
    """The jobs of a table."""

    @extend_schema(responses=bodies.JobPage, parameters=PAGE_PARAMETERS)
    def get(self, request: WorkspaceRequest, table: UUID) -> Response:
        """List imports, bulk updates and bulk deletes, the newest first."""
        return self.listed(Job.objects.filter(table=self.table(table)), job_json, order=["-id"])


class WorkspaceJobsView(TablesAPIView):
    """The jobs of all tables."""

    @extend_schema(
        operation_id="jobs_list",
        responses=bodies.JobPage,
        parameters=[OpenApiParameter("active", bool, description="Only those under way."), *PAGE_PARAMETERS],
    )
    def get(self, request: WorkspaceRequest) -> Response:
        """List imports, bulk updates and bulk deletes, the newest first; ``?active=true`` those under way."""
        jobs = selectors.jobs_of(request.workspace.pk)
        if request.query_params.get("active") in {"1", "true"}:
            jobs = jobs.filter(status__in=ACTIVE_JOB)
        return self.listed(jobs, job_json, order=["-id"])


def is_bulk(body: Any) -> bool:
    """Whether a body names its rows by a filter or a range, never by ids."""
    return isinstance(body, dict) and ("filter" in body or isinstance(body.get("rows"), dict))


def bulk_update_answer(view: TablesAPIView, table: Table) -> Response:
    """Start the update that the request's body asks for; 202 with the job."""
    data = view.body(BulkUpdateBody)
    values = data.pop("data")
    job = bulk_update(table=table, chosen=Chosen(**data), data=values, actor=view.request.actor)
    return Response(job_json(job), status=202)


def bulk_delete_answer(view: TablesAPIView, table: Table) -> Response:
    """Start the delete that the request's body asks for; 202 with the job."""
    chosen = Chosen(**view.body(BulkDeleteBody))
    return Response(job_json(bulk_delete(table=table, chosen=chosen, actor=view.request.actor)), status=202)
