"""The list of triggers and of what they did: the times, the switch, what people start, and nobody's words as markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from scheduler.models import Invocation, Trigger
from scheduler.states import DisabledReason, InvocationStatus, Source
from tests.bed.factories import chain, setting, sheet_make, workflow_make
from tests.bed.triggers import invocation_make, trigger_make
from tests.browser.site import Site, axe_faults
from tests.browser.test_pages import PAYLOADS, overflow
from workspaces.models import Membership, User, Workspace
from workspaces.states import Role

BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


@pytest.fixture
def mk(workspace: Workspace) -> User:
    """The person looking, an editor."""
    return User.objects.get(username="mk")


def written(at: datetime, zone: str) -> str:
    """A time of this year as the list shows it."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


def to_come(hours: int) -> datetime:
    """A full hour, so many hours from now, in the same year if at all possible."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return now + timedelta(hours=hours)


@pytest.mark.rule("next_run_rendering_stable_on_reload")
def test_the_next_run_reads_the_same_however_often_it_is_loaded(
    still_site: Site, workspace: Workspace, mk: User
) -> None:
    slot = to_come(2)
    trigger_make(workspace, run_as_user=mk, due=slot, cron_timezone=TOKYO, cron_expression="0 * * * *")
    page = still_site.page("/triggers/", timezone_id=BERLIN)
    time = page.locator(".next time")
    expect(time).to_have_text(written(slot, BERLIN))
    assert TOKYO in str(time.get_attribute("title"))
    assert f"{slot.astimezone(ZoneInfo(TOKYO)):%H:%M}" in str(time.get_attribute("title"))
    shown = time.evaluate("(element) => [element.textContent, element.title, element.dateTime]")
    for _ in range(3):
        page.reload()
        expect(time).to_have_text(written(slot, BERLIN))
        assert time.evaluate("(element) => [element.textContent, element.title, element.dateTime]") == shown
    elsewhere = still_site.page("/triggers/", timezone_id="America/New_York")
    expect(elsewhere.locator(".next time")).to_have_text(written(slot, "America/New_York"))


@pytest.mark.rule("stored_xss_inert")
def test_nothing_anybody_stored_becomes_markup(still_site: Site, workspace: Workspace, mk: User) -> None:
    sheet = sheet_make(workspace, PAYLOADS[0])
    sheet.column("name")
    flow = workflow_make(workspace, chain(setting("say", "x")), name=PAYLOADS[3])
    first = trigger_make(
        workspace, table=sheet.table, run_as_user=mk, name=PAYLOADS[0], description=PAYLOADS[1]
    )
    for place, payload in enumerate(PAYLOADS):
        trigger = trigger_make(
            workspace, workflow=flow, run_as_user=mk, name=payload, payload={payload: payload},
            message_template=payload if "{{" not in payload else None,
        )  # fmt: skip
        invocation_make(
            trigger, status=InvocationStatus.FAILED, error_code="x", error_message=payload, attempt=place
        )
    Trigger.objects.filter(pk=trigger.pk).update(
        enabled=False, next_run_at=None, disabled_reason=DisabledReason.INVALID_SCHEDULE,
        schedule_error=PAYLOADS[0], cron_expression=PAYLOADS[1],
    )  # fmt: skip
    page = still_site.page("/triggers/")
    for payload in PAYLOADS:
        expect(page.locator("[data-trigger]").filter(has_text=payload).first).to_be_visible()
    page.get_by_role("button", name=f"More for {PAYLOADS[0]}").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(PAYLOADS[0])
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name=f"Delete “{PAYLOADS[0]}”?")).to_be_visible()
    for path, payload in (
        ("/invocations/", PAYLOADS[0]),
        ("/scheduler/", PAYLOADS[0]),
        (f"/triggers/{trigger.pk}/invocations/", trigger.name),
    ):
        page.goto(path)
        expect(page.get_by_role("main")).to_contain_text(payload)
    for each in (first, Trigger.objects.get(name=PAYLOADS[1])):
        page.goto(f"/triggers/{each.pk}/")
        expect(page.get_by_label("Name")).to_have_value(each.name)
    assert page.evaluate("window.__xss") is None


def test_the_list_says_what_runs_when_and_how_it_went(
    still_site: Site, workspace: Workspace, mk: User
) -> None:
    sheet = sheet_make(workspace, "EU prospects")
    trigger_make(
        workspace, table=sheet.table, run_as_user=mk, name="Nightly refresh", cron_expression="0 2 * * *",
        cron_timezone=BERLIN, target_options={"mode": "incomplete", "fail_above_percent": 100},
        last_status=InvocationStatus.COMPLETED, skipped_count=3, missed_count=1_200,
    )  # fmt: skip
    paused = trigger_make(
        workspace, run_as_user=mk, name="Hourly triage", enabled=False, last_status="failed"
    )
    Trigger.objects.filter(pk=paused.pk).update(disabled_reason=DisabledReason.TOO_MANY_FAILURES)
    late = trigger_make(
        workspace, run_as_user=mk, name="Late one", due=datetime.now(UTC) - timedelta(hours=1)
    )
    page = still_site.page("/triggers/", timezone_id=BERLIN)
    nightly = page.locator("[data-trigger]").filter(has_text="Nightly refresh")
    expect(nightly).to_contain_text("EU prospects")
    expect(nightly).to_contain_text("empty or failed")
    expect(nightly).to_contain_text("At 02:00")
    expect(nightly).to_contain_text("3 skipped")
    expect(nightly).to_contain_text("1,200 missed")
    triage = page.locator("[data-trigger]").filter(has_text="Hourly triage")
    expect(triage).to_contain_text("Paused")
    expect(triage).to_contain_text("It failed too often in a row.")
    expect(triage.get_by_role("switch")).not_to_be_checked()
    expect(page.locator(f'[data-trigger="{late.pk}"]')).to_contain_text("Overdue")
    page.get_by_role("link", name="Off", exact=True).click()
    expect(page.locator("[data-trigger]")).to_have_count(1)
    page.goto("/triggers/?q=nightly")
    expect(page.locator("[data-trigger]")).to_have_count(1)
    page.goto("/triggers/?q=no-such")
    expect(page.get_by_role("heading", name="No such triggers")).to_be_visible()


def test_a_stopped_scheduler_is_told_where_people_look(still_site: Site, workspace: Workspace) -> None:
    """Only the web process runs here."""
    page = still_site.page("/triggers/")
    expect(page.get_by_role("alert")).to_contain_text("The scheduler is down: no trigger fires.")
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("heading", name="Scheduler")).to_be_visible()
    expect(page.locator(".pill").first).to_have_text("Down")
    expect(page.get_by_role("button", name="Restart")).to_have_count(0)


def test_the_switch_and_the_menu_do_what_they_say(still_site: Site, workspace: Workspace, mk: User) -> None:
    trigger = trigger_make(workspace, run_as_user=mk, name="Digest", cron_expression="0 9 * * *")
    page = still_site.page("/triggers/")
    switch = page.get_by_role("switch", name="Digest is on")
    expect(switch).to_be_enabled()
    switch.focus()
    page.keyboard.press("Space")
    expect(page.locator(f'[data-trigger="{trigger.pk}"] .next')).to_contain_text("Somebody turned it off.")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    assert Trigger.objects.get(pk=trigger.pk).next_run_at is None
    switch.click()
    expect(page.locator(".next time")).to_be_visible()
    expect(switch).to_be_checked()
    page.get_by_role("button", name="More for Digest").click()
    page.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Digest")
    page.goto("/triggers/")
    expect(page.locator("[data-trigger]")).to_have_count(2)
    page.get_by_role("button", name="More for Digest", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete trigger").click()
    expect(page.locator("[data-trigger]")).to_have_count(1)
    assert not Trigger.objects.filter(pk=trigger.pk).exists()


def test_a_run_now_is_followed_to_its_end_and_run_again(site: Site, workspace: Workspace, mk: User) -> None:
    trigger = trigger_make(workspace, run_as_user=mk, name="Digest", cron_expression="0 0 1 1 *")
    page = site.page("/triggers/")
    page.get_by_role("button", name="Run now: Digest").dblclick()
    expect(page.get_by_text("“Digest” is starting.").first).to_be_visible()
    expect(page.locator("[data-trigger] .pill[data-state=done]")).to_be_visible()
    assert Invocation.objects.count() == 1
    page.goto(f"/triggers/{trigger.pk}/invocations/")
    expect(page.locator("[data-invocation]")).to_contain_text("Run now · mk")
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("[data-invocation]")).to_have_count(2)
    expect(page.locator("[data-invocation] .pill[data-state=done]")).to_have_count(2)
    page.get_by_role("link", name="View run").first.click()
    expect(page.locator("run-view")).to_be_visible()


def test_invocations_say_why_and_can_be_cancelled(still_site: Site, workspace: Workspace, mk: User) -> None:
    trigger = trigger_make(workspace, run_as_user=mk, name="Digest")
    invocation_make(trigger, status=InvocationStatus.SKIPPED, reason="overlap")
    invocation_make(
        trigger, status=InvocationStatus.MISSED, source=Source.CATCHUP,
        details={"count": 180, "exact": True, "first": "2026-01-01T00:00:00Z", "last": "2026-01-01T03:00:00Z"},
    )  # fmt: skip
    waiting = invocation_make(trigger, source=Source.MANUAL, requested_by=mk)
    page = still_site.page(f"/triggers/{trigger.pk}/invocations/")
    expect(page.get_by_text("An earlier one was still under way.")).to_be_visible()
    expect(page.get_by_text("180 slots passed while nothing fired.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Somebody cancelled it.")).to_be_visible()
    waiting.refresh_from_db()
    assert waiting.status == InvocationStatus.CANCELLED
    page.get_by_role("link", name="Missed").click()
    expect(page.locator("[data-invocation]")).to_have_count(1)


def test_a_viewer_looks_and_changes_nothing(still_site: Site, workspace: Workspace, mk: User) -> None:
    viewer = User.objects.create_user(username="vera", password="a password of words")
    Membership.objects.create(user=viewer, workspace=workspace, role=Role.VIEWER)
    trigger = trigger_make(workspace, run_as_user=mk, name="Digest")
    page = still_site.page("/triggers/", username="vera")
    expect(page.get_by_role("link", name="New trigger")).to_have_count(0)
    expect(page.get_by_role("button", name="Run now: Digest")).to_have_count(0)
    page.get_by_role("switch").click(force=True)
    page.get_by_role("button", name="More for Digest").click()
    expect(page.get_by_role("link", name="View settings")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.goto(f"/triggers/{trigger.pk}/")
    expect(page.get_by_label("Name")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    trigger.refresh_from_db()
    assert trigger.enabled


def shown(page: Page) -> list[str]:
    """What axe finds, once the page stands."""
    page.wait_for_load_state("networkidle")
    return axe_faults(page)


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_axe_finds_no_serious_fault(still_site: Site, workspace: Workspace, mk: User, colors: str) -> None:
    trigger = trigger_make(workspace, run_as_user=mk, name="Digest", skipped_count=2, last_status="failed")
    trigger_make(workspace, run_as_user=mk, enabled=False)
    for status in InvocationStatus:
        invocation_make(trigger, status=status)
    page = still_site.page("/triggers/", color_scheme=colors)
    assert shown(page) == []
    page.get_by_role("button", name="More for Digest").click()
    assert shown(page) == []
    page.keyboard.press("Escape")
    for path in ("/invocations/", "/scheduler/", "/triggers/new/", f"/triggers/{trigger.pk}/"):
        page.goto(path)
        assert shown(page) == [], path


@pytest.mark.parametrize("width", [390, 720, 2_560])
def test_nothing_is_broken_at_any_width(still_site: Site, workspace: Workspace, mk: User, width: int) -> None:
    trigger = trigger_make(workspace, run_as_user=mk, name="A name that is long enough to need two lines")
    invocation_make(trigger, status=InvocationStatus.FAILED, error_message="x" * 400)
    page = still_site.page("/triggers/", viewport={"width": width, "height": 800})
    assert overflow(page) <= 0
    expect(page.get_by_role("switch")).to_be_in_viewport()
    for path in ("/invocations/", "/scheduler/", "/triggers/new/", f"/triggers/{trigger.pk}/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert overflow(page) <= 0, path
