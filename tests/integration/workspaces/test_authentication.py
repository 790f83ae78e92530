"""Tokens, sessions, CSRF, and which workspace a request means."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from tests.integration.workspaces.people import ACTOR, bearer, token_for
from workspaces.models import ApiToken, User, Workspace
from workspaces.services.workspaces import workspace_create, workspace_enter

ME = "/api/v1/me/"
SECRETS = "/api/v1/secrets/"


def signed_in(user: User, **options: Any) -> APIClient:
    client = APIClient(**options)
    client.force_login(user)
    return client


def test_without_anything_the_answer_is_a_401_problem(db: None) -> None:
    response = APIClient().get(ME)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("plaintext", ["rs_wrong", "", "☃"])
def test_a_wrong_token_is_a_401_problem(db: None, plaintext: str) -> None:
    response = APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {plaintext}".encode().decode("latin-1"))
    assert (response.status_code, response.json()["code"]) == (401, "invalid_token")


def test_a_token_names_its_person_and_workspace(
    admin_client: APIClient, workspace: Workspace, admin: User
) -> None:
    me = admin_client.get(ME).json()
    assert (me["username"], me["workspace"]["id"], me["token_scope"]) == ("ada", str(workspace.pk), "write")


@pytest.mark.parametrize(
    "death",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - dt.timedelta(seconds=1)},
    ],
)
def test_a_revoked_or_expired_token_is_dead(admin_client: APIClient, death: dict[str, Any]) -> None:
    ApiToken.objects.update(**death)
    assert admin_client.get(ME).status_code == 401


def test_the_token_of_a_closed_account_is_dead(admin_client: APIClient, admin: User) -> None:
    admin.is_active = False
    admin.save()
    assert admin_client.get(ME).status_code == 401


def test_use_is_noted_at_most_once_a_minute(admin_client: APIClient) -> None:
    admin_client.get(ME)
    first = ApiToken.objects.get().last_used_at
    admin_client.get(ME)
    assert ApiToken.objects.get().last_used_at == first
    long_ago = timezone.now() - dt.timedelta(minutes=2)
    ApiToken.objects.update(last_used_at=long_ago)
    admin_client.get(ME)
    assert ApiToken.objects.filter(last_used_at__gt=long_ago).exists()


@pytest.mark.rule("S11")
def test_a_session_must_send_the_csrf_token_to_write(admin: User, workspace: Workspace) -> None:
    client = signed_in(admin, enforce_csrf_checks=True)
    assert client.get(ME).status_code == 200
    refused = client.post(SECRETS, {"name": "A", "value": "v"})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    client.get("/login/")  # redirects, and is where a browser gets the cookie from
    page = APIClient(enforce_csrf_checks=True)
    page.get("/login/")
    csrf = page.cookies["csrf"].value
    client.cookies["csrf"] = csrf
    accepted = client.post(SECRETS, {"name": "A", "value": "v"}, HTTP_X_CSRFTOKEN=csrf)
    assert accepted.status_code == 201


@pytest.mark.rule("S11")
def test_a_token_needs_no_csrf_token(admin: User, workspace: Workspace) -> None:
    client = APIClient(enforce_csrf_checks=True, HTTP_AUTHORIZATION=f"Bearer {token_for(admin, workspace)}")
    assert client.post(SECRETS, {"name": "A", "value": "v"}).status_code == 201


def test_a_session_names_its_workspace_by_header_or_query_and_by_id_or_slug(
    admin: User, workspace: Workspace
) -> None:
    other = workspace_create(name="Second", owner=admin, actor=ACTOR)
    client = signed_in(admin)
    for named in (str(workspace.pk), workspace.slug):
        assert client.get(ME, headers={"X-Workspace": named}).json()["workspace"]["id"] == str(workspace.pk)
        assert client.get(ME, {"workspace": named}).json()["workspace"]["id"] == str(workspace.pk)
    assert client.get(ME).json()["workspace"]["id"] == str(other.pk)


def test_by_default_a_session_means_the_workspace_entered_last(admin: User, workspace: Workspace) -> None:
    workspace_create(name="Second", owner=admin, actor=ACTOR)
    workspace_enter(user=admin, workspace=workspace)
    assert signed_in(admin).get(ME).json()["workspace"]["id"] == str(workspace.pk)


def test_a_person_without_workspace_sees_none_and_reaches_nothing(outsider: User) -> None:
    client = signed_in(outsider)
    assert client.get(ME).json()["workspace"] is None
    assert client.get(SECRETS).status_code == 404


def test_a_token_may_not_name_another_workspace_of_its_owner(admin: User, workspace: Workspace) -> None:
    other = workspace_create(name="Second", owner=admin, actor=ACTOR)
    client = bearer(token_for(admin, workspace))
    assert client.get(SECRETS, headers={"X-Workspace": other.slug}).status_code == 404
    assert [place["slug"] for place in client.get(ME).json()["workspaces"]] == [workspace.slug]


def test_a_caller_beyond_the_limit_is_told_when_to_come_back(
    admin_client: APIClient, settings: Settings
) -> None:
    settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE = 2
    assert [admin_client.get(ME).status_code for _ in range(3)] == [200, 200, 429]
    refused = admin_client.get(ME)
    assert refused.json()["code"] == "throttled"
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.rule("F23")
@pytest.mark.parametrize(
    "address", ["secrets/?after=%00", "secrets/?%00=1", "secrets/%00/", "workspaces/%00/"]
)
def test_nul_in_an_address_is_a_400_problem(admin_client: APIClient, address: str) -> None:
    response = admin_client.get(f"/api/v1/{address}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")
