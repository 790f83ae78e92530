"""The lists of Runs and Approvals follow what happens, without a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.browser.sheets import run_all
from tests.browser.site import Site
from tests.browser.test_modules import ask
from tests.browser.test_run_page import stored as stored_run
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


PLACES = """(() => {
  const row = (id, act) => `<tr data-run="${id}"><td><input data-pick></td><td><a href="/runs/${id}/">${id}</a></td>
    <td><button data-${act}>Act</button><a href="/more/">more</a></td></tr>`;
  const made = (rows) => {
    const found = document.createElement('div');
    found.dataset.runList = '';
    found.innerHTML = `<button data-resume-picked></button><table>${rows.join('')}</table><a href="/older/">Older</a>`;
    return found;
  };
  const list = made([row('a', 'resume'), row('b', 'rerun')]);
  const control = (words) => list.querySelector(words);
  const where = (words) => m.selectorsOf(list, control(words));
  const slips = (words, ...rows) => m.wouldSlip(list, made(rows), words && control(words));
  return {
    places: [
      where('[data-run=a] input'), where('[data-resume]'), where('[data-rerun]'), where('[data-run=b] button + a'),
      where('[data-resume-picked]'), where('[href="/older/"]'), m.selectorsOf(list, document.body),
    ],
    slips: [
      slips('[data-resume]', row('a', 'resume'), row('c', 'resume')),
      slips('[data-rerun]', row('n'), row('a'), row('b')),
      slips('[data-resume]', row('b', 'rerun')), slips(null, row('n')), slips('[href="/older/"]', row('n')),
    ],
  };
})()"""


def test_a_control_is_found_again_in_the_list_that_takes_its_place(modules: Page) -> None:
    found = ask(modules, "workspace_place.js", PLACES)
    a, b = '[data-run="a"]', '[data-run="b"]'
    assert found["places"] == [
        [f"{a} [data-pick]", f"{a} a"], [f"{a} [data-resume]", f"{a} a"], [f"{b} [data-rerun]", f"{b} a"],
        [f'{b} a[href="/more/"]', f"{b} a"], ["[data-resume-picked]"], [], [],
    ]  # fmt: skip
    assert found["slips"] == [False, True, True, False, False]


def test_what_has_the_focus_keeps_it_and_nothing_slips_under_the_pointer(
    still_site: Site, workspace: Workspace
) -> None:
    workflow = workflow_make(workspace, chain(setting("one", "1")))
    first, second = (stored_run(workflow, "cancelled").pk for _ in range(2))
    page = still_site.page("/runs/")
    page.locator(f'[data-run="{first}"] [data-rerun]').focus()
    third = stored_run(workflow, "cancelled").pk
    told = "(list) => list.dispatchEvent(new Event('stale'))"
    page.locator("[data-live-list]").evaluate(told)
    expect(page.locator(f'[data-run="{third}"]')).to_be_visible()
    expect(page.locator(f'[data-run="{first}"] [data-rerun]')).to_be_focused()
    control = page.locator(f'[data-run="{second}"] [data-rerun]')
    control.hover()
    moves = "() => element.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }))"
    control.evaluate(f"(element) => {{ window.hand = setInterval({moves}, 100); }}")
    fourth = stored_run(workflow, "cancelled").pk
    with page.expect_response("**/runs/"):
        page.locator("[data-live-list]").evaluate(told)
    expect(page.locator(f'[data-run="{fourth}"]')).to_have_count(0)
    page.evaluate("clearInterval(window.hand)")  # a pointer that rests holds nothing up
    expect(page.locator(f'[data-run="{fourth}"]')).to_be_visible()
