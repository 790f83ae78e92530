"""What `manage.py verify_invariants` asks about triggers: every seeded violation is found, a quiet install has none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from scheduler.models import Trigger
from scheduler.models.invariants_sql import CHECKS
from scheduler.services.firing import tick
from scheduler.services.verifying import messages_expected
from tables.services.verifying import invariants_verify
from tests.bed.factories import workspace_make
from tests.bed.triggers import child_make, invocation_make, minute, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post

__all__ = ["post"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("I7")]

LONG_AGO = timedelta(minutes=10)


def slot_twice(trigger: Trigger) -> None:
    for n in range(2):
        invocation_make(
            trigger, status="completed", scheduled_for=minute(), idempotency_key=f"sched:{trigger.pk}:1:{n}"
        )


def trigger_overdue(trigger: Trigger) -> None:
    Trigger.objects.update(next_run_at=timezone.now() - LONG_AGO)


def childless(trigger: Trigger) -> None:
    invocation_make(trigger, status="running", attempt=1, attempt_started_at=timezone.now() - LONG_AGO)


def child_over(trigger: Trigger) -> None:
    invocation = invocation_make(trigger, status="running", attempt=1, attempt_started_at=timezone.now())
    child_make(invocation, "completed", finished_at=timezone.now())


def child_left(trigger: Trigger) -> None:
    child_make(invocation_make(trigger, status="cancelled", attempt=1), "waiting")


SEEDS: dict[str, Callable[[Trigger], None]] = {
    seed.__name__: seed for seed in (slot_twice, trigger_overdue, childless, child_over, child_left)
}


def violated() -> set[str]:
    """Names of the checks that something breaks."""
    found = invariants_verify(grace_seconds=0, look_again_seconds=0)
    return {finding.name for finding in found if finding.verdict != "holds"}


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_what_is_amiss_is_found(transactional_db: None, name: str) -> None:
    trigger = trigger_make(workspace_make())
    assert violated() == set()
    SEEDS[name](trigger)
    assert violated() == {name}


def test_a_missing_fence_is_found(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'scheduler_invocation'::regclass AND contype = 'u'"
        )
        (name,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE scheduler_invocation DROP CONSTRAINT {name}")
        try:
            assert violated() == {"slot_fence"}
        finally:
            cursor.execute(f"ALTER TABLE scheduler_invocation ADD CONSTRAINT {name} UNIQUE (idempotency_key)")


def test_every_check_has_its_seed() -> None:
    assert {check.name for check in CHECKS} == {*SEEDS, "slot_fence"}


def test_an_edited_trigger_may_fire_a_slot_again(transactional_db: None) -> None:
    trigger = trigger_make(workspace_make())
    for revision in (1, 2):
        key = f"sched:{trigger.pk}:{revision}:7"
        invocation_make(trigger, status="completed", scheduled_for=minute(), idempotency_key=key)
    assert violated() == set()


def test_triggers_at_work_break_nothing(transactional_db: None, post: Post) -> None:
    triggers_make(workspace_make(), 20, due=timezone.now())
    assert violated() == set()
    tick()
    assert violated() == set()
    assert messages_expected() == 40
