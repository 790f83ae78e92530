"""People select ranges of cells and do something with them."""

from __future__ import annotations

import os
import re
from typing import Any

from playwright.sync_api import Page, expect

from tables.models import Dispatch, Job, Row
from tables.services.placing import Place
from tables.services.rows import rows_insert
from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell, is_apart, slow, stored
from tests.browser.site import Site, axe_faults
from workspaces.actors import Actor
from workspaces.models import Workspace


def plain_sheet(workspace: Workspace, rows: int) -> Sheet:
    sheet = sheet_make(workspace, "People")
    sheet.column("name")
    sheet.column("age", "number")
    sheet.column("town")
    sheet.fill([{"name": f"n{number}", "age": number, "town": f"t{number}"} for number in range(rows)])
    return sheet


def insert_before(sheet: Sheet, name: str) -> None:
    """Somebody else inserts a row before all others."""
    place = Place(before=sheet.rows[0])
    rows_insert(table=sheet.table, rows=[{"name": name}], place=place, actor=Actor.system("somebody"))


def selected(page: Page, words: str) -> None:
    """What screen readers are told about the selection."""
    expect(page.get_by_role("status").filter(has_text=re.compile(f"^{re.escape(words)}$"))).to_have_count(1)


def bar(page: Page) -> Any:
    return page.get_by_role("group", name="Selected rows")


def test_a_selection_stays_on_its_rows_and_what_was_agreed_to_is_what_goes(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = plain_sheet(workspace, 20)
    page = still_site.grid(sheet)
    cell(page, 5, "name").click()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    expect(cell(page, 6, "name")).to_have_attribute("aria-selected", "true")
    expect(cell(page, 6, "age")).not_to_have_attribute("aria-selected", "true")
    expect(page.locator("[aria-selected]")).to_have_count(3)
    insert_before(sheet, "first")
    expect(cell(page, 6, "name")).to_have_text("n4")
    expect(page.locator("[aria-selected]")).to_have_count(3)
    expect(cell(page, 8, "name")).to_have_attribute("aria-selected", "true")
    expect(cell(page, 5, "name")).not_to_have_attribute("aria-selected", "true")
    selected(page, "3 rows × 1 column selected")
    bar(page).get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 3 rows?")
    insert_before(sheet, "zeroth")
    expect(cell(page, 7, "name")).to_have_text("n4")
    dialog.get_by_role("button", name="Delete 3 rows").click()
    expect(page.locator("#row-count")).to_have_text("19 rows")
    assert {row["name"] for row in stored(sheet)} == {"first", "zeroth"} | {
        f"n{number}" for number in range(20) if number not in {4, 5, 6}
    }


def test_ranges_are_selected_by_keys_and_pointer_and_said(still_site: Site, workspace: Workspace) -> None:
    page = still_site.grid(plain_sheet(workspace, 60))
    cell(page, 2, "age").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    selected(page, "2 rows × 2 columns selected")
    assert page.locator(".range").count() == 1
    expect(bar(page)).to_contain_text("2 rows × 2 columns")
    page.keyboard.press("Shift+Space")
    selected(page, "2 rows selected")
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()
    expect(page.locator(".range")).to_have_count(0)
    page.keyboard.press("Control+Space")
    selected(page, "1 column selected")
    page.keyboard.press("Control+a")
    selected(page, "60 rows selected")
    assert axe_faults(page) == []
    page.get_by_role("columnheader", name="Town").click()
    selected(page, "1 column selected")
    cell(page, 1, "age").click()
    page.keyboard.press("Control+Shift+End")
    selected(page, "2 columns selected")
    page.keyboard.press("Control+Home")
    expect(page.locator(".range")).to_have_count(2)  # the number of a row stands for the row, in both panes

    cell(page, 1, "name").hover()
    page.mouse.down()
    cell(page, 4, "town").hover()
    page.mouse.up()
    selected(page, "4 rows × 3 columns selected")
    cell(page, 6, "age").click(modifiers=["Control"])
    selected(page, "2 ranges, 5 rows selected")
    cell(page, 8, "age").click(modifiers=["Shift"])
    selected(page, "2 ranges, 7 rows selected")
    cell(page, 3, "name").hover()
    page.mouse.down()
    frame = page.get_by_role("grid").bounding_box()
    assert frame
    page.mouse.move(frame["x"] + 200, frame["y"] + frame["height"] - 4)
    selected(page, "58 rows × 1 column selected")  # the edge scrolls, to the last row
    page.mouse.up()


def test_cells_are_filled_and_emptied_and_that_is_undone(still_site: Site, workspace: Workspace) -> None:
    sheet = plain_sheet(workspace, 8)
    page = still_site.grid(sheet)
    cell(page, 1, "age").click()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+d")
    expect(cell(page, 3, "town")).to_have_text("t0")
    page.keyboard.press("Delete")
    expect(cell(page, 3, "town")).to_have_text("")
    page.keyboard.press("Control+z")
    expect(cell(page, 3, "town")).to_have_text("t0")
    page.keyboard.press("Control+z")
    expect(cell(page, 3, "town")).to_have_text("t2")
    page.keyboard.press("Control+y")
    expect(cell(page, 3, "town")).to_have_text("t0")

    cell(page, 4, "age").click()
    page.keyboard.press("Shift+ArrowDown")
    expect(bar(page)).to_contain_text("2 rows × 1 column")  # the handle stands at its corner now
    page.locator(".fill-handle").hover()
    page.mouse.down()
    cell(page, 8, "age").hover()
    expect(page.locator(".range.filling")).to_have_count(1)
    redraw = "(grid) => { grid.rowsChanged(null, false); return new Promise(requestAnimationFrame); }"
    page.locator("run-sheet").evaluate(redraw)
    expect(page.locator(".range.filling")).to_have_count(1)  # whatever is drawn anew meanwhile
    page.mouse.up()
    expect(cell(page, 8, "age")).to_have_text("3")
    selected(page, "5 rows × 1 column selected")
    with page.expect_response(lambda answer: answer.request.method == "PATCH" and answer.ok):
        page.keyboard.press("Control+Shift+z")  # nothing is left to redo
        page.keyboard.press("Control+z")
    assert [row["age"] for row in stored(sheet)] == [0, 0, 0, 3, 4, 5, 6, 7]


MANY = int(os.environ.get("BROWSER_ROWS") or 5_000)
"""Of which a few hundred are loaded. `BROWSER_ROWS=50000` takes a minute."""
JOB_MS = 120_000


def test_many_rows_are_run_stopped_emptied_and_deleted_though_few_are_loaded(
    site: Site, workspace: Workspace
) -> None:
    sheet = sheet_make(workspace, "Many")
    sheet.column("name")
    definition = {"blocks": [{"name": "", **slow("say", "x", 30_000)}], "edges": []}
    sheet.group("Greet", definition, outputs={"greeting": "blocks.say"})
    sheet.fill([{"name": f"n{number}"} for number in range(MANY + 2)])
    page = site.grid(sheet)
    cell(page, 3, "name").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    expect(bar(page)).to_contain_text(f"{MANY:,} rows × 1 column")
    bar(page).get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=f"Run {MANY:,} cells").click()
    page.get_by_role("grid").press("Control+Home")
    expect(cell(page, 3, "greeting")).to_have_text(re.compile("Running|Queued"))
    expect(cell(page, 2, "greeting")).to_have_text("")
    dispatch = Dispatch.objects.get(table=sheet.table)
    assert dispatch.scope["rows"]["from"] == str(sheet.rows[2])
    assert dispatch.scope["rows"]["to"] == str(sheet.rows[-1])

    cell(page, 3, "name").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    bar(page).get_by_role("button", name="Stop").click()
    expect(page.locator(".strip-title")).to_contain_text("Stopped")

    page.get_by_role("grid").press("Delete")
    page.get_by_role("dialog").get_by_role("button", name=f"Change {MANY:,} rows").click()
    expect(page.get_by_role("status").filter(has_text=f"{MANY:,} rows done")).to_be_visible(timeout=JOB_MS)
    assert is_apart(page.locator(".toasts"), bar(page))
    assert Row.objects.filter(table=sheet.table, data__has_key="name").count() == 2
    page.get_by_role("grid").press("Control+z")
    expect(page.get_by_role("status").filter(has_text="cannot be undone")).to_be_visible()

    bar(page).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Delete {MANY:,} rows").click()
    expect(page.locator("#row-count")).to_have_text("2 rows", timeout=JOB_MS)
    assert set(Job.objects.filter(table=sheet.table).values_list("status", flat=True)) == {"completed"}
