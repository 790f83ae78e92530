"""The lists of Runs and Approvals follow what happens, without a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.bed.factories import sheet_make
from tests.browser.sheets import run_all
from tests.browser.site import Site
from tests.integration.tables.parked import after_approval, approval
from workspaces.models import Workspace


@pytest.mark.rule("W20", "W30")
def test_a_question_and_its_run_appear_where_people_look(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Letters")
    sheet.column("name")
    sent = {"key": "say", "type": "respond", "config": {"value": "sent"}}
    sheet.group(
        "Letter", after_approval(approval(), sent), outputs={"sent": "result"}, depends_on=["name"]
    )  # fmt: skip
    sheet.fill([{"name": "Ada"}])
    runs, inbox, grid = site.page("/runs/"), site.page("/approvals/"), site.grid(sheet)
    expect(runs.get_by_role("heading", name="Nothing has run yet")).to_be_visible()
    expect(inbox.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()
    run_all(grid)
    expect(inbox.get_by_text("Send it?")).to_be_visible()
    expect(inbox.get_by_role("link", name="Approvals 1 open")).to_be_visible()
    expect(runs.locator("[data-run] .pill")).to_have_attribute("data-state", "paused")
    inbox.get_by_role("button", name="Approve").click()
    expect(runs.locator("[data-run] .pill")).to_have_attribute("data-state", "done")
    expect(inbox.get_by_role("heading", name="Nothing waits for a decision")).to_be_visible()
