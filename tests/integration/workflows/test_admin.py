"""The back office shows runs and changes none of them but by stopping them (trust.md, security 20)."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.integration.workflows.people import started
from workflows.models import Run, Workflow
from workflows.states import RunStatus
from workspaces.models import User

PAGES = ["workflow", "workflowversion", "workflowref", "run", "instance"]


@pytest.fixture
def office(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "pw"))
    return client


@pytest.mark.rule("S20")
@pytest.mark.parametrize("model", PAGES)
def test_lists_and_details_are_shown_and_nothing_is_added(
    office: Client, workflow: Workflow, model: str
) -> None:
    run = started(workflow)
    assert office.get(f"/admin/workflows/{model}/").status_code == 200
    assert office.get(f"/admin/workflows/{model}/add/").status_code == 403
    if model == "run":
        assert office.get(f"/admin/workflows/run/{run.pk}/change/").status_code == 200
        refused = office.post(f"/admin/workflows/run/{run.pk}/change/", {"status": "completed"})
        assert refused.status_code == 403


def test_the_cancel_action_stops_the_selected_runs(office: Client, workflow: Workflow) -> None:
    run = started(workflow)
    office.post("/admin/workflows/run/", {"action": "cancel", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


@pytest.mark.rule("S20")
def test_a_longer_list_costs_no_more_queries(
    office: Client, workflow: Workflow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        started(workflow)
    assert Run.objects.count() == 20
    with django_assert_max_num_queries(12):
        office.get("/admin/workflows/run/")
