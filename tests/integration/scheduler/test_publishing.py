"""Handing invocations to workers: oldest first, never more than may be in flight, never one twice at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from scheduler.models import Invocation, Trigger
from scheduler.services.publishing import invocations_publish
from scheduler.states import IN_FLIGHT
from tests.bed.factories import sheet_make, workspace_make
from tests.bed.races import Race
from tests.bed.triggers import invocation_make, minute, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post
from workspaces.models import Workspace

__all__ = ["post"]

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


@pytest.fixture
def trigger(workspace: Workspace) -> Trigger:
    return trigger_make(workspace, overlap_policy="allow")


def pending(trigger: Trigger, count: int, **fields: object) -> list[Invocation]:
    """So many that wait, the first one longest."""
    return [
        invocation_make(trigger, scheduled_for=minute(ago=count - place), **fields) for place in range(count)
    ]


def test_the_oldest_go_first(trigger: Trigger, post: Post) -> None:
    waiting = pending(trigger, 5)
    assert invocations_publish(limit=2).sent == 2
    assert post.invocations() == [str(one.pk) for one in waiting[:2]]
    assert invocations_publish().sent == 3


def test_what_is_not_due_yet_stays(trigger: Trigger, post: Post) -> None:
    invocation_make(trigger, available_at=timezone.now() + MINUTE)
    assert invocations_publish().sent == 0


@pytest.mark.parametrize(
    "status", ["queued", "running", "completed", "failed", "cancelled", "skipped", "missed"]
)
def test_only_pending_ones_are_sent(trigger: Trigger, post: Post, status: str) -> None:
    invocation_make(trigger, status=status)
    assert invocations_publish().sent == 0


@pytest.mark.rule("bounded_inflight", "I10")
def test_no_more_are_in_flight_than_the_limit(trigger: Trigger, post: Post, settings: object) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT = 4  # type: ignore[attr-defined]
    invocation_make(trigger, status="running", attempt=1)
    waiting = pending(trigger, 6)
    assert invocations_publish().sent == 3
    assert invocations_publish().sent == 0
    Invocation.objects.filter(status="running").update(status="completed")
    assert invocations_publish().sent == 1
    assert post.invocations() == [str(one.pk) for one in waiting[:4]]


@pytest.mark.rule("bounded_inflight", "I10")
@pytest.mark.django_db(transaction=True)
def test_several_publishers_keep_the_limit_together(
    two_connections: Race, post: Post, settings: object
) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT = 50  # type: ignore[attr-defined]
    trigger = trigger_make(workspace_make(), overlap_policy="allow")
    pending(trigger, 120)
    outcomes = two_connections(*[invocations_publish] * 4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sum(outcome.value.sent for outcome in outcomes) == 50
    assert len(set(post.invocations())) == len(post.invocations()) == 50
    assert Invocation.objects.filter(status="queued").count() == 50


@pytest.mark.rule("bounded_inflight")
def test_a_workflow_has_its_share_and_leaves_room_for_others(
    workspace: Workspace, post: Post, settings: object
) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW = 3  # type: ignore[attr-defined]
    greedy, modest = (trigger_make(workspace, overlap_policy="allow") for _ in range(2))
    pending(greedy, 10)
    last = invocation_make(modest)
    assert invocations_publish().sent == 4
    assert str(last.pk) in post.invocations()
    assert invocations_publish().sent == 0


def test_tables_have_no_share(workspace: Workspace, post: Post, settings: object) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW = 1  # type: ignore[attr-defined]
    trigger = trigger_make(workspace, table=sheet_make(workspace).table, overlap_policy="allow")
    pending(trigger, 5)
    assert invocations_publish().sent == 5


@pytest.mark.parametrize("status", sorted(IN_FLIGHT))
def test_one_that_waits_comes_when_the_earlier_one_is_over(trigger: Trigger, post: Post, status: str) -> None:
    earlier = invocation_make(trigger, status=status, scheduled_for=minute(ago=3))
    later = invocation_make(trigger, waits=True, scheduled_for=minute(ago=1))
    invocations_publish()
    assert str(later.pk) not in post.invocations()
    Invocation.objects.filter(pk=earlier.pk).update(status="failed")
    invocations_publish()
    later.refresh_from_db()
    assert (later.status, later.waits) == ("queued", False)


def test_of_several_that_wait_the_oldest_comes_alone(trigger: Trigger, post: Post) -> None:
    waiting = pending(trigger, 3, waits=True)
    for one in waiting:
        assert invocations_publish().sent == 1
        assert post.invocations()[-1] == str(one.pk)
        Invocation.objects.filter(pk=one.pk).update(status="completed")


def test_one_that_waits_for_its_next_attempt_keeps_the_waiting_one_back(trigger: Trigger, post: Post) -> None:
    invocation_make(trigger, attempt=1, available_at=timezone.now() + MINUTE)
    invocation_make(trigger, waits=True)
    assert invocations_publish().sent == 0


@pytest.mark.rule("publish_down_then_up")
def test_the_first_failure_ends_it_and_the_rest_is_free_for_anybody(trigger: Trigger, post: Post) -> None:
    pending(trigger, 5)
    post.takes = 2
    published = invocations_publish()
    assert (published.sent, published.broker_answers) == (2, False)
    assert Invocation.objects.filter(status="pending", enqueued_at=None).count() == 3


@pytest.mark.rule("crash_after_commit_before_publish_swept")
def test_what_a_dead_publisher_had_taken_is_taken_by_another_after_a_while(
    trigger: Trigger, post: Post
) -> None:
    now = timezone.now()
    left = invocation_make(trigger, enqueued_at=now)
    assert invocations_publish().sent == 0
    Invocation.objects.filter(pk=left.pk).update(enqueued_at=now - timedelta(seconds=16))
    assert invocations_publish().sent == 1


def test_an_earlier_attempt_that_was_sent_does_not_hold_up_the_next(trigger: Trigger, post: Post) -> None:
    now = timezone.now()
    invocation_make(
        trigger,
        attempt=1,
        enqueued_at=now - timedelta(seconds=12),
        available_at=now - timedelta(seconds=2),
    )
    assert invocations_publish().sent == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_is_cancelled_while_it_is_sent_stays_cancelled(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = trigger_make(workspace_make())
    one = invocation_make(trigger)
    send = post.send

    def cancelled_meanwhile(name: str, args: list[object] | None = None, **more: object) -> None:
        Invocation.objects.filter(pk=one.pk).update(status="cancelled")
        send(name, args, **more)

    monkeypatch.setattr(current_app._get_current_object(), "send_task", cancelled_meanwhile)
    invocations_publish()
    one.refresh_from_db()
    assert one.status == "cancelled"


def test_many_are_sent_in_few_messages(workspace: Workspace, post: Post, settings: object) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW = 1_000  # type: ignore[attr-defined]
    triggers = triggers_make(workspace, 600, due=minute())
    Invocation.objects.bulk_create(
        Invocation(
            trigger=trigger,
            workspace_id=trigger.workspace_id,
            source="schedule",
            scheduled_for=minute(),
            available_at=minute(),
            idempotency_key=f"k{place}",
        )
        for place, trigger in enumerate(triggers)
    )
    assert invocations_publish().sent == 600
    assert len(set(post.invocations())) == 600
    assert len(post.messages) <= 60, "of many, several share a message"
