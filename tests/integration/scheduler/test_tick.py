"""A tick: what is due becomes invocations, once, and its triggers move on (`scheduler.md` section 3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scheduler.models import Invocation, SchedulerState, Trigger
from scheduler.services import claiming, firing
from scheduler.services.claiming import due_claim
from scheduler.services.firing import TickOutcome, tick
from scheduler.services.triggers import trigger_disable, trigger_enable
from scheduler.tasks import look_at_start
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, new_year, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.states import Role

__all__ = ["post"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


@pytest.mark.rule("due_claimed_once")
def test_what_is_due_is_claimed_once_and_moves_on(workspace: Workspace, post: Post) -> None:
    slot = minute()
    trigger = trigger_make(workspace, due=slot, message_template="hi", max_retries=3, timeout_seconds=90)
    waiting = trigger_make(workspace)
    result = tick()
    assert (result.outcome, result.claimed, result.fired, result.published) == (TickOutcome.DONE, 1, 1, 1)
    invocation = Invocation.objects.get()
    assert (invocation.trigger, invocation.scheduled_for, invocation.source) == (trigger, slot, "schedule")
    assert (invocation.status, invocation.max_retries, invocation.timeout_seconds) == ("queued", 3, 90)
    assert (invocation.ref, invocation.run_as_user_id) == ("live", trigger.run_as_user_id)
    assert invocation.workspace_id == workspace.pk
    assert invocation.enqueued_at is not None
    assert post.invocations() == [str(invocation.pk)]
    trigger.refresh_from_db()
    assert trigger.next_run_at == new_year()
    assert trigger.last_scheduled_for == slot
    assert tick().claimed == 0
    assert Invocation.objects.count() == 1
    waiting.refresh_from_db()
    assert waiting.last_scheduled_for is None


def test_a_trigger_that_is_off_never_fires(workspace: Workspace, post: Post) -> None:
    trigger_make(workspace, enabled=False)
    assert tick().claimed == 0


@pytest.mark.rule("one_time_disabled_at_claim_even_on_failure")
def test_a_one_time_trigger_is_off_in_the_transaction_that_claims_it(
    workspace: Workspace, post: Post
) -> None:
    trigger = trigger_make(workspace, run_at=minute())
    tick()
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at, trigger.disabled_reason) == (False, None, "one_time_done")
    assert Invocation.objects.get().status == "queued"


@pytest.mark.rule("start_end_bounds")
def test_after_its_end_a_trigger_is_off(workspace: Workspace, post: Post) -> None:
    slot = minute()
    trigger = trigger_make(workspace, due=slot, end_at=slot + timedelta(seconds=30))
    tick()
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at, trigger.disabled_reason) == (False, None, "ended")
    assert Invocation.objects.get().status == "queued"


def test_jitter_puts_the_start_off_and_not_the_slot(workspace: Workspace, post: Post) -> None:
    slot = minute()
    made = triggers_make(workspace, 20, due=slot, jitter_seconds=3600)
    tick()
    found = Invocation.objects.all()
    assert {invocation.scheduled_for for invocation in found} == {slot}
    assert len({invocation.available_at for invocation in found}) > 1
    waiting = [invocation for invocation in found if invocation.available_at > timezone.now()]
    assert {invocation.status for invocation in waiting} == {"pending"}
    assert len(post.invocations()) == len(made) - len(waiting)


@pytest.mark.rule("duplicate_key_conflict_noop")
def test_a_slot_that_has_its_invocation_gets_no_second_one(workspace: Workspace, post: Post) -> None:
    slot = minute()
    trigger = trigger_make(workspace, due=slot, overlap_policy="allow")
    tick()
    first = Invocation.objects.get()
    Trigger.objects.filter(pk=trigger.pk).update(next_run_at=slot)
    assert tick().claimed == 1
    assert Invocation.objects.get() == first
    trigger.refresh_from_db()
    assert trigger.next_run_at == new_year()
    Trigger.objects.filter(pk=trigger.pk).update(next_run_at=slot, schedule_revision=2)
    tick()
    assert Invocation.objects.filter(scheduled_for=slot).count() == 2, "an edited trigger may fire it again"


@pytest.mark.rule("clock_from_db", "F16")
@pytest.mark.parametrize("hours", [-1, 1])
def test_only_the_databases_clock_says_what_is_due(workspace: Workspace, post: Post, hours: int) -> None:
    due = trigger_make(workspace, due=minute())
    soon = minute() + timedelta(minutes=30)
    later = trigger_make(workspace, due=soon)
    with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
        tick()
    assert Invocation.objects.get().trigger == due
    due.refresh_from_db()
    later.refresh_from_db()
    assert later.next_run_at == soon
    assert due.next_run_at == new_year()


@pytest.mark.rule("stale_epoch_tick_exits")
def test_a_tick_of_an_older_epoch_leaves_everything_as_it_is(workspace: Workspace, post: Post) -> None:
    trigger_make(workspace, due=minute())
    SchedulerState.objects.update_or_create(pk=1, defaults={"epoch": 5})
    assert tick(epoch=4).outcome is TickOutcome.SUPERSEDED
    assert not Invocation.objects.exists()
    assert tick(epoch=5).claimed == 1
    assert Invocation.objects.get().epoch == 5


def test_an_idle_tick_is_one_look(workspace: Workspace, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    triggers_make(workspace, 3)
    monkeypatch.setattr(firing, "tick_record", lambda result: None)
    with CaptureQueriesContext(connection) as asked:
        assert tick().claimed == 0
    assert len(asked) == 1, [query["sql"][:80] for query in asked]


def test_a_batch_is_a_constant_number_of_statements(workspace: Workspace, post: Post) -> None:
    counts = []
    for many in (2, 50):
        triggers_make(workspace, many, due=minute())
        with CaptureQueriesContext(connection) as asked:
            assert due_claim(500).triggers == many
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 8


def test_the_longest_overdue_come_first(workspace: Workspace, post: Post) -> None:
    late = triggers_make(workspace, 3, due=minute(ago=5))
    triggers_make(workspace, 3, due=minute())
    assert due_claim(3).triggers == 3
    assert {found.trigger_id for found in Invocation.objects.filter(status="pending")} == {
        trigger.pk for trigger in late
    }


def test_what_a_tick_leaves_is_counted(
    workspace: Workspace, post: Post, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    triggers_make(workspace, 5, due=minute())
    settings.RUNSHEET_SCHEDULER_BATCH = 2  # type: ignore[attr-defined]
    monkeypatch.setattr(firing, "BATCHES", 2)
    result = tick()
    assert (result.claimed, result.backlog_due) == (4, 1)
    assert result.max_lateness_ms >= 0


def test_a_tick_that_has_used_its_time_ends(
    workspace: Workspace, post: Post, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    triggers_make(workspace, 5, due=minute())
    settings.RUNSHEET_SCHEDULER_BATCH = 2  # type: ignore[attr-defined]
    monkeypatch.setattr(firing, "BUDGET_SECONDS", -1.0)
    result = tick()
    assert (result.claimed, result.published) == (2, 0)
    monkeypatch.setattr(firing, "BUDGET_SECONDS", 20.0)
    assert (tick().claimed, Invocation.objects.filter(status="queued").count()) == (3, 5)


def test_a_tick_that_fails_says_so_and_raises_nothing(
    workspace: Workspace, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_make(workspace, due=minute())

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(firing, "due_drain", broken)
    result = tick()
    assert (result.outcome, result.error) == (TickOutcome.FAILED, "RuntimeError: no")
    assert SchedulerState.objects.get().consecutive_failures == 1
    monkeypatch.undo()


@pytest.mark.rule("deploy_gap_minute_boundary_runs")
def test_a_slot_that_passes_while_nothing_runs_is_fired_at_the_next_start(
    workspace: Workspace, post: Post
) -> None:
    slot = minute()  # its boundary passed while processes were replaced
    trigger = trigger_make(workspace, due=slot)
    look_at_start()
    assert [name for name, _ in post.messages] == ["scheduler.tick", "scheduler.sweep"]
    tick()
    tick()
    assert list(Invocation.objects.values_list("trigger", "scheduled_for", "status")) == [
        (trigger.pk, slot, "queued")
    ]


def test_a_broker_that_is_away_does_not_keep_a_worker_from_starting(workspace: Workspace, post: Post) -> None:
    post.takes = 0
    look_at_start()
    assert post.messages == []


@pytest.mark.rule("reenable_no_replay")
def test_slots_of_the_time_a_trigger_was_off_are_not_replayed(workspace: Workspace, post: Post) -> None:
    trigger = trigger_make(workspace, due=minute(ago=30), catchup_policy="all")
    actor = Actor.system("test")
    trigger_disable(trigger=trigger, actor=actor, membership_role=Role.ADMIN)
    trigger.refresh_from_db()
    trigger_enable(trigger=trigger, actor=actor, membership_role=Role.ADMIN)
    assert tick().claimed == 0
    trigger.refresh_from_db()
    assert trigger.next_run_at == new_year()


@pytest.mark.rule("tzdata_removed_zone_disables", "poison_row_isolated")
def test_a_schedule_that_cannot_be_used_switches_its_trigger_off_and_no_other(
    workspace: Workspace, post: Post
) -> None:
    gone = trigger_make(workspace, due=minute(ago=1), cron_timezone="Mars/Phobos")
    broken = trigger_make(workspace, due=minute(ago=1), cron_expression="not a schedule")
    odd = trigger_make(workspace, due=minute(ago=1), overlap_policy="perhaps")
    fine = triggers_make(workspace, 5, due=minute())
    result = tick()
    assert (result.claimed, result.invalid, result.fired) == (8, 3, 5)
    for trigger in (gone, broken, odd):
        trigger.refresh_from_db()
        assert (trigger.enabled, trigger.disabled_reason, trigger.next_run_at) == (
            False,
            "invalid_schedule",
            None,
        )
        assert trigger.schedule_error
    assert "Mars/Phobos" in gone.schedule_error
    assert Invocation.objects.filter(trigger__in=fine, status="queued").count() == 5


def test_the_process_that_claimed_is_named(workspace: Workspace, post: Post) -> None:
    trigger_make(workspace, due=minute())
    tick()
    assert Invocation.objects.get().claimed_by == claiming.process_name()


def test_what_waits_is_published_by_a_tick_to_which_nothing_is_due(workspace: Workspace, post: Post) -> None:
    left = invocation_make(trigger_make(workspace))
    assert tick().published == 1
    assert post.invocations() == [str(left.pk)]
