"""The back office shows no secret, changes no log, and keeps its query counts."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from tests.integration.workspaces.people import ACTOR, person, token_for
from workspaces.errors import LastAdmin
from workspaces.models import ApiToken, AuditEvent, Membership, User, Workspace
from workspaces.services.members import member_add
from workspaces.services.secrets import secret_set
from workspaces.states import Role

MODELS = ["user", "workspace", "membership", "apitoken", "secret", "auditevent"]


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root", "root@example.org", "pw"))
    return client


@pytest.mark.rule("S20")
@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_open_and_hide_what_is_secret(
    office: Client, workspace: Workspace, admin: User, model: str
) -> None:
    plaintext = token_for(admin, workspace)
    secret, _ = secret_set(workspace=workspace, name="K", value="canary-value", actor=ACTOR)
    listed = office.get(f"/admin/workspaces/{model}/")
    assert listed.status_code == 200
    row = listed.context["cl"].result_list[0]
    page = office.get(f"/admin/workspaces/{model}/{row.pk}/change/")
    assert page.status_code == 200
    for body in (listed.content.decode(), page.content.decode()):
        for hidden in ("canary-value", secret.ciphertext, plaintext, ApiToken.objects.get().sha256):
            assert hidden not in body


@pytest.mark.rule("S20")
def test_people_without_rights_do_not_get_in(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert client.get("/admin/workspaces/apitoken/").status_code == 302


@pytest.mark.rule("S19")
@pytest.mark.parametrize("model", ["apitoken", "secret", "auditevent"])
def test_some_rows_are_only_looked_at(office: Client, model: str) -> None:
    assert office.get(f"/admin/workspaces/{model}/add/").status_code == 403


def test_a_workspace_made_here_has_its_maker_as_admin(office: Client) -> None:
    office.post("/admin/workspaces/workspace/add/", {"name": "New", "slug": "new"})
    workspace = Workspace.objects.get(slug="new")
    assert Membership.objects.get(workspace=workspace).role == Role.ADMIN
    assert AuditEvent.objects.get().actor_label == "root (admin)"


@pytest.mark.parametrize(("page", "form"), [("change", {"role": "viewer"}), ("delete", {"post": "yes"})])
def test_the_last_admin_stays_here_too_and_the_page_says_why(
    office: Client, workspace: Workspace, admin: User, page: str, form: dict[str, str]
) -> None:
    membership = Membership.objects.get(user=admin)
    answer = office.post(f"/admin/workspaces/membership/{membership.pk}/{page}/", form, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [LastAdmin.default_detail()]
    assert Membership.objects.get(user=admin).role == Role.ADMIN


def test_tokens_are_revoked_with_an_entry_each(office: Client, workspace: Workspace, admin: User) -> None:
    token_for(admin, workspace)
    token = ApiToken.objects.get()
    office.post("/admin/workspaces/apitoken/", {"action": "revoke", "_selected_action": [str(token.pk)]})
    assert ApiToken.objects.get().revoked_at is not None
    assert AuditEvent.objects.filter(action="token.revoked").count() == 1


@pytest.mark.parametrize("model", ["membership", "workspace"])
def test_a_list_costs_the_same_queries_however_long(
    office: Client, workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries, model: str
) -> None:
    for number in range(20):
        member_add(workspace=workspace, user=person(f"p{number}"), role=Role.VIEWER, actor=ACTOR)
    with django_assert_max_num_queries(8):
        office.get(f"/admin/workspaces/{model}/")
