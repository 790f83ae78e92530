"""Slots that are due and unclaimed when their trigger is edited or switched off: each leaves a row saying why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from scheduler.models import Invocation, Trigger
from scheduler.services.claiming import due_claim
from scheduler.services.following import person_left, table_archived, workflow_archived
from scheduler.services.triggers import trigger_disable, trigger_enable, trigger_update
from tests.bed.factories import sheet_make, workspace_make
from tests.bed.triggers import invocation_make, minute, trigger_make
from tests.integration.scheduler.callers import Caller, admin, editor
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.states import Role

__all__ = ["admin", "editor"]

pytestmark = pytest.mark.django_db

ROBOT = Actor.system("test")


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def only(trigger: Trigger) -> Invocation:
    """The one row its slots have left."""
    return Invocation.objects.get(trigger=trigger)


def given_up(trigger: Trigger, reason: str, count: int = 1) -> None:
    """Its slots are missed for that reason, and counted; a tick finds nothing of them any more."""
    row = only(trigger)
    assert (row.status, row.source, row.reason) == ("missed", "catchup", reason)
    assert row.details is not None
    assert row.details["count"] == count
    assert row.completed_at is not None
    trigger.refresh_from_db()
    assert (trigger.missed_count, trigger.last_status) == (count, "missed")
    assert trigger.last_scheduled_for == row.scheduled_for
    assert due_claim(10).fired == 0


@pytest.mark.rule("edit_cancels_stale_pending_then_same_slot_runs")
def test_an_edit_says_which_slot_it_took_away(editor: Caller) -> None:
    made = editor.make()
    trigger = Trigger.objects.get(pk=made["id"])
    slot = minute(ago=5)
    Trigger.objects.filter(pk=trigger.pk).update(next_run_at=slot)
    assert editor.change(made, cron_expression="0 3 1 1 *").status_code == 200
    given_up(trigger, "superseded_by_edit")
    row = only(trigger)
    assert row.scheduled_for == slot
    assert row.idempotency_key == f"sched:{trigger.pk}:1:{int(slot.timestamp())}"
    shown = editor.send("get", f"triggers/{trigger.pk}/invocations/").json()["results"]
    assert [(each["status"], each["reason"]) for each in shown] == [("missed", "superseded_by_edit")]


def test_an_edit_of_anything_else_leaves_a_due_slot_to_the_tick(editor: Caller) -> None:
    made = editor.make()
    slot = minute(ago=5)
    Trigger.objects.filter(pk=made["id"]).update(next_run_at=slot)
    assert editor.change(made, name="Renamed", payload={"a": 1}).status_code == 200
    assert not Invocation.objects.exists()
    assert due_claim(10).fired == 1


def test_one_row_stands_for_all_that_were_due(workspace: Workspace) -> None:
    due = minute(ago=30)
    trigger = trigger_make(workspace, due=due, cron_expression="*/10 * * * *")
    trigger_disable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)
    until = only(trigger).completed_at
    assert until is not None
    minutes = (due + timedelta(minutes=n) for n in range(1, 60))
    passed = [slot for slot in minutes if slot <= until and not slot.minute % 10]
    given_up(trigger, "trigger_disabled", count=1 + len(passed))


@pytest.mark.parametrize(
    "off",
    [
        lambda trigger: trigger_disable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN),
        lambda trigger: workflow_archived(trigger.workflow_id),
        lambda trigger: person_left(trigger.run_as_user_id),
    ],
    ids=["disabled", "archived", "person"],
)
def test_switching_off_says_which_slot_it_took_away(
    workspace: Workspace, off: Callable[[Trigger], object]
) -> None:
    trigger = trigger_make(workspace, due=minute(ago=5))
    off(trigger)
    given_up(trigger, "trigger_disabled")


def test_so_does_archiving_a_table(workspace: Workspace) -> None:
    sheet = sheet_make(workspace)
    trigger = trigger_make(workspace, table=sheet.table, due=minute(ago=5))
    table_archived(sheet.table.pk)
    given_up(trigger, "trigger_disabled")


@pytest.mark.rule("tzdata_removed_zone_disables")
def test_a_schedule_that_means_nothing_any_more_says_which_slot_went_with_it(workspace: Workspace) -> None:
    trigger = trigger_make(workspace, due=minute(ago=5))
    Trigger.objects.filter(pk=trigger.pk).update(cron_timezone="Europe/Atlantis")
    assert due_claim(10).invalid == 1
    given_up(trigger, "invalid_schedule")


def test_a_slot_to_come_is_taken_away_without_a_word(workspace: Workspace) -> None:
    trigger = trigger_make(workspace)
    trigger_disable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)
    trigger_enable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)
    trigger_update(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN, cron_expression="1 1 1 1 *")
    assert not Invocation.objects.exists()


@pytest.mark.rule("reenable_no_replay")
def test_a_one_time_slot_that_has_fired_fires_no_second_time(editor: Caller) -> None:
    at = timezone.now() - timedelta(seconds=20)
    made = editor.make(run_at=at.isoformat())
    assert due_claim(10).fired == 1
    Invocation.objects.update(status="completed")
    answer = editor.send("post", f"triggers/{made['id']}/enable/")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_schedule")
    assert "run_at" in answer.json()["errors"]
    assert editor.change(made, enabled=True).status_code == 400
    assert Invocation.objects.count() == 1
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert editor.change(made, run_at=later).json()["enabled"] is True


def test_switching_off_a_one_time_trigger_that_has_fired_takes_its_invocation_back(editor: Caller) -> None:
    made = editor.make(run_at=(timezone.now() - timedelta(seconds=5)).isoformat())
    assert due_claim(10).fired == 1
    shown = editor.send("post", f"triggers/{made['id']}/disable/").json()
    assert shown["disabled_reason"] == "one_time_done"
    waiting = Invocation.objects.get()
    assert (waiting.status, waiting.reason) == ("cancelled", "trigger_disabled")
    trigger = Trigger.objects.get()
    again = invocation_make(trigger, source="manual")
    editor.send("post", f"triggers/{made['id']}/disable/")
    again.refresh_from_db()
    assert again.status == "pending"
