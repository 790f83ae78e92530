"""People copy cells to and from spreadsheets."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Request, Response, expect

from tests.bed.factories import Sheet, sheet_make
from tests.browser.sheets import cell, stored
from tests.browser.site import Site
from tests.browser.test_modules import ask
from tests.browser.test_ranges import plain_sheet, selected
from workspaces.models import Workspace

CLIPBOARD = ["clipboard-read", "clipboard-write"]


def put(page: Page, text: str) -> None:
    """Somebody copies this text elsewhere."""
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)


def held(page: Page) -> str:
    """What is on the clipboard."""
    found: str = page.evaluate("navigator.clipboard.readText()")
    return found


PARSED: list[tuple[str, list[list[str]]]] = [
    ("a\tb\nc\td", [["a", "b"], ["c", "d"]]),
    ("a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]),
    ("a\n\n", [["a"], [""]]),
    ("\n", [[""]]),
    ('"x\ny"\tb', [["x\ny", "b"]]),
    ('"a ""b"""\t"tab\there"', [['a "b"', "tab\there"]]),
    ('"Hello" world\t"', [['"Hello" world', '"']]),
    ('say "hi"', [['say "hi"']]),
    ("a\t\t", [["a", "", ""]]),
    ('""', [[""]]),
]


def test_blocks_of_cells_are_read_as_spreadsheets_write_them(modules: Page) -> None:
    texts = [text for text, _ in PARSED]
    parsed = ask(modules, "sheet/clipboard.js", "given.map((text) => m.parse(text))", texts)
    assert parsed == [rows for _, rows in PARSED]
    rows = [["a", 'q"x', '"q'], ["two\nlines", "tab\tin", ""]]
    assert ask(modules, "sheet/clipboard.js", "m.parse(m.format(given) + '\\n')", rows) == rows


def test_a_block_goes_where_it_fits_and_is_repeated_over_a_multiple(modules: Page) -> None:
    code = """given.map(([block, [row, col, toRow, toCol]]) => {
      const rows = Array.from({length: block[0]}, () => Array(block[1]).fill('x'));
      const at = m.placing(rows, {from: {row, col}, to: {row: toRow, col: toCol}}, {rows: 100, cols: 6});
      return [at.rows, at.cols, at.beyond, at.lost]; })"""
    cases: list[tuple[Any, list[int]]] = [
        (([1, 1], [4, 2, 4, 2]), [1, 1, 0, 0]),
        (([1, 1], [0, 2, 99, 3]), [100, 2, 0, 0]),
        (([2, 2], [4, 2, 7, 2]), [4, 2, 0, 0]),
        (([2, 2], [4, 2, 6, 2]), [2, 2, 0, 0]),
        (([5, 3], [98, 4, 98, 4]), [5, 2, 3, 1]),
        (([1, 5], [3, 0, 3, 5]), [1, 5, 0, 0]),
    ]
    assert ask(modules, "sheet/clipboard.js", code, [given for given, _ in cases]) == [at for _, at in cases]
    values: list[list[Any]] = [
        ["number", 1234.5],
        ["boolean", True],
        ["multi_select", ["a", "b"]],
        ["json", "x"],
    ]
    code = "given.map(([type, value]) => m.asClip({type}, value))"
    assert ask(modules, "sheet/clipboard.js", code, values) == ["1234.5", "true", "a, b", '"x"']


def test_cells_are_copied_cut_and_pasted_with_their_types(still_site: Site, workspace: Workspace) -> None:
    sheet = plain_sheet(workspace, 450)
    page = still_site.grid(sheet, permissions=CLIPBOARD)
    cell(page, 2, "name").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Control+c")
    assert held(page) == "n1\t1\nn2\t2"
    page.keyboard.press("Control+x")
    expect(cell(page, 2, "name")).to_have_text("")
    cell(page, 6, "name").click()
    page.keyboard.press("Control+v")
    expect(cell(page, 7, "age")).to_have_text("2")
    selected(page, "2 rows × 2 columns selected")

    put(page, '1,234\t"two\nlines"\n')
    cell(page, 10, "age").click()
    page.keyboard.press("Control+v")
    expect(cell(page, 10, "age")).to_have_text("1,234")
    expect(cell(page, 11, "age")).to_have_text("10")
    put(page, "Oslo")
    cell(page, 12, "town").click()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Control+v")
    expect(cell(page, 13, "town")).to_have_text("Oslo")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if is_list(request) else None)
    still_site.watched.expected.append("400 (Bad Request)")
    put(page, "many\nfew")
    cell(page, 14, "age").click()
    page.keyboard.press("Control+v")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Could not paste 2 rows. Age, row 14: “many” is not a number.")
    expect(refusal).to_contain_text("1 more cell does not fit either.")
    expect(cell(page, 14, "age")).to_have_text("13")
    refusal.get_by_role("button", name="Close").click()
    put(page, "many\n7")
    cell(page, 14, "age").click()
    page.keyboard.press("Control+v")
    page.get_by_role("alert").get_by_role("button", name="Write the others").click()
    expect(cell(page, 15, "age")).to_have_text("7")
    expect(cell(page, 14, "age")).to_have_text("13")
    assert asked == []  # one's own edits refetch nothing

    rows = stored(sheet)
    assert (rows[1], rows[5]["name"], rows[6]["age"]) == ({"town": "t1"}, "n1", 2)
    assert (rows[9]["age"], rows[9]["town"], rows[12]["town"]) == (1234, "two\nlines", "Oslo")
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    expect(page.get_by_role("status").filter(has_text="Copied 450 rows")).to_be_visible()
    lines = held(page).split("\n")
    assert (lines[0], lines[-1]) == ("n0\t0\tt0", "n449\t449\tt449")


def test_what_is_cut_is_on_the_clipboard_before_it_is_cleared(still_site: Site, workspace: Workspace) -> None:
    page = still_site.grid(wide_sheet(workspace, 1_200), permissions=CLIPBOARD)
    cell(page, 3, "c0").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    page.keyboard.press("Control+x")
    expect(page.get_by_role("alert")).to_contain_text("1,198 rows are too many to cut: at most 1,000.")

    sheet = plain_sheet(workspace, 900)
    page = still_site.grid(sheet, permissions=CLIPBOARD)
    put(page, "nothing yet")
    cell(page, 3, "town").click()
    page.keyboard.press("Control+Shift+ArrowDown")
    with page.expect_response(is_write):
        page.keyboard.press("Control+x")
    lines = held(page).split("\n")
    assert (len(lines), lines[0], lines[-1]) == (898, "t2", "t899")
    assert [row.get("town") for row in stored(sheet)] == ["t0", "t1", *[None] * 898]
    with page.expect_response(is_write):
        page.keyboard.press("Control+z")
    assert stored(sheet)[899]["town"] == "t899"


def test_a_thousand_rows_of_ten_columns_are_pasted_undone_and_redone(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = wide_sheet(workspace, 990)
    page = still_site.grid(sheet, permissions=CLIPBOARD)
    put(page, "\n".join("\t".join(f"p{row}.{col}" for col in range(10)) for row in range(1_000)))
    cell(page, 1, "c0").click()
    page.keyboard.press("Control+v")
    with page.expect_response(is_write):
        page.get_by_role("dialog").get_by_role("button", name="Add 10 rows").click()
    expect(page.locator("#row-count")).to_have_text("1,000 rows")
    expect(cell(page, 3, "c2")).to_have_text("p2.2")
    assert stored(sheet)[999] == {f"c{col}": f"p999.{col}" for col in range(10)}
    assert stored(sheet)[500]["c9"] == "p500.9"
    page.keyboard.press("Control+z")
    expect(page.locator("#row-count")).to_have_text("990 rows")
    expect(cell(page, 3, "c2")).to_have_text("")
    assert stored(sheet)[989] == {"c0": "r989"}
    with page.expect_response(is_write):
        page.keyboard.press("Control+y")
    expect(page.locator("#row-count")).to_have_text("1,000 rows")
    expect(cell(page, 3, "c2")).to_have_text("p2.2")
    assert stored(sheet)[999]["c9"] == "p999.9"


def wide_sheet(workspace: Workspace, rows: int) -> Sheet:
    sheet = sheet_make(workspace, "Wide")
    for number in range(10):
        sheet.column(f"c{number}")
    sheet.fill([{"c0": f"r{row}"} for row in range(rows)])
    return sheet


def is_write(answer: Response) -> bool:
    return answer.request.method == "PATCH" and answer.ok


def is_list(request: Request) -> bool:
    return request.method == "GET" and "/rows/?" in request.url
