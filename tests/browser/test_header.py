"""The header of the grid: columns are resized, moved, pinned and hidden by pointer and by keys."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect

from tables.models import Column, Table
from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell, two_step_sheet
from tests.browser.site import Site
from tests.browser.test_modules import ask
from workspaces.models import Workspace


def heads(page: Page) -> list[str]:
    return page.locator(".name-cell[data-id]").all_inner_texts()


def head(page: Page, name: str) -> Locator:
    return page.get_by_role("columnheader", name=name, exact=True)


def order(sheet: Sheet) -> list[str]:
    return list(Column.objects.filter(table=sheet.table).order_by("ordinal").values_list("key", flat=True))


def saving(page: Page, what: str = "") -> AbstractContextManager[Any]:
    """Wait until the server has answered what is done in this block: `what` is in it, not only in an earlier change."""

    def is_it(answer: Response) -> bool:
        return answer.url.endswith("/layout/") and what in (answer.request.post_data or "")

    return page.expect_response(is_it)


def plain(workspace: Workspace, columns: int, rows: int = 3) -> Sheet:
    sheet = sheet_make(workspace, "Plain")
    for number in range(columns):
        sheet.column(f"c{number}")
    sheet.fill([{f"c{n}": f"{row}.{n}" for n in range(columns)} for row in range(rows)])
    return sheet


def test_where_a_column_may_go(modules: Page) -> None:
    code = """(() => {
      const all = given.map(([id, group]) => ({id, group, name: id}));
      const schema = {all, columns: all, column: new Map(all.map((column) => [column.id, column])), pinned: null};
      const pinned = {...schema, pinned: ['a']};
      const to = (id, beside, isAfter) => m.moveBeside(schema, id, beside, isAfter);
      const spell = (order) => order && order.join('');
      return [
        to('a', 'b', true), to('a', 'b', false), to('a', 'g', false), to('a', 'g', true), to('g', 'h', true),
        to('g', 'b', false), to('z', 'h', false), m.moveStep(schema, 'z', -1), m.moveStep(schema, 'z', 1),
        m.moveStep(schema, 'h', 1), m.moveBeside(pinned, 'b', 'a', false), m.moveBeside(pinned, 'z', 'b', false),
      ].map(spell); })()"""
    columns = [["a", None], ["b", None], ["g", "G"], ["h", "G"], ["z", None]]
    assert ask(modules, "sheet/tools/order.js", code, columns) == [
        "baghz", None, "baghz", "bghaz", "abhgz", None, "abzgh", "abzgh", None, None, None, "azbgh",
    ]  # fmt: skip


def test_panes_and_tall_rows_are_placed_right(modules: Page) -> None:
    code = """(() => { const columns = Array.from({length: given}, () => ({width: 100}));
      const {lefts, pinned, rest} = m.placeColumns(columns, 3);
      return [lefts.slice(0, 5), pinned, rest,
        m.columnsNear(columns, lefts, 3, 0, 900), m.columnsNear(columns, lefts, 3, 9000, 9900),
        m.columnsNear(columns.slice(0, 9), lefts, 3, 0, 900)]; })()"""
    lefts, pinned, rest, first, later, few = ask(modules, "sheet/panes.js", code, 200)
    assert (lefts, pinned, rest) == ([52, 152, 252, 0, 100], 352, 19_700)
    assert first == [3, 24]
    assert later == [88, 112]
    assert few == [3, 9]
    code = """given.map(([total, height]) => [0, 1, total >> 1, total - 1].every((row) => {
      const top = m.bring(row, total, 800, row ? 0 : 1e12, height), range = m.visible(total, 800, top, 0, height);
      return range.first <= row && row < range.last && m.measure(total, 800, height).canvas < 17e6; }))"""
    cases = [[total, height] for total in (3, 5_000, 400_000, 2_000_000) for height in (28, 34, 56)]
    assert ask(modules, "sheet/scroll.js", code, cases) == [True] * len(cases)


def test_a_column_is_resized_and_moved_by_pointer(still_site: Site, workspace: Workspace) -> None:
    sheet = plain(workspace, 4)
    page = still_site.grid(sheet)
    edge = head(page, "C1").locator(".resizer").bounding_box()
    assert edge
    page.mouse.move(edge["x"] + 4, edge["y"] + 8)
    page.mouse.down()
    page.mouse.move(edge["x"] + 64, edge["y"] + 8, steps=4)
    expect(cell(page, 1, "c1")).to_have_css("width", "260px")
    with saving(page):
        page.mouse.up()
    assert Table.objects.get(pk=sheet.table.pk).layout["widths"] == {str(sheet.columns["c1"].id): 260}
    with saving(page):
        head(page, "C1").locator(".resizer").dblclick()
    expect(cell(page, 1, "c1")).not_to_have_css("width", "260px")
    with saving(page):
        head(page, "C3").drag_to(head(page, "C1"), target_position={"x": 4, "y": 12})
    expect(head(page, "C3")).to_have_attribute("data-col", "2")
    assert heads(page) == ["C0", "C3", "C1", "C2"]
    assert order(sheet) == ["c0", "c3", "c1", "c2"]


def test_a_column_is_carried_on_though_the_header_is_drawn_anew_meanwhile(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = plain(workspace, 4)
    page = still_site.grid(sheet)
    start, goal = (head(page, name).bounding_box() for name in ("C3", "C1"))
    assert start
    assert goal
    page.mouse.move(start["x"] + 40, start["y"] + 12)
    page.mouse.down()
    page.mouse.move(start["x"] + 20, start["y"] + 12)
    redraw = "(grid) => grid.applySchema()"  # as when somebody else changes a column
    page.locator("run-sheet").evaluate(redraw)
    with saving(page):
        page.mouse.move(goal["x"] + 4, goal["y"] + 12, steps=3)
        page.mouse.up()
    expect(head(page, "C3")).to_have_attribute("data-col", "2")
    assert order(sheet) == ["c0", "c3", "c1", "c2"]


def test_the_keyboard_reaches_the_header_and_does_everything_there(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = plain(workspace, 4)
    page = still_site.grid(sheet)
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowUp")
    expect(head(page, "C0")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Alt+ArrowRight")
    expect(cell(page, 1, "c1")).to_have_css("width", "216px")
    expect(head(page, "C1")).to_be_focused()
    page.keyboard.press("Shift+F10")
    page.get_by_role("button", name="Move right").press("Enter")
    expect(head(page, "C1")).to_have_attribute("data-col", "3")
    expect(head(page, "C1")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pin to the left").press("Enter")
    expect(head(page, "C1")).to_have_attribute("data-col", "2")
    expect(page.locator(".head-pinned .name-cell[data-id]")).to_have_count(2)
    expect(page.locator(".sheet-pinned .sheet-row:not([hidden])").first.locator(".cell")).to_have_count(3)
    expect(head(page, "C1")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Hide").press("Enter")
    expect(head(page, "C1")).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()  # of what is gone by then, the grid has it
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    expect(head(page, "C3")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Width").press("Enter")
    page.get_by_label("Pixels").fill("300")
    with saving(page, "300"):
        page.get_by_label("Pixels").press("Enter")
    expect(head(page, "C3")).to_be_focused()
    expect(cell(page, 1, "c3")).to_have_css("width", "300px")
    page.reload()
    expect(cell(page, 1, "c3")).to_have_css("width", "300px")
    assert heads(page) == ["C0", "C2", "C3"]


def test_a_move_that_takes_a_dependency_away_asks_and_one_refused_is_taken_back(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = two_step_sheet(workspace, 3)
    page = still_site.grid(sheet)
    head(page, "Name").click(button="right")
    page.get_by_role("button", name="Move right").click()
    dialog = page.get_by_role("dialog", name="Move the column?")
    expect(dialog).to_contain_text("“Greet” will no longer read Name")
    dialog.get_by_role("button", name="Cancel").click()
    assert heads(page) == ["Name", "Greeting", "Shout"]
    page.get_by_role("button", name="Menu of Greet").click()
    with saving(page):
        page.get_by_role("button", name="Hide outputs").click()
    expect(head(page, "Greeting")).to_have_count(0)
    Table.objects.filter(pk=sheet.table.pk).update(locks=["schema"])
    still_site.watched.expected.append("409")
    head(page, "Shout").focus()
    page.keyboard.press("Shift+Alt+ArrowLeft")
    expect(page.get_by_role("alert")).to_contain_text("Could not save how the columns look")
    expect(cell(page, 1, "shout")).to_have_css("width", "200px")


def test_a_menu_gives_the_focus_back_to_a_header_that_was_drawn_anew(
    still_site: Site, workspace: Workspace
) -> None:
    page = still_site.grid(two_step_sheet(workspace, 3))
    redraw = "(grid) => { grid.header.element.replaceChildren(); grid.applySchema(); }"
    head(page, "Shout").click(button="right")
    page.locator("run-sheet").evaluate(redraw)
    page.keyboard.press("Escape")
    expect(head(page, "Shout")).to_be_focused()
    page.get_by_role("button", name="Menu of Greet").click()
    page.locator("run-sheet").evaluate(redraw)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Menu of Greet")).to_be_focused()
    page.get_by_role("button", name="Run Greet").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="First 10 rows")).to_contain_text("3 cells")
    page.locator("run-sheet").evaluate(redraw)
    page.keyboard.press("Escape")
    expect(page.get_by_role("grid")).to_be_focused()


def test_many_columns_of_which_several_are_pinned(still_site: Site, workspace: Workspace) -> None:
    sheet = plain(workspace, 150)
    pinned = [str(sheet.columns[key].id) for key in ("c0", "c5", "c140")]
    Table.objects.filter(pk=sheet.table.pk).update(
        layout={"pinned": pinned, "widths": dict.fromkeys(pinned, 120)}
    )
    page = still_site.grid(sheet)
    expect(cell(page, 1, "c140")).to_have_text("0.140")
    assert page.locator(".sheet-row:not([hidden])").first.locator(".cell").count() == 4
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(cell(page, 1, "c149")).to_be_in_viewport()
    expect(cell(page, 1, "c149")).to_have_attribute("aria-selected", "true")
    expect(cell(page, 1, "c5")).to_be_in_viewport()
    assert page.locator(".sheet .cell").count() < 3_000
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(cell(page, 1, "c141")).to_have_text("0.141")
    box, pane = cell(page, 1, "c141").bounding_box(), page.locator(".sheet-pinned").bounding_box()
    assert box
    assert pane
    assert box["x"] >= pane["x"] + pane["width"] - 1
