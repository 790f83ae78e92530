"""Rows are added, copied, moved and deleted from the grid; whole values are read; a phone shows cards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell, shown, stored, two_step_sheet
from tests.browser.site import Site, axe_faults
from workspaces.models import Workspace

PHONE = {"width": 390, "height": 800}


@pytest.fixture
def plain(workspace: Workspace) -> Sheet:
    """Three rows of text."""
    sheet = sheet_make(workspace, "Plain")
    sheet.column("name")
    sheet.fill([{"name": name} for name in "abc"])
    return sheet


def menu(page: Page, row: int) -> None:
    """Open the menu of a row by keyboard."""
    cell(page, row, "name").click()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")


def names(sheet: Sheet) -> list[str]:
    """What the table holds, in order."""
    return [row.get("name", "") for row in stored(sheet)]


@pytest.mark.rule("T4")
def test_rows_come_and_go_by_their_menu(still_site: Site, plain: Sheet) -> None:
    page = still_site.grid(plain)
    page.get_by_role("button", name="+ Add row").click()
    expect(cell(page, 4, "name")).to_have_attribute("aria-selected", "true")
    page.keyboard.type("d")
    page.keyboard.press("Enter")
    expect(cell(page, 4, "name")).to_have_text("d")
    cell(page, 1, "name").click()
    page.keyboard.press("Shift+Enter")
    expect(cell(page, 2, "name")).to_have_attribute("aria-selected", "true")
    expect(cell(page, 2, "name")).to_have_text("")
    page.keyboard.type("a2")
    page.keyboard.press("Enter")
    expect(cell(page, 3, "name")).to_have_text("b")
    menu(page, 3)
    page.get_by_role("button", name="Duplicate row").click()
    expect(cell(page, 4, "name")).to_have_text("b")
    expect(cell(page, 6, "name")).to_have_text("d")
    menu(page, 6)
    page.get_by_role("button", name="Move to the top").click()
    expect(cell(page, 1, "name")).to_have_text("d")
    menu(page, 1)
    page.get_by_role("button", name="Move down").click()
    expect(cell(page, 2, "name")).to_have_text("d")
    menu(page, 1)
    page.get_by_role("button", name="Delete row", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("#row-count")).to_have_text("5 rows")
    expect(cell(page, 1, "name")).to_have_text("d")
    assert names(plain) == shown(page, "name", 5) == ["d", "a2", "b", "b", "c"]


def test_several_rows_are_deleted_together_and_the_menu_says_how_many(still_site: Site, plain: Sheet) -> None:
    page = still_site.grid(plain)
    cell(page, 1, "name").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ ")
    page.get_by_role("rowheader").nth(1).click(button="right")
    page.get_by_role("button", name="Delete 2 rows").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 2 rows").click()
    expect(cell(page, 1, "name")).to_have_text("c")
    assert names(plain) == ["c"]


def test_a_value_that_is_cut_off_is_read_whole(still_site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Long")
    sheet.column("name")
    sheet.column("raw", "json")
    text = "A long sentence that no cell shows to its end, " * 4
    sheet.fill([{"name": text.strip(), "raw": {"a": {"b": [1, 2]}}}])
    page = still_site.grid(sheet)
    whole = page.get_by_role("region", name="Name, row 1")
    cell(page, 1, "name").click()
    expect(whole).to_have_text(text.strip())
    page.keyboard.press("ArrowRight")
    expect(whole).to_have_count(0)
    page.keyboard.press(" ")
    whole = page.get_by_role("region", name="Raw, row 1")
    expect(whole).to_be_focused()
    expect(whole).to_contain_text('"b": [')
    page.keyboard.press("Escape")
    expect(whole).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()


def test_a_phone_shows_cards_to_read_run_and_stop(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 40, milliseconds=20_000)
    page = site.grid(sheet, viewport=PHONE)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="n1", exact=True))
    expect(card).to_be_visible()
    assert axe_faults(page) == []
    card.get_by_role("button").click()
    row = page.get_by_role("region", name="Row 2")
    row.get_by_role("button", name="Run everything").click()
    expect(row.get_by_role("button", name="Details of Greet")).to_contain_text("Running")
    assert axe_faults(page) == []
    row.get_by_role("button", name="Stop this row").click()
    expect(row.get_by_role("button", name="Details of Greet")).to_contain_text("Cancelled")
    row.get_by_role("button", name="Details of Greet").click()
    expect(page.get_by_role("complementary", name="Cell")).to_contain_text("Cancelled")
    page.keyboard.press("Escape")
    row.get_by_role("button", name="Close row").click()
    expect(card).to_contain_text("Cancelled")
    page.locator(".cards-scroll").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    expect(page.get_by_role("button", name="n39", exact=True)).to_be_in_viewport()
    page.set_viewport_size({"width": 1_200, "height": 800})
    expect(page.get_by_role("list", name="Greetings")).to_have_count(0)
    expect(cell(page, 1, "name")).to_have_text("n0")
