"""Paths of this app under `/api/v1/`."""

from django.urls import path

from workflows.api.blocks import BlocksView
from workflows.api.runs import RunCancelView, RunStepsView, RunsView, RunView, WorkflowRunsView
from workflows.api.workflows import (
    PublishView,
    RefView,
    ValidateView,
    VersionsView,
    VersionView,
    WorkflowsView,
    WorkflowView,
)

urlpatterns = [
    path("workflows/", WorkflowsView.as_view(), name="workflows"),
    path("workflows/<uuid:workflow>/", WorkflowView.as_view(), name="workflow"),
    path("workflows/<uuid:workflow>/validate/", ValidateView.as_view(), name="workflow-validate"),
    path("workflows/<uuid:workflow>/publish/", PublishView.as_view(), name="workflow-publish"),
    path("workflows/<uuid:workflow>/versions/", VersionsView.as_view(), name="versions"),
    path("workflows/<uuid:workflow>/versions/<int:number>/", VersionView.as_view(), name="version"),
    path("workflows/<uuid:workflow>/refs/<path:name>/", RefView.as_view(), name="ref"),
    path("workflows/<uuid:workflow>/runs/", WorkflowRunsView.as_view(), name="workflow-runs"),
    path("runs/", RunsView.as_view(), name="runs"),
    path("runs/<uuid:run>/", RunView.as_view(), name="run"),
    path("runs/<uuid:run>/steps/", RunStepsView.as_view(), name="run-steps"),
    path("runs/<uuid:run>/cancel/", RunCancelView.as_view(), name="run-cancel"),
    path("blocks/", BlocksView.as_view(), name="blocks"),
]
