"""Pages of this app, from the root of the site."""

from django.urls import path

from scheduler.pages.health import SchedulerPage
from scheduler.pages.invocations import InvocationsPage, TriggerInvocationsPage
from scheduler.pages.trigger_form import TriggerNewPage, TriggerPage
from scheduler.pages.trigger_list import TriggersPage

urlpatterns = [
    path("triggers/", TriggersPage.as_view(), name="triggers-page"),
    path("triggers/new/", TriggerNewPage.as_view(), name="trigger-new-page"),
    path("triggers/<uuid:trigger_id>/", TriggerPage.as_view(), name="trigger-page"),
    path(
        "triggers/<uuid:trigger_id>/invocations/",
        TriggerInvocationsPage.as_view(),
        name="trigger-invocations-page",
    ),
    path("invocations/", InvocationsPage.as_view(), name="invocations-page"),
    path("scheduler/", SchedulerPage.as_view(), name="scheduler-page"),
]
