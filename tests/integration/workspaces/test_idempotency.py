"""`Idempotency-Key`: one piece of work, one answer, however often the request comes."""

import threading
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from tests.bed.races import Race
from tests.integration.workspaces.people import ACTOR
from workspaces.api import idempotency
from workspaces.api.access import WorkspaceRequest
from workspaces.api.idempotency import idempotent
from workspaces.api.serializers import StrictSerializer
from workspaces.api.views import WorkspaceAPIView
from workspaces.errors import Conflict
from workspaces.models import IdempotencyKey, Secret, User, Workspace
from workspaces.services.secrets import secret_set
from workspaces.services.workspaces import workspace_create


class WorkSerializer(StrictSerializer):
    name = serializers.CharField()
    then_fail = serializers.BooleanField(default=False)


class WorkView(WorkspaceAPIView):
    """Stands for any view that starts work; its work is a secret, because a second one would show."""

    inside = threading.Event()
    go_on = threading.Event()

    @idempotent
    def post(self, request: WorkspaceRequest) -> Response:
        data = self.body(WorkSerializer)
        secret, _ = secret_set(workspace=request.workspace, name=data["name"], value="v", actor=ACTOR)
        self.inside.set()
        assert self.go_on.wait(10)
        if data["then_fail"]:
            raise Conflict("Not now.")
        return Response({"version": secret.version, "id": str(secret.pk)}, status=202)


@pytest.fixture(autouse=True)
def unhindered() -> None:
    WorkView.inside.clear()
    WorkView.go_on.set()


def send(user: User, body: Any, key: str | None, path: str = "/things/") -> Response:
    headers = {"Idempotency-Key": key} if key else {}
    request = APIRequestFactory().post(path, body, format="json", headers=headers)
    force_authenticate(request, user)
    return WorkView.as_view()(request)


def test_the_same_request_gets_the_first_answer_and_no_second_work(admin: User, workspace: Workspace) -> None:
    first = send(admin, {"name": "A", "then_fail": False}, "k1")
    again = send(admin, {"then_fail": False, "name": "A"}, "k1")
    assert (again.status_code, again.data) == (202, first.data)
    assert (first.headers.get("Idempotent-Replay"), again.headers["Idempotent-Replay"]) == (None, "true")
    assert Secret.objects.get().version == 1


@pytest.mark.parametrize("change", [{"body": {"name": "B"}}, {"path": "/other/"}, {"path": "/things/?dry=1"}])
def test_another_request_under_the_same_key_is_a_mismatch(
    admin: User, workspace: Workspace, change: dict[str, Any]
) -> None:
    send(admin, {"name": "A"}, "k1")
    answer = send(admin, change.get("body", {"name": "A"}), "k1", change.get("path", "/things/"))
    assert (answer.status_code, answer.data["code"]) == (422, "idempotency_mismatch")


def test_without_a_key_each_request_is_its_own(admin: User, workspace: Workspace) -> None:
    send(admin, {"name": "A"}, None)
    assert send(admin, {"name": "A"}, None).data["version"] == 2
    assert not IdempotencyKey.objects.exists()


def test_an_error_is_not_remembered_and_leaves_nothing(admin: User, workspace: Workspace) -> None:
    assert send(admin, {"name": "A", "then_fail": True}, "k1").status_code == 409
    assert not Secret.objects.exists()
    assert send(admin, {"name": "B"}, "k1").status_code == 202


def test_keys_of_different_people_do_not_meet(admin: User, editor: User, workspace: Workspace) -> None:
    send(admin, {"name": "A"}, "k1")
    assert send(editor, {"name": "B"}, "k1").status_code == 202


@pytest.mark.parametrize("key", ["x" * 256, "tab\there", " "])
def test_a_key_that_is_none_is_refused(admin: User, workspace: Workspace, key: str) -> None:
    answer = send(admin, {"name": "A"}, key)
    assert (answer.status_code == 400) is (key != " ")


@pytest.mark.rule("F30")
def test_of_two_requests_at_once_one_works_and_both_get_its_answer(two_connections: Race) -> None:
    user = User.objects.create_user("racer")
    workspace_create(name="Race", owner=user, actor=ACTOR)
    outcomes = two_connections(*[lambda: send(user, {"name": "A"}, "k1")] * 4)
    answers = [outcome.value for outcome in outcomes]
    assert [(answer.status_code, answer.data["version"]) for answer in answers] == [(202, 1)] * 4
    assert sum(answer.headers.get("Idempotent-Replay") == "true" for answer in answers) == 3
    assert Secret.objects.get().version == 1


@pytest.mark.rule("F30")
def test_when_the_first_rolls_back_the_waiting_second_does_the_work(two_connections: Race) -> None:
    user = User.objects.create_user("racer")
    workspace_create(name="Race", owner=user, actor=ACTOR)
    WorkView.go_on.clear()

    def second() -> Response:
        assert WorkView.inside.wait(10)
        WorkView.go_on.set()
        return send(user, {"name": "A"}, "k1")

    first, other = two_connections(lambda: send(user, {"name": "A", "then_fail": True}, "k1"), second)
    assert (first.value.status_code, other.value.status_code) == (409, 202)
    assert Secret.objects.get().version == 1


def test_a_second_that_waits_too_long_is_told_to_come_back(
    two_connections: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_FOR_FIRST_SECONDS", 0.05)
    user = User.objects.create_user("racer")
    workspace_create(name="Race", owner=user, actor=ACTOR)
    WorkView.go_on.clear()

    def second() -> Response:
        assert WorkView.inside.wait(10)
        answer = send(user, {"name": "A"}, "k1")
        WorkView.go_on.set()
        return answer

    first, other = two_connections(lambda: send(user, {"name": "A"}, "k1"), second)
    assert (first.value.status_code, other.value.status_code) == (202, 409)
    assert other.value.data["code"] == "idempotency_in_progress"
