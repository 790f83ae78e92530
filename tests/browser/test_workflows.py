"""Workflows are made, changed, tried and published in the browser, by mouse and by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.browser.sheets import slow
from tests.browser.site import Site, axe_faults
from workflows.models import Run, Workflow, WorkflowVersion
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role

START = {"key": "start", "type": "start", "config": {"inputs": {"name": {"type": "text", "required": True}}}}
SAY = [setting("hello", "Hello {{ input.name }}"), setting("shout", "{{ blocks.hello.value|upper }}")]
HELLO: dict[str, Any] = chain(START, *SAY)


def opened(site: Site, workflow: Workflow, query: str = "", **options: Any) -> Page:
    """The editor once it stands."""
    page = site.page(f"/workflows/{workflow.pk}/{query}", **options)
    expect(
        page.get_by_role("group", name="Graph").or_(page.get_by_role("list", name="Blocks"))
    ).to_be_visible()
    return page


def card(page: Page, key: str) -> Locator:
    """The card of a block."""
    return page.locator(f'.flow-card[data-block="{key}"]')


def saved(page: Page) -> None:
    """Wait until all is stored."""
    expect(page.locator(".flow-saved")).to_have_text("Saved")


def drafted(workflow: Workflow) -> dict[str, Any]:
    """The draft's blocks by key, as stored."""
    workflow.refresh_from_db()
    return {block["key"]: block for block in workflow.draft["blocks"]}


def edges(workflow: Workflow) -> set[str]:
    """The stored edges as `a:handle>b`."""
    workflow.refresh_from_db()
    return {f"{e['from']}:{e.get('handle') or 'source'}>{e['to']}" for e in workflow.draft["edges"]}


def test_from_the_list_to_a_published_workflow_that_has_run(site: Site, workspace: Workspace) -> None:
    site.watched.expected += ["400", "422"]
    page = site.page("/workflows/")
    page.get_by_role("button", name="Make the first one").click()
    page.get_by_label("Name", exact=True).fill("Tidy")
    page.get_by_role("radio", name="Tidy a name").check()
    page.get_by_role("button", name="Create workflow").click()
    expect(page.get_by_role("heading", name="Tidy", exact=True)).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    panel = page.get_by_role("complementary", name="Run")
    panel.locator("form").get_by_role("button", name="Run").click()
    expect(panel.get_by_role("alert")).to_contain_text("Correct what is marked")
    panel.get_by_label("name", exact=True).fill("  ada lovelace ")
    panel.locator("form").get_by_role("button", name="Run").click()
    expect(panel.get_by_role("status")).to_have_text("Done")
    expect(panel.locator("pre", has_text="Hello Ada Lovelace")).to_be_visible()
    expect(card(page, "tidy")).to_contain_text("Done")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("What changed").fill("First one")
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    expect(page.get_by_text("live is version 1")).to_be_visible()
    version = WorkflowVersion.objects.get()
    assert (version.note, version.refs.get().name) == ("First one", "live")
    page.get_by_role("link", name="Workflows /").click()
    row = page.locator("[data-workflow]", has_text="Tidy")
    expect(row).to_contain_text("version 1")
    expect(row).to_contain_text("Done")


def test_blocks_are_added_set_and_joined_by_the_keyboard(still_site: Site, workspace: Workspace) -> None:
    flow = workflow_make(workspace, HELLO, "Hello")
    page = opened(still_site, flow)
    card(page, "start").focus()
    page.keyboard.press("ArrowDown")
    expect(card(page, "hello")).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("searchbox", name="Kind of block")).to_be_focused()
    page.keyboard.type("condition")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Block condition")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("Long?")
    expect(card(page, "condition")).to_contain_text("faults: 1")
    field = page.get_by_label("When", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    field.focus()
    page.keyboard.type("blocks.hello.va")
    page.keyboard.press("Enter")
    page.keyboard.type("|length > 5")
    expect(field).to_have_value("blocks.hello.value|length > 5")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    saved(page)
    assert drafted(flow)["condition"]["name"] == "Long?"
    assert edges(flow) == {"start:source>hello", "hello:source>condition", "condition:true>shout"}
    page.keyboard.press("Escape")
    expect(card(page, "condition")).to_be_focused()
    page.keyboard.press("Delete")
    expect(card(page, "condition")).to_have_count(0)
    expect(card(page, "hello")).to_be_focused()
    saved(page)
    assert edges(flow) == {"start:source>hello", "hello:source>shout"}
    page.keyboard.press("Control+z")
    expect(card(page, "condition")).to_be_visible()
    saved(page)
    assert "condition" in drafted(flow)


def test_edges_are_pulled_with_the_mouse_and_chosen_as_chips(still_site: Site, workspace: Workspace) -> None:
    flow = workflow_make(workspace, {**HELLO, "edges": [{"from": "start", "to": "hello"}]}, "Hello")
    page = opened(still_site, flow)
    page.locator('[data-port="hello"]').drag_to(card(page, "shout"))
    saved(page)
    assert edges(flow) == {"start:source>hello", "hello:source>shout"}
    card(page, "shout").click()
    panel = page.get_by_role("complementary", name="Block shout")
    panel.get_by_role("button", name="Not after hello").click()
    panel.get_by_label("Runs after another block").select_option(label="hello · error")
    saved(page)
    assert edges(flow) == {"start:source>hello", "hello:error>shout"}
    panel.get_by_label("Key").fill("loud")
    page.keyboard.press("Tab")
    expect(card(page, "loud")).to_be_visible()
    saved(page)
    assert edges(flow) == {"start:source>hello", "hello:error>loud"}


def test_every_kind_of_field_is_written_as_it_is_meant(still_site: Site, workspace: Workspace) -> None:
    flow = workflow_make(workspace, chain(START, {"key": "get", "type": "http"}), "Fetch")
    page = opened(still_site, flow)
    card(page, "get").click()
    panel = page.get_by_role("complementary", name="Block get")
    panel.get_by_label("URL").fill("https://example.org/{{ in")
    page.get_by_role("option", name="input.name").click()
    expect(panel.get_by_label("URL")).to_have_value("https://example.org/{{ input.name }}")
    panel.get_by_label("Method").select_option("POST")
    panel.get_by_text("More settings").click()
    panel.get_by_role("button", name="Add query").click()
    panel.get_by_label("Name of query 1").fill("q")
    panel.get_by_label("q", exact=True).fill("solar")
    panel.get_by_label("Body", exact=True).fill('{"deep": ["{{ input.name }}", 2]}')
    panel.get_by_label("Max bytes").fill("1.5e3")
    panel.get_by_role("group", name="Ok statuses").get_by_role("button", name="Add").click()
    panel.get_by_label("Item", exact=True).fill("404")
    panel.get_by_text("Retries, time limit").click()
    panel.get_by_label("Attempts").fill("5")
    saved(page)
    assert drafted(flow)["get"] == {
        "key": "get", "type": "http", "name": "", "retry": {"max_attempts": 5},
        "config": {
            "url": "https://example.org/{{ input.name }}", "method": "POST", "query": {"q": "solar"},
            "body": {"deep": ["{{ input.name }}", 2]}, "max_bytes": 1500, "ok_statuses": [404],
        },
    }  # fmt: skip
    panel.get_by_label("Max bytes").fill("many")
    expect(panel.get_by_label("Max bytes")).to_have_attribute("aria-invalid", "true")
    expect(card(page, "get")).to_contain_text("faults: 1")
    page.reload()
    card(page, "get").click()
    expect(panel.get_by_label("Max bytes")).to_have_value("many")


def test_containers_hold_what_is_put_inside(still_site: Site, workspace: Workspace) -> None:
    flow = workflow_make(workspace, HELLO, "Hello")
    page = opened(still_site, flow)
    page.get_by_role("button", name="Add block").click()
    page.get_by_role("button", name="Parallel").click()
    page.get_by_role("button", name="Add inside").click()
    page.get_by_role("button", name="Set fields").click()
    saved(page)
    assert drafted(flow)["set"]["parent"] == "parallel"
    assert page.evaluate(
        """() => { const [a, b] = ["parallel", "set"]
          .map((key) => document.querySelector(`[data-block=${key}]`).getBoundingClientRect());
        return b.left > a.left && b.right < a.right && b.top > a.top && b.bottom < a.bottom; }"""
    )
    page.get_by_label("Inside", exact=True).select_option(label="the workflow itself")
    saved(page)
    assert "parent" not in drafted(flow)["set"]
    page.get_by_role("radio", name="List").click()
    rows = page.get_by_role("list", name="Blocks").get_by_role("button")
    expect(rows.filter(has_text="hello, after").or_(rows.filter(has_text="shout"))).not_to_have_count(0)
    rows.filter(has_text="shout").click()
    expect(page.get_by_role("complementary", name="Block shout")).to_be_visible()


@pytest.mark.rule("W29")
def test_a_run_streams_onto_the_cards_and_goes_on_from_a_block(site: Site, workspace: Workspace) -> None:
    blocks = [START, slow("late", "{{ input.name }}", 3_000), setting("end", "{{ blocks.late }}!")]
    flow = workflow_make(workspace, chain(*blocks), "Slow")
    page = opened(site, flow)
    page.get_by_role("button", name="Run", exact=True).click()
    panel = page.get_by_role("complementary", name="Run")
    panel.get_by_label("name", exact=True).fill("Ada")
    panel.locator("form").get_by_role("button", name="Run").click()
    expect(card(page, "late")).to_have_attribute("data-state", "running")
    expect(panel.get_by_role("status")).to_have_text("Done")
    first = Run.objects.get()
    assert f"run={first.pk}" in page.url
    card(page, "end").click()
    page.get_by_role("complementary", name="Block end").get_by_role("button", name="Run from here").click()
    plan = page.get_by_role("complementary", name="Plan")
    expect(plan.get_by_text("Keeps its result")).to_be_visible()
    expect(card(page, "end")).to_contain_text("Runs again")
    expect(card(page, "late")).to_have_class("flow-card kept")
    plan.get_by_role("button", name="Run 1 block").click()
    expect(card(page, "late")).to_contain_text("Reused")
    expect(card(page, "end")).to_contain_text("Done")
    second = Run.objects.exclude(pk=first.pk).get()
    assert second.forked_from_id == first.pk


def test_a_row_of_a_table_is_what_it_is_tried_with(site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "Prospects")
    sheet.column("company")
    says = {"value": "{{ input.who }} of {{ row.company }}"}
    declared = {"inputs": {"who": {"type": "text"}}}
    sheet.group(
        "Greet",
        chain({"key": "start", "type": "start", "config": declared}, {"key": "say", "type": "respond", "config": says}),
        outputs={"greeting": "result"}, inputs={"who": {"column": str(sheet.columns["company"].pk)}},
    )  # fmt: skip
    sheet.fill([{"company": "Solar"}, {"company": "Ledger"}])
    page = opened(site, sheet.groups["Greet"].workflow)
    expect(page.get_by_role("complementary", name="Workflow")).to_contain_text("Prospects")
    page.get_by_role("button", name="Run", exact=True).click()
    panel = page.get_by_role("complementary", name="Run")
    panel.get_by_label("Row number").fill("2")
    panel.get_by_role("button", name="Take it").click()
    expect(panel.get_by_label("who", exact=True)).to_have_value("Ledger")
    panel.locator("form").get_by_role("button", name="Run").click()
    expect(panel.locator("pre", has_text="Ledger of Ledger")).to_be_visible()


def test_versions_are_compared_restored_and_named(still_site: Site, workspace: Workspace) -> None:
    flow = workflow_make(workspace, HELLO, "Hello")
    page = opened(still_site, flow)
    card(page, "hello").click()
    page.get_by_label("value", exact=True).fill("Good day")
    saved(page)
    page.get_by_role("button", name="Publish").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 block changed")).to_be_visible()
    dialog.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("live is version 2")).to_be_visible()
    page.get_by_role("button", name="Versions").click()
    dialog = page.get_by_role("dialog", name="Versions")
    dialog.get_by_label("From").select_option(label="Version 1")
    expect(dialog.locator("del")).to_have_text("Hello {{ input.name }}")
    expect(dialog.locator("ins")).to_have_text("Good day")
    dialog.get_by_label("Version of live").select_option(label="Version 1")
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("live is version 1")).to_be_visible()
    dialog.get_by_role("button", name="Restore version 1").click()
    page.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog).to_be_hidden()
    saved(page)
    assert drafted(flow)["hello"]["config"]["fields"]["value"] == "Hello {{ input.name }}"


def test_a_tab_that_is_behind_says_so_and_loses_nothing(still_site: Site, workspace: Workspace) -> None:
    still_site.watched.expected.append("412")
    flow = workflow_make(workspace, HELLO, "Hello")
    page, other = (opened(still_site, flow) for _ in range(2))
    other.get_by_label("What it is for").fill("Greets")
    saved(other)
    card(page, "hello").click()
    page.get_by_label("value", exact=True).fill("Mine")
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this workflow")
    expect(page.get_by_label("value", exact=True)).to_have_value("Mine")
    page.get_by_role("button", name="Save mine over it").click()
    saved(page)
    assert drafted(flow)["hello"]["config"]["fields"]["value"] == "Mine"


def test_a_viewer_looks_and_changes_nothing(still_site: Site, workspace: Workspace) -> None:
    viewer = User.objects.create_user(username="vera", password="a password of words")
    Membership.objects.create(user=viewer, workspace=workspace, role=Role.VIEWER)
    page = opened(still_site, workflow_make(workspace, HELLO, "Hello"), username="vera")
    card(page, "hello").click()
    expect(page.get_by_label("value", exact=True)).to_be_disabled()
    for name in ("Publish", "Add block", "Delete", "Run from here"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault(still_site: Site, workspace: Workspace, colors: str) -> None:
    flow = workflow_make(workspace, {**HELLO, "edges": [{"from": "start", "to": "hello"}]}, "Hello")
    page = still_site.page("/workflows/", color_scheme=colors)
    assert axe_faults(page) == []
    page.get_by_role("button", name="New workflow").click()
    assert axe_faults(page) == []
    width = 390 if colors == "dark" else 1_280
    page = opened(still_site, flow, color_scheme=colors, viewport={"width": width, "height": 800})
    assert axe_faults(page) == []
    card(page, "hello").click()
    expect(page.get_by_role("complementary", name="Block hello")).to_be_visible()
    assert axe_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.get_by_role("radio", name="List").click()
    assert axe_faults(page) == []
    page.get_by_role("button", name="Versions").click()
    expect(page.get_by_label("Version of live")).to_be_visible()
    assert axe_faults(page) == []
