"""The demo's support tickets in the grid: a model answers them offline, two refunds wait for a person (issue 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from config.demo import blocks_with_demo
from config.demo.api import Api
from config.demo.approvals import link_mailed
from config.demo.build import Built, table_ready
from config.demo.expected_tickets import ASKED, TRUTH
from config.demo.surroundings import mail_kept, model_served
from config.demo.tickets import ANSWERING, TICKETS
from tables.models import Row
from tests.bed.processes import StartStack
from tests.browser.sheets import FINISHED, cell, run_all
from tests.browser.site import Site, Watched
from workflows.models import PausePoint, Run
from workspaces.actors import Actor
from workspaces.models import Membership, Workspace
from workspaces.services.tokens import token_create
from workspaces.states import Scope

NUMBERS = {record[0]: number for number, record in enumerate(TICKETS.records(), start=1)}
FIRST, SECOND = sorted(ASKED)


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """Where mails go."""
    return tmp_path / "mail"


@pytest.fixture
def desk(start_stack: StartStack, workspace: Workspace, watched: Watched, mails: Path) -> Iterator[Site]:
    """All processes of one box, a model beside them, and mails in files."""
    with model_served() as model:
        stack = start_stack(RUNSHEET_BLOCKS=blocks_with_demo([]), **model, **mail_kept(mails))
        yield Site(stack.url, watched)


@pytest.fixture
def built(desk: Site, workspace: Workspace) -> Built:
    """The table as the demo makes it: over REST, rows from the CSV, nothing run yet."""
    membership = Membership.objects.get(workspace=workspace, user__username="mk")
    actor = Actor.system("test")
    _, token = token_create(membership=membership, name="demo", scope=Scope.WRITE, actor=actor)
    with Api(desk.url, token) as api:
        return table_ready(api, TICKETS)


def stored(built: Built) -> dict[str, dict[str, Any]]:
    """The rows' values by ticket."""
    return {row.data["ticket"]: row.data for row in Row.objects.filter(table_id=built.table)}


def decision(page: Page, ticket: str) -> Any:
    """What the grid shows of a ticket's decision."""
    return expect(cell(page, NUMBERS[ticket], "decision"))


def question(ticket: str) -> str:
    """What is asked about a ticket."""
    pause = PausePoint.objects.get(run__input__subject=_subject(ticket))
    return str(pause.request["message"])


def _subject(ticket: str) -> str:
    return next(record[2] for record in TICKETS.records() if record[0] == ticket)


@pytest.mark.rule("T19", "T32", "W19", "W20", "W33")
def test_tickets_are_answered_offline_and_two_are_decided_by_people(
    desk: Site, built: Built, mails: Path
) -> None:
    assert built.imported == len(NUMBERS)
    page = desk.page(f"/tables/{built.table}/")
    page.locator(".sheet:not([aria-busy])").wait_for()
    run_all(page)
    expect(page.locator(".strip-title")).to_have_text(FINISHED, timeout=30_000)
    for ticket in NUMBERS:
        decision(page, ticket).to_have_text("Waits for approval" if ticket in ASKED else "automatic")
    rows = stored(built)
    for ticket, data in rows.items():
        truth = TRUTH.waiting if ticket in ASKED else TRUTH.values
        wanted = truth[ANSWERING.name](data)
        assert wanted == {key: data.get(key) for key in wanted or {}}
    expect(cell(page, NUMBERS[FIRST], "draft_reply")).to_contain_text("Hello Maria")

    answer_by_link(desk, link_mailed(question(FIRST), mails))
    decision(page, FIRST).to_have_text("approved")
    decision(page, SECOND).to_have_text("Waits for approval")
    answer_in_the_grid(page, SECOND, question(SECOND))
    decision(page, SECOND).to_have_text("rejected")

    assert {ticket: data["decision"] for ticket, data in stored(built).items() if ticket in ASKED} == {
        FIRST: "approved",
        SECOND: "rejected",
    }
    assert [run.status for run in Run.objects.all()] == ["completed"] * len(NUMBERS)
    assert all(run.cost for run in Run.objects.all())
    assert {pause.answered_by.get("name") for pause in PausePoint.objects.all()} == {"Grace", "mk"}


def answer_by_link(desk: Site, link: str | None) -> None:
    """As somebody without an account, who was mailed the link."""
    assert link is not None
    assert link.startswith(desk.url)
    page = desk.watched.open().new_page()
    page.goto(link)
    expect(page.get_by_role("main")).to_contain_text("Refund $249.95 for order A-10431")
    page.get_by_label("Your name").fill("Grace")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="This question is decided")).to_be_visible()


def answer_in_the_grid(page: Page, ticket: str, asked: str) -> None:
    """In the cell's details, with the note that the form asks for."""
    cell(page, NUMBERS[ticket], "decision").click()
    drawer = page.get_by_role("complementary", name="Cell")
    expect(drawer).to_contain_text(asked)
    drawer.get_by_label("Note for the books").fill("Too late.")
    expect(drawer.get_by_role("button", name="Approve")).to_be_visible()
    drawer.get_by_role("button", name="Reject").click()
