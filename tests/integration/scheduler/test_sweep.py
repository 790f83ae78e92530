"""The sweep: whatever a dead process or a forgetful broker left behind is found, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from scheduler.models import Invocation, Trigger, sql
from scheduler.services import ending, sweeping
from scheduler.services.sweeping import sweep
from tests.bed.factories import workspace_make
from tests.bed.triggers import child_make, invocation_make, minute, trigger_make
from tests.integration.scheduler.posted import Post, post
from workflows.models import Instance
from workspaces.cursors import prepared_cursor
from workspaces.ids import uuid7

__all__ = ["post"]

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(minutes=5)


@pytest.fixture
def trigger(transactional_db: None) -> Trigger:
    return trigger_make(workspace_make(), max_retries=1)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Instance]:
    """A live process that serves the queue of invocations."""
    yield Instance.objects.create(host="h", pid=1, queues=["interactive"], heartbeat_at=timezone.now())


def running(trigger: Trigger, *, since: timedelta = LONG_AGO, **fields: Any) -> Invocation:
    """One under way, in its first attempt."""
    at = timezone.now() - since
    fields.setdefault("attempt", 1)
    return invocation_make(trigger, status="running", started_at=at, attempt_started_at=at, **fields)


@pytest.mark.rule("crash_after_commit_before_publish_swept")
def test_what_nobody_published_is(trigger: Trigger, post: Post) -> None:
    left = invocation_make(trigger, available_at=timezone.now() - LONG_AGO)
    assert sweep().published == 1
    assert post.invocations() == [str(left.pk)]


@pytest.mark.rule("F14")
def test_a_message_that_was_lost_is_sent_again_once_a_minute(
    trigger: Trigger, worker: Instance, post: Post
) -> None:
    lost = invocation_make(trigger, status="queued", enqueued_at=timezone.now() - LONG_AGO)
    invocation_make(trigger, status="queued", enqueued_at=timezone.now() - timedelta(seconds=50))
    assert sweep().sent_again == 1
    assert sweep().sent_again == 0
    assert post.invocations() == [str(lost.pk)]
    lost.refresh_from_db()
    assert lost.status == "queued"


def test_messages_are_not_repeated_while_no_worker_is_there(trigger: Trigger, post: Post) -> None:
    invocation_make(trigger, status="queued", enqueued_at=timezone.now() - LONG_AGO)
    assert sweep().sent_again == 0
    assert post.messages == []


@pytest.mark.rule("worker_lost_retried")
def test_an_attempt_that_started_nothing_is_tried_again(trigger: Trigger, post: Post) -> None:
    lost = running(trigger)
    assert sweep().settled == 1
    lost.refresh_from_db()
    assert (lost.status, lost.error_code, lost.attempt) == ("pending", "worker_lost", 1)
    assert lost.available_at > timezone.now()


@pytest.mark.rule("worker_lost_retried")
def test_and_fails_when_it_was_the_last(trigger: Trigger, post: Post) -> None:
    lost = running(trigger, attempt=2, children=[str(uuid7())])
    sweep()
    lost.refresh_from_db()
    assert (lost.status, lost.error_code) == ("failed", "worker_lost")


def test_one_that_began_just_now_is_left_alone(trigger: Trigger, post: Post) -> None:
    fresh = running(trigger, since=timedelta(seconds=30))
    assert sweep().settled == 0
    fresh.refresh_from_db()
    assert fresh.status == "running"


@pytest.mark.parametrize(("ended", "status"), [("completed", "completed"), ("cancelled", "cancelled")])
def test_an_end_that_nobody_told_is_taken_in(trigger: Trigger, post: Post, ended: str, status: str) -> None:
    invocation = running(trigger)
    child_make(invocation, ended, finished_at=timezone.now())
    assert sweep().settled == 1
    invocation.refresh_from_db()
    assert invocation.status == status


def test_one_whose_child_is_under_way_is_left_alone(trigger: Trigger, post: Post) -> None:
    invocation = running(trigger)
    child_make(invocation, "running")
    assert (sweep().settled, sweep().timed_out) == (0, 0)
    invocation.refresh_from_db()
    assert invocation.status == "running"


@pytest.mark.rule("timeout_cancels_child")
def test_past_its_deadline_an_attempt_is_over_and_its_child_is_stopped(trigger: Trigger, post: Post) -> None:
    invocation = running(trigger, timeout_seconds=60, deadline_at=timezone.now() - timedelta(seconds=1))
    run = child_make(invocation, "running")
    in_time = running(trigger, timeout_seconds=60, deadline_at=timezone.now() + LONG_AGO)
    child_make(in_time, "running")
    assert sweep().timed_out == 1
    invocation.refresh_from_db()
    run.refresh_from_db()
    in_time.refresh_from_db()
    assert (invocation.status, invocation.error_code) == ("pending", "timeout")
    assert run.status == "cancelled"
    assert in_time.status == "running"


@pytest.mark.rule("overlap_x5")
def test_one_that_was_to_be_replaced_goes_even_if_the_tick_died(trigger: Trigger, post: Post) -> None:
    earlier = running(trigger)
    run = child_make(earlier, "running")
    later = invocation_make(trigger, waits=True, details={"replaces": [str(earlier.pk)]})
    assert sweep().replaced == 1
    earlier.refresh_from_db()
    run.refresh_from_db()
    assert (earlier.status, earlier.reason, run.status) == ("cancelled", "replaced", "cancelled")
    assert sweep().published == 1
    assert post.invocations() == [str(later.pk)]


def test_one_that_cannot_be_repaired_keeps_no_other_waiting(
    trigger: Trigger, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = running(trigger), running(trigger)
    look = ending.invocation_look

    def broken(invocation_id: UUID) -> bool:
        if invocation_id == first.pk:
            raise ValueError(invocation_id)
        return look(invocation_id)

    monkeypatch.setattr(sweeping, "invocation_look", broken)
    assert sweep().settled == 1
    second.refresh_from_db()
    assert second.status == "pending"


@pytest.mark.rule("publish_down_then_up")
def test_a_broker_that_is_away_is_borne(trigger: Trigger, worker: Instance, post: Post) -> None:
    invocation_make(trigger, scheduled_for=minute(ago=1))
    invocation_make(trigger, status="queued", enqueued_at=timezone.now() - LONG_AGO)
    post.takes = 0
    assert (sweep().published, sweep().sent_again) == (0, 0)


def test_what_is_over_is_never_touched(trigger: Trigger, worker: Instance, post: Post) -> None:
    for status in ("completed", "failed", "cancelled", "skipped", "missed"):
        invocation_make(
            trigger,
            status=status,
            available_at=timezone.now() - LONG_AGO,
            enqueued_at=timezone.now() - LONG_AGO,
            deadline_at=timezone.now() - LONG_AGO,
        )
    before = list(Invocation.objects.order_by("pk").values())
    assert sweep() == sweeping.Swept()
    assert list(Invocation.objects.order_by("pk").values()) == before


@pytest.mark.rule("F14")
def test_a_long_queue_is_not_filled_with_repetitions(trigger: Trigger, worker: Instance, post: Post) -> None:
    now = timezone.now()
    waited = [timedelta(seconds=seconds) for seconds in (61, 150, 700)]
    for since in waited:  # sent once more, the last time so long ago, as long after it was due
        invocation_make(trigger, status="queued", available_at=now - 2.5 * since, enqueued_at=now - since)
    assert sweep().sent_again == 1  # 61 s and 150 s wait for longer; nothing waits beyond ten minutes


@pytest.mark.rule("worker_lost_retried")
def test_a_retry_that_runs_is_left_alone_though_an_attempt_before_started_nothing(
    trigger: Trigger, post: Post
) -> None:
    healthy = running(trigger, attempt=2)
    child_make(healthy, "running")
    Invocation.objects.filter(pk=healthy.pk).update(attempt_started_at=timezone.now() - LONG_AGO)
    with prepared_cursor() as cursor:
        cursor.execute(sql.STRAGGLERS, sweeping._of_stragglers())
        assert cursor.fetchall() == []
    assert sweep().settled == 0
