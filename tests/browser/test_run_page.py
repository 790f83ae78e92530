"""The list of runs and the page of one, on real processes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.bed.factories import chain, setting, workflow_make
from tests.browser.sheets import slow
from tests.browser.site import Site, axe_faults
from workflows.models import Run, Step, Workflow
from workspaces.models import Workspace

START = {"key": "start", "type": "start", "config": {"inputs": {"name": {"type": "text"}}}}

STARTED = """async ([id, input]) => {
  const { api } = await import("/static/runsheet/api.js");
  return (await api("POST", `workflows/${id}/runs/`, { body: { input } })).id;
}"""

FORKING: dict[str, Any] = {
    "blocks": [
        START,
        {"key": "check", "type": "condition", "name": "Check", "config": {"when": "input.name == 'Ada'"}},
        setting("yes", "Hello {{ input.name }}"),
        setting("no", "Who are you?"),
        slow("late", "{{ input.name }}", 700),
    ],
    "edges": [
        {"from": "start", "to": "check"},
        {"from": "check", "handle": "true", "to": "yes"},
        {"from": "check", "handle": "false", "to": "no"},
        {"from": "yes", "to": "late"},
    ],
}  # fmt: skip


def begun(site: Site, workflow: Workflow, **given: Any) -> Page:
    """The page of a run that was started from a browser."""
    page = site.page("/runs/")
    run = page.evaluate(STARTED, [str(workflow.pk), {"name": "Ada", **given}])
    page.goto(f"/runs/{run}/")
    return page


def stored(workflow: Workflow, status: str, **more: Any) -> Run:
    """A run as somebody left it."""
    return Run.objects.create(
        workspace=workflow.workspace,
        workflow=workflow,
        version=workflow.versions.get(),
        status=status,
        **more,
    )


def pill(page: Page) -> Any:
    """The run's own pill."""
    return page.locator(".run-head .pill")


@pytest.mark.rule("W30")
def test_a_run_is_watched_from_its_start_to_its_end(site: Site, workspace: Workspace) -> None:
    page = begun(site, workflow_make(workspace, FORKING, "Fork"))
    expect(page.get_by_role("heading", name="Fork")).to_be_visible()
    expect(pill(page)).to_have_text("Done", timeout=20_000)
    steps = page.get_by_role("list", name="Steps")
    expect(steps.get_by_role("button", name="late Done")).to_be_visible()
    expect(steps.get_by_role("button", name="no Skipped")).to_be_visible()
    expect(page.locator('.flow-card[data-block="no"]')).to_contain_text("Skipped")
    steps.get_by_role("button", name="late Done").click()
    panel = page.get_by_role("complementary", name="Step late")
    expect(panel.get_by_text("Attempt", exact=True)).to_be_visible()
    expect(panel.locator("pre", has_text="milliseconds")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="Run", exact=True)).to_be_visible()


@pytest.mark.rule("W30")
def test_what_runs_now_is_shown_before_it_is_done(site: Site, workspace: Workspace) -> None:
    page = begun(site, workflow_make(workspace, chain(START, slow("long", "x", 4_000)), "Long"))
    expect(page.locator('.flow-card[data-block="long"]')).to_contain_text("Running")
    page.get_by_role("button", name="Stop").click()
    expect(pill(page)).to_have_text("Cancelled")


@pytest.mark.rule("W19", "W30")
def test_a_question_is_answered_on_the_page(site: Site, workspace: Workspace) -> None:
    why = {"name": "why", "label": "Why?", "type": "text", "required": True}
    ask = {"key": "ask", "type": "approval", "config": {"message": "Send it?", "fields": [why]}}
    after = setting("after", "{{ blocks.ask.fields.why }}")
    page = begun(site, workflow_make(workspace, chain(START, ask, after), "Ask"))
    expect(pill(page)).to_have_text("Waits for approval", timeout=20_000)
    page.get_by_label("Why?").fill("it is fine")
    assert axe_faults(page) == []
    page.get_by_role("button", name="Approve").click()
    expect(pill(page)).to_have_text("Done", timeout=20_000)
    expect(page.locator(".body pre").first).to_contain_text("it is fine")


@pytest.mark.rule("W24", "W29")
def test_running_from_a_block_shows_its_plan_first_and_what_was_kept_afterwards(
    site: Site, workspace: Workspace
) -> None:
    page = begun(site, workflow_make(workspace, FORKING, "Fork"))
    expect(pill(page)).to_have_text("Done", timeout=20_000)
    page.locator('.flow-card[data-block="late"]').click()
    page.get_by_role("button", name="Run from here").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Keeps its result")
    expect(dialog.locator("li", has_text="the start")).to_contain_text("late")
    assert axe_faults(page) == []
    dialog.get_by_role("button", name="Run 1 block").click()
    expect(page.get_by_text("rerun ", exact=False).first).to_be_visible()
    expect(pill(page)).to_have_text("Done", timeout=20_000)
    expect(page.get_by_role("button", name="yes reused")).to_be_visible()
    page.get_by_role("button", name="late Done").click()
    page.get_by_text("Compare with another run").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("duration_seconds").or_(page.get_by_text("Both runs agree"))).to_be_visible()


@pytest.mark.rule("W22")
def test_a_failed_run_is_resumed_from_its_page(site: Site, workspace: Workspace) -> None:
    broken = chain(
        START, setting("first", "kept"), {"key": "stop", "type": "fail", "config": {"message": "Not today"}}
    )
    page = begun(site, workflow_make(workspace, broken, "Broken"))
    expect(pill(page)).to_have_text("Failed", timeout=20_000)
    expect(page.get_by_role("heading", name="stop failed")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_label("Note").fill("once more")
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.get_by_text("resumed 1×")).to_be_visible(timeout=20_000)
    expect(pill(page)).to_have_text("Failed", timeout=20_000)
    page.get_by_text("Events", exact=True).click()
    expect(page.get_by_text("once more")).to_be_visible()


@pytest.mark.rule("W15", "W30")
def test_an_interrupted_step_is_decided_on_the_page(still_site: Site, workspace: Workspace) -> None:
    send = {"key": "send", "type": "http", "config": {"url": "https://example.org/", "method": "POST"}}
    run = stored(workflow_make(workspace, chain(START, send), "Send"), "needs_decision")
    Step.objects.create(run=run, step_key="start", status="completed", seq=1)
    Step.objects.create(run=run, step_key="send", status="unknown", seq=2, started_at=run.created_at)
    page = still_site.page(f"/runs/{run.pk}/")
    expect(pill(page)).to_have_text("Needs a decision")
    page.get_by_label("Output, if it was done").fill("not json")
    page.get_by_role("button", name="It was done").click()
    expect(page.get_by_role("alert")).to_contain_text("must be JSON")
    page.get_by_label("Output, if it was done").fill('{"status": 200}')
    assert axe_faults(page) == []
    page.get_by_role("button", name="It was done").click()
    expect(page.locator('.flow-card[data-block="send"]')).to_contain_text("Done")
    assert Step.objects.get(run=run, step_key="send").output == {"status": 200}


@pytest.mark.rule("W30")
def test_iterations_are_folded_into_their_container(still_site: Site, workspace: Workspace) -> None:
    definition = {
        "blocks": [
            START,
            {"key": "each", "type": "loop", "config": {"items": "{{ [1, 2] }}"}},
            {**setting("inner", "x"), "parent": "each"},
        ],
        "edges": [{"from": "start", "to": "each"}],
    }
    run = stored(workflow_make(workspace, definition, "Loop"), "completed")
    for seq, key in enumerate(["start", "each[0]/inner", "each[1]/inner", "each"], 1):
        Step.objects.create(
            run=run,
            step_key=key,
            status="completed",
            seq=seq,
            started_at=run.created_at,
            finished_at=run.created_at,
        )
    page = still_site.page(f"/runs/{run.pk}/")
    expect(page.locator('.flow-card[data-block="inner"]')).to_contain_text("2 of 2")
    page.get_by_role("button", name="Unfold each").press("Enter")
    page.get_by_role("button", name="Unfold Iteration 2").press("Enter")
    page.locator('[data-step="each[1]/inner"]').press("Enter")
    expect(page.get_by_role("complementary", name="Step inner")).to_contain_text("each[1]/inner")


@pytest.mark.rule("W30")
def test_the_list_is_narrowed_by_status_and_many_runs_are_resumed_at_once(
    still_site: Site, workspace: Workspace
) -> None:
    workflow = workflow_make(workspace, chain(START, setting("a", "b")), "Greeting")
    failed = [stored(workflow, "failed") for _ in range(2)]
    for status in ("completed", "cancelled", "needs_decision"):
        stored(workflow, status)
    page = still_site.page("/runs/")
    expect(page.locator("tbody tr")).to_have_count(5)
    expect(page.get_by_role("button", name="Run", exact=False).filter(has_text="Run again")).to_have_count(1)
    page.get_by_role("navigation", name="Status").get_by_role("link", name="Failed").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Resume selected (2)").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="No such runs")).to_be_visible()
    assert {run.status for run in Run.objects.filter(pk__in=[run.pk for run in failed])} == {"queued"}


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault_on_runs(still_site: Site, workspace: Workspace, colors: str) -> None:
    run = failed_run(workspace)
    page = still_site.page("/runs/", color_scheme=colors)
    assert axe_faults(page) == []
    page.goto(f"/runs/{run.pk}/")
    expect(pill(page)).to_have_text("Failed")
    assert axe_faults(page) == []
    page.locator('[data-step="stop"]').click()
    expect(page.get_by_role("complementary", name="Step stop")).to_be_visible()
    assert axe_faults(page) == []


@pytest.mark.parametrize("width", [390, 720, 2_560])
def test_runs_fit_any_width(still_site: Site, workspace: Workspace, width: int) -> None:
    run = failed_run(workspace)
    page = still_site.page("/runs/", viewport={"width": width, "height": 800})
    assert overflow(page) <= 0
    page.goto(f"/runs/{run.pk}/")
    expect(pill(page)).to_have_text("Failed")
    assert overflow(page) <= 0
    expect(page.get_by_role("button", name="Resume")).to_be_in_viewport()


@pytest.mark.rule("W30")
def test_a_viewer_sees_a_run_and_can_do_nothing_to_it(still_site: Site, workspace: Workspace) -> None:
    from workspaces.models import Membership, User
    from workspaces.states import Role

    guest = User.objects.create_user(username="guest", password="a password of words")
    Membership.objects.create(user=guest, workspace=workspace, role=Role.VIEWER)
    run = failed_run(workspace)
    page = still_site.page(f"/runs/{run.pk}/", username="guest")
    expect(pill(page)).to_have_text("Failed")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    page.goto("/runs/")
    expect(page.get_by_role("checkbox")).to_have_count(0)


def failed_run(workspace: Workspace) -> Run:
    """A run that failed at its last block, after a skipped one."""
    error = {"class": "validation", "code": "failed", "message": "Not today", "block": "stop"}
    stop = {"key": "stop", "type": "fail", "config": {"message": "m"}}
    workflow = workflow_make(workspace, chain(START, setting("first", "x"), stop))
    run = stored(workflow, "failed", error=error, result=None)
    Run.objects.filter(pk=run.pk).update(started_at=run.created_at, finished_at=run.created_at)
    for seq, (key, status) in enumerate(
        [("start", "completed"), ("first", "skipped"), ("stop", "failed")], 1
    ):
        Step.objects.create(
            run=run, step_key=key, status=status, seq=seq, error=error if status == "failed" else None,
            started_at=run.created_at, finished_at=run.created_at,
        )  # fmt: skip
    return run


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
