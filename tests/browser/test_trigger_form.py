"""The form of a trigger: built by keyboard, previewed by the server, corrected beside its fields, honest when stale."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from scheduler.models import Trigger
from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.bed.triggers import trigger_make
from tests.browser.site import Site
from workflows.models import Workflow, WorkflowRef, WorkflowVersion
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role

BERLIN = "Europe/Berlin"


@pytest.fixture
def mk(workspace: Workspace) -> User:
    """The person at the form, an editor."""
    return User.objects.get(username="mk")


@pytest.fixture
def flow(workspace: Workspace) -> Workflow:
    """A workflow with two versions and two refs."""
    made = workflow_make(workspace, chain(setting("say", "1")), name="Weekly digest")
    later = WorkflowVersion.objects.create(
        workflow=made, number=2, content_hash="2", definition=chain(setting("say", "2"))
    )
    WorkflowRef.objects.create(workflow=made, name="canary", version=later)
    return made


def opened(still_site: Site, path: str, **options: Any) -> Page:
    """The form once it stands."""
    page = still_site.page(path, timezone_id=BERLIN, **options)
    expect(page.get_by_label("Name")).to_be_visible()
    return page


def test_a_trigger_is_made_of_picks_and_its_next_runs_are_seen_in_both_zones(
    still_site: Site, workspace: Workspace, flow: Workflow
) -> None:
    page = opened(still_site, "/triggers/new/")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Monday digest")
    page.get_by_label("Workflow", exact=True).select_option(label="Weekly digest")
    page.get_by_label("Every").select_option(label="Every week")
    page.get_by_label("At", exact=True).fill("08:30")
    page.get_by_label("Wed").check()
    expect(page.get_by_label("Time zone")).to_have_value(BERLIN)
    coming = page.locator(".runs-to-come li")
    expect(coming).to_have_count(5)
    expect(coming.first).to_have_text(re.compile(r"(Mon|Wed) \d+ \w+ \d{4}, 08:30 CES?T"))
    page.get_by_label("Time zone").fill("America/New_York")
    expect(coming.first).to_contain_text(re.compile(r"08:30 E[SD]T.*1[345]:30 CES?T for you"))
    page.get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="Create trigger").click()
    expect(page.locator("[data-trigger]")).to_contain_text("Monday digest")
    made = Trigger.objects.get()
    assert (made.cron_expression, made.cron_timezone, made.ref) == ("30 8 * * 1,3", BERLIN, "live")
    assert made.timeout_seconds == 780


@pytest.mark.rule("ref_selector_contract")
def test_the_version_selector_offers_what_the_api_lists_and_sends_what_it_takes(
    still_site: Site, workspace: Workspace, flow: Workflow, mk: User
) -> None:
    trigger = trigger_make(workspace, workflow=flow, run_as_user=mk, name="Digest")
    page = opened(still_site, f"/triggers/{trigger.pk}/")
    listed = page.evaluate(f"fetch('/api/v1/workflows/{flow.pk}/').then((answer) => answer.json())")
    names = [ref["name"] for ref in listed["refs"]]
    options = page.locator("#trigger-ref option")
    assert sorted(names) == ["canary", "live"]
    assert options.evaluate_all("(all) => all.map((each) => each.value)") == [*names, "draft"]
    assert options.all_inner_texts()[:2] == [
        f"{ref['name']} (version {ref['version']})" for ref in listed["refs"]
    ]
    expect(page.get_by_label("Version")).to_have_value("live")
    page.get_by_label("Version").select_option("canary")
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        page.get_by_role("button", name="Save").click()
    assert sent.value.post_data_json == {"ref": "canary"}
    page.wait_for_url("**/triggers/")
    trigger.refresh_from_db()
    assert trigger.ref == "canary"
    page.goto(f"/triggers/{trigger.pk}/")
    expect(page.get_by_label("Version")).to_have_value("canary")
    WorkflowRef.objects.filter(workflow=flow, name="canary").delete()
    page.reload()
    expect(page.get_by_label("Version")).to_have_value("canary")
    expect(page.get_by_text("“canary” is gone: choose another.")).to_be_visible()


def test_a_table_run_names_its_groups_and_cells(still_site: Site, workspace: Workspace) -> None:
    sheet = sheet_make(workspace, "EU prospects")
    sheet.column("name")
    steps = chain(setting("say", "{{ row.name }}"))
    for name in ("Find email", "Score"):
        sheet.group(
            name, steps, outputs={name.lower().replace(" ", "_"): "result.value"}, depends_on=["name"]
        )
    page = opened(still_site, "/triggers/new/")
    page.keyboard.type("Nightly refresh")
    page.get_by_role("radio", name="Table").click()
    page.get_by_label("Table", exact=True).select_option(label="EU prospects")
    page.get_by_label("Find email").check()
    page.get_by_label("Cells", exact=True).select_option(label="Everything")
    page.get_by_text("More options").click()
    page.get_by_label("At most so many rows").fill("10")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.locator("[data-trigger]")).to_contain_text("everything, 1 workflow group, at most 10 rows")
    made = Trigger.objects.get()
    assert (made.table_id, made.ref, made.timeout_seconds) == (sheet.table.pk, None, None)
    assert made.target_options == {
        "groups": [str(sheet.groups["Find email"].pk)], "mode": "all", "limit": 10, "fail_above_percent": 100,
    }  # fmt: skip


def test_what_is_wrong_stands_beside_its_field(
    still_site: Site, workspace: Workspace, flow: Workflow
) -> None:
    still_site.watched.expected.append("400")
    page = opened(still_site, "/triggers/new/")
    page.keyboard.type("Never")
    page.get_by_label("Workflow", exact=True).select_option(label="Weekly digest")
    page.get_by_role("radio", name="Cron").click()
    expect(page.get_by_label("Cron expression")).to_have_value("0 9 * * *")
    page.get_by_label("Cron expression").fill("0 0 30 2 *")
    page.get_by_role("button", name="Create trigger").click()
    field = page.get_by_label("Cron expression")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    described = str(field.get_attribute("aria-describedby")).split()[-1]
    expect(page.locator(f"#{described}")).not_to_be_empty()
    page.get_by_text("More options").click()
    page.get_by_label("Payload, as JSON").fill("{nothing}")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    assert not Trigger.objects.exists()
    page.get_by_label("Payload, as JSON").fill('{"region": "EU"}')
    field.fill("@daily")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.locator("[data-trigger]")).to_contain_text("Never")
    made = Trigger.objects.get()
    assert (made.cron_expression, made.payload) == ("0 0 * * *", {"region": "EU"})


def test_once_is_meant_on_the_clock_of_its_zone(
    still_site: Site, workspace: Workspace, flow: Workflow, mk: User
) -> None:
    trigger = trigger_make(
        workspace, workflow=flow, run_as_user=mk, name="Launch", cron_expression="0 9 * * *"
    )
    page = opened(still_site, f"/triggers/{trigger.pk}/")
    page.get_by_role("radio", name="Once").click()
    page.get_by_label("At", exact=True).fill("2035-12-01T09:00:00")
    page.get_by_label("Time zone").fill("Asia/Kathmandu")
    expect(page.locator(".runs-to-come li")).to_contain_text("Sat 1 Dec 2035, 09:00 GMT+5:45")
    expect(page.locator(".runs-to-come li")).to_contain_text("04:15 CET for you")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/triggers/")
    trigger.refresh_from_db()
    assert trigger.cron_expression is None
    assert trigger.run_at is not None
    assert trigger.run_at.isoformat() == "2035-12-01T03:15:00+00:00"


def test_a_tab_that_is_behind_says_so_and_loses_nothing(
    still_site: Site, workspace: Workspace, flow: Workflow, mk: User
) -> None:
    still_site.watched.expected += ["412", "404"]
    trigger = trigger_make(
        workspace, workflow=flow, run_as_user=mk, name="Digest", cron_expression="0 9 * * *"
    )
    page, other = (opened(still_site, f"/triggers/{trigger.pk}/") for _ in range(2))
    other.get_by_label("At", exact=True).fill("10:00")
    other.get_by_role("button", name="Save").click()
    other.wait_for_url("**/triggers/")
    page.get_by_label("Name").fill("Mine")
    page.get_by_label("At", exact=True).fill("11:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this trigger")
    expect(page.get_by_label("Name")).to_have_value("Mine")
    page.get_by_role("button", name="Show theirs").click()
    expect(page.get_by_label("At", exact=True)).to_have_value("10:00")
    page.get_by_label("At", exact=True).fill("12:00")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/triggers/")
    trigger.refresh_from_db()
    assert trigger.cron_expression == "0 12 * * *"
    page.goto(f"/triggers/{trigger.pk}/")
    expect(page.get_by_label("Name")).to_be_visible()
    Trigger.objects.all().delete()
    page.get_by_label("Name").fill("Too late")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("This trigger has been deleted")


def test_an_admin_says_as_whom_it_runs(
    still_site: Site, workspace: Workspace, flow: Workflow, mk: User
) -> None:
    boss = User.objects.create_user(username="boss", password="a password of words")
    Membership.objects.create(user=boss, workspace=workspace, role=Role.ADMIN)
    trigger = trigger_make(workspace, workflow=flow, run_as_user=mk, name="Digest")
    page = opened(still_site, f"/triggers/{trigger.pk}/", username="boss")
    page.get_by_text("More options").click()
    expect(page.get_by_label("Runs as")).to_have_value(str(mk.pk))
    page.get_by_label("Runs as").select_option(label="boss")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/triggers/")
    trigger.refresh_from_db()
    assert trigger.run_as_user_id == boss.pk
    mine = opened(still_site, f"/triggers/{trigger.pk}/")
    mine.get_by_text("More options").click()
    expect(mine.get_by_label("Runs as")).to_have_value("Somebody else")


def test_the_keyboard_alone_chooses_and_saves(
    still_site: Site, workspace: Workspace, flow: Workflow, mk: User
) -> None:
    trigger = trigger_make(
        workspace, workflow=flow, run_as_user=mk, name="Digest", cron_expression="0 9 * * *"
    )
    page = opened(still_site, f"/triggers/{trigger.pk}/")
    page.get_by_role("radio", name="Repeats").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Cron")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Cron expression")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("*/30 * * * *")
    expect(page.locator(".runs-to-come li")).to_have_count(5)
    page.keyboard.press("Enter")
    page.wait_for_url("**/triggers/")
    trigger.refresh_from_db()
    assert trigger.cron_expression == "*/30 * * * *"
