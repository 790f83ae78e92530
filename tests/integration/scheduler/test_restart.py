"""`POST /scheduler/restart/`: a deploy's secret, to the letter; admins; and failures in a form that programs read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from scheduler.api import restart
from scheduler.api.deploy_secret import RESTARTS
from scheduler.models import SchedulerState
from scheduler.services.leadership import lease_renew
from tests.bed.factories import workspace_make
from tests.bed.triggers import person_make
from tests.integration.scheduler.posted import Post, post
from tests.integration.workspaces.people import bearer, token_for
from workspaces.models import AuditEvent, Workspace
from workspaces.states import Scope

__all__ = ["post"]

pytestmark = pytest.mark.django_db

URL = "/api/v1/scheduler/restart/"
SECRET = "a secret of the deploy"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    RESTARTS._paid_at.clear()


@pytest.fixture(autouse=True)
def secret(settings: Settings, post: Post) -> None:
    settings.RUNSHEET_DEPLOY_SECRET = SECRET


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def ask(client: Client, authorization: str | None = f"Bearer {SECRET}") -> Any:
    headers = {} if authorization is None else {"authorization": authorization}
    return client.post(URL, headers=headers)


def check_refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert not SchedulerState.objects.exists()


def test_a_deploy_starts_a_new_epoch(client: Client, post: Post) -> None:
    lease_renew("a")
    answer = ask(client)
    assert answer.status_code == 200
    assert answer.json() == {"epoch": 2, "previous_epoch": 1, "holder": None, "previous_holder": "a"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert [name for name, _ in post.messages] == ["scheduler.tick", "scheduler.sweep"]
    entry = AuditEvent.objects.get()
    assert (entry.action, entry.actor_label, entry.workspace_id) == ("scheduler.restarted", "deploy", None)


def test_it_needs_no_session_and_no_csrf_token(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    SchedulerState.objects.create()
    client = Client(enforce_csrf_checks=True)
    with django_assert_num_queries(
        6
    ):  # a savepoint of two, the row made sure of, locked, changed, and audited
        assert ask(client).status_code == 200


@pytest.mark.rule("restart_401_missing")
def test_without_a_header_nobody_is_asked(client: Client) -> None:
    check_refused(ask(client, None), 401, "unauthenticated")


@pytest.mark.rule("restart_401_wrong")
@pytest.mark.parametrize("shown", ["wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), f" {SECRET}"])
def test_a_wrong_secret_is_refused(client: Client, shown: str) -> None:
    check_refused(ask(client, f"Bearer {shown}"), 401, "unauthenticated")


@pytest.mark.rule("restart_401_xBearer")
@pytest.mark.parametrize("scheme", ["xBearer", " Bearer", "Bearer\t", "Token", "Basic"])
def test_another_scheme_is_refused(client: Client, scheme: str) -> None:
    check_refused(ask(client, f"{scheme} {SECRET}"), 401, "unauthenticated")


@pytest.mark.rule("restart_401_lowercase")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_taken_to_the_letter(client: Client, workspace: Workspace, scheme: str) -> None:
    check_refused(ask(client, f"{scheme} {SECRET}"), 401, "unauthenticated")
    token = token_for(person_make(workspace, "admin"), workspace)
    check_refused(ask(client, f"{scheme} {token}"), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer "])
def test_an_empty_secret_is_refused(client: Client, header: str) -> None:
    check_refused(ask(client, header), 401, "unauthenticated")


@pytest.mark.rule("restart_503_no_secret")
@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer anything", "bearer x"])
def test_where_no_secret_is_set_nothing_is_it(client: Client, settings: Settings, header: str | None) -> None:
    settings.RUNSHEET_DEPLOY_SECRET = ""
    answer = ask(client, header)
    check_refused(answer, 503, "restart_not_configured")
    assert answer.json()["error_type"] == "permanent"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.rule("restart_structured_failure")
@pytest.mark.parametrize(
    ("fault", "error_type"),
    [(OperationalError("FATAL: db-7"), "transient"), (ProgrammingError("db-7"), "permanent")],
)
def test_a_failure_has_a_kind_and_no_insides(
    client: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception, error_type: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(restart, "scheduler_restart", fails)
    answer = ask(client)
    check_refused(answer, 503, "restart_failed")
    assert answer.json()["error_type"] == error_type
    assert int(answer.headers["Retry-After"]) > 0
    assert "db-7" not in answer.content.decode()


@pytest.mark.rule("restart_structured_failure")
def test_without_a_queue_the_failure_passes(client: Client, post: Post) -> None:
    post.takes = 0
    answer = ask(client)
    told = answer.json()
    assert (answer.status_code, told["code"], told["error_type"]) == (503, "queue_unavailable", "transient")
    assert int(answer.headers["Retry-After"]) > 0


def test_ten_a_minute_from_one_address_right_or_wrong(client: Client) -> None:
    codes = [ask(client, "Bearer guess").status_code for _ in range(10)]
    assert codes == [401] * 10
    answer = ask(client)
    check_refused(answer, 429, "throttled")
    assert int(answer.headers["Retry-After"]) > 0
    elsewhere = client.post(URL, headers={"authorization": f"Bearer {SECRET}"}, REMOTE_ADDR="10.0.0.9")
    assert elsewhere.status_code == 200


def test_an_admin_restarts_by_token(workspace: Workspace) -> None:
    admin = person_make(workspace, "admin")
    assert bearer(token_for(admin, workspace)).post(URL).status_code == 200
    entry = AuditEvent.objects.get(action="scheduler.restarted")
    assert (entry.actor_id, entry.workspace_id) == (admin.pk, workspace.pk)
    assert bearer(token_for(admin, workspace, Scope.RUN)).post(URL).status_code == 403
    assert bearer(token_for(person_make(workspace), workspace)).post(URL).status_code == 403


def test_an_admins_token_works_where_no_secret_is_set(workspace: Workspace, settings: Settings) -> None:
    settings.RUNSHEET_DEPLOY_SECRET = ""
    admin = token_for(person_make(workspace, "admin"), workspace)
    assert bearer(admin).post(URL).status_code == 200


def test_a_dead_token_is_refused(client: Client) -> None:
    answer = ask(client, "Bearer rs_dead")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest.mark.rule("S11")
def test_a_session_needs_its_csrf_token(workspace: Workspace) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person_make(workspace, "admin"))
    check_refused(client.post(URL), 403, "csrf_failed")
    plain = APIClient()
    plain.force_login(person_make(workspace, "admin"))
    assert plain.post(URL).status_code == 200


def test_reading_changes_nothing(client: Client) -> None:
    assert client.get(URL, headers={"authorization": f"Bearer {SECRET}"}).status_code == 405
    assert not SchedulerState.objects.exists()
