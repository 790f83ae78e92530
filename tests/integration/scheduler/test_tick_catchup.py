"""Slots that passed while nothing fired, and slots that find an earlier one under way: each leaves its row."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from django.db import OperationalError
from django.db.models import F

from scheduler.models import Invocation, Trigger
from scheduler.services import replacing
from scheduler.services.cancelling import invocations_cancel
from scheduler.services.firing import tick
from tests.bed.factories import workspace_make
from tests.bed.triggers import invocation_make, minute, new_year, trigger_make
from tests.integration.scheduler.posted import Post, post
from workspaces.models import Workspace

__all__ = ["post"]

pytestmark = pytest.mark.django_db

EVERY_MINUTE = "* * * * *"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def rows(trigger: Trigger) -> list[tuple[str, str, datetime]]:
    """Its invocations, oldest slot first, as (source, status, slot)."""
    found = Invocation.objects.filter(trigger=trigger).order_by("scheduled_for")
    return list(found.values_list("source", "status", "scheduled_for"))


def slots_until(now: datetime, first: datetime) -> list[datetime]:
    """Every minute from the first one that has come by then."""
    return [first + n * MINUTE for n in range(int((now - first) / MINUTE) + 1)]


def fired_at(trigger: Trigger) -> datetime:
    """The database's clock when its rows were made."""
    return Invocation.objects.filter(trigger=trigger).values_list("created_at", flat=True).latest("id")


@pytest.mark.rule("outage_3h_minutely_single_run", "catchup_latest", "F11")
def test_after_three_hours_a_minutely_trigger_runs_once(workspace: Workspace, post: Post) -> None:
    first = minute(ago=180)
    trigger = trigger_make(workspace, due=first, cron_expression=EVERY_MINUTE)
    result = tick()
    passed = slots_until(fired_at(trigger), first)
    assert rows(trigger) == [("catchup", "missed", passed[-2]), ("catchup", "queued", passed[-1])]
    missed = Invocation.objects.get(status="missed")
    assert missed.details == {
        "count": len(passed) - 1,
        "exact": True,
        "first": first.isoformat(),
        "last": passed[-2].isoformat(),
    }
    assert (missed.reason, missed.completed_at is not None) == ("catchup_latest", True)
    assert (result.fired, result.missed) == (1, len(passed) - 1)
    trigger.refresh_from_db()
    assert trigger.next_run_at == passed[-1] + MINUTE, "computed from now, not from the stale slot"
    assert (trigger.missed_count, trigger.last_scheduled_for) == (len(passed) - 1, passed[-1])
    assert tick().claimed == 0


@pytest.mark.rule("catchup_latest")
def test_what_is_older_than_the_window_is_missed(workspace: Workspace, post: Post) -> None:
    slot = minute(ago=20)
    trigger = trigger_make(workspace, due=slot, catchup_window_seconds=600)
    tick()
    assert rows(trigger) == [("catchup", "missed", slot)]
    trigger.refresh_from_db()
    assert (trigger.last_status, trigger.missed_count, trigger.next_run_at) == ("missed", 1, new_year())


@pytest.mark.rule("catchup_skip", "F11")
def test_skip_runs_nothing_that_is_late_and_says_so(workspace: Workspace, post: Post) -> None:
    slot = minute(ago=5)
    trigger = trigger_make(workspace, due=slot, catchup_policy="skip")
    tick()
    assert rows(trigger) == [("catchup", "missed", slot)]
    assert Invocation.objects.get().reason == "catchup_skip"
    assert post.invocations() == []


@pytest.mark.rule("catchup_all", "F11")
def test_all_runs_each_slot_oldest_first_one_after_the_other(workspace: Workspace, post: Post) -> None:
    first = minute(ago=4)
    trigger = trigger_make(
        workspace, due=first, cron_expression=EVERY_MINUTE, catchup_policy="all", overlap_policy="allow"
    )
    tick()
    passed = slots_until(fired_at(trigger), first)
    assert [slot for _, _, slot in rows(trigger)] == passed
    assert {source for source, _, _ in rows(trigger)} == {"catchup"}
    starts = list(Invocation.objects.order_by("scheduled_for").values_list("available_at", flat=True))
    paced = [(later - earlier).total_seconds() for earlier, later in pairwise(starts[1:])]
    assert paced == [1.0] * (len(passed) - 2)


@pytest.mark.rule("catchup_all")
def test_all_is_limited_and_the_rest_is_counted(workspace: Workspace, post: Post) -> None:
    first = minute(ago=30)
    trigger = trigger_make(
        workspace, due=first, cron_expression=EVERY_MINUTE, catchup_policy="all", catchup_limit=3
    )
    tick()
    passed = slots_until(fired_at(trigger), first)
    fired = [slot for _, status, slot in rows(trigger) if status != "missed"]
    assert fired == passed[:3]
    missed = Invocation.objects.get(status="missed")
    assert missed.details["count"] == len(passed) - 3
    assert missed.scheduled_for == passed[-1]


@pytest.mark.rule("one_time_past_on_create_400")
def test_a_one_time_trigger_past_its_window_is_missed_and_done(workspace: Workspace, post: Post) -> None:
    trigger = trigger_make(workspace, run_at=minute(ago=120))
    tick()
    assert [status for _, status, _ in rows(trigger)] == ["missed"]
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.disabled_reason) == (False, "one_time_done")


# ---- overlap ------------------------------------------------------------------------------------------------------


def overlapping(workspace: Workspace, policy: str, *, waiting: bool = False) -> Trigger:
    """A trigger that is due while an earlier invocation of it runs (and another waits for that)."""
    trigger = trigger_make(workspace, due=minute(), overlap_policy=policy)
    invocation_make(trigger, status="running", attempt=1, scheduled_for=minute(ago=2))
    if waiting:
        invocation_make(trigger, waits=True, scheduled_for=minute(ago=1))
    return trigger


@pytest.mark.rule("overlap_x5")
def test_skip_leaves_a_row_that_says_so(workspace: Workspace, post: Post) -> None:
    trigger = overlapping(workspace, "skip")
    result = tick()
    assert (result.fired, result.skipped) == (0, 1)
    skipped = Invocation.objects.get(status="skipped")
    assert (skipped.reason, skipped.scheduled_for) == ("overlap", minute())
    assert skipped.completed_at is not None
    trigger.refresh_from_db()
    assert (trigger.skipped_count, trigger.last_status, trigger.next_run_at) == (1, "skipped", new_year())


@pytest.mark.rule("overlap_x5")
def test_buffer_one_keeps_one_until_the_earlier_one_is_over(workspace: Workspace, post: Post) -> None:
    trigger = overlapping(workspace, "buffer_one")
    tick()
    kept = Invocation.objects.get(status="pending")
    assert kept.waits
    assert post.invocations() == []
    Invocation.objects.filter(status="running").update(status="completed")
    tick()
    kept.refresh_from_db()
    assert (kept.status, kept.waits) == ("queued", False)
    assert post.invocations() == [str(kept.pk)]
    assert trigger.pk == kept.trigger_id


@pytest.mark.rule("overlap_x5")
def test_buffer_one_keeps_no_second_one(workspace: Workspace, post: Post) -> None:
    overlapping(workspace, "buffer_one", waiting=True)
    tick()
    assert Invocation.objects.get(scheduled_for=minute()).status == "skipped"


@pytest.mark.rule("overlap_x5")
def test_allow_starts_beside_the_earlier_one(workspace: Workspace, post: Post) -> None:
    overlapping(workspace, "allow")
    tick()
    assert Invocation.objects.get(scheduled_for=minute()).status == "queued"


@pytest.mark.rule("overlap_x5")
@pytest.mark.django_db(transaction=True)
def test_cancel_other_makes_the_earlier_ones_go_and_starts_then(post: Post) -> None:
    workspace = workspace_make()
    trigger = trigger_make(workspace, due=minute(), overlap_policy="cancel_other")
    running = invocation_make(trigger, status="running", attempt=1, scheduled_for=minute(ago=2))
    waiting = invocation_make(trigger, waits=True, scheduled_for=minute(ago=1))
    tick()
    for earlier in (running, waiting):
        earlier.refresh_from_db()
        assert (earlier.status, earlier.reason) == ("cancelled", "replaced")
    newest = Invocation.objects.exclude(pk__in=[running.pk, waiting.pk]).get()
    assert newest.status == "queued"
    assert newest.details == {"replaces": [str(running.pk), str(waiting.pk)]}
    assert post.invocations() == [str(newest.pk)]


@pytest.mark.rule("overlap_x5")
@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_replaced_now_keeps_nothing_else_waiting(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_make()
    earlier = []
    for _ in range(2):
        trigger = trigger_make(workspace, due=minute(), overlap_policy="cancel_other")
        earlier.append(invocation_make(trigger, status="running", attempt=1, scheduled_for=minute(ago=2)))
    other = trigger_make(workspace, due=minute())
    sent_before = []

    def stubborn(ids: list[UUID], reason: str) -> int:
        sent_before.append(len(post.messages))
        if ids == [earlier[0].pk]:
            raise OperationalError
        return invocations_cancel(ids, reason)

    with monkeypatch.context() as patch:
        patch.setattr(replacing, "invocations_cancel", stubborn)
        result = tick()
    assert (result.outcome, result.fired, result.published) == ("done", 3, 2)
    assert sent_before == [1, 1], "what was ready to go went first"
    assert Invocation.objects.get(trigger=other).status == "queued"
    assert [Invocation.objects.get(pk=each.pk).status for each in earlier] == ["running", "cancelled"]
    assert replacing.replaced_sweep(10) == 1
    assert Invocation.objects.get(pk=earlier[0].pk).status == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_replacing_stops_when_the_time_is_up(post: Post) -> None:
    running = invocation_make(trigger_make(workspace_make()), status="running", attempt=1)
    assert replacing.invocations_replace([running.pk], until=time.monotonic()) == 0
    assert replacing.invocations_replace([running.pk], until=time.monotonic() + 60) == 1


@pytest.mark.rule("overlap_x5", "catchup_all")
def test_slots_caught_up_together_run_one_after_the_other(workspace: Workspace, post: Post) -> None:
    trigger = trigger_make(
        workspace,
        due=minute(ago=2),
        cron_expression=EVERY_MINUTE,
        catchup_policy="all",
        overlap_policy="skip",
    )
    tick()
    Invocation.objects.update(available_at=F("scheduled_for"))  # the seconds of pace between them have passed
    order = []
    for _ in range(Invocation.objects.count()):
        tick()
        sent = Invocation.objects.get(status="queued")
        order.append(sent.scheduled_for)
        Invocation.objects.filter(pk=sent.pk).update(status="completed")
    assert order == [slot for _, _, slot in rows(trigger)]
