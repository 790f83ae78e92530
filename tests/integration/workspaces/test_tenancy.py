"""Outsiders find nothing, members find what their role and token allow."""

import uuid
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.integration.workspaces.people import ACTOR, Join, bearer, token_for
from workspaces.models import Membership, User, Workspace
from workspaces.services.secrets import secret_set
from workspaces.services.tokens import token_create
from workspaces.states import Role, Scope

API = "/api/v1"

ENDPOINTS = [
    ("get", "", None, "read"),
    ("patch", "", {"name": "Renamed"}, "admin"),
    ("get", "members/", None, "read"),
    ("post", "members/", {"user": "oscar", "role": "viewer"}, "admin"),
    ("patch", "members/{member}/", {"role": "editor"}, "admin"),
    ("delete", "members/{member}/", None, "admin"),
    ("get", "tokens/", None, "admin"),
    ("post", "tokens/", {"name": "t", "scope": "read"}, "admin"),
    ("delete", "tokens/{token}/", None, "admin"),
    ("get", "audit/", None, "admin"),
]
FLAT = [
    ("get", "/secrets/", None, "read"),
    ("post", "/secrets/", {"name": "NEW", "value": "v"}, "admin"),
    ("delete", "/secrets/KEY/", None, "admin"),
    ("post", "/ws-tickets/", {}, "read"),
]
REACHES = {"viewer": {"read"}, "editor": {"read"}, "admin": {"read", "admin"}}


@pytest.fixture
def ids(workspace: Workspace, admin: User, join: Join, outsider: User) -> dict[str, UUID]:
    """What the paths name: a member who is nobody special, a token, and a secret `KEY`."""
    third = Membership.objects.get(user=join("theo", "viewer"))
    token, _ = token_create(
        membership=Membership.objects.get(workspace=workspace, user=admin),
        name="x",
        scope=Scope.READ,
        actor=ACTOR,
    )
    secret_set(workspace=workspace, name="KEY", value="v", actor=ACTOR)
    return {"member": third.pk, "token": token.pk}


def send(client: Client, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(path, body) if body is not None else getattr(client, method)(path)


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "access"), ENDPOINTS)
def test_a_foreign_workspace_is_not_there(
    method: str,
    path: str,
    body: Any,
    access: str,
    ids: dict[str, UUID],
    workspace: Workspace,
    outsider: User,
    foreign: Workspace,
) -> None:
    session = APIClient()
    session.force_login(outsider)
    for client in (session, bearer(token_for(outsider, foreign))):
        for named in (workspace.pk, workspace.slug, uuid.uuid4()):
            response = send(client, method, f"{API}/workspaces/{named}/{path.format(**ids)}", body)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("method", "path", "body", "access"), FLAT)
def test_naming_a_foreign_workspace_in_the_header_finds_nothing(
    method: str,
    path: str,
    body: Any,
    access: str,
    ids: dict[str, UUID],
    workspace: Workspace,
    outsider: User,
    foreign: Workspace,
) -> None:
    session = APIClient(headers={"X-Workspace": workspace.slug})
    session.force_login(outsider)
    assert send(session, method, API + path, body).status_code == 404


@pytest.mark.rule("S9")
def test_rows_of_another_workspace_are_not_found_in_ones_own(
    ids: dict[str, UUID], workspace: Workspace, outsider: User, foreign: Workspace
) -> None:
    client = bearer(token_for(outsider, foreign))
    own = f"{API}/workspaces/{foreign.slug}"
    assert client.delete(f"{own}/members/{ids['member']}/").status_code == 404
    assert client.patch(f"{own}/members/{ids['member']}/", {"role": "admin"}).status_code == 404
    assert client.delete(f"{own}/tokens/{ids['token']}/").status_code == 404
    assert client.delete(f"{API}/secrets/KEY/").status_code == 404
    assert client.get(f"{API}/secrets/").json()["results"] == []


@pytest.mark.rule("S9")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("method", "path", "body", "access"), ENDPOINTS + FLAT)
def test_roles_reach_as_far_as_declared(
    role: Role,
    method: str,
    path: str,
    body: Any,
    access: str,
    ids: dict[str, UUID],
    workspace: Workspace,
    editor: User,
    viewer: User,
    admin: User,
) -> None:
    user = {"viewer": viewer, "editor": editor, "admin": admin}[role]
    client = APIClient()
    client.force_login(user)
    full = API + path if path.startswith("/") else f"{API}/workspaces/{workspace.slug}/{path.format(**ids)}"
    response = send(client, method, full, body)
    if access in REACHES[role]:
        assert response.status_code < 300, response.json()
    else:
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert response.json()["required_role"] == "admin"


@pytest.mark.rule("S9")
@pytest.mark.parametrize("scope", [Scope.READ, Scope.RUN])
def test_a_small_token_keeps_its_admin_small(scope: Scope, workspace: Workspace, admin: User) -> None:
    client = bearer(token_for(admin, workspace, scope))
    assert client.get(f"{API}/secrets/").status_code == 200
    refused = client.post(f"{API}/secrets/", {"name": "A", "value": "v"})
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "write")


@pytest.mark.rule("S9")
def test_a_token_shrinks_with_its_owner(workspace: Workspace, editor: User, admin: User) -> None:
    membership = Membership.objects.get(user=editor)
    client = bearer(token_for(editor, workspace))
    Membership.objects.filter(pk=membership.pk).update(role=Role.VIEWER)
    assert (
        client.patch(f"{API}/workspaces/{workspace.slug}/", {"name": "x"}).json()["required_role"] == "admin"
    )
    assert client.get(f"{API}/workspaces/{workspace.slug}/").status_code == 200


def test_an_unknown_method_is_a_405_for_members(viewer_client: APIClient, workspace: Workspace) -> None:
    assert viewer_client.put(f"{API}/workspaces/{workspace.slug}/", {}).json()["code"] == "method_not_allowed"
