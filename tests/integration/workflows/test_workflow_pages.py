"""The pages of workflows: what they say, whom they let in, what they cost; and the API that they brought along."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.bed.factories import sheet_make, workflow_make
from tests.integration.workflows.people import ACTOR, GREETING, greeting, person, started, workspace_of
from workflows.models import Run, Workflow
from workflows.pages.workflow_templates import TEMPLATES
from workflows.services.definitions import definition_check, publish
from workspaces.models import Workspace
from workspaces.services.members import member_add
from workspaces.states import Role

API = "/api/v1/workflows"


def member(workspace: Workspace, role: Role) -> Client:
    """A browser of somebody who belongs to the workspace."""
    user = person(f"p-{role}")
    member_add(workspace=workspace, user=user, role=role, actor=ACTOR)
    client = Client()
    client.force_login(user)
    return client


def test_the_list_says_what_there_is_and_who_uses_it(workspace: Workspace, workflow: Workflow) -> None:
    started(workflow)
    draft = workflow_make(workspace, {"blocks": 3, "edges": None}, "<b>Odd</b>")
    draft.refs.all().delete()
    sheet = sheet_make(workspace, "EU prospects")
    sheet.group("Greet", GREETING, outputs={"greeting": "result.text"})
    sheet.groups["Greet"].workflow = workflow
    sheet.groups["Greet"].save()
    editor = member(workspace, Role.EDITOR)
    page = editor.get("/workflows/").content.decode()
    assert page.index("&lt;b&gt;Odd") < page.index("Greeting")
    assert "EU prospects" in page
    assert "not published" in page
    assert "version 1" in page
    assert "data-new-workflow" in page
    assert "data-archive" not in page
    found = editor.get("/workflows/?q=greet").content.decode()
    assert "Greeting" in found
    assert "Odd" not in found
    viewer = member(workspace, Role.VIEWER).get("/workflows/").content.decode()
    assert "data-new-workflow" not in viewer


def test_the_list_costs_the_same_however_many_workflows(
    workspace: Workspace, workflow: Workflow, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        started(greeting(workspace, f"More {number}"))
    editor = member(workspace, Role.EDITOR)
    # session, user, place and places, approvals, workflows, refs, groups and columns, last runs, runs today
    with django_assert_max_num_queries(13):
        assert editor.get("/workflows/").status_code == 200


def test_the_editors_page_stands_in_its_own_workspace(workspace: Workspace, workflow: Workflow) -> None:
    editor = member(workspace, Role.EDITOR)
    path = f"/workflows/{workflow.pk}/"
    page = editor.get(path)
    assert page.context["around"]["may_edit"] is True
    assert page.context["around"]["run"] is None
    run = started(workflow)
    assert editor.get(path).context["around"]["run"] == str(run.pk)
    foreign = greeting(workspace_of("oscar"))
    assert editor.get(f"/workflows/{foreign.pk}/").status_code == 404
    assert Client().get(path)["Location"] == f"/login/?next={path}"
    assert member(workspace, Role.VIEWER).get(path).context["around"]["may_edit"] is False
    other = workspace_of("ella")
    both = member(other, Role.ADMIN)
    member_add(workspace=workspace, user=both.get("/").wsgi_request.user, role=Role.VIEWER, actor=ACTOR)  # type: ignore[arg-type]
    assert both.get(f"{path}?workspace={workspace.pk}").status_code == 200


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["id"])
def test_what_a_new_workflow_may_begin_with_is_whole(workspace: Workspace, template: dict[str, Any]) -> None:
    assert definition_check(workspace, template["definition"]).faults == ()


def test_a_draft_is_not_written_over_unseen(client: APIClient, workflow: Workflow) -> None:
    path = f"{API}/{workflow.pk}/"
    read = client.get(path).data["updated_at"]
    first = client.patch(path, {"description": "mine"}, headers={"If-Match": f'"{read}"'})
    assert first.status_code == 200
    late = client.patch(path, {"description": "theirs"}, headers={"If-Match": f'"{read}"'})
    assert (late.status_code, late.data["code"]) == (412, "workflow_stale")
    assert client.patch(path, {"description": "x"}, headers={"If-Match": "never"}).status_code == 412
    again = client.patch(path, {"description": "both"}, headers={"If-Match": first.data["updated_at"]})
    assert again.status_code == 200
    assert client.patch(path, {"description": "any"}, headers={"If-Match": "*"}).status_code == 200


def test_a_ref_is_not_moved_from_where_it_is_not(client: APIClient, workflow: Workflow) -> None:
    workflow.draft = {
        **GREETING,
        "blocks": [GREETING["blocks"][0], {**GREETING["blocks"][1], "config": {"value": 1}}],
    }
    workflow.save()
    publish(workflow=workflow, ref="live", actor=ACTOR)
    path = f"{API}/{workflow.pk}/refs/live/"
    late = client.put(path, {"version": 1}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.data["code"]) == (412, "workflow_stale")
    assert client.put(path, {"version": 1}, headers={"If-Match": '"2"'}).data["version"] == 1
    fresh = f"{API}/{workflow.pk}/refs/next/"
    assert client.put(fresh, {"version": 2}, headers={"If-Match": "2"}).status_code == 412


def test_a_trial_run_reads_the_row_it_is_given(client: APIClient, workflow: Workflow) -> None:
    path = f"{API}/{workflow.pk}/runs/"
    body = {"input": {"name": "Ada"}, "row": {"company": "Solar"}}
    one = client.post(path, body, headers={"Idempotency-Key": "k"})
    assert one.status_code == 202, one.data
    assert Run.objects.get().row == {"company": "Solar"}
    assert client.post(path, body, headers={"Idempotency-Key": "k"}).data["id"] == one.data["id"]
    other = client.post(path, {"input": {"name": "Ada"}}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422
