"""REST of workflows and runs: names, shapes, roles, and what outsiders find (nothing)."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from tests.bed.races import Race
from tests.integration.workflows.people import ACTOR, GREETING, client_of, greeting, started, workspace_of
from workflows.models import Attempt, Run, Step, Workflow
from workflows.services.runs import run_cancel
from workflows.states import RunStatus
from workspaces.models import AuditEvent, Workspace
from workspaces.states import Role

API = "/api/v1"

ENDPOINTS = [
    ("get", "/workflows/{workflow}/", None, Role.VIEWER),
    ("patch", "/workflows/{workflow}/", {"description": "x"}, Role.EDITOR),
    ("delete", "/workflows/{workflow}/", None, Role.ADMIN),
    ("post", "/workflows/{workflow}/validate/", {}, Role.VIEWER),
    ("post", "/workflows/{workflow}/publish/", {"ref": "main"}, Role.EDITOR),
    ("get", "/workflows/{workflow}/versions/", None, Role.VIEWER),
    ("get", "/workflows/{workflow}/versions/1/", None, Role.VIEWER),
    ("get", "/workflows/{workflow}/refs/live/", None, Role.VIEWER),
    ("put", "/workflows/{workflow}/refs/feature/x/", {"version": 1}, Role.EDITOR),
    ("delete", "/workflows/{workflow}/refs/live/", None, Role.EDITOR),
    ("post", "/workflows/{workflow}/runs/", {"input": {"name": "Ada"}}, Role.EDITOR),
    ("get", "/runs/{run}/", None, Role.VIEWER),
    ("get", "/runs/{run}/steps/", None, Role.VIEWER),
    ("post", "/runs/{run}/cancel/", {}, Role.EDITOR),
]


def call(client: APIClient, method: str, path: str, body: Any, workflow: Workflow, run: Run) -> Any:
    address = API + path.format(workflow=workflow.pk, run=run.pk)
    return (
        getattr(client, method)(address, body, format="json")
        if body is not None
        else getattr(client, method)(address)
    )


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "role"), ENDPOINTS)
def test_outsiders_find_nothing(workflow: Workflow, method: str, path: str, body: Any, role: Role) -> None:
    answer = call(client_of(workspace_of("oscar")), method, path, body, workflow, started(workflow))
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "role"), ENDPOINTS)
@pytest.mark.parametrize("caller", [Role.VIEWER, Role.EDITOR, Role.ADMIN])
def test_members_may_do_what_their_role_reaches(
    workspace: Workspace, workflow: Workflow, caller: Role, method: str, path: str, body: Any, role: Role
) -> None:
    answer = call(client_of(workspace, caller), method, path, body, workflow, started(workflow))
    assert (answer.status_code < 400) == (caller.rank >= role.rank), answer.data
    assert answer.status_code in {200, 202, 204, 403}


@pytest.mark.rule("S19")
@pytest.mark.parametrize(
    ("method", "path", "body", "role"),
    [row for row in ENDPOINTS if row[0] != "get" and "validate" not in row[1]],
)
def test_every_change_leaves_its_audit_entry(
    client: APIClient, workflow: Workflow, method: str, path: str, body: Any, role: Role
) -> None:
    run = started(workflow)
    before = AuditEvent.objects.count()
    call(client, method, path, body, workflow, run)
    assert AuditEvent.objects.count() == before + 1


@pytest.mark.rule("W1")
def test_a_workflow_is_made_with_its_faults_told(client: APIClient) -> None:
    body = {"name": "W", "definition": {"blocks": [{"key": "a", "type": "nope"}], "edges": []}}
    made = client.post(f"{API}/workflows/", body)
    assert made.status_code == 201
    assert made.data["faults"][0]["block"] == "a"
    assert made.data["faults"][0]["code"] == "unknown_type"
    validated = client.post(f"{API}/workflows/{made.data['id']}/validate/", {"definition": GREETING})
    assert validated.data == {"valid": True, "faults": []}
    published = client.post(f"{API}/workflows/{made.data['id']}/publish/", {})
    assert (published.status_code, published.data["code"]) == (422, "definition_invalid")
    assert "a.type" in published.data["errors"]


@pytest.mark.parametrize(
    ("body", "status", "code", "place"),
    [
        ({}, 400, "invalid", "name"),
        ({"name": " "}, 400, "invalid", "name"),
        ({"name": "W", "definition": []}, 400, "invalid", "definition"),
        ({"name": "W", "draft": {}}, 400, "invalid", "draft"),
        ({"name": "Greeting"}, 409, "name_taken", None),
    ],
)
def test_a_bad_workflow_is_refused_by_place(
    client: APIClient, workflow: Workflow, body: dict[str, Any], status: int, code: str, place: str | None
) -> None:
    answer = client.post(f"{API}/workflows/", body)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert place is None or place in answer.data["errors"]


def test_lists_are_pages(client: APIClient, workspace: Workspace, workflow: Workflow) -> None:
    greeting(workspace, "Second")
    first = client.get(f"{API}/workflows/?limit=1&count=1").data
    assert ([row["name"] for row in first["results"]], first["count"]) == (["Second"], 2)
    assert first["results"][0]["refs"][0]["name"] == "live"
    then = client.get(f"{API}/workflows/?limit=1&after={first['next']}").data
    assert ([row["name"] for row in then["results"]], then["next"]) == (["Greeting"], None)


@pytest.mark.rule("W2")
def test_a_ref_with_slashes_is_reached_by_its_name(client: APIClient, workflow: Workflow) -> None:
    address = f"{API}/workflows/{workflow.pk}/refs/feature/x/"
    assert client.put(address, {"version": 1}).data["version"] == 1
    assert client.get(address).data["name"] == "feature/x"
    assert client.delete(address).status_code == 204
    assert client.get(address).data["code"] == "ref_not_found"
    assert client.put(address, {"version": 7}).data["code"] == "version_not_found"


@pytest.mark.rule("W18")
def test_a_run_is_started_once_per_key(client: APIClient, workflow: Workflow) -> None:
    address = f"{API}/workflows/{workflow.pk}/runs/"
    body = {"input": {"name": "Ada"}}
    first, again = (client.post(address, body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.data["id"] == again.data["id"]
    other = client.post(address, {"input": {"name": "Bob"}}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.data["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"input": {}}, 400, "input_invalid"),
        ({"input": []}, 400, "invalid"),
        ({"input": {"name": "A"}, "ref": "nowhere"}, 404, "ref_not_found"),
        ({"input": {"name": "A"}, "wait_seconds": 26}, 400, "invalid"),
        ({"input": {"name": "A"}, "start": "say"}, 400, "invalid"),
        ({"input": {"name": "A"}, "start_block": "gone"}, 409, "block_missing"),
        ({"input": {"name": "A"}, "mode": "lax", "start_block": "say"}, 400, "invalid"),
    ],
)
def test_a_bad_start_is_refused(
    client: APIClient, workflow: Workflow, body: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post(f"{API}/workflows/{workflow.pk}/runs/", body)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert not Run.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_waiting_ends_with_the_run(two_connections: Race, sent: list[Any]) -> None:
    workspace = workspace_of("ada")
    workflow, client = greeting(workspace), client_of(workspace)

    def finish() -> None:
        while not Run.objects.filter(status=RunStatus.QUEUED).update(status=RunStatus.RUNNING):
            pass
        Run.objects.update(status=RunStatus.COMPLETED, result={"text": "Hello Ada"})

    body = {"input": {"name": "Ada"}, "wait_seconds": 20}
    started_run, _ = two_connections(
        lambda: client.post(f"{API}/workflows/{workflow.pk}/runs/", body), finish
    )
    assert started_run.value.status_code == 200
    assert started_run.value.data["result"] == {"text": "Hello Ada"}


def test_waiting_too_short_answers_the_run_as_it_is(client: APIClient, workflow: Workflow) -> None:
    body = {"input": {"name": "Ada"}, "wait_seconds": 0.05}
    answer = client.post(f"{API}/workflows/{workflow.pk}/runs/", body)
    assert (answer.status_code, answer.data["status"]) == (202, "queued")


def test_runs_are_filtered(client: APIClient, workspace: Workspace, workflow: Workflow) -> None:
    run = started(workflow)
    run_cancel(run=started(greeting(workspace, "Other")), actor=ACTOR)
    for query in (f"workflow={workflow.pk}", "status=queued"):
        found = client.get(f"{API}/runs/?{query}").data["results"]
        assert [row["id"] for row in found] == [str(run.pk)]
        assert "input" not in found[0]
    assert client.get(f"{API}/runs/?status=asleep").status_code == 400
    assert client.get(f"{API}/runs/?sattus=queued").data["errors"] == {
        "sattus": ["Unknown field. Did you mean status?"]
    }


@pytest.mark.rule("W12")
def test_cancelling_answers_200_then_200_and_409_for_the_finished(
    client: APIClient, workflow: Workflow
) -> None:
    run = started(workflow)
    address = f"{API}/runs/{run.pk}/cancel/"
    assert [client.post(address).status_code for _ in range(2)] == [200, 200]
    done = started(workflow)
    Run.objects.filter(pk=done.pk).update(status=RunStatus.RUNNING)
    Run.objects.filter(pk=done.pk).update(status=RunStatus.COMPLETED)
    answer = client.post(f"{API}/runs/{done.pk}/cancel/")
    assert (answer.status_code, answer.data["code"], answer.data["run_status"]) == (
        409,
        "run_finished",
        "completed",
    )


def test_steps_come_in_order_with_their_attempts(client: APIClient, workflow: Workflow) -> None:
    run = started(workflow)
    for seq, key in ((2, "say"), (1, "start")):
        Step.objects.create(run=run, step_key=key, status="completed", seq=seq, output={"n": seq})
    Attempt.objects.create(run=run, step_key="say", n=1, started_at=run.created_at, error={"code": "timeout"})
    found = client.get(f"{API}/runs/{run.pk}/steps/?limit=1").data
    then = client.get(f"{API}/runs/{run.pk}/steps/?limit=1&after={found['next']}").data
    assert [row["step_key"] for row in (*found["results"], *then["results"])] == ["start", "say"]
    assert then["results"][0]["attempts"][0]["error"] == {"code": "timeout"}


@pytest.mark.rule("W3")
def test_every_block_type_is_listed_with_its_schemas(client: APIClient) -> None:
    found = client.get(f"{API}/blocks/").data
    http = next(block for block in found["results"] if block["type"] == "http")
    assert http["effect"] == "repeatable"
    assert "url" in http["config_schema"]["properties"]
    assert http["docs"]
    assert "join_words" in [function["name"] for function in found["functions"]]


def test_an_unknown_run_is_a_404_of_its_own(client: APIClient) -> None:
    assert client.get(f"{API}/runs/{uuid4()}/").data["code"] == "run_not_found"
