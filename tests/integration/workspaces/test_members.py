"""Adding, changing and removing members; the last admin stays."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.bed.races import Race
from tests.integration.workspaces.people import ACTOR, bearer, token_for
from workspaces.errors import LastAdmin
from workspaces.models import Membership, User, Workspace
from workspaces.services.members import member_add, member_remove
from workspaces.states import Role


@pytest.fixture
def url(workspace: Workspace) -> str:
    return f"/api/v1/workspaces/{workspace.slug}/members/"


@pytest.mark.parametrize("named", ["oscar", "OSCAR@example.org"])
def test_a_person_is_added_by_username_or_email(
    admin_client: APIClient, url: str, outsider: User, named: str
) -> None:
    response = admin_client.post(url, {"user": named, "role": "editor"})
    assert response.status_code == 201
    assert (response.json()["username"], response.json()["role"]) == ("oscar", "editor")
    assert response.json()["created_at"].endswith("Z")


def test_an_unknown_person_is_told_at_the_field(admin_client: APIClient, url: str) -> None:
    problem = admin_client.post(url, {"user": "nobody", "role": "editor"}).json()
    assert (problem["code"], list(problem["errors"])) == ("unknown_person", ["user"])


def test_nobody_is_added_twice(admin_client: APIClient, url: str, editor: User) -> None:
    assert admin_client.post(url, {"user": "edgar", "role": "viewer"}).json()["code"] == "already_member"


def test_an_unknown_field_is_refused_by_name(admin_client: APIClient, url: str, outsider: User) -> None:
    problem = admin_client.post(url, {"user": "oscar", "role": "viewer", "rolle": "admin"}).json()
    assert problem["errors"] == {"rolle": ["Unknown field. Did you mean role?"]}


def test_a_role_that_does_not_exist_is_refused(admin_client: APIClient, url: str, outsider: User) -> None:
    assert list(admin_client.post(url, {"user": "oscar", "role": "owner"}).json()["errors"]) == ["role"]


def test_the_last_admin_can_neither_leave_nor_step_down(
    admin_client: APIClient, url: str, admin: User
) -> None:
    mine = f"{url}{Membership.objects.get(user=admin).pk}/"
    assert admin_client.delete(mine).json()["code"] == "last_admin"
    assert admin_client.patch(mine, {"role": "viewer"}).json()["code"] == "last_admin"
    assert Membership.objects.get(user=admin).role == "admin"


def test_anybody_may_leave_but_only_an_admin_removes_others(url: str, viewer: User, editor: User) -> None:
    client = APIClient()
    client.force_login(viewer)
    assert client.delete(f"{url}{Membership.objects.get(user=editor).pk}/").status_code == 403
    assert client.delete(f"{url}{Membership.objects.get(user=viewer).pk}/").status_code == 204
    assert client.get(url).status_code == 404


@pytest.mark.rule("S9")
def test_removal_kills_the_tokens_of_the_person_here(
    admin_client: APIClient, url: str, workspace: Workspace, editor: User
) -> None:
    client = bearer(token_for(editor, workspace))
    admin_client.delete(f"{url}{Membership.objects.get(user=editor).pk}/")
    assert client.get("/api/v1/me/").status_code == 401


def test_of_two_admins_removing_each_other_one_stays(
    two_connections: Race, django_user_model: type[User]
) -> None:
    from workspaces.services.workspaces import workspace_create

    first, second = (django_user_model.objects.create_user(name) for name in ("one", "two"))
    workspace = workspace_create(name="Race", owner=first, actor=ACTOR)
    members = [
        Membership.objects.get(user=first),
        member_add(workspace=workspace, user=second, role=Role.ADMIN, actor=ACTOR),
    ]
    outcomes = two_connections(*(lambda m=m: member_remove(membership=m, actor=ACTOR) for m in members))
    assert [type(outcome.error) for outcome in outcomes if outcome.error] == [LastAdmin]
    assert Membership.objects.filter(workspace=workspace).count() == 1


def test_the_list_is_paged_by_keyset(admin_client: APIClient, url: str, editor: User, viewer: User) -> None:
    first = admin_client.get(url, {"limit": 2, "count": 1}).json()
    assert ([row["username"] for row in first["results"]], first["count"]) == (["ada", "edgar"], 3)
    second = admin_client.get(url, {"limit": 2, "after": first["next"]}).json()
    assert ([row["username"] for row in second["results"]], second["next"]) == (["vera"], None)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": "many"}, {"limit": 501}, {"after": "x"}, {"after": "W10"}]
)
def test_a_bad_page_is_told_at_the_parameter(
    admin_client: APIClient, url: str, query: dict[str, Any]
) -> None:
    response = admin_client.get(url, query)
    assert (response.status_code, list(response.json()["errors"])) == (400, list(query))
