"""Next slots after a change of the law: moved where they are wrong, left alone where somebody else was faster."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from scheduler.engine.next_run import next_slot
from scheduler.models import Trigger
from scheduler.selectors import database_now, schedule_of
from scheduler.services import recomputing
from scheduler.services.recomputing import slots_recompute
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, trigger_make
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def workspace() -> Workspace:
    return workspace_make("Recomputing")


def daily(workspace: Workspace, *, shifted: timedelta = timedelta(), zone: str = "Europe/Berlin") -> Trigger:
    """A trigger as an older `tzdata` left it: that much off its slot."""
    trigger = trigger_make(workspace, cron_expression="0 9 * * *", cron_timezone="Europe/Berlin")
    slot = right(trigger) + shifted
    Trigger.objects.filter(pk=trigger.pk).update(next_run_at=slot, cron_timezone=zone)
    trigger.refresh_from_db()
    return trigger


def right(trigger: Trigger) -> datetime:
    now = database_now()
    slot = next_slot(schedule_of(trigger), now, now)
    assert slot is not None
    return slot


def test_a_slot_that_the_law_has_moved_follows_and_the_others_stay(workspace: Workspace) -> None:
    moved, kept = daily(workspace, shifted=24 * HOUR), daily(workspace)
    before = moved.next_run_at

    assert [(each.trigger_id, each.before) for each in slots_recompute(apply=False)] == [(moved.pk, before)]
    moved.refresh_from_db()
    assert moved.next_run_at == before, "a dry run moves nothing"

    slots_recompute(apply=True)

    for trigger in (moved, kept):
        trigger.refresh_from_db()
        assert trigger.next_run_at == right(trigger)
        assert trigger.schedule_revision == 1
    assert slots_recompute(apply=True) == []


@pytest.mark.rule("tzdata_removed_zone_disables")
def test_a_zone_that_is_gone_switches_its_triggers_off(workspace: Workspace) -> None:
    trigger = daily(workspace, zone="Mars/Olympus")
    waiting = invocation_make(trigger)

    (moved,) = slots_recompute(apply=True)

    assert (moved.after, moved.error) == (None, "There is no time zone “Mars/Olympus”.")
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.disabled_reason) == (False, "invalid_schedule")
    assert trigger.schedule_error == moved.error
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"


def test_one_that_has_no_slot_left_has_ended(workspace: Workspace) -> None:
    trigger = daily(workspace, shifted=-timedelta(minutes=1))
    Trigger.objects.filter(pk=trigger.pk).update(
        end_at=database_now() + timedelta(seconds=1), next_run_at=database_now() + HOUR
    )
    slots_recompute(apply=True)
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.disabled_reason) == (False, "ended")


def test_what_is_due_or_off_is_none_of_its_business(workspace: Workspace) -> None:
    due = trigger_make(workspace, due=minute(), cron_timezone="Mars/Olympus")
    off = trigger_make(workspace, enabled=False, cron_timezone="Mars/Olympus")
    once = trigger_make(workspace, run_at=database_now() + HOUR, due=database_now() + HOUR)
    Trigger.objects.filter(pk=once.pk).update(next_run_at=once.run_at)
    assert slots_recompute(apply=True) == []
    due.refresh_from_db()
    off.refresh_from_db()
    assert (due.enabled, off.disabled_reason) == (True, "user")


def test_an_edit_in_between_wins(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = daily(workspace, shifted=24 * HOUR)
    edited = Trigger.objects.filter(pk=trigger.pk)
    trigger.cron_expression = "0 9 1 1 *"
    elsewhere = right(trigger)

    def judged_meanwhile(seen: Trigger, now: datetime) -> recomputing.Moved | None:
        edited.update(cron_expression="0 9 1 1 *", next_run_at=elsewhere, schedule_revision=2)
        return judge(seen, now)

    judge = recomputing._judge
    monkeypatch.setattr(recomputing, "_judge", judged_meanwhile)
    assert slots_recompute(apply=True) == []
    trigger.refresh_from_db()
    assert trigger.next_run_at == elsewhere


def test_many_are_looked_at_in_pages(workspace: Workspace) -> None:
    triggers = [daily(workspace, shifted=24 * HOUR) for _ in range(5)]
    moved = slots_recompute(apply=True, batch=2)
    assert {each.trigger_id for each in moved} == {trigger.pk for trigger in triggers}


def test_the_command_tells_people_and_programs(workspace: Workspace) -> None:
    trigger = daily(workspace, shifted=24 * HOUR)
    out = StringIO()
    call_command("recompute_slots", stdout=out)
    assert trigger.name in out.getvalue()
    assert "1 triggers move. Nothing was changed; --apply does it." in out.getvalue()
    out = StringIO()
    call_command("recompute_slots", apply=True, json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert told["applied"]
    assert [each["trigger"] for each in told["moved"]] == [str(trigger.pk)]
