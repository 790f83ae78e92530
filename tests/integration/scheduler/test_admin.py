"""The back office: triggers and invocations are looked at and acted on, never edited (trust.md, security 20)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from scheduler.models import Invocation, SchedulerState, Trigger
from scheduler.services.leadership import lease_renew
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post
from workspaces.models import AuditEvent, User, Workspace

__all__ = ["post"]

pytestmark = pytest.mark.django_db

TRIGGERS = "/admin/scheduler/trigger/"
INVOCATIONS = "/admin/scheduler/invocation/"
STATE = "/admin/scheduler/schedulerstate/"


@pytest.fixture
def office(db: None, post: Post) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "pw"))
    return client


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def act(office: Client, page: str, action: str, *rows: Any, **form: str) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **form}
    return office.post(page, data, follow=True)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


@pytest.mark.rule("S20")
@pytest.mark.parametrize("page", [TRIGGERS, INVOCATIONS, STATE])
def test_lists_and_details_are_shown_and_nothing_is_added_or_changed(
    office: Client, workspace: Workspace, page: str
) -> None:
    invocation = invocation_make(trigger_make(workspace), status="running")
    lease_renew("a")
    rows: dict[str, Any] = {
        TRIGGERS: invocation.trigger,
        INVOCATIONS: invocation,
        STATE: SchedulerState.objects.get(),
    }
    detail = f"{page}{rows[page].pk}/change/"
    assert office.get(page).status_code == office.get(detail).status_code == 200
    assert office.get(f"{page}add/").status_code == 403
    assert office.post(detail, {"status": "completed", "enabled": ""}).status_code == 403
    assert office.post(f"{page}{rows[page].pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_list_shows_next_run_and_lateness(office: Client, workspace: Workspace) -> None:
    trigger_make(workspace, name="late one", due=minute(ago=5))
    shown = office.get(TRIGGERS, {"q": "late one"}).content.decode()
    assert "late one" in shown
    assert any(f">{seconds} s<" in shown for seconds in range(300, 400))


def test_a_trigger_shows_its_newest_invocations_by_twenty(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    for ago in range(25):
        invocation_make(trigger, scheduled_for=minute(ago), reason=f"nr{ago}x")
    shown = office.get(f"{TRIGGERS}{trigger.pk}/change/").content.decode()
    assert "nr0x" in shown
    assert "nr19x" in shown
    assert "nr20x" not in shown


def test_switching_off_and_on(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    assert "disabled." in said(act(office, TRIGGERS, "disable", trigger))
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at, trigger.disabled_reason) == (False, None, "user")
    assert "enabled." in said(act(office, TRIGGERS, "enable", trigger))
    trigger.refresh_from_db()
    assert trigger.enabled
    assert trigger.next_run_at is not None
    actions = list(AuditEvent.objects.order_by("id").values_list("action", "actor_label"))
    assert actions == [("trigger.disabled", "root (admin)"), ("trigger.enabled", "root (admin)")]


def test_what_refuses_is_told_and_keeps_no_other_back(office: Client, workspace: Workspace) -> None:
    done = trigger_make(
        workspace,
        run_at=minute(ago=50),
        cron_expression=None,
        enabled=False,
        disabled_reason="one_time_done",
        name="past",
    )
    fine = trigger_make(workspace, enabled=False, name="fine")
    told = said(act(office, TRIGGERS, "enable", done, fine))
    assert "fine: enabled." in told
    assert "past: enabled." not in told
    assert "past: " in told


def test_running_now_asks_first(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    page = act(office, TRIGGERS, "run_now", trigger)
    assert "Run the selected triggers now?" in page.content.decode()
    assert not Invocation.objects.exists()
    act(office, TRIGGERS, "run_now", trigger, confirmed="yes")
    invocation = Invocation.objects.get()
    assert (invocation.source, invocation.trigger) == ("manual", trigger)
    assert "still under way" in said(act(office, TRIGGERS, "run_now", trigger, confirmed="yes")) or (
        Invocation.objects.count() == 1
    )
    act(office, TRIGGERS, "run_now", trigger, confirmed="yes", force="on")
    assert Invocation.objects.count() == 2


def test_a_deletion_says_first_what_goes_with_it(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace, name="going")
    for status in ("completed", "failed", "pending"):
        invocation_make(trigger, status=status)
    staying = trigger_make(workspace)
    page = act(office, TRIGGERS, "remove", trigger).content.decode()
    assert "Delete the selected triggers" in page
    assert "3 invocations, 1 of them under way" in page
    assert Trigger.objects.count() == 2
    assert "deleted." in said(act(office, TRIGGERS, "remove", trigger, confirmed="yes"))
    assert list(Trigger.objects.all()) == [staying]
    assert not Invocation.objects.exists()
    assert AuditEvent.objects.get().action == "trigger.deleted"


def test_a_backfill_asks_which_slots(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace, cron_expression="0 * * * *")
    begin = minute() - timedelta(hours=3)
    asked = {
        "start": begin.strftime("%Y-%m-%d %H:%M:%S"),
        "end": minute().strftime("%Y-%m-%d %H:%M:%S"),
        "overlap": "",
        "confirmed": "yes",
    }
    assert "From" in act(office, TRIGGERS, "backfill", trigger).content.decode()
    faulty = act(office, TRIGGERS, "backfill", trigger, **{**asked, "start": "yesterday"})
    assert "Enter a valid date/time." in faulty.content.decode()
    ancient = act(office, TRIGGERS, "backfill", trigger, **{**asked, "start": "0001-01-01 00:00:00"})
    assert "between the years 1970 and 9000" in ancient.content.decode()
    told = said(act(office, TRIGGERS, "backfill", trigger, **asked, dry_run="on"))
    assert "slots, 0 invocations made" in told
    assert not Invocation.objects.exists()
    act(office, TRIGGERS, "backfill", trigger, **asked)
    assert Invocation.objects.filter(source="backfill").count() in {3, 4}
    ahead = {**asked, "end": (minute() + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")}
    assert "passed" in said(act(office, TRIGGERS, "backfill", trigger, **ahead))


def test_what_waits_is_cancelled_and_what_runs_goes_on(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    waiting = [invocation_make(trigger, status=status) for status in ("pending", "queued")]
    running = invocation_make(trigger, status="running", attempt=1)
    act(office, TRIGGERS, "cancel_pending", trigger)
    assert not Invocation.objects.filter(status="cancelled").exists()
    assert "2 cancelled." in said(act(office, TRIGGERS, "cancel_pending", trigger, confirmed="yes"))
    for invocation in waiting:
        invocation.refresh_from_db()
        assert invocation.status == "cancelled"
    running.refresh_from_db()
    assert running.status == "running"
    entry = AuditEvent.objects.get(action="trigger.waiting_cancelled")
    assert entry.after == {"invocations": 2}


def test_an_invocation_is_cancelled_and_a_finished_one_is_told(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    waiting = invocation_make(trigger)
    done = invocation_make(trigger, status="completed")
    told = said(act(office, INVOCATIONS, "cancel", waiting, done))
    assert "cancelled." in told
    assert "This invocation is completed" in told
    assert Invocation.objects.get(pk=waiting.pk).status == "cancelled"


def test_a_restart_asks_first(office: Client) -> None:
    lease_renew("a")
    state = SchedulerState.objects.get()
    assert "Restart the scheduler?" in act(office, STATE, "restart", state).content.decode()
    assert SchedulerState.objects.get().epoch == 1
    assert "now epoch 2." in said(act(office, STATE, "restart", state, confirmed="yes"))


def test_the_page_of_the_scheduler_says_how_it_fares(office: Client) -> None:
    assert "never run here" in office.get(STATE).content.decode()


@pytest.mark.rule("S15")
def test_names_are_text(office: Client, workspace: Workspace) -> None:
    trigger = trigger_make(workspace, name="<script>alert(1)</script>")
    for page in (
        office.get(TRIGGERS),
        act(office, TRIGGERS, "run_now", trigger),
        act(office, TRIGGERS, "run_now", trigger, confirmed="yes"),
    ):
        assert "<script>alert(1)" not in page.content.decode()


@pytest.mark.rule("S20")
@pytest.mark.parametrize("page", [TRIGGERS, INVOCATIONS])
def test_a_longer_list_costs_no_more_queries(
    office: Client, workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries, page: str
) -> None:
    for trigger in triggers_make(workspace, 30):
        invocation_make(trigger)
    assert Trigger.objects.count() == 30
    with django_assert_max_num_queries(12):
        office.get(page)
