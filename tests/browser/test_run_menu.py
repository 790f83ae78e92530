"""Runs are chosen with their price in sight, watched, mended and looked up again."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Locator, Page, expect

from tables.models import Dispatch, WorkflowGroup
from tests.bed.factories import Sheet, chain, setting, sheet_make
from tests.browser.sheets import cell, run_all, slow, two_step_sheet
from tests.browser.site import Site
from tests.browser.test_modules import ask
from workspaces.models import Workspace

ROWS = 12


def failing_sheet(workspace: Workspace, rows: int = 3) -> Sheet:
    """Three blocks in a row, of which the last refuses."""
    sheet = sheet_make(workspace, "Failing")
    sheet.column("name")
    refuse = {"key": "refuse", "type": "fail", "name": "Refuse it", "config": {"message": "no such company"}}
    steps = chain(setting("one", "{{ row.name }}"), setting("two", "{{ blocks.one.value }}!"), refuse)
    sheet.group("Look up", steps, outputs={"found": "blocks.refuse"}, depends_on=["name"])
    sheet.fill([{"name": f"n{number}"} for number in range(rows)])
    return sheet


def choice(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog").get_by_role("button", name=name)


def test_each_choice_says_how_much_it_runs(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, ROWS, milliseconds=0)
    page = site.grid(sheet)
    page.get_by_role("button", name="Run Greet").click()
    expect(choice(page, "First 10 rows")).to_contain_text("10 cells")
    expect(choice(page, "First 10 rows")).to_be_focused()
    expect(choice(page, "All rows")).to_contain_text("12 cells")
    page.get_by_role("radio", name="Only failed").click()
    expect(choice(page, "All rows")).to_contain_text("0 cells")
    expect(choice(page, "All rows")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("radio", name="Empty or failed").click()
    switch = page.get_by_role("switch", name="Then run “Shout”")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(choice(page, "First 10 rows")).to_contain_text("20 cells")
    choice(page, "First 10 rows").click()
    expect(cell(page, 10, "shout")).to_have_text("SAY(N9)")
    expect(cell(page, 11, "greeting")).to_have_text("")
    condition = json.dumps({"column": str(sheet.columns["name"].pk), "op": "eq", "value": "n11"})
    page.locator("run-sheet").evaluate("(grid, filter) => grid.setQuery({filter})", condition)
    expect(cell(page, 1, "name")).to_have_text("n11")
    page.get_by_role("button", name="Run Greet").click()
    expect(choice(page, "Rows in this view")).to_contain_text("1 cell")
    choice(page, "Rows in this view").click()
    expect(cell(page, 1, "greeting")).to_have_text("say(n11)")
    assert Dispatch.objects.latest("id").scope["filter"] == json.loads(condition)
    sort = json.dumps([{"column": str(sheet.columns["name"].pk), "direction": "desc"}])
    page.locator("run-sheet").evaluate("(grid, sort) => grid.setQuery({sort})", sort)
    expect(cell(page, 1, "name")).to_have_text("n9")
    page.get_by_role("button", name="Run Greet").click()
    page.get_by_role("radio", name="Everything").click()
    expect(choice(page, "First 10 rows")).to_contain_text("10 cells")
    with page.expect_response(lambda answer: answer.status == 202):
        choice(page, "First 10 rows").click()
    listed = sorted(range(ROWS), key=lambda number: f"n{number}", reverse=True)
    named = Dispatch.objects.latest("id").scope["rows"]
    assert named == [str(sheet.rows[number]) for number in listed[:10]]


def test_running_by_itself_and_everything_again_are_asked_about(site: Site, workspace: Workspace) -> None:
    sheet = two_step_sheet(workspace, 1_001, milliseconds=60_000)
    page = site.grid(sheet)
    run_all(page, which="Everything")
    asked = page.get_by_role("dialog", name="Run everything again?")
    expect(asked).to_contain_text("1,001 rows")
    asked.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Run Greet").click()
    page.get_by_role("switch", name="Run automatically").click()
    asked = page.get_by_role("dialog", name="Run “Greet” automatically?")
    expect(asked).to_contain_text("up to 1,001 cells")
    assert not WorkflowGroup.objects.filter(auto_run=True).exists()
    asked.get_by_role("button", name="Run automatically").click()
    expect(page.locator(".strip-title")).to_have_text("Running Greet")
    assert WorkflowGroup.objects.get(auto_run=True).name == "Greet"
    page.get_by_role("button", name="Run Greet").click()
    page.get_by_role("button", name="Stop Greet").click()
    expect(page.locator(".strip-title")).to_have_text("Stopped Greet")


def test_what_failed_is_shown_traced_and_tried_again(site: Site, workspace: Workspace) -> None:
    sheet = failing_sheet(workspace)
    page = site.grid(sheet)
    run_all(page, "First 10 rows")
    expect(page.locator(".strip-figures")).to_contain_text("3 failed")
    cell(page, 2, "found").click()
    drawer = page.get_by_role("complementary", name="Cell")
    steps = drawer.get_by_role("list", name="Steps").get_by_role("button")
    expect(steps).to_have_count(3)
    expect(steps.filter(has_text="Refuse it")).to_have_attribute("aria-pressed", "true")
    expect(drawer).to_contain_text("no such company")
    steps.filter(has_text="two").click()
    expect(drawer.get_by_label("Output", exact=True)).to_contain_text("n1!")
    drawer.get_by_role("button", name="Run from here").click()
    plan = page.get_by_role("dialog", name="Run from two")
    expect(plan).to_contain_text("Keeps its result")
    plan.get_by_role("button", name=re.compile("^Run 2")).click()
    expect(drawer).to_contain_text("attempt 2")
    expect(drawer.get_by_label("Attempt", exact=True).locator("option")).to_have_count(2)
    expect(drawer).to_contain_text("one keeps its output from")
    drawer.get_by_label("Attempt", exact=True).select_option(index=1)
    expect(drawer).not_to_contain_text("one keeps its output from")
    drawer.get_by_role("button", name="Close").click()
    page.locator('.sheet-row[data-number="2"] [role="rowheader"]').click()
    page.get_by_role("group", name="Selected rows").get_by_role("button", name="View run").click()
    expect(drawer).to_contain_text("attempt 2")
    drawer.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Show failed").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(2 + 3))
    with page.expect_response(lambda answer: "retry-failed" in answer.url and answer.status == 202):
        page.get_by_role("button", name="Retry failed").click()
    expect(page.locator(".strip-figures")).to_contain_text("1 failed")
    expect(page.get_by_role("grid")).to_be_focused()
    last = Dispatch.objects.latest("id")
    assert "failed_of" in last.scope
    page.get_by_role("button", name="History").click()
    history = page.get_by_role("complementary", name="Run history")
    expect(history.get_by_role("listitem")).to_have_count(3)
    expect(history.get_by_role("listitem").last).to_contain_text("mk · first 10 rows · empty or failed")
    expect(history.get_by_role("listitem").last).to_contain_text("3 failed")
    history.get_by_role("link", name="Show its runs").first.click()
    expect(page.locator("[data-run]")).to_have_count(1)


def test_a_run_that_stopped_itself_says_why_and_goes_on_when_told_to(
    site: Site, workspace: Workspace
) -> None:
    sheet = failing_sheet(workspace, 600)
    page = site.grid(sheet)
    run_all(page)
    strip = page.get_by_role("region", name="Run")
    expect(strip).to_contain_text("Stopped Look up")
    expect(strip).to_contain_text("cells of “Look up” failed one after the other")
    expect(strip.get_by_role("button", name="Retry failed")).to_be_visible()
    expect(strip.get_by_role("button", name="Show failed")).to_be_visible()
    held = Dispatch.objects.get(table=sheet.table)
    assert held.status == "failed"
    assert 12 <= held.failed < 600
    strip.get_by_role("button", name="Go on").click()
    expect(strip.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.locator(".strip-figures")).not_to_contain_text(f"{held.failed} failed")
    strip.get_by_role("button", name="Close the summary").click()
    expect(page.locator(".strip")).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()


def test_several_runs_are_told_apart_and_stopped_one_by_one(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Two at once")
    sheet.column("name")
    for name in ("Greet", "Wave"):
        steps = chain(slow("say", "{{ row.name }}", 60_000))
        sheet.group(name, steps, outputs={name.lower(): "blocks.say"}, depends_on=["name"])
    sheet.fill([{"name": f"n{number}"} for number in range(2)])
    page = site.grid(sheet)
    for name in ("Greet", "Wave"):
        page.get_by_role("button", name=f"Run {name}").click()
        choice(page, "First 10 rows").click()
        expect(page.locator(".strip-title")).to_have_text(f"Running {name}")
    page.get_by_role("button", name="and 1 more run").click()
    expect(page.get_by_role("dialog", name="Also running")).to_contain_text("Running Greet: 0 of 2 rows")
    page.get_by_role("button", name="Stop this run").click()
    expect(cell(page, 1, "greet")).to_have_text("Cancelled")
    expect(page.get_by_role("button", name="and 1 more run")).to_have_count(0)
    expect(cell(page, 1, "wave")).to_have_text("Running")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".strip-title")).to_have_text("Stopped Wave")
    page.get_by_role("button", name="Close the summary").click()
    expect(page.locator(".strip")).to_have_count(0)


def test_figures_and_costs_are_words(modules: Page) -> None:
    progress = {
        "rows_total": 100_000, "completed": 41_208, "failed": 2_914, "cancelled": 0, "paused": 0, "running": 24,
        "queued": 0, "skipped": {}, "rate_per_second": 312.44, "eta_seconds": 540, "cost": "38.200000",
    }  # fmt: skip
    dispatch = {"status": "dispatching", "groups": ["g"], "progress": progress, "limit": None}
    code = "m.figuresOf(given, true).map((one) => one.text)"
    assert ask(modules, "run/figures.js", code, dispatch) == [
        "44,122 of 100,000 rows", "2,914 failed", "24 running", "312.4 cells/s", "about 9 min left",
        "$38.20 so far, about $87",
    ]  # fmt: skip
    planned = {
        "groups": {"g": {"run": 12_430}},
        "carried_on": {"h": 1},
        "exact": False,
        "estimated_cost": "11.600000",
    }
    words = (
        "[m.countWords(given), m.countWords({groups: {g: {run: 1}}, exact: true, estimated_cost: '0.0009'})]"
    )
    assert ask(modules, "run/foresee.js", words, planned) == [
        "about 12,431 cells · about $11.60", "1 cell · $0.0009",
    ]  # fmt: skip


SESSION = """(async () => {
  window.WebSocket = class extends EventTarget { close() {} };
  const asked = [];
  let next = 'more';
  window.fetch = async (url) => {
    asked.push(url.pathname.replace('/api/v1/', '') + url.search);
    const json = url.pathname.endsWith('/dispatches/') ? {results: [], next} : {id: 'old', status: 'complete'};
    return new Response(JSON.stringify(json), {headers: {'Content-Type': 'application/json'}});
  };
  const shared = m.session('t'), status = (id) => shared.dispatches.get(id).status;
  shared.takeDispatch({id: 'old', status: 'dispatching'});
  await shared.readDispatches();
  const found = [status('old')];
  next = null;
  await shared.readDispatches();
  found.push(status('old'));
  for (const [id, error] of [['held', {code: 'failure_storm'}], ['broken', {code: 'other'}]]) {
    shared.dispatches.set(id, {id, status: 'failed', error});
    shared.takeDispatch({id, status: 'dispatching'});
    found.push(status(id));
  }
  return [found, asked.slice(0, 3)];
})()"""


def test_runs_that_ended_unseen_are_looked_up_and_one_that_stopped_itself_may_go_on(modules: Page) -> None:
    found, asked = ask(modules, "session.js", SESSION)
    assert found == ["dispatching", "complete", "dispatching", "failed"]
    assert asked == [
        "tables/t/dispatches/?active=true&limit=500", "tables/t/dispatches/?active=true&limit=500",
        "dispatches/old/",
    ]  # fmt: skip
