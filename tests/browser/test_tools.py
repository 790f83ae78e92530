"""The tool bar: what is listed, how it looks, and what of that the address, a view and a file keep."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.filters import compile_filter
from tables.engine.types import ColumnSpec
from tables.models import Row, View
from tests.bed.factories import Sheet, chain, setting, sheet_make
from tests.browser.sheets import FINISHED, cell, run_all, shown
from tests.browser.site import Site, axe_faults
from tests.browser.test_modules import ask
from workspaces.models import Workspace

PEOPLE = [
    ("Solar", "Germany", 42), ("Ledger", "France", 7), ("Cold", "Germany", 19), ("Clinic", "Spain", 3),
    ("Parcel", "France", 88), ("Harbour", "Italy", 51),
]  # fmt: skip
VALUES: dict[str, Any] = {
    "text": "a", "list": "a, b", "number": "5", "numbers": ["1", "9"], "days": "7", "date": "2026-11-21",
    "dates": ["2026-01-01", "2026-12-31"], "checked": True, "choice": "Red", "choices": ["Red", "Blue"],
}  # fmt: skip


def companies(workspace: Workspace) -> Sheet:
    sheet = sheet_make(workspace, "Companies")
    sheet.column("name")
    sheet.column("country", "select", options={"choices": ["Germany", "France", "Spain", "Italy"]})
    sheet.column("employees", "number")
    sheet.fill([{"name": n, "country": c, "employees": e} for n, c, e in PEOPLE])
    return sheet


def names(page: Page, rows: int) -> list[str]:
    expect(cell(page, rows, "name")).to_be_visible()
    return shown(page, "name", rows)


def spec(type_name: str) -> ColumnSpec:
    options = {"choices": ["Red", "Blue"]} if type_name in {"select", "multi_select"} else {}
    return ColumnSpec(uuid4(), type_name, type_name.title(), type_name, options, False, False, 0, None, "")


@pytest.mark.rule("T40")
def test_every_condition_people_can_put_together_is_one_the_server_takes(modules: Page) -> None:
    columns, told = [spec(name) for name in COLUMN_TYPES], ("key", "name", "type", "options")
    table = {
        "columns": [{k: getattr(c, k) for k in told} | {"id": str(c.id)} for c in columns],
        "groups": [],
    }  # fmt: skip
    made = ask(
        modules,
        "sheet/tools/conditions.js",
        """(async () => {
          const { schemaOf } = await import('/static/runsheet/sheet/schema.js');
          const schema = schemaOf(given.table), found = [];
          for (const column of schema.all) for (const op of m.OPERATORS[column.type]) {
            const item = {...m.conditionOn(`column:${column.id}`, schema, op)};
            item.value = given.values[m.kindOf(column.type, op)];
            const draft = {word: 'any', items: [item, {word: 'all', items: [item]}]};
            const filter = m.filterOf(draft, schema);
            const again = m.filterOf(m.draftOf(filter, schema), schema);
            found.push([column.type, op, filter, JSON.stringify(filter) === JSON.stringify(again)]);
          }
          return found; })()""",
        {"table": table, "values": VALUES},
    )
    assert {type_name for type_name, *_ in made} == set(COLUMN_TYPES)
    for type_name, op, found, is_same in made:
        assert found, (type_name, op)
        compile_filter(found, columns)
        assert is_same, (type_name, op, found)


def test_what_is_not_complete_or_not_ours_is_no_condition(modules: Page) -> None:
    code = """(() => {
      const column = new Map([['c', {id: 'c', name: 'C', type: 'number', options: {}}]]);
      const schema = {column, group: new Map([['g', {name: 'G'}]]), all: []};
      const item = (op, value, field = 'column:c') => ({word: 'all', items: [{field, op, value}]});
      return [
        [item('eq', ''), item('between', ['1', '']), item('is_empty'), item('is_not', 'queued', 'group:g'),
          item('error', 'timeout', 'group:g')].map((draft) => m.filterOf(draft, schema)),
        [{column: 'gone', op: 'eq', value: 1}, {all: [{all: [{all: [{column: 'c', op: 'eq', value: 1}]}]}]},
          {column: 'c', op: 'starts_with', value: 'a'}].map((filter) => m.draftOf(filter, schema)),
        m.draftOf({group: 'g', status: 'failed'}, schema),
      ]; })()"""
    made, foreign, failed = ask(modules, "sheet/tools/conditions.js", code)
    assert made == [
        None,
        None,
        {"all": [{"column": "c", "op": "is_empty"}]},
        {"all": [{"not": {"group": "g", "status": ["pending", "queued"]}}]},
        {"all": [{"group": "g", "error": "timeout"}]},
    ]
    assert foreign == [None, None, None]
    assert failed["items"] == [{"field": "group:g", "op": "is", "value": "failed"}]


@pytest.mark.rule("T40")
def test_rows_are_filtered_and_sorted_and_a_link_shows_the_same(
    still_site: Site, workspace: Workspace
) -> None:
    page = still_site.grid(companies(workspace))
    page.get_by_role("button", name="Filter").click()
    panel = page.get_by_role("dialog", name="Filter")
    panel.get_by_label("Column").select_option(label="Country")
    panel.get_by_label("Condition", exact=True).select_option(label="is one of")
    panel.locator("summary").click()
    panel.get_by_label("Germany").check()
    panel.get_by_label("France").check()
    expect(page.locator("#row-count")).to_have_text("4 of 6 rows")
    panel.get_by_role("button", name="Add condition").click()
    panel.get_by_label("Column").nth(1).select_option(label="Employees")
    panel.get_by_label("Condition", exact=True).nth(1).select_option(label="is more than")
    panel.get_by_label("Value", exact=True).fill("10")
    expect(page.locator("#row-count")).to_have_text("3 of 6 rows")
    expect(page.locator("#tool-filter")).to_contain_text("2")
    page.keyboard.press("Escape")
    expect(page.locator("#tool-filter")).to_be_focused()
    page.get_by_role("button", name="Sort").click()
    page.get_by_role("button", name="Choose a column").click()
    page.get_by_role("dialog", name="Sort").get_by_label("Column").select_option(label="Employees")
    page.get_by_role("dialog", name="Sort").get_by_label("Direction").select_option("desc")
    page.keyboard.press("Escape")
    expect(cell(page, 1, "name")).to_have_text("Parcel")
    assert names(page, 3) == ["Parcel", "Solar", "Cold"]
    expect(page.get_by_role("columnheader", name="Employees")).to_have_attribute("aria-sort", "descending")
    page.reload()
    expect(page.locator("#row-count")).to_have_text("3 of 6 rows")
    assert names(page, 3) == ["Parcel", "Solar", "Cold"]
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Clear filter").click()
    expect(page.locator("#row-count")).to_have_text("6 rows")
    assert names(page, 6)[0] == "Parcel"
    page.locator("#tool-filter").click()
    panel.get_by_label("Value", exact=True).fill("nobody is called this")
    expect(page.locator("#row-count")).to_have_text("0 of 6 rows")
    expect(page.get_by_text("No row meets this filter")).to_be_visible()
    panel.get_by_label("Condition", exact=True).select_option(label="is not empty")
    expect(page.locator("#row-count")).to_have_text("6 of 6 rows")
    expect(cell(page, 1, "name")).to_have_text("Parcel")


def test_an_address_that_asks_for_what_is_gone_lists_all_rows(still_site: Site, workspace: Workspace) -> None:
    sheet = companies(workspace)
    gone = json.dumps({"column": str(uuid4()), "op": "eq", "value": "x"})
    page = still_site.page(f"/tables/{sheet.table.id}/?filter={gone}&sort=%5B&view=no")
    expect(cell(page, 1, "name")).to_have_text("Solar")
    expect(page.locator("#row-count")).to_have_text("6 rows")
    assert "filter" not in page.url


@pytest.mark.rule("T2")
def test_a_view_keeps_what_is_listed_and_how_it_looks(still_site: Site, workspace: Workspace) -> None:
    sheet = companies(workspace)
    page = still_site.grid(sheet)
    page.get_by_role("columnheader", name="Employees").hover()
    page.get_by_role("columnheader", name="Employees").locator(".name-menu").click()
    page.get_by_role("button", name="Sort 1 → 9").click()
    expect(cell(page, 1, "name")).to_have_text("Clinic")
    view = page.get_by_role("button", name="View:")
    view.click()
    page.get_by_role("button", name="Save as a new view").click()
    page.get_by_role("textbox", name="Name").fill("Small first")
    page.get_by_role("button", name="Save view").click()
    expect(view).to_have_text("View: Small first")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Country").uncheck()
    page.get_by_role("button", name="Pin Employees").click()
    page.keyboard.press("Escape")
    view.click()
    with page.expect_response(lambda answer: "row_height" in (answer.request.post_data or "")):
        page.get_by_role("radio", name="Tall").click()
    expect(cell(page, 1, "name")).to_have_css("height", "56px")
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="Country")).to_have_count(0)
    stored = View.objects.get(table=sheet.table)
    assert stored.layout["hidden"] == [str(sheet.columns["country"].id)]
    assert set(stored.layout["pinned"]) == {str(sheet.columns[key].id) for key in ("name", "employees")}
    assert stored.layout["row_height"] == "tall"
    view.click()
    with page.expect_response(lambda answer: "default_view" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Open the table with this view").click()
    expect(view).not_to_have_attribute("data-changed", "")
    page.goto(f"/tables/{sheet.table.id}/")
    expect(view).to_have_text("View: Small first")
    view.click()
    page.get_by_role("button", name="All rows").click()
    expect(page.get_by_role("columnheader", name="Country")).to_be_visible()
    expect(cell(page, 1, "name")).to_have_text("Solar")
    expect(cell(page, 1, "name")).to_have_css("height", "34px")
    page.reload()
    expect(cell(page, 1, "name")).to_have_text("Solar")
    page.goto(f"/tables/{sheet.table.id}/?view={stored.id}")
    expect(cell(page, 1, "name")).to_have_text("Clinic")
    expect(page.get_by_role("columnheader", name="Country")).to_have_count(0)
    view.click()
    page.get_by_role("button", name="Delete view").click()
    page.get_by_role("dialog", name="Delete the view").get_by_role("button", name="Delete view").click()
    expect(view).to_have_text("View: All rows")
    assert not View.objects.filter(table=sheet.table).exists()


@pytest.mark.rule("T40")
def test_a_text_is_found_from_cell_to_cell_and_can_narrow_the_list(
    still_site: Site, workspace: Workspace
) -> None:
    sheet = companies(workspace)
    sheet.fill([{"name": f"n{number}"} for number in range(900)])
    sheet.fill([{"name": "Frances", "country": "France"}])
    page = still_site.grid(sheet)
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+f")
    field = page.get_by_role("searchbox", name="Search")
    expect(field).to_be_focused()
    field.fill("france")
    search = page.get_by_role("search")
    expect(search).to_contain_text("1 of 4")
    expect(cell(page, 2, "country")).to_have_attribute("aria-selected", "true")
    for step in ("2 of 4", "3 of 4"):
        page.keyboard.press("Enter")
        expect(search).to_contain_text(step)
    expect(cell(page, 907, "name")).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    expect(cell(page, 5, "country")).to_have_attribute("aria-selected", "true")
    search.get_by_role("checkbox").check()
    expect(page.locator("#row-count")).to_have_text("3 of 907 rows")
    expect(search).to_contain_text("1 of 4")
    page.keyboard.press("Tab")
    field.press("Escape")
    expect(page.locator("#row-count")).to_have_text("3 of 907 rows")
    page.reload()
    expect(page.locator("#row-count")).to_have_text("3 of 907 rows")


def test_what_is_listed_is_exported_as_it_is_listed(still_site: Site, workspace: Workspace) -> None:
    sheet = companies(workspace)
    country = str(sheet.columns["country"].id)
    asked = json.dumps({"column": country, "op": "eq", "value": "Germany"})
    page = still_site.page(
        f"/tables/{sheet.table.id}/?filter={asked}&sort=%5B%7B%22column%22%3A%22{country}%22%7D%5D"
    )
    expect(page.locator("#row-count")).to_have_text("2 of 6 rows")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export 2 rows").click()
    assert waiting.value.path().read_text().splitlines() == [
        "Name,Country,Employees",
        "Solar,Germany,42",
        "Cold,Germany,19",
    ]


def test_rows_stay_where_they_are_while_a_run_changes_what_they_are_sorted_by(
    site: Site, workspace: Workspace
) -> None:
    sheet = sheet_make(workspace, "Sorted")
    sheet.column("name")
    sheet.column("rank")
    turn = chain(setting("turn", "{{ row.rank }}"))
    sheet.group("Turn", turn, outputs={"turned": "result.value"}, depends_on=["name"])
    sheet.fill([{"name": f"n{number}", "rank": "cab"[number]} for number in range(3)])
    turned = str(sheet.columns["turned"].id)
    page = site.page(f'/tables/{sheet.table.id}/?sort=[{{"column":"{turned}","direction":"asc"}}]')
    assert names(page, 3) == ["n0", "n1", "n2"]
    run_all(page)
    expect(page.locator(".strip-title")).to_have_text(FINISHED)
    expect(cell(page, 1, "turned")).to_have_text("c")
    expect(page.locator("#rows-moved")).to_contain_text("3 rows may have moved")
    assert names(page, 3) == ["n0", "n1", "n2"]
    page.get_by_role("button", name="Refresh").click()
    expect(cell(page, 1, "turned")).to_have_text("a")
    assert names(page, 3) == ["n1", "n2", "n0"]
    expect(page.locator("#rows-moved")).to_be_hidden()
    assert Row.objects.filter(table=sheet.table).count() == 3


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_panels(
    still_site: Site, workspace: Workspace, colors: Any
) -> None:
    page = still_site.grid(companies(workspace), color_scheme=colors)
    for name in ("View:", "Filter", "Sort", "Columns", "Export"):
        page.get_by_role("button", name=name).first.click()
        if name == "Sort":
            page.get_by_role("button", name="Choose a column").click()
        expect(page.locator(".menu.form")).to_be_visible()
        assert axe_faults(page) == [], name
        page.keyboard.press("Escape")
        expect(page.locator(".menu.form")).to_have_count(0)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert axe_faults(page) == []
