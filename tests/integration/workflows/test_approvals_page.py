"""The approval inbox: who sees it, who answers, what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.integration.workflows.asking import APPROVAL, BY, asked, parked, status_of
from tests.integration.workflows.people import ACTOR, greeting, person, workspace_of
from workflows.models import PausePoint, Workflow
from workflows.services.pauses import pause_answer, pauses_die
from workflows.states import PauseStatus, RunStatus
from workspaces.models import AuditEvent, User, Workspace
from workspaces.services.members import member_add
from workspaces.states import Role

pytestmark = [pytest.mark.django_db, pytest.mark.rule("W20")]

INBOX = "/approvals/"


def visitor_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(workspace: Workspace) -> Client:
    user = person("ed")
    member_add(workspace=workspace, user=user, role=Role.EDITOR, actor=ACTOR)
    return visitor_of(user)


def form(pause: PausePoint, **changes: str) -> dict[str, str]:
    return {"pause": str(pause.pk), "decision": "approve", "field.amount": "3", **changes}


def test_an_editor_answers_in_place(editor: Client, workflow: Workflow) -> None:
    pause = asked(parked(workflow), expires_in=3_600)
    page = editor.get(INBOX).content.decode()
    assert "Order five?" in page
    assert 'aria-label="Approvals 1 open"' in page
    done = editor.post(INBOX, form(pause, comment="fine"), follow=True)
    assert "Approved: Greeting goes on." in done.content.decode()
    assert "Nothing waits for a decision" in done.content.decode()
    pause.refresh_from_db()
    assert pause.answer["fields"] == {"amount": 3, "urgent": False}
    assert pause.answered_by["name"] == "ed"
    assert AuditEvent.objects.get(action="pause.answered").actor_label == "ed"


def test_faults_stand_beside_their_own_form(editor: Client, workflow: Workflow) -> None:
    first, second = asked(parked(workflow)), asked(parked(workflow))
    wrong = editor.post(INBOX, form(first, **{"field.amount": "many"}))
    page = wrong.content.decode()
    assert (wrong.status_code, page.count("This field takes a number.")) == (400, 1)
    assert f'id="f0-{first.pk}-error"' in page
    assert page.count('value="many"') == 1
    assert {status_of(first), status_of(second)} == {PauseStatus.OPEN}


def test_who_comes_second_is_told_the_first_decision(editor: Client, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    pause_answer(pause_id=pause.pk, data={"decision": "reject"}, by=BY)
    late = editor.post(INBOX, form(pause))
    assert late.status_code == 409
    assert "It was: rejected, by Ada." in late.content.decode()


def test_what_is_over_is_gone(editor: Client, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    pauses_die([pause.run_id])
    assert editor.post(INBOX, form(pause)).status_code == 410


@pytest.mark.rule("S9")
def test_viewers_look_and_strangers_find_nothing(workspace: Workspace, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    reader = person("vera")
    member_add(workspace=workspace, user=reader, role=Role.VIEWER, actor=ACTOR)
    viewer = visitor_of(reader)
    page = viewer.get(INBOX).content.decode()
    assert "Order five?" in page
    assert 'name="decision"' not in page
    assert viewer.post(INBOX, form(pause)).status_code == 403
    workspace_of("oscar")
    stranger = visitor_of(User.objects.get(username="oscar"))
    assert "Order five?" not in stranger.get(INBOX).content.decode()
    assert stranger.post(INBOX, form(pause)).status_code == 404
    assert stranger.get(f"{INBOX}?workspace={workspace.pk}").status_code == 404
    assert "goes on" not in stranger.get(f"{INBOX}?answered={pause.pk}").content.decode()
    assert Client().get(INBOX)["Location"] == f"/login/?next={INBOX}"
    assert status_of(pause) == PauseStatus.OPEN


def test_a_post_without_the_page_is_refused(workspace: Workspace, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(User.objects.get(username="ada"))
    assert forger.post(INBOX, form(pause)).status_code == 403
    assert status_of(pause) == PauseStatus.OPEN


@pytest.mark.parametrize("pause", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_a_question_that_is_none(editor: Client, pause: str) -> None:
    assert editor.post(INBOX, {"pause": pause, "decision": "approve"}).status_code == 404
    assert editor.get(f"{INBOX}?answered={pause}").status_code == 200


def test_runs_that_need_a_decision_are_listed(editor: Client, workflow: Workflow) -> None:
    parked(workflow, RunStatus.NEEDS_DECISION)
    parked(greeting(workspace_of("oscar")), RunStatus.NEEDS_DECISION)
    page = editor.get(INBOX).content.decode()
    assert page.count("Waits for a decision") == 1


def test_the_inbox_costs_the_same_however_many_questions(
    editor: Client, workflow: Workflow, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        asked(parked(workflow))
        parked(workflow, RunStatus.NEEDS_DECISION)
    with django_assert_max_num_queries(7):  # session, user, place and places, questions, runs, the count
        editor.get(INBOX)


def test_the_page_runs_nothing_inline(editor: Client, workflow: Workflow) -> None:
    evil = "<script>alert(1)</script>"
    asked(parked(workflow), request={"message": evil, "fields": [], "assignees": [evil]})
    page = editor.get(INBOX)
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert evil not in page.content.decode()
    assert " style=" not in page.content.decode()


def test_an_answer_given_by_an_api_call_alone_needs_no_form(editor: Client, workflow: Workflow) -> None:
    pause = asked(parked(workflow))
    pause_answer(pause_id=pause.pk, data=APPROVAL, by=BY)
    assert "Approved: Greeting goes on." in editor.get(f"{INBOX}?answered={pause.pk}").content.decode()
