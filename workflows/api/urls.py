"""Paths of this app under `/api/v1/`."""

from django.urls import path

from workflows.api.answers import AnswerView
from workflows.api.blocks import BlocksView
from workflows.api.hooks import HookReceiveView, HookRotateView, HooksView, HookView
from workflows.api.pauses import PauseAnswerView, PausesView
from workflows.api.reopening import RunDecideView, RunResumeView, RunsResumeView
from workflows.api.run_ledger import RunDiffView, RunEventsView, RunStepsView
from workflows.api.runs import RunCancelView, RunsView, RunView, WorkflowRunsView
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
    path("workflows/<uuid:workflow>/hooks/", HooksView.as_view(), name="hooks"),
    path("workflows/<uuid:workflow>/hooks/<uuid:hook>/", HookView.as_view(), name="hook"),
    path("workflows/<uuid:workflow>/hooks/<uuid:hook>/rotate/", HookRotateView.as_view(), name="hook-rotate"),
    path("hooks/<uuid:hook>/", HookReceiveView.as_view(), name="hook-receive"),
    path("runs/", RunsView.as_view(), name="runs"),
    path("runs/<uuid:run>/", RunView.as_view(), name="run"),
    path("runs/<uuid:run>/steps/", RunStepsView.as_view(), name="run-steps"),
    path("runs/<uuid:run>/diff/", RunDiffView.as_view(), name="run-diff"),
    path("runs/<uuid:run>/events/", RunEventsView.as_view(), name="run-events"),
    path("runs/resume/", RunsResumeView.as_view(), name="runs-resume"),
    path("runs/<uuid:run>/resume/", RunResumeView.as_view(), name="run-resume"),
    path("runs/<uuid:run>/decide/", RunDecideView.as_view(), name="run-decide"),
    path("runs/<uuid:run>/cancel/", RunCancelView.as_view(), name="run-cancel"),
    path("runs/<uuid:run>/pauses/<uuid:pause>/answer/", PauseAnswerView.as_view(), name="pause-answer"),
    path("pauses/", PausesView.as_view(), name="pauses"),
    path("answer/<str:token>/", AnswerView.as_view(), name="answer"),
    path("blocks/", BlocksView.as_view(), name="blocks"),
]
