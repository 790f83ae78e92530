"""Answering questions in a browser: behind a link without an account, and in the inbox (W20)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.bed.factories import chain, setting, workflow_make
from tests.browser.site import Site, axe_faults
from tests.integration.workflows.asking import asked, parked, status_of
from workflows.models import PausePoint, Workflow
from workflows.states import PauseStatus
from workspaces.models import Workspace

pytestmark = pytest.mark.rule("W20")

TOKEN = "link-of-the-browser-test"
LINK = f"/api/v1/answer/{TOKEN}/"
REQUEST: dict[str, Any] = {
    "message": "Order 5 licences for Solar?\nIt costs 500.",
    "fields": [
        {"name": "budget", "label": "From which budget?", "type": "text", "required": True},
        {"name": "amount", "label": "How much?", "type": "number"},
        {"name": "team", "label": "Which team?", "type": "select", "options": ["red", "blue"]},
        {"name": "due", "label": "Due on", "type": "date"},
        {"name": "urgent", "label": "Urgent?", "type": "boolean"},
        {"name": "why", "label": "Why?", "type": "long_text"},
    ],
    "assignees": ["ada@example.org"],
}


@pytest.fixture
def workflow(workspace: Workspace) -> Workflow:
    return workflow_make(workspace, chain(setting("say", "hello")), "Order licences")


@pytest.fixture
def pause(workflow: Workflow) -> PausePoint:
    return asked(parked(workflow), token=TOKEN, request=REQUEST, expires_in=3_600)


def guest(site: Site, **options: Any) -> Page:
    """Somebody without an account."""
    page = site.watched.page(site.url, **options)
    page.goto(LINK)
    return page


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.rule("S21")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_guest_decides_once_by_the_link(still_site: Site, pause: PausePoint, scripts: bool) -> None:
    still_site.watched.expected += ["400", "409"]
    page, other = (guest(still_site, java_script_enabled=scripts) for _ in range(2))
    expect(page.get_by_text("It costs 500.")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_label("From which budget?")).to_have_accessible_description("This field is required.")
    page.get_by_label("From which budget?").fill("tools")
    page.get_by_label("How much?").fill("500")
    page.get_by_label("Which team?").select_option("blue")
    page.get_by_label("Due on").fill("2026-11-21")
    page.get_by_label("Urgent?").check()
    page.get_by_label("Why?").fill("We\nneed it")
    page.get_by_label("Comment").fill("go")
    page.get_by_label("Your name").fill("Grace")
    assert status_of(pause) == PauseStatus.OPEN
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="This question is decided")).to_be_visible()
    expect(page.get_by_text("Answered by Grace")).to_be_visible()
    other.get_by_role("button", name="Reject").click()
    expect(other.get_by_role("alert")).to_contain_text("Your answer was not taken")
    expect(other.get_by_text("Approved")).to_be_visible()
    pause.refresh_from_db()
    assert pause.answer == {
        "decision": "approve",
        "comment": "go",
        "fields": {
            "budget": "tools",
            "amount": 500,
            "team": "blue",
            "due": "2026-11-21",
            "urgent": True,
            "why": "We\nneed it",
        },
    }


@pytest.mark.rule("S21")
def test_a_link_that_is_over_or_wrong_says_so(still_site: Site, pause: PausePoint) -> None:
    still_site.watched.expected += ["410", "404"]
    PausePoint.objects.filter(pk=pause.pk).update(wake_at=pause.created_at)
    page = guest(still_site)
    expect(page.get_by_role("heading")).to_have_text("This question is over")
    expect(page.get_by_role("main")).to_contain_text("has expired")
    assert axe_faults(page) == []
    page.goto("/api/v1/answer/nothing/")
    expect(page.get_by_role("main")).to_contain_text("leads to no question")
    assert axe_faults(page) == []


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault(still_site: Site, pause: PausePoint, colors: Any) -> None:
    still_site.watched.expected.append("400")
    page = guest(still_site, color_scheme=colors)
    assert axe_faults(page) == []
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert axe_faults(page) == []
    inbox = still_site.page("/approvals/", color_scheme=colors)
    assert axe_faults(inbox) == []
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", name="This question is decided")).to_be_visible()
    assert axe_faults(page) == []
    inbox.reload()
    expect(inbox.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()
    assert axe_faults(inbox) == []


@pytest.mark.parametrize("width", [390, 720, 2_560])
def test_nothing_is_broken_at_any_width(still_site: Site, pause: PausePoint, width: int) -> None:
    size: Any = {"width": width, "height": 800}
    page, inbox = guest(still_site, viewport=size), still_site.page("/approvals/", viewport=size)
    for shown in (page, inbox):
        assert overflow(shown) <= 0
        shown.get_by_role("button", name="Approve").evaluate("(button) => button.scrollIntoView()")
        expect(shown.get_by_role("button", name="Approve")).to_be_in_viewport()


def test_an_editor_works_through_the_inbox(still_site: Site, workflow: Workflow, pause: PausePoint) -> None:
    still_site.watched.expected.append("400")
    asked(parked(workflow), request={"message": "And this?", "fields": []})
    page = still_site.page("/")
    page.get_by_role("link", name="Approvals 2 open").click()
    expect(page.get_by_role("listitem").filter(has_text="It costs 500.")).to_contain_text("ada@example.org")
    form = page.get_by_role("listitem").filter(has_text="It costs 500.")
    form.get_by_role("button", name="Approve").click()
    expect(form.get_by_label("From which budget?")).to_have_accessible_description("This field is required.")
    form.get_by_label("From which budget?").fill("tools")
    form.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").filter(has_text="Approved: Order licences goes on.")).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("status").filter(has_text="Rejected: Order licences goes on.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()
    assert status_of(pause) == PauseStatus.ANSWERED
