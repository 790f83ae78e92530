"""The list of tables: its beginning, its menu, what is put away and pinned, and that it follows what runs."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from tables.models import Dispatch, Table
from tables.states import DispatchStatus, Mode
from tests.bed.factories import greeting_chain, sheet_make
from tests.browser.sheets import cell, run_all, two_step_sheet
from tests.browser.site import Site, axe_faults
from tests.browser.test_pages import overflow
from workspaces.models import User, Workspace


def line(page: Page, name: str) -> Locator:
    """The line of a table."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def choose(page: Page, name: str, item: str) -> None:
    """Something of a table's menu."""
    page.get_by_role("button", name=f"More for {name}", exact=True).click()
    page.get_by_role("button", name=item).click()


def test_a_workspace_begins_with_a_sample_that_runs(site: Site, workspace: Workspace) -> None:
    page, list_ = site.page("/"), site.page("/")
    page.get_by_role("button", name="Make the sample table").click()
    expect(cell(page, 12, "name")).to_have_text("frances allen")
    list_.reload()
    expect(line(list_, "Sample: sign-ups")).to_contain_text("Idle")
    run_all(page)
    expect(cell(page, 11, "greeting")).to_have_text(
        "Hello Donald, welcome to Starter. How are things at Literate?"
    )
    expect(cell(page, 6, "company")).to_have_text("Shortest Path")
    expect(line(list_, "Sample: sign-ups").locator(".pill")).to_have_text("Done")


def test_a_table_is_renamed_copied_pinned_put_away_and_brought_back(
    still_site: Site, workspace: Workspace, boss: User
) -> None:
    sheet = greeting_chain(3, workspace)
    Dispatch.objects.create(
        table=sheet.table, mode=Mode.ALL, groups=[], requested_sequence=1, upper_seq=1, cost=Decimal("4.116"),
        status=DispatchStatus.COMPLETE,
    )  # fmt: skip
    page = still_site.page("/", username="boss")
    name = sheet.table.name
    expect(line(page, name)).to_contain_text("$4.12")
    choose(page, name, "Pin to the side")
    pinned = page.get_by_role("region", name="Pinned")
    expect(pinned.get_by_role("link", name=name)).to_be_visible()
    choose(page, name, "Rename")
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    sheet_make(workspace, "Taken")
    still_site.watched.expected.append("409")
    page.get_by_label("Name", exact=True).fill("Taken")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Leads")
    page.get_by_role("button", name="Rename").click()
    expect(line(page, "Leads")).to_be_visible()
    expect(pinned.get_by_role("link", name="Leads")).to_be_visible()
    choose(page, "Leads", "Duplicate with 3 rows")
    expect(line(page, "Leads copy")).to_contain_text("3")
    choose(page, "Leads", "Archive")
    page.get_by_role("dialog").get_by_role("button", name="Archive table").click()
    expect(line(page, "Leads")).to_have_count(0)
    expect(pinned).to_be_hidden()
    page.get_by_role("link", name="Archived").click()
    choose(page, "Leads", "Restore")
    expect(page.get_by_role("heading", name="Nothing is archived")).to_be_visible()
    page.get_by_role("link", name="Back to all tables").click()
    page.get_by_role("searchbox").fill("lead")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("[data-table]")).to_have_count(2)
    assert set(Table.objects.filter(archived_at=None).values_list("name", flat=True)) == {
        "Leads", "Leads copy", "Taken",
    }  # fmt: skip


def test_the_list_follows_a_run_and_keeps_the_focus(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 40, milliseconds=200)
    list_, grid = site.page("/"), site.grid(sheet)
    more = list_.get_by_role("button", name="More for Greetings")
    expect(more).to_be_enabled()
    more.focus()
    run_all(grid)
    expect(list_.locator(".tables .pill")).to_have_text(re.compile(r"Running|\d+%"))
    expect(list_.locator(".tables .pill")).to_have_text("Done")
    expect(list_.get_by_role("button", name="More for Greetings")).to_be_focused()


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_it_is_sound_at_every_width(still_site: Site, workspace: Workspace, colors: str) -> None:
    phone = {"width": 390, "height": 800}
    page = still_site.page("/", color_scheme=colors, viewport=phone)
    expect(page.get_by_role("heading", name="Make your first table")).to_be_visible()
    assert (overflow(page), axe_faults(page)) == (0, [])
    greeting_chain(3, workspace)
    page.reload()
    expect(page.get_by_role("button", name="mk")).to_be_in_viewport()
    expect(page.get_by_role("button", name="New table")).to_be_in_viewport()
    assert (overflow(page), axe_faults(page)) == (0, [])
    page.set_viewport_size({"width": 2_560, "height": 1_200})
    assert (overflow(page), axe_faults(page)) == (0, [])
