"""Pages of this app, from the root of the site."""

from django.urls import path

from workflows.pages.approvals import ApprovalsPage
from workflows.pages.run import RunPage
from workflows.pages.run_list import RunsPage
from workflows.pages.workflow import WorkflowPage
from workflows.pages.workflow_list import WorkflowsPage

urlpatterns = [
    path("workflows/", WorkflowsPage.as_view(), name="workflows-page"),
    path("workflows/<uuid:workflow_id>/", WorkflowPage.as_view(), name="workflow-page"),
    path("runs/", RunsPage.as_view(), name="runs-page"),
    path("runs/<uuid:run_id>/", RunPage.as_view(), name="run-page"),
    path("approvals/", ApprovalsPage.as_view(), name="approvals-page"),
]
