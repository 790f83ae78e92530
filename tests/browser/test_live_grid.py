"""People watch a table being run."""

import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tables.services.columns import column_update
from tables.services.views import view_create
from tests.bed.factories import Sheet, chain, sheet_make
from tests.bed.signals import wait_for
from tests.browser.sheets import FINISHED, cell, cells, run_all, shown, stored, two_step_sheet
from tests.browser.site import Site
from workspaces.actors import Actor
from workspaces.models import Workspace

ROWS = 12


def agrees(page: Page, sheet: Sheet, rows: int = ROWS) -> bool:
    values = stored(sheet)
    return all(
        shown(page, key, rows) == [row.get(key, "") for row in values] for key in ("greeting", "shout")
    )


@pytest.mark.rule("T33", "T36", "T37")
def test_cells_fill_in_live(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, ROWS, milliseconds=300)
    page = site.grid(sheet)
    expect(cell(page, 1, "greeting")).to_have_text("")
    run_all(page)
    expect(cell(page, ROWS, "greeting")).to_have_text("Queued")
    expect(cell(page, ROWS, "shout")).to_have_text("Waits for Greeting")
    expect(cells(page, "greeting").filter(has_text="Running").first).to_be_visible()
    expect(page.locator(".strip-title")).to_have_text(FINISHED)
    expect(cell(page, ROWS, "shout")).to_have_text(f"SAY(N{ROWS - 1})")
    expect(page.locator(".strip-figures")).to_contain_text(f"{2 * ROWS} cells")
    assert agrees(page, sheet)
    expect(page.locator(".band-percent").first).to_have_text("100%")


@pytest.mark.rule("T24", "T26")
def test_stop_shows_cancelled_at_once_and_nothing_comes_after(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, ROWS, milliseconds=20_000)
    page = site.grid(sheet)
    run_all(page)
    expect(cells(page, "greeting").filter(has_text="Running").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(cell(page, 1, "greeting")).to_have_text("Cancelled", timeout=1_000)
    expect(page.locator(".strip-title")).to_contain_text("Stopped")
    page.reload()
    expect(cell(page, 1, "greeting")).to_have_text("Cancelled")
    assert all("greeting" not in row for row in stored(sheet))
    assert set(sheet.table.cells.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.rule("T25")
def test_one_row_is_run_and_stopped_from_its_number(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 3, milliseconds=20_000)
    page = site.grid(sheet)
    page.get_by_role("rowheader").nth(1).click(button="right")
    page.get_by_role("button", name="Run everything").click()
    expect(cell(page, 2, "greeting")).to_have_text("Running")
    expect(cell(page, 1, "greeting")).to_have_text("")
    page.get_by_role("rowheader").nth(1).click(button="right")
    page.get_by_role("button", name="Stop this row").click()
    expect(cell(page, 2, "greeting")).to_have_text("Cancelled")


def test_one_group_is_run_from_its_header(site: Site, workspace: Workspace) -> None:
    page = site.grid(two_step_sheet(workspace, 3, milliseconds=0))
    page.get_by_role("button", name="Run Greet").click()
    page.get_by_role("button", name="First 10 rows").click()
    expect(cell(page, 3, "greeting")).to_have_text("say(n2)")
    expect(cell(page, 3, "shout")).to_have_text("")


@pytest.mark.rule("T33", "T35")
def test_two_browsers_agree_and_survive_a_dropped_socket(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, ROWS, milliseconds=400)
    first, second = site.grid(sheet), site.page("/", own=True)
    sockets: list[WebSocketRoute] = []
    addresses: list[str] = []

    def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        addresses.append(socket.url)
        socket.connect_to_server()

    second.route_web_socket("**/ws/tables/**", route)
    second.goto(f"/tables/{sheet.table.id}/")
    second.locator(".sheet:not([aria-busy])").wait_for()
    run_all(first)
    expect(cells(second, "greeting").filter(has_text="Running").first).to_be_visible()
    sockets[0].close(code=3999)
    for page in (first, second):
        expect(page.locator(".strip-title")).to_have_text(FINISHED)
        expect(cell(page, ROWS, "shout")).to_have_text(f"SAY(N{ROWS - 1})")
        assert agrees(page, sheet)
    assert len(addresses) > 1
    assert "since=" in addresses[1]


@pytest.mark.rule("T33", "T35")
def test_what_changed_between_the_page_and_its_socket_is_shown_all_the_same(
    still_site: Site, workspace: Workspace
) -> None:
    """The page comes with its columns and views, and with its place in the log: what came after it is replayed."""
    sheet = two_step_sheet(workspace, 2)
    page = still_site.page("/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/sheet/element*.js", hold, times=1)
    page.goto(f"/tables/{sheet.table.id}/", wait_until="commit")
    wait_for(lambda: page.wait_for_timeout(20) or held, "the grid's module to be asked for", 20)
    somebody = Actor(None, "somebody")
    column_id = sheet.columns["name"].id
    column_update(table=sheet.table, column_id=column_id, actor=somebody, name="Renamed meanwhile")
    view_create(table=sheet.table, actor=somebody, name="Made meanwhile")
    held[0].continue_()
    expect(page.get_by_role("columnheader", name="Renamed meanwhile")).to_be_visible()
    page.get_by_role("button", name="View:").click()
    expect(page.get_by_role("button", name="Made meanwhile")).to_be_visible()


@pytest.mark.rule("T3", "T33")
def test_undo_takes_back_ones_own_and_nothing_of_others(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 2, milliseconds=0)
    mine, other = site.grid(sheet), site.grid(sheet)
    cell(mine, 1, "name").click()
    mine.keyboard.type("mine")
    mine.keyboard.press("Enter")
    cell(mine, 2, "greeting").click()
    mine.keyboard.type("by hand")
    mine.keyboard.press("Enter")
    expect(cell(other, 1, "name")).to_have_text("mine")
    expect(cell(other, 2, "greeting")).to_contain_text("by hand")
    cell(other, 1, "name").click()
    other.keyboard.type("theirs")
    other.keyboard.press("Enter")
    run_all(other, which="Everything")
    expect(cell(mine, 2, "greeting")).to_have_text("say(n1)")
    expect(cell(mine, 1, "name")).to_have_text("theirs")
    expect(mine.locator(".strip-title")).to_have_text(FINISHED)
    left = mine.locator(".toast").filter(has_text="The row was changed since and was left.")
    mine.get_by_role("grid").press("Control+z")
    expect(left).to_have_count(1)
    mine.get_by_role("grid").press("Control+z")
    expect(left).to_have_count(2)
    assert stored(sheet)[0]["name"] == "theirs"
    assert stored(sheet)[1]["greeting"] == "say(n1)"

    mine.get_by_role("button", name="+ Add row").click()
    cell(mine, 3, "name").click()
    mine.keyboard.type("typo")
    mine.keyboard.press("Enter")
    expect(cell(other, 3, "name")).to_have_text("typo")
    mine.keyboard.press("Control+z")
    expect(cell(other, 3, "name")).to_have_text("")
    mine.keyboard.press("Control+z")
    expect(cell(other, 3, "name")).to_have_count(0)
    mine.get_by_role("button", name="+ Add row").click()
    expect(cell(other, 3, "name")).to_have_count(1)
    cell(other, 3, "name").click()
    other.keyboard.type("kept")
    other.keyboard.press("Enter")
    expect(cell(mine, 3, "name")).to_have_text("kept")
    mine.get_by_role("grid").press("Control+z")
    kept = mine.locator(".toast").filter(has_text="The row was changed since and was kept.")
    expect(kept).to_have_count(1)
    assert len(stored(sheet)) == 3


def test_a_cell_that_failed_says_why_and_can_be_run_again(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Failing")
    sheet.column("name")
    block = {"key": "refuse", "type": "fail", "config": {"message": "no such company"}}
    sheet.group("Look up", chain(block), outputs={"found": "blocks.refuse"}, depends_on=["name"])
    sheet.fill([{"name": "n0"}])
    page = site.grid(sheet)
    run_all(page)
    failed = cell(page, 1, "found")
    expect(failed).to_have_text("Failed")
    expect(failed).to_have_attribute("title", re.compile("^failed_on_purpose: no such company"))
    failed.click()
    drawer = page.get_by_role("complementary", name="Cell")
    expect(drawer).to_contain_text("no such company")
    drawer.get_by_role("button", name="Run again").click()
    expect(drawer).to_contain_text("attempt 2")
