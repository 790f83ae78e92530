"""What goes wrong in the middle of a tick: a process dies, the database refuses a row, the broker is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from config.runtime import BASE_DIR
from scheduler.models import Invocation, Trigger
from scheduler.services.firing import TickOutcome, tick
from scheduler.services.sweeping import sweep
from tests.bed.factories import workspace_make
from tests.bed.processes import addresses
from tests.bed.triggers import minute, new_year, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post
from workspaces.models import Workspace

__all__ = ["post"]

DYING = """
import os, signal
import django
django.setup()
from django.db import transaction
from scheduler.services import claiming, firing

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

{where} = die
firing.tick()
"""
"""A process that is killed in the middle of its tick."""

REFUSING = """
CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.trigger_id = '{poison}' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_one BEFORE INSERT ON scheduler_invocation FOR EACH ROW EXECUTE FUNCTION refuse_one();
"""


@pytest.fixture
def workspace(db: None) -> Workspace:
    return workspace_make()


def killed_in(where: str) -> None:
    """Another process ticks and is killed at that place."""
    env = {**os.environ, **addresses(), "DJANGO_SETTINGS_MODULE": "config.settings"}
    died = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING.format(where=where)],
        cwd=BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr


# ---- a process dies -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rule("crash_before_commit_refires_once", "advance_and_insert_atomic")
@pytest.mark.django_db(transaction=True)
def test_a_scheduler_that_dies_before_its_commit_has_done_nothing(post: Post) -> None:
    slot = minute()
    made = triggers_make(workspace_make(), 5, due=slot)
    killed_in("claiming._advance")
    assert not Invocation.objects.exists()
    assert Trigger.objects.due().count() == len(made)
    assert tick().fired == len(made)
    assert tick().fired == 0
    assert Invocation.objects.count() == len(made)


@pytest.mark.slow
@pytest.mark.rule("crash_after_commit_before_publish_swept", "F14")
@pytest.mark.django_db(transaction=True)
def test_what_a_scheduler_committed_before_it_died_is_published_by_others(post: Post) -> None:
    made = triggers_make(workspace_make(), 5, due=minute())
    killed_in("firing.invocations_publish")
    assert Invocation.objects.filter(status="pending").count() == len(made)
    assert not Trigger.objects.due().exists()
    assert sweep().published == len(made)
    assert len(set(post.invocations())) == len(made)
    assert set(Invocation.objects.values_list("status", flat=True)) == {"queued"}


# ---- the database refuses -----------------------------------------------------------------------------------------


@pytest.mark.rule("advance_and_insert_atomic")
@pytest.mark.django_db
def test_a_refused_batch_leaves_neither_rows_nor_moved_triggers(workspace: Workspace, post: Post) -> None:
    trigger = trigger_make(workspace, due=minute())
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(poison=trigger.pk))
    result = tick()
    assert (result.outcome, result.claimed, result.held) == (TickOutcome.DONE, 0, 1)
    assert not Invocation.objects.exists()
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at) == (True, minute())


@pytest.mark.rule("poison_row_isolated")
@pytest.mark.django_db
def test_a_trigger_that_the_database_refuses_is_held_back_and_no_other(
    workspace: Workspace, post: Post
) -> None:
    slot = minute(ago=3)
    poison = trigger_make(workspace, due=slot, catchup_policy="all")
    others = triggers_make(workspace, 8, due=minute())
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(poison=poison.pk))
    result = tick()
    assert (result.claimed, result.fired, result.held) == (len(others), len(others), 1)
    poison.refresh_from_db()
    assert poison.held_until is not None
    assert poison.next_run_at == slot, "its slot is not lost"
    assert poison.hold_count == 1
    assert timedelta(seconds=50) < poison.held_until - timezone.now() <= timedelta(seconds=61)
    assert tick().held == 0, "it keeps nobody behind it waiting"
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse_one ON scheduler_invocation")
    Trigger.objects.filter(pk=poison.pk).update(held_until=F("held_until") - timedelta(minutes=2))
    assert tick().fired == 1
    healed = Trigger.objects.get(pk=poison.pk)
    assert (healed.next_run_at, healed.held_until, healed.hold_count) == (new_year(), None, 0)
    assert Invocation.objects.get(trigger=poison).scheduled_for == slot


@pytest.mark.rule("poison_row_isolated")
@pytest.mark.django_db
def test_a_hold_doubles_up_to_an_hour(workspace: Workspace, post: Post) -> None:
    poison = trigger_make(workspace, due=minute())
    with connection.cursor() as cursor:
        cursor.execute(REFUSING.format(poison=poison.pk))
    held = []
    for _ in range(8):
        Trigger.objects.filter(pk=poison.pk).update(held_until=None)
        tick()
        poison.refresh_from_db()
        assert poison.held_until is not None
        held.append(round((poison.held_until - timezone.now()).total_seconds() / 60))
    assert held == [1, 2, 4, 8, 16, 32, 60, 60]


# ---- the broker is away -------------------------------------------------------------------------------------------


@pytest.mark.rule("publish_down_then_up")
@pytest.mark.django_db
def test_while_the_broker_is_away_invocations_wait_and_nothing_is_raised(
    workspace: Workspace, post: Post
) -> None:
    made = triggers_make(workspace, 10, due=minute())
    post.takes = 4
    result = tick()
    assert (result.outcome, result.fired, result.published) == (TickOutcome.DONE, 10, 4)
    assert Invocation.objects.filter(status="pending", enqueued_at=None).count() == 6
    assert tick().published == 0
    post.takes = None
    result = tick()
    assert (result.claimed, result.published) == (0, 6)
    assert len(set(post.invocations())) == len(post.invocations()) == len(made)


@pytest.mark.slow
@pytest.mark.rule("publish_down_then_up")
@pytest.mark.django_db(transaction=True)
def test_a_redis_that_is_gone_is_borne_for_real(services: object) -> None:
    valkey = services.valkey  # type: ignore[attr-defined]
    if valkey is None:
        pytest.skip("Redis is somebody else's, and cannot be stopped")
    triggers_make(workspace_make(), 3, due=minute())
    valkey.kill()
    try:
        assert (tick().published, Invocation.objects.filter(status="pending").count()) == (0, 3)
    finally:
        valkey.start()
    assert tick().published == 3
