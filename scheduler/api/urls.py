"""Paths of this app under `/api/v1/`."""

from django.urls import path

from scheduler.api.health import SchedulerHealthView, SchedulerMetricsView, SchedulerStateView
from scheduler.api.invocations import (
    InvocationCancelView,
    InvocationRerunView,
    InvocationsView,
    InvocationView,
    TriggerBackfillView,
    TriggerInvocationsView,
    TriggerRunView,
)
from scheduler.api.preview import NextRunsView, PreviewView, UpcomingView
from scheduler.api.restart import SchedulerRestartView
from scheduler.api.triggers import (
    TriggerDisableView,
    TriggerDuplicateView,
    TriggerEnableView,
    TriggersView,
    TriggerView,
)

urlpatterns = [
    path("triggers/", TriggersView.as_view(), name="triggers"),
    path("triggers/preview/", PreviewView.as_view(), name="trigger-preview"),
    path("triggers/upcoming/", UpcomingView.as_view(), name="triggers-upcoming"),
    path("triggers/<uuid:trigger>/", TriggerView.as_view(), name="trigger"),
    path("triggers/<uuid:trigger>/enable/", TriggerEnableView.as_view(), name="trigger-enable"),
    path("triggers/<uuid:trigger>/disable/", TriggerDisableView.as_view(), name="trigger-disable"),
    path("triggers/<uuid:trigger>/duplicate/", TriggerDuplicateView.as_view(), name="trigger-duplicate"),
    path("triggers/<uuid:trigger>/run/", TriggerRunView.as_view(), name="trigger-run"),
    path("triggers/<uuid:trigger>/backfill/", TriggerBackfillView.as_view(), name="trigger-backfill"),
    path("triggers/<uuid:trigger>/next-runs/", NextRunsView.as_view(), name="trigger-next-runs"),
    path(
        "triggers/<uuid:trigger>/invocations/", TriggerInvocationsView.as_view(), name="trigger-invocations"
    ),
    path("invocations/", InvocationsView.as_view(), name="invocations"),
    path("invocations/<uuid:invocation>/", InvocationView.as_view(), name="invocation"),
    path("invocations/<uuid:invocation>/cancel/", InvocationCancelView.as_view(), name="invocation-cancel"),
    path("invocations/<uuid:invocation>/rerun/", InvocationRerunView.as_view(), name="invocation-rerun"),
    path("scheduler/health/", SchedulerHealthView.as_view(), name="scheduler-health"),
    path("scheduler/state/", SchedulerStateView.as_view(), name="scheduler-state"),
    path("scheduler/metrics/", SchedulerMetricsView.as_view(), name="scheduler-metrics"),
    path("scheduler/restart/", SchedulerRestartView.as_view(), name="scheduler-restart"),
]
