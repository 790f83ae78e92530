"""REST of questions: the inbox, and answering with an account."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from tests.integration.workflows.asking import APPROVAL, asked, parked, status_of
from tests.integration.workflows.people import client_of, greeting, workspace_of
from workflows.models import PausePoint, Workflow
from workflows.services.pauses import pause_answer
from workflows.states import PauseKind, PauseStatus
from workspaces.models import AuditEvent, Workspace
from workspaces.states import Role

API = "/api/v1"


def address(pause: PausePoint) -> str:
    return f"{API}/runs/{pause.run_id}/pauses/{pause.pk}/answer/"


@pytest.mark.rule("W20")
def test_the_inbox_lists_open_questions_newest_first(client: APIClient, workflow: Workflow) -> None:
    run = parked(workflow)
    older, newer = asked(run, step_key="a"), asked(run, step_key="b", expires_in=3_600)
    asked(run, step_key="t", kind=PauseKind.TIMER, token_hash=None)
    answered = asked(run, step_key="c")
    pause_answer(pause_id=answered.pk, data=APPROVAL, by={"name": "Ada"})
    elsewhere = asked(parked(greeting(workspace_of("oscar"))))

    def listed(query: str = "") -> list[str]:
        return [row["id"] for row in client.get(f"{API}/pauses/{query}").data["results"]]

    assert listed() == [str(newer.pk), str(older.pk)]
    assert listed("?status=answered") == [str(answered.pk)]
    assert len(listed(f"?run={run.pk}")) == 4
    assert listed(f"?run={run.pk}&status=answered") == [str(answered.pk)]
    first = client.get(f"{API}/pauses/?limit=1&count=1").data
    assert (first["count"], len(first["results"])) == (2, 1)
    assert listed(f"?limit=1&after={first['next']}") == [str(older.pk)]
    assert client.get(f"{API}/pauses/?run={elsewhere.run_id}").status_code == 404
    assert client.get(f"{API}/pauses/?run={uuid4()}").status_code == 404
    assert client.get(f"{API}/pauses/?status=nope").status_code == 400
    assert client.get(f"{API}/pauses/?kind=timer").status_code == 400


def test_a_listed_question_shows_what_is_asked_and_no_secret(client: APIClient, workflow: Workflow) -> None:
    pause = asked(parked(workflow), expires_in=3_600, token="open sesame")
    (row,) = client.get(f"{API}/pauses/").data["results"]
    assert row["request"]["message"] == "Order five?"
    assert (row["workflow_name"], row["run_status"], row["status"]) == ("Greeting", "paused", "open")
    assert row["expires_at"].endswith("Z")
    assert str(pause.token_hash) not in str(row)


def test_the_inbox_costs_the_same_however_many(
    client: APIClient, workflow: Workflow, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        asked(parked(workflow))
    with django_assert_max_num_queries(4):
        assert len(client.get(f"{API}/pauses/").data["results"]) == 5


@pytest.mark.rule("W20", "S19")
def test_an_editor_answers_once(workspace: Workspace, workflow: Workflow) -> None:
    client = client_of(workspace, Role.EDITOR)
    pause = asked(parked(workflow))
    before = AuditEvent.objects.count()
    answer = client.post(address(pause), {**APPROVAL, "comment": "fine"})
    assert (answer.status_code, answer.data["status"]) == (200, "answered")
    assert answer.data["answer"] == {**APPROVAL, "comment": "fine"}
    assert answer.data["answered_by"]["name"] == f"editor-{workspace.slug}"
    assert AuditEvent.objects.count() == before + 1
    again = client.post(address(pause), {"decision": "reject"})
    assert (again.status_code, again.data["code"]) == (409, "already_answered")
    assert again.data["answer"]["decision"] == "approve"
    assert again.data["answered_at"]


@pytest.mark.rule("W20")
@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({}, "invalid", "decision"),
        ({"decision": "later"}, "invalid", "decision"),
        ({"decision": "approve", "fields": []}, "invalid", "fields"),
        ({"decision": "approve", "answer": 1}, "invalid", "answer"),
        ({"decision": "approve"}, "answer_invalid", "fields.amount"),
        ({"decision": "approve", "fields": {"amount": "1"}}, "answer_invalid", "fields.amount"),
        ({"decision": "reject", "fields": {"team": "green"}}, "answer_invalid", "fields.team"),
    ],
    ids=range(7),
)
def test_a_bad_answer_is_refused_by_place(
    client: APIClient, workflow: Workflow, body: dict[str, Any], code: str, place: str
) -> None:
    pause = asked(parked(workflow))
    answer = client.post(address(pause), body)
    assert (answer.status_code, answer.data["code"]) == (400, code)
    assert place in answer.data["errors"]
    assert status_of(pause) == PauseStatus.OPEN


@pytest.mark.rule("S21")
def test_what_is_over_or_no_question_cannot_be_answered(client: APIClient, workflow: Workflow) -> None:
    expired = client.post(address(asked(parked(workflow), expires_in=-1)), APPROVAL)
    assert (expired.status_code, expired.data["code"]) == (410, "question_over")
    timer = asked(parked(workflow), kind=PauseKind.TIMER, token_hash=None)
    assert client.post(address(timer), APPROVAL).data["code"] == "pause_not_found"
    one, other = asked(parked(workflow)), asked(parked(workflow))
    crossed = client.post(f"{API}/runs/{one.run_id}/pauses/{other.pk}/answer/", APPROVAL)
    assert (crossed.status_code, status_of(other)) == (404, PauseStatus.OPEN)


@pytest.mark.rule("S9")
def test_outsiders_find_nothing_and_viewers_only_look(workspace: Workspace, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    outsider, viewer = client_of(workspace_of("oscar")), client_of(workspace, Role.VIEWER)
    assert outsider.get(f"{API}/pauses/").data["results"] == []
    assert outsider.post(address(pause), APPROVAL).status_code == 404
    assert len(viewer.get(f"{API}/pauses/").data["results"]) == 1
    assert viewer.post(address(pause), APPROVAL).status_code == 403
    assert APIClient().post(address(pause), APPROVAL).status_code == 401
    assert status_of(pause) == PauseStatus.OPEN
