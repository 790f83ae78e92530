"""Pages of this app, from the root of the site."""

from django.urls import path

from workflows.pages.approvals import ApprovalsPage
from workflows.pages.run import RunPage
from workflows.pages.run_list import RunsPage

urlpatterns = [
    path("runs/", RunsPage.as_view(), name="runs-page"),
    path("runs/<uuid:run_id>/", RunPage.as_view(), name="run-page"),
    path("approvals/", ApprovalsPage.as_view(), name="approvals-page"),
]
