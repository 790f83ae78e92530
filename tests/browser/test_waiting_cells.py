"""Cells that wait for a person are answered where they stand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.bed.factories import setting, sheet_make
from tests.browser.sheets import FINISHED, cell, run_all, stored
from tests.browser.site import Site
from tests.integration.tables.parked import after_approval, approval
from workflows.models import PausePoint, Run
from workspaces.models import Workspace


@pytest.mark.rule("T32", "W20")
def test_a_cell_that_waits_for_approval_is_answered_from_the_grid(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Letters")
    sheet.column("name")
    blocks = after_approval(setting("draft", "Dear {{ row.name }}"), approval(), setting("say", "sent"))
    sheet.group(
        "Letter", blocks, outputs={"draft": "blocks.draft.value", "sent": "result.value"}, depends_on=["name"]
    )
    sheet.group(
        "Log",
        after_approval(setting("log", "{{ row.sent }}!")),
        outputs={"log": "result.value"},
        depends_on=["sent"],
    )
    sheet.fill([{"name": "Ada"}, {"name": "Bob"}])
    page = site.grid(sheet)
    run_all(page)
    expect(cell(page, 1, "sent")).to_have_text("Waits for approval")
    expect(cell(page, 1, "draft")).to_contain_text("Dear Ada")
    expect(page.locator(".strip-title")).to_have_text(FINISHED)
    cell(page, 1, "sent").click()
    drawer = page.get_by_role("complementary", name="Cell")
    expect(drawer).to_contain_text("Send it?")
    expect(drawer.get_by_role("link", name="Open run")).to_be_visible()
    drawer.get_by_role("button", name="Approve").click()
    expect(cell(page, 1, "sent")).to_have_text("sent")
    expect(cell(page, 1, "log")).to_have_text("sent!")
    expect(cell(page, 2, "sent")).to_have_text("Waits for approval")
    cell(page, 2, "sent").click()
    with page.expect_response("**/cancel/"):
        drawer.get_by_role("button", name="Stop").click()
    expect(cell(page, 2, "sent")).to_have_text("Cancelled")
    assert [row.get("log") for row in stored(sheet)] == ["sent!", None]
    assert set(PausePoint.objects.values_list("status", flat=True)) == {"answered", "dead"}
    assert Run.objects.filter(status="cancelled").count() == 1


@pytest.mark.rule("T19")
def test_text_under_way_is_shown_dimmed_and_gives_way_to_the_value(modules: Page) -> None:
    from tests.browser.test_modules import ask

    code = """(() => {
      const column = {key: 'k', type: 'text', group: 'g', options: {}};
      const row = {id: 'a', data: {k: 'old'}, cells: {g: {status: 'running', version: 4}}, edited: []};
      const view = {schema: {group: new Map()}, dispatches: []};
      return Promise.all([import('./cell.js'), import('./record.js')]).then(([cell, store]) => {
        const seen = () => { const one = cell.describe(column, row, view); return [one.text, one.dim, one.state]; };
        store.admit(row, {kind: 'cell', row: 'a', group: 'g', status: 'running', version: 4, partial: {k: 'Once up'}});
        const first = seen();
        store.admit(row, {kind: 'cell', row: 'a', group: 'g', status: 'completed', version: 5, data: {k: 'Once.'}});
        store.admit(row, {kind: 'cell', row: 'a', group: 'g', status: 'running', version: 4, partial: {k: 'late'}});
        return [first, seen()];
      }); })()"""
    code = code.replace("'./", "'/static/runsheet/sheet/")
    assert ask(modules, "sheet/record.js", code) == [["Once up", True, "running"], ["Once.", False, None]]
