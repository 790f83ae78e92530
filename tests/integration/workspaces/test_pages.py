"""Signing in and out, and moving between workspaces."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from tests.integration.workspaces.people import ACTOR
from workspaces.models import User, Workspace
from workspaces.pages.access import WorkspacePageMixin
from workspaces.services.workspaces import workspace_create


def test_a_person_signs_in_and_out(admin: User, client: Client) -> None:
    assert client.post("/login/", {"username": "ada", "password": "correct horse"}).status_code == 302
    assert client.get("/api/v1/me/").status_code == 200
    assert client.post("/logout/").status_code == 302
    assert client.get("/api/v1/me/").status_code == 401


@pytest.mark.rule("S11")
def test_signing_in_needs_the_csrf_token_and_signing_out_a_post(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/", {"username": "ada", "password": "correct horse"}).status_code == 403
    assert client.get("/logout/").status_code == 405


def test_a_wrong_password_is_told_without_saying_which_part_was_wrong(admin: User, client: Client) -> None:
    wrong = client.post("/login/", {"username": "ada", "password": "no"})
    unknown = client.post("/login/", {"username": "nobody", "password": "no"})
    assert wrong.status_code == unknown.status_code == 200
    assert wrong.context["form"].non_field_errors() == unknown.context["form"].non_field_errors()


@pytest.mark.rule("S18")
def test_guessing_passwords_is_stopped_even_for_the_right_one(
    admin: User, client: Client, settings: Settings
) -> None:
    settings.RUNSHEET_MAX_LOGINS_PER_MINUTE = 2
    for _ in range(2):
        client.post("/login/", {"username": "ada", "password": "no"})
    refused = client.post("/login/", {"username": "ADA", "password": "correct horse"})
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert "_auth_user_id" not in client.session


def test_success_clears_the_failures_of_a_name(admin: User, client: Client, settings: Settings) -> None:
    settings.RUNSHEET_MAX_LOGINS_PER_MINUTE = 3
    for password in ("no", "no", "correct horse", "no", "no"):
        answer = client.post("/login/", {"username": "ada", "password": password})
        client.post("/logout/")
        assert answer.status_code in {200, 302}


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_switching_remembers_the_workspace_and_stays_on_our_site(
    admin: User, workspace: Workspace, client: Client, target: str
) -> None:
    workspace_create(name="Second", owner=admin, actor=ACTOR)
    client.force_login(admin)
    moved = client.post("/workspaces/switch/", {"workspace": workspace.slug, "next": target})
    assert moved.headers["Location"] == "/"
    assert User.objects.get(pk=admin.pk).last_workspace == workspace


@pytest.mark.rule("S9", "S11")
def test_switching_is_a_post_to_a_workspace_of_ones_own(
    admin: User, workspace: Workspace, foreign: Workspace, client: Client
) -> None:
    client.force_login(admin)
    assert client.get("/workspaces/switch/").status_code == 405
    assert client.post("/workspaces/switch/", {"workspace": foreign.slug}).status_code == 404


class Page(WorkspacePageMixin):
    """Stands for any page inside a workspace."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = self.get_context_data()
        return HttpResponse(f"{context['workspace'].slug} {context['membership'].role}")


def visit(user: User | AnonymousUser, query: str = "") -> HttpResponseBase:
    request = RequestFactory().get(f"/{query}")
    request.user = user
    return Page.as_view()(request)


@pytest.mark.rule("S9")
def test_a_page_finds_its_workspace_and_keeps_outsiders_out(
    admin: User, workspace: Workspace, foreign: Workspace
) -> None:
    assert visit(AnonymousUser()).headers["Location"] == "/login/?next=/"
    for query in ("", f"?workspace={workspace.pk}", f"?workspace={workspace.slug}"):
        assert getattr(visit(admin, query), "content", None) == b"acme-research admin"
    for query in (f"?workspace={foreign.slug}", "?workspace=%00"):
        with pytest.raises(Http404):
            visit(admin, query)


@pytest.mark.parametrize(
    "path", ["/", "/workflows/", "/runs/", "/triggers/", "/invocations/", "/approvals/", "/settings/audit/"]
)
def test_an_address_with_a_character_that_no_text_has_leads_nowhere(
    admin: User, client: Client, path: str
) -> None:
    client.force_login(admin)
    for name in ("q", "who", "status", "after", "workspace"):
        assert client.get(path, {name: "a\x00b"}).status_code == 404
