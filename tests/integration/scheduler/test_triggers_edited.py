"""PATCH: what it touches, what it leaves alone, and what it takes back (`scheduler.md` section 6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from scheduler.models import Invocation, Trigger
from scheduler.services.claiming import due_claim
from scheduler.services.triggers import trigger_disable, trigger_enable, trigger_update
from scheduler.states import InvocationStatus, Source
from tests.bed.factories import chain, greeting_chain, setting, workflow_make, workspace_make
from tests.bed.races import Race
from tests.bed.triggers import invocation_make, minute, person_make, trigger_make
from tests.integration.scheduler.callers import Caller, admin, editor
from workflows.models import WorkflowRef
from workspaces.actors import Actor
from workspaces.models import AuditEvent
from workspaces.states import Role

__all__ = ["admin", "editor"]

pytestmark = pytest.mark.django_db

ROBOT = Actor.system("test")


def waiting(trigger: dict[str, Any] | Trigger, **fields: Any) -> Invocation:
    """A scheduled invocation of it that has not begun."""
    pk = trigger["id"] if isinstance(trigger, dict) else trigger.pk
    return invocation_make(Trigger.objects.get(pk=pk), **fields)


def stands(invocation: Invocation) -> tuple[str, str]:
    invocation.refresh_from_db()
    return invocation.status, invocation.reason


@pytest.mark.rule("ref_only_patch_ok")
def test_one_field_alone_is_changed_and_nothing_scheduled_is_touched(editor: Caller) -> None:
    workflow = editor.workflow()
    WorkflowRef.objects.create(workflow=workflow, name="stable", version=workflow.versions.get())
    made = editor.make(workflow=str(workflow.pk), description="about")
    pending = waiting(made)
    changes: list[dict[str, Any]] = [
        {"ref": "stable"},
        {"name": "Renamed"},
        {"payload": {"a": 1}},
        {"description": None},
        {"message_template": "{{ payload.a }}"},
        {"catchup_policy": "all"},
        {"jitter_seconds": 5},
        {"target_options": {}},
    ]
    for change in changes:
        answer = editor.change(made, **change)
        assert answer.status_code == 200, answer.json()

    shown = editor.shown(made)
    assert (shown["ref"], shown["name"], shown["description"]) == ("stable", "Renamed", "")
    assert (shown["schedule_revision"], shown["next_run_at"]) == (1, made["next_run_at"])
    assert stands(pending) == ("pending", "")


def test_options_of_a_table_run_change_alone(editor: Caller) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)
    made = editor.make(table=str(sheet.table.pk))

    changed = editor.change(made, target_options={"mode": "failed"}).json()

    assert changed["target_options"] == {"mode": "failed", "fail_above_percent": 100}


@pytest.mark.rule("empty_patch_400")
def test_a_patch_names_something(editor: Caller) -> None:
    made = editor.make()

    for body in ({}, {"cancel_running": True}):
        answer = editor.change(made, **body)
        assert (answer.status_code, answer.json()["code"]) == (400, "no_fields")


@pytest.mark.parametrize(
    "field", ["id", "next_run_at", "schedule_revision", "last_status", "created_by", "disabled_reason", "crn"]
)
def test_a_field_that_is_read_only_or_unknown_is_refused_by_name(editor: Caller, field: str) -> None:
    answer = editor.change(editor.make(), **{field: "x"})

    assert answer.status_code == 400
    assert field in answer.json()["errors"]


@pytest.mark.rule("unchanged_cron_patch_keeps_pending")
def test_a_schedule_sent_as_it_is_changes_nothing(editor: Caller) -> None:
    made = editor.make(cron_timezone="Europe/Berlin")
    pending = waiting(made)

    same = {
        "cron_expression": "0  9 * * *",
        "cron_timezone": "europe/berlin",
        "run_at": None,
        "start_at": None,
        "enabled": True,
    }
    changed = editor.change(made, **same).json()

    assert (changed["schedule_revision"], changed["next_run_at"]) == (1, made["next_run_at"])
    assert stands(pending) == ("pending", "")


@pytest.mark.rule("unchanged_cron_patch_keeps_pending")
def test_an_instant_sent_as_it_was_read_changes_nothing_even_once_it_has_passed(editor: Caller) -> None:
    at = timezone.now() + timedelta(hours=1, microseconds=123)
    made = editor.make(run_at=at.isoformat())
    past = at - timedelta(hours=2)
    Trigger.objects.filter(pk=made["id"]).update(run_at=past, next_run_at=past)
    pending = waiting(made)

    answer = editor.change(made, run_at=editor.shown(made)["run_at"], name="Renamed")

    assert (answer.status_code, answer.json()["schedule_revision"]) == (200, 1)
    assert stands(pending) == ("pending", "")


def test_a_changed_schedule_takes_back_what_waits_and_leaves_what_runs(editor: Caller) -> None:
    made = editor.make()
    pending, queued = waiting(made), waiting(made, status="queued")
    manual = waiting(made, source=Source.MANUAL)
    running = waiting(made, status="running")

    changed = editor.change(made, cron_expression="30 10 * * *").json()

    assert (changed["schedule_revision"], changed["cron_expression"]) == (2, "30 10 * * *")
    assert "10:30" in changed["next_run_at"]
    assert stands(pending) == stands(queued) == ("cancelled", "superseded_by_edit")
    assert stands(manual) == ("pending", "")
    assert stands(running) == ("running", "")


def test_what_runs_is_cancelled_when_the_edit_asks_for_it(editor: Caller) -> None:
    made = editor.make()
    running = waiting(made, status="running", attempt=1)

    answer = editor.change(made, cron_expression="30 10 * * *", cancel_running=True)

    assert answer.status_code == 200
    assert stands(running) == ("cancelled", "superseded_by_edit")
    told = AuditEvent.objects.get(action="trigger.updated").after
    assert told["cancelled_running"] == 1


def test_what_runs_and_the_edit_that_cancels_it_are_one(
    editor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = editor.make()
    running = waiting(made, status="running", attempt=1)

    def breaks(*_args: Any, **_more: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("scheduler.services.changing.trigger_audit", breaks)
    trigger = Trigger.objects.get(pk=made["id"])
    with pytest.raises(RuntimeError):
        trigger_update(
            trigger=trigger,
            actor=ROBOT,
            membership_role=Role.ADMIN,
            cron_expression="1 1 1 1 *",
            cancel_running=True,
        )
    assert stands(running) == ("running", "")
    assert editor.shown(made)["cron_expression"] == made["cron_expression"]


@pytest.mark.rule("edit_cancels_stale_pending_then_same_slot_runs")
def test_an_edited_trigger_fires_the_slot_again_that_the_edit_took_back() -> None:
    slot = minute()
    trigger = trigger_make(workspace_make(), due=slot, catchup_policy="latest")
    due_claim(10)
    first = trigger.invocations.get()
    assert first.scheduled_for == slot

    trigger_update(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN, cron_timezone="Asia/Kathmandu")
    Trigger.objects.filter(pk=trigger.pk).update(next_run_at=slot)
    due_claim(10)

    assert stands(first) == ("cancelled", "superseded_by_edit")
    second = trigger.invocations.exclude(pk=first.pk).get()
    assert (second.scheduled_for, second.status) == (slot, "pending")
    assert second.idempotency_key != first.idempotency_key


def test_switching_off_takes_back_what_waits_of_the_schedule(editor: Caller) -> None:
    made = editor.make()
    pending, manual = waiting(made), waiting(made, source=Source.MANUAL)

    off = editor.send("post", f"triggers/{made['id']}/disable/").json()

    assert (off["enabled"], off["next_run_at"], off["disabled_reason"]) == (False, None, "user")
    assert off["schedule_revision"] == 2
    assert stands(pending) == ("cancelled", "trigger_disabled")
    assert stands(manual) == ("pending", "")

    again = editor.send("post", f"triggers/{made['id']}/disable/").json()
    assert again["schedule_revision"] == 2


@pytest.mark.rule("reenable_no_replay")
def test_switching_on_again_replays_nothing_that_passed_meanwhile(editor: Caller) -> None:
    made = editor.make(cron_expression="* * * * *", catchup_policy="all")
    editor.send("post", f"triggers/{made['id']}/disable/")
    long_ago = timezone.now() - timedelta(days=3)
    Trigger.objects.filter(pk=made["id"]).update(last_scheduled_for=long_ago, updated_at=long_ago)

    on = editor.send("post", f"triggers/{made['id']}/enable/").json()
    due_claim(10)

    assert (on["enabled"], on["disabled_reason"], on["schedule_revision"]) == (True, "", 3)
    assert not Invocation.objects.exists()
    assert Trigger.objects.filter(pk=made["id"], next_run_at__gt=timezone.now()).exists()


def test_switching_on_starts_the_count_of_failures_anew(editor: Caller) -> None:
    made = editor.make(pause_on_failures=3)
    Trigger.objects.filter(pk=made["id"]).update(
        enabled=False, next_run_at=None, disabled_reason="too_many_failures", consecutive_failures=3
    )

    assert editor.send("post", f"triggers/{made['id']}/enable/").json()["consecutive_failures"] == 0


def test_going_over_to_an_instant_needs_the_cron_fields_set_to_null(editor: Caller) -> None:
    made = editor.make()
    at = (timezone.now() + timedelta(hours=1)).isoformat()

    refused = editor.change(made, run_at=at)
    assert refused.json()["errors"].keys() == {"cron_expression", "run_at"}

    once = editor.change(made, run_at=at, cron_expression=None).json()
    assert (once["cron_expression"], once["next_run_at"]) == (None, once["run_at"])
    assert editor.change(made, cron_expression="0 9 * * *", run_at=None).json()["run_at"] is None


def test_another_instant_arms_a_one_time_trigger_again(editor: Caller) -> None:
    made = editor.make(run_at=(timezone.now() + timedelta(hours=1)).isoformat())
    done = {"enabled": False, "next_run_at": None, "disabled_reason": "one_time_done"}
    Trigger.objects.filter(pk=made["id"]).update(**done)

    assert editor.change(made, name="Renamed").json()["enabled"] is False
    assert editor.send("post", f"triggers/{made['id']}/enable/").status_code == 200
    Trigger.objects.filter(pk=made["id"]).update(**done)

    later = (timezone.now() + timedelta(hours=2)).isoformat()
    armed = editor.change(made, run_at=later).json()
    assert (armed["enabled"], armed["next_run_at"], armed["disabled_reason"]) == (True, armed["run_at"], "")


def test_one_that_has_passed_is_not_switched_on_without_a_new_instant(editor: Caller) -> None:
    made = editor.make(run_at=(timezone.now() + timedelta(hours=1)).isoformat())
    Trigger.objects.filter(pk=made["id"]).update(
        enabled=False,
        next_run_at=None,
        disabled_reason="one_time_done",
        run_at=timezone.now() - timedelta(hours=1),
    )

    answer = editor.send("post", f"triggers/{made['id']}/enable/")

    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {"run_at"}


def test_a_changed_schedule_of_one_that_is_off_leaves_it_off(editor: Caller) -> None:
    made = editor.make(enabled=False)

    changed = editor.change(made, cron_expression="30 10 * * *").json()

    assert (changed["enabled"], changed["next_run_at"], changed["schedule_revision"]) == (False, None, 2)


@pytest.mark.rule("malformed_ref_update_400")
@pytest.mark.parametrize("ref", ["", "a..b", "a.lock", None, "gone"])
def test_a_ref_that_cannot_be_is_refused_on_change_too(editor: Caller, ref: str | None) -> None:
    made = editor.make()

    answer = editor.change(made, ref=ref)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")
    assert editor.shown(made)["ref"] == "live"


@pytest.mark.rule("malformed_ref_update_400", "never_falls_back_to_another_ref")
def test_moving_to_a_workflow_without_this_ref_is_refused(editor: Caller) -> None:
    workflow = editor.workflow()
    WorkflowRef.objects.create(workflow=workflow, name="stable", version=workflow.versions.get())
    made = editor.make(workflow=str(workflow.pk), ref="stable")

    answer = editor.change(made, workflow=str(editor.workflow().pk))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_ref")


def test_a_trigger_may_be_pointed_at_a_table_and_back(editor: Caller) -> None:
    made = editor.make()
    sheet = greeting_chain(rows=0, workspace=editor.workspace)

    moved = editor.change(made, workflow=None, table=str(sheet.table.pk)).json()
    assert (moved["target_kind"], moved["ref"]) == ("table_run", None)
    assert moved["target_options"] == {"mode": "incomplete", "fail_above_percent": 100}

    back = editor.change(made, workflow=made["workflow"], table=None).json()
    assert (back["target_kind"], back["ref"], back["target_options"]) == ("workflow", "live", {})
    assert editor.change(made, table=str(sheet.table.pk)).json()["errors"].keys() == {"workflow", "table"}


def test_a_group_deleted_since_does_not_stand_in_the_way_of_a_new_name(editor: Caller) -> None:
    sheet = greeting_chain(rows=0, workspace=editor.workspace)
    made = editor.make(table=str(sheet.table.pk), target_options={"groups": [str(sheet.groups["C"].pk)]})
    sheet.groups["C"].delete()

    assert editor.change(made, name="Renamed").status_code == 200
    assert editor.change(made, target_options=made["target_options"]).status_code == 400


def test_a_revision_seen_too_long_ago_is_refused(editor: Caller) -> None:
    made = editor.make()
    path = f"triggers/{made['id']}/"

    assert editor.send("patch", path, {"cron_expression": "0 8 * * *"}, If_Match='"1"').status_code == 200
    stale = editor.send("patch", path, {"name": "x"}, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "revision_stale")
    assert editor.send("patch", path, {"name": "x"}, If_Match="later").status_code == 412
    for seen in ("2", '"2"', 'W/"2"', "*"):
        assert editor.send("patch", path, {"name": "y"}, If_Match=seen).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("rapid_toggle_consistent")
def test_rapid_toggling_ends_as_the_last_one_said_with_one_slot_at_most(two_connections: Race) -> None:
    workspace = workspace_make()
    trigger = trigger_make(workspace, cron_expression="* * * * *", due=minute())

    def toggle() -> None:
        for _ in range(5):
            trigger_disable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)
            trigger_enable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)

    def fire() -> None:
        for _ in range(10):
            due_claim(10)

    assert [outcome.error for outcome in two_connections(toggle, toggle, fire)] == [None, None, None]

    trigger.refresh_from_db()
    assert trigger.enabled
    assert trigger.next_run_at is not None
    assert trigger.next_run_at > timezone.now() - timedelta(minutes=1)
    waiting_now = trigger.invocations.filter(status__in=[InvocationStatus.PENDING, InvocationStatus.QUEUED])
    assert waiting_now.count() <= 1
    slots = trigger.invocations.values_list("idempotency_key", flat=True)
    assert len(set(slots)) == len(slots)


@pytest.mark.django_db(transaction=True)
def test_two_edits_at_once_both_count(two_connections: Race) -> None:
    trigger = trigger_make(workspace_make())

    def edit(**changes: Any) -> Any:
        return lambda: trigger_update(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN, **changes)

    outcomes = two_connections(edit(cron_expression="5 * * * *"), edit(name="Renamed", max_retries=4))

    assert [outcome.error for outcome in outcomes] == [None, None]
    trigger.refresh_from_db()
    assert (trigger.cron_expression, trigger.name, trigger.max_retries) == ("5 * * * *", "Renamed", 4)
    assert trigger.schedule_revision == 2


def test_an_edit_does_not_overwrite_what_the_runner_keeps(editor: Caller) -> None:
    made = editor.make()
    Trigger.objects.filter(pk=made["id"]).update(last_status="failed", skipped_count=3)

    changed = editor.change(made, cron_expression="1 1 * * *").json()

    assert (changed["last_status"], changed["skipped_count"]) == ("failed", 3)


def test_one_of_an_archived_workflow_can_be_renamed_but_not_switched_on() -> None:
    workspace = workspace_make()
    workflow = workflow_make(workspace, chain(setting("say", "x")))
    trigger = trigger_make(workspace, workflow=workflow, enabled=False, run_as_user=person_make(workspace))
    type(workflow).objects.filter(pk=workflow.pk).update(archived_at=timezone.now())

    trigger_update(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN, name="Renamed")
    with pytest.raises(Exception, match="no such workflow"):
        trigger_enable(trigger=trigger, actor=ROBOT, membership_role=Role.ADMIN)
