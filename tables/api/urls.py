"""Paths of this app under `/api/v1/`."""

from django.urls import path

from tables.api.bulk import JobsView, WorkspaceJobsView
from tables.api.cells import CellRerunView, CellResumeView, CellRunsView, TableResumeView
from tables.api.columns import ColumnsView, ColumnView, GroupsView, GroupTrialView, GroupView
from tables.api.dispatches import DispatchesView, DispatchGoOnView, DispatchRetryFailedView, DispatchView
from tables.api.exports import ExportView
from tables.api.finding import FindView
from tables.api.imports import (
    ImportsView,
    JobCancelView,
    JobView,
    NewTableImportView,
    NewTablePreviewView,
    PreviewView,
    RejectsView,
)
from tables.api.places import RowsDuplicateView, RowsMoveView, TableDuplicateView
from tables.api.rows import RowsUpsertView, RowsView, RowView
from tables.api.saved_views import ViewsView, ViewView
from tables.api.stops import CancelView, DispatchCancelView
from tables.api.tables import LayoutView, RestoreView, SummaryView, TablesView, TableView, WorkersView

urlpatterns = [
    path("tables/", TablesView.as_view(), name="tables"),
    path("tables/<uuid:table>/", TableView.as_view(), name="table"),
    path("tables/<uuid:table>/restore/", RestoreView.as_view(), name="table-restore"),
    path("tables/<uuid:table>/duplicate/", TableDuplicateView.as_view(), name="table-duplicate"),
    path("tables/<uuid:table>/layout/", LayoutView.as_view(), name="table-layout"),
    path("tables/<uuid:table>/summary/", SummaryView.as_view(), name="table-summary"),
    path("tables/<uuid:table>/columns/", ColumnsView.as_view(), name="columns"),
    path("tables/<uuid:table>/columns/<uuid:column>/", ColumnView.as_view(), name="column"),
    path("tables/<uuid:table>/groups/", GroupsView.as_view(), name="groups"),
    path("tables/<uuid:table>/groups/trial/", GroupTrialView.as_view(), name="group-trial"),
    path("tables/<uuid:table>/groups/<uuid:group>/", GroupView.as_view(), name="group"),
    path("tables/<uuid:table>/rows/", RowsView.as_view(), name="rows"),
    path("tables/<uuid:table>/rows/upsert/", RowsUpsertView.as_view(), name="rows-upsert"),
    path("tables/<uuid:table>/rows/find/", FindView.as_view(), name="rows-find"),
    path("tables/<uuid:table>/rows/move/", RowsMoveView.as_view(), name="rows-move"),
    path("tables/<uuid:table>/rows/duplicate/", RowsDuplicateView.as_view(), name="rows-duplicate"),
    path("tables/<uuid:table>/rows/<uuid:row>/", RowView.as_view(), name="row"),
    path(
        "tables/<uuid:table>/rows/<uuid:row>/cells/<uuid:group>/resume/",
        CellResumeView.as_view(),
        name="cell-resume",
    ),
    path(
        "tables/<uuid:table>/rows/<uuid:row>/cells/<uuid:group>/rerun/",
        CellRerunView.as_view(),
        name="cell-rerun",
    ),
    path(
        "tables/<uuid:table>/rows/<uuid:row>/cells/<uuid:group>/runs/",
        CellRunsView.as_view(),
        name="cell-runs",
    ),
    path("tables/<uuid:table>/resume/", TableResumeView.as_view(), name="table-resume"),
    path("tables/<uuid:table>/dispatches/", DispatchesView.as_view(), name="dispatches"),
    path("tables/<uuid:table>/cancel/", CancelView.as_view(), name="table-cancel"),
    path("tables/<uuid:table>/imports/", ImportsView.as_view(), name="imports"),
    path("tables/<uuid:table>/imports/preview/", PreviewView.as_view(), name="import-preview"),
    path("tables/<uuid:table>/jobs/", JobsView.as_view(), name="jobs"),
    path("tables/<uuid:table>/export/", ExportView.as_view(), name="export"),
    path("tables/<uuid:table>/views/", ViewsView.as_view(), name="views"),
    path("tables/<uuid:table>/views/<uuid:view>/", ViewView.as_view(), name="view"),
    path("dispatches/<uuid:dispatch>/", DispatchView.as_view(), name="dispatch"),
    path("dispatches/<uuid:dispatch>/go-on/", DispatchGoOnView.as_view(), name="dispatch-go-on"),
    path(
        "dispatches/<uuid:dispatch>/retry-failed/",
        DispatchRetryFailedView.as_view(),
        name="dispatch-retry-failed",
    ),
    path("dispatches/<uuid:dispatch>/cancel/", DispatchCancelView.as_view(), name="dispatch-cancel"),
    path("imports/", NewTableImportView.as_view(), name="new-table-import"),
    path("imports/preview/", NewTablePreviewView.as_view(), name="new-table-preview"),
    path("jobs/", WorkspaceJobsView.as_view(), name="workspace-jobs"),
    path("jobs/<uuid:job>/", JobView.as_view(), name="job"),
    path("jobs/<uuid:job>/cancel/", JobCancelView.as_view(), name="job-cancel"),
    path("jobs/<uuid:job>/rejects/", RejectsView.as_view(), name="job-rejects"),
    path("workers/", WorkersView.as_view(), name="workers"),
]
