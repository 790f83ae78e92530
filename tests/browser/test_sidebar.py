"""Columns and workflow groups are made and changed beside the grid."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tables.models import Column, Dispatch, WorkflowGroup
from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.browser.sheets import cell, is_apart, stored, two_step_sheet
from tests.browser.site import Site, axe_faults
from tests.browser.test_modules import ask
from workspaces.models import Workspace


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("complementary", name=name, exact=True)


def opened(page: Page, call: str, name: str) -> Locator:
    """A panel as the header's menus open it."""
    page.locator("run-sheet").evaluate(f"(grid) => grid.{call}")
    found = panel(page, name)
    expect(found).to_be_visible()
    return found


def test_a_column_is_added_changed_and_deleted(still_site: Site, workspace: Workspace) -> None:
    still_site.watched.expected.append("409")
    sheet = sheet_make(workspace, "Leads")
    sheet.column("name")
    sheet.fill([{"name": "12"}, {"name": "many"}])
    page = still_site.grid(sheet)
    page.get_by_role("button", name="Add a column").click()
    page.get_by_role("button", name="Column…").click()
    form = panel(page, "New column")
    expect(form.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Stage")
    form.get_by_label("Type").select_option(label="Single choice")
    form.get_by_role("button", name="Add choice").click()
    page.keyboard.type("New")
    page.keyboard.press("Enter")
    page.keyboard.type("Won")
    form.get_by_label("Colour of choice 2").select_option("green")
    form.get_by_role("button", name="Add column").click()
    expect(page.get_by_role("columnheader", name="Stage")).to_be_visible()
    stage = Column.objects.get(name="Stage")
    assert stage.options == {"choices": ["New", "Won"], "colours": {"Won": "green"}}
    form = opened(page, f"openColumn('{stage.pk}')", "Column")
    assert is_apart(page.locator(".toasts"), form)
    form.get_by_label("Choice 1", exact=True).fill("Fresh")
    form.get_by_label("Unique").check()
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    stage.refresh_from_db()
    assert (stage.options["choices"], stage.unique) == (["Fresh", "Won"], True)
    name = sheet.columns["name"]
    form = opened(page, f"openColumn('{name.pk}')", "Column")
    form.get_by_label("Type").select_option(label="Number")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("1 of 2 values")
    form.get_by_role("button", name="Change it and empty 1 value").click()
    expect(form).to_be_hidden()
    assert stored(sheet) == [{"name": 12}, {}]
    form = opened(page, f"openColumn('{name.pk}')", "Column")
    form.get_by_label("Name").fill("Number of things")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(form.get_by_label("Name")).to_have_value("Number of things")
    form.get_by_role("button", name="Delete").click()
    asked = page.get_by_role("dialog", name="Delete “Name”?")
    expect(asked).to_contain_text("2 rows")
    asked.get_by_role("button", name="Delete column").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_count(0)


def test_on_a_phone_a_message_leaves_a_panels_buttons_free(still_site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Leads")
    sheet.column("name")
    page = still_site.grid(sheet, viewport={"width": 390, "height": 844})
    form = opened(page, "openColumn()", "New column")
    form.get_by_label("Name").fill("Stage")
    form.get_by_role("button", name="Add column").click()
    expect(form).to_be_hidden()
    form = opened(page, "openColumn()", "New column")
    for name in ("Add column", "Close"):
        assert is_apart(page.locator(".toasts"), form.get_by_role("button", name=name))


def test_a_workflow_is_mapped_tried_and_saved_without_running(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Leads")
    domain = sheet.column("domain")
    sheet.column("country")
    sheet.fill([{"domain": "a.example"}, {"domain": "b.example"}])
    inputs = {"domain": {"type": "text", "required": True}, "depth": {"type": "number"}}
    answer = {"title": "{{ input.domain|upper }}", "depth": "{{ input.depth }}"}
    blocks = chain(
        {"key": "start", "type": "start", "config": {"inputs": inputs}},
        setting("look", "{{ input.domain }}"),
        {"key": "answer", "type": "respond", "config": {"value": answer}},
    )
    workflow_make(workspace, blocks, name="Enrich")
    page = site.grid(sheet)
    cell(page, 2, "domain").click()
    form = opened(page, "openGroup()", "New workflow columns")
    form.get_by_label("Workflow").select_option(label="Enrich")
    expect(form.get_by_label("Column for domain")).to_have_value(str(domain.pk))
    expect(form.get_by_role("button", name="Domain")).to_have_attribute("aria-pressed", "true")
    expect(form.get_by_label("Path of output 2")).to_have_value("result.title")
    form.get_by_label("Kind of depth").select_option(label="Fixed value")
    form.get_by_label("Value for depth").fill("3")
    form.get_by_label("Type of the new column of output 1").select_option(label="Number")
    form.get_by_role("button", name="Test on row 2").click()
    expect(form.locator(".trial dl")).to_contain_text("B.EXAMPLE")
    expect(form.locator(".trial dl")).to_contain_text("3")
    assert not WorkflowGroup.objects.exists()
    form.get_by_text("Limits and retries").click()
    form.get_by_label("At once, at most").fill("4")
    form.get_by_label("Attempts").fill("2")
    form.get_by_role("button", name="Add columns").click()
    expect(page.get_by_role("columnheader", name="Title")).to_be_visible()
    made = WorkflowGroup.objects.get()
    assert made.inputs == {"domain": {"column": str(domain.pk)}, "depth": {"value": 3}}
    assert (made.depends_on, made.limits, made.auto_run) == ([str(domain.pk)], {"concurrency": 4}, False)
    assert made.retry == {"max_attempts": 2}
    kinds = Column.objects.filter(group=made).order_by("ordinal").values_list("name", "type", "output_path")
    assert list(kinds) == [("Depth", "number", "result.depth"), ("Title", "text", "result.title")]
    assert not Dispatch.objects.exists()


def test_a_group_is_changed_and_deleted_with_what_hangs_on_it_in_sight(
    still_site: Site, workspace: Workspace
) -> None:
    still_site.watched.expected.append("400")
    sheet = two_step_sheet(workspace, 2)
    greet = sheet.groups["Greet"]
    page = still_site.grid(sheet)
    form = opened(page, f"openGroup('{greet.pk}')", "Workflow columns")
    shout = form.get_by_role("button", name="Shout", exact=True)
    expect(shout).to_have_attribute("aria-disabled", "true")
    expect(shout).to_have_attribute("title", "It waits for these columns itself.")
    form.get_by_label("Only if").fill("row.name ==")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Only if")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Only if")).to_be_focused()
    form.get_by_label("Only if").fill("row.name")
    form.get_by_label("Run automatically").check()
    form.get_by_role("button", name="Save").click()
    asked = page.get_by_role("dialog", name="Run “Greet” automatically?")
    expect(asked).to_contain_text("up to 2 cells")
    asked.get_by_role("button", name="Cancel").click()
    form.get_by_label("Run automatically").uncheck()
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    greet.refresh_from_db()
    assert (greet.condition, greet.auto_run) == ("row.name", False)
    form = opened(page, f"openGroup('{sheet.groups['Shout'].pk}')", "Workflow columns")
    form.get_by_role("button", name="Delete").click()
    asked = page.get_by_role("dialog", name="Delete “Shout”?")
    asked.get_by_role("button", name="Delete with its columns").click()
    expect(page.get_by_role("columnheader", name="Shout")).to_have_count(0)
    assert not Column.objects.filter(key="shout").exists()


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_panels(
    still_site: Site, workspace: Workspace, colors: Any
) -> None:
    sheet = two_step_sheet(workspace, 2)
    page = still_site.grid(sheet, color_scheme=colors, viewport={"width": 1_280, "height": 1_800})
    opened(page, f"openGroup('{sheet.groups['Greet'].pk}')", "Workflow columns")
    expect(page.get_by_label("Path of output 1")).to_be_visible()
    page.get_by_text("Limits and retries").click()
    assert axe_faults(page) == []
    opened(page, "openColumn()", "New column")
    page.get_by_label("Type").select_option("select")
    page.get_by_role("button", name="Add choice").click()
    assert axe_faults(page) == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    page.get_by_role("button", name="Run Greet").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="All rows")).to_contain_text("2 cells")
    assert axe_faults(page) == []


DEFINITION = chain(
    {"key": "start", "type": "start", "config": {"inputs": {"name": {"type": "text"}, "n": {"type": "number"}}}},
    {"key": "ask", "type": "llm", "config": {"prompt": "{{ row.notes }} {{ input.name }}"}},
    {"key": "say", "type": "set", "config": {"fields": {"title": "x", "company_size": 1}}},
)  # fmt: skip
SCHEMA = """(() => {
  const column = (id, key, name, ordinal, group) => ({id, key, name, ordinal, group});
  const columns = [column('c1', 'name', 'Name', 0), column('c2', 'notes', 'Notes', 1), column('c3', 'a', 'A', 2, 'g1'),
    column('c4', 'b', 'B', 3, 'g2'), column('c5', 'c', 'C', 4, 'g3'), column('c6', 'd', 'D', 5)];
  const groups = [['g1', 0], ['g2', 2], ['g3', 3]].map(([id, place]) => ({id, depends: [columns[place]]}));
  return {groups, column: new Map(columns.map((each) => [each.id, each]))};
})()"""


def test_a_group_and_a_column_are_read_and_written_as_the_api_has_them(modules: Page) -> None:
    module = "sheet/side/mapping.js"
    takes = ask(modules, module, "m.inputsOf(given)", DEFINITION)
    assert (takes["names"], takes["reads"]) == (["name", "n"], ["notes"])
    types = [{"type": "llm", "output_schema": {"properties": {"text": {}}}}]
    assert ask(modules, module, "m.pathsOf(given[0], given[1])", [DEFINITION, types]) == [
        "result.title", "result.company_size", "blocks.ask.text", "blocks.ask",
        "blocks.say.title", "blocks.say.company_size", "blocks.say",
    ]  # fmt: skip
    begun = ask(modules, module, f"m.suggested(given, [], {SCHEMA}, 'Enrich')", DEFINITION)
    assert begun["depends"] == ["c1", "c2"]
    assert [(one["path"], one["name"]) for one in begun["outputs"]] == [
        ("result.title", "Title"), ("result.company_size", "Company size"),
    ]  # fmt: skip
    barred = ask(modules, module, f"[...m.barred({SCHEMA}, 'g1', ['c3'])].map(([id]) => id)")
    assert barred == ["c3", "c4", "c5", "c6"]
    group = {
        "name": "G", "workflow": "w", "ref": "live", "depends_on": ["c1"], "condition": "", "auto_run": True,
        "timeout_seconds": 30,
        "inputs": {"name": {"column": "c1"}, "n": {"value": 3}, "x": {"expression": "row.a"}},
        "outputs": [{"path": "result.title", "column": "c3"}],
        "retry": {"max_attempts": 3, "kind": "fixed"},
        "limits": {"concurrency": 2, "rate": {"count": 5, "per_seconds": 60}},
    }  # fmt: skip
    assert ask(modules, module, "m.bodyOf(m.valuesOf(given), given.retry)", group) == group
    value = "[m.valueAt('result.a.b', given), m.valueAt('blocks.x.y', given) ?? null]"
    assert ask(modules, module, value, {"result": {"a": {"b": 1}}, "blocks": {}}) == [1, None]
    column = {
        "name": "Stage", "type": "select", "required": False, "unique": False,
        "options": {"choices": ["New", "Won"], "colours": {"Won": "green"}},
    }  # fmt: skip
    module = "sheet/side/columns.js"
    assert ask(modules, module, "m.bodyOf(m.valuesOf(given))", column) == column
    assert ask(modules, module, "m.changesOf(given, m.valuesOf(given))", column) == {}
    renamed = (
        "m.changesOf(given, {...m.valuesOf(given), choices: [{was: 'New', name: 'Fresh', colour: ''}, won]})"
    )
    renamed = f"((won) => {renamed})({{was: 'Won', name: 'Won', colour: 'green'}})"
    assert ask(modules, module, renamed, column) == {
        "options": {"choices": ["Fresh", "Won"], "colours": {"Won": "green"}}, "renamed_choices": {"New": "Fresh"},
    }  # fmt: skip
