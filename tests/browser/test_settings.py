"""Settings: members, secrets, tokens, the log; who sees what; and the pages that say no."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.site import Site, axe_faults
from tests.browser.test_pages import overflow
from workspaces.models import ApiToken, Membership, Secret, User, Workspace
from workspaces.states import Role

SETTINGS = ("/settings/", "/settings/secrets/", "/settings/tokens/", "/settings/audit/")


def line(page: Page, name: str) -> Locator:
    """The line of somebody or something."""
    return page.get_by_role("row").filter(has_text=name)


def test_an_admin_keeps_members_and_the_name(still_site: Site, workspace: Workspace, boss: User) -> None:
    still_site.watched.expected += ["404", "400", "409"]
    ada = User.objects.create_user(
        username="ada", password="a password of words", first_name="Ada", last_name="King"
    )
    page = still_site.page("/", username="boss")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Rename…").click()
    page.get_by_label("Name", exact=True).fill("Research")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("heading", name="Research")).to_be_visible()
    page.get_by_role("button", name="Add member…").click()
    page.get_by_label("Username or email").fill("nobody")
    page.get_by_role("button", name="Add member", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody has this username")
    expect(page.get_by_label("Username or email")).to_have_value("nobody")
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Add member", exact=True).click()
    page.get_by_label("Role of Ada King").select_option("editor")
    expect(page.get_by_role("status").filter(has_text="Ada King is an editor now")).to_be_visible()
    assert Membership.objects.get(user=ada).role == Role.EDITOR
    page.get_by_label("Role of boss").select_option("viewer")
    expect(page.get_by_role("alert")).to_contain_text("at least one admin")
    expect(page.get_by_label("Role of boss")).to_have_value("admin")
    page.get_by_role("button", name="Remove Ada King").click()
    page.get_by_role("button", name="Remove member").click()
    expect(line(page, "Ada King")).to_have_count(0)
    assert not Membership.objects.filter(user=ada).exists()


@pytest.mark.rule("S5")
def test_secrets_go_in_and_do_not_come_out(still_site: Site, workspace: Workspace, boss: User) -> None:
    still_site.watched.expected.append("400")
    page = still_site.page("/settings/secrets/", username="boss")
    page.get_by_role("button", name="New secret…").click()
    page.get_by_label("Name", exact=True).fill("no good")
    page.get_by_label("Value", exact=True).fill("hunter2-hunter2")
    page.get_by_role("button", name="Store secret").click()
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Value", exact=True)).to_have_value("hunter2-hunter2")
    page.get_by_label("Name", exact=True).fill("API_KEY")
    page.get_by_role("button", name="Store secret").click()
    expect(line(page, "API_KEY")).to_be_visible()
    assert "hunter2" not in page.content()
    page.get_by_role("button", name="Replace… API_KEY").click()
    page.get_by_label("Value", exact=True).fill("another")
    page.get_by_role("button", name="Replace value").click()
    expect(line(page, "API_KEY").get_by_role("cell").nth(1)).to_have_text("2")
    page.get_by_role("button", name="Delete API_KEY").click()
    expect(page.get_by_role("dialog")).to_contain_text("Workflows that use it fail")
    page.get_by_role("button", name="Delete secret").click()
    expect(page.get_by_text("No secrets yet.")).to_be_visible()
    assert not Secret.objects.exists()


def test_a_token_is_shown_once_and_revoked_and_logged(
    still_site: Site, workspace: Workspace, boss: User
) -> None:
    page = still_site.page(
        "/settings/tokens/", username="boss", permissions=["clipboard-read", "clipboard-write"]
    )
    page.get_by_role("button", name="New token…").click()
    page.get_by_label("Name", exact=True).fill("ci")
    page.get_by_label("May", exact=True).select_option("read")
    page.get_by_role("button", name="Create token").click()
    shown = page.get_by_label("Token", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown
    code = """(token) => fetch("/api/v1/me/", {credentials: "omit", headers: {Authorization: `Bearer ${token}`}})
      .then((answer) => answer.status)"""
    assert page.evaluate(code, shown) == 200
    page.get_by_role("button", name="Done").click()
    expect(line(page, "ci")).to_contain_text("read")
    assert shown not in page.content()
    made = ApiToken.objects.get()
    assert made.expires_at is not None
    page.get_by_role("button", name="Revoke ci").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(line(page, "ci")).to_contain_text("revoked")
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_text("token created").click()
    expect(line(page, "token created").get_by_text('"scope": "read"')).to_be_visible()
    page.get_by_label("Kind", exact=True).select_option(label="Triggers")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Nothing is logged that is like this.")).to_be_visible()


def test_who_may_not_is_told_so_kindly(still_site: Site, workspace: Workspace) -> None:
    still_site.watched.expected += ["403", "404"]
    page = still_site.page("/settings/")
    expect(page.get_by_text("An admin can change your role.")).to_be_visible()
    expect(page.get_by_role("button", name="Add member…")).to_have_count(0)
    expect(page.get_by_role("link", name="API tokens")).to_have_count(0)
    page.goto("/settings/tokens/")
    expect(page.get_by_role("heading")).to_have_text("You may not do this")
    User.objects.create_user(username="new", password="a password of words")
    alone = still_site.page("/", username="new")
    expect(alone.get_by_role("heading")).to_have_text("You are in no workspace yet")
    alone.context.clear_cookies()
    alone.get_by_role("button", name="Sign out").click()
    expect(alone.get_by_role("heading")).to_have_text("This page had expired")
    alone.goto("/no-such-page/")
    expect(alone.get_by_role("heading")).to_have_text("There is nothing here")


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_every_settings_page_is_sound_at_every_width(
    still_site: Site, workspace: Workspace, boss: User, colors: str
) -> None:
    Secret.objects.create(workspace=workspace, name="API_KEY", ciphertext="x")
    page = still_site.page("/settings/", username="boss", color_scheme=colors)
    for path in SETTINGS:
        page.goto(path)
        for width in (390, 2_560):
            page.set_viewport_size({"width": width, "height": 800})
            assert overflow(page) == 0, (path, width)
        assert axe_faults(page) == [], path
