"""Several schedulers at once, on connections of their own: nothing fires twice, nothing is lost, nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from scheduler.models import Invocation, Trigger
from scheduler.services import firing
from scheduler.services.claiming import Claimed, due_claim
from scheduler.services.firing import TickOutcome, tick
from scheduler.services.publishing import invocations_publish
from tests.bed.factories import workspace_make
from tests.bed.races import Race
from tests.bed.triggers import minute, trigger_make, triggers_make
from tests.integration.scheduler.posted import Post, post

__all__ = ["post"]

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 10_000


def drained(batch: int) -> Claimed:
    """All that one scheduler gets hold of."""
    found = Claimed()
    while (claimed := due_claim(batch)).triggers:
        found += claimed
    return found


def place_of() -> dict[str, Any]:
    """Where the test's database is, for a connection of one's own."""
    known = connection.get_connection_params()
    return {key: known[key] for key in ("dbname", "user", "password", "host", "port") if known.get(key)}


@contextmanager
def held_elsewhere(trigger: Trigger) -> Iterator[None]:
    """Another connection has the trigger's row locked while this lasts."""
    with psycopg.connect(**place_of()) as other, other.transaction():
        other.execute("SELECT id FROM scheduler_trigger WHERE id = %s FOR UPDATE", [trigger.pk])
        yield


@pytest.mark.rule("three_schedulers_zero_dups", "F12", "I7")
@pytest.mark.parametrize("batch", [7, 50])
def test_three_schedulers_share_what_is_due(two_connections: Race, batch: int) -> None:
    made = triggers_make(workspace_make(), 600, due=minute())
    outcomes = two_connections(*[lambda: drained(batch)] * 3)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sum(outcome.value.triggers for outcome in outcomes) == len(made)
    fired = Invocation.objects.values_list("trigger_id", flat=True)
    assert len(fired) == len(set(fired)) == len(made)
    assert not Trigger.objects.due().exists()


@pytest.mark.rule("10k_same_second", "F12", "I7")
def test_ten_thousand_in_the_same_second(two_connections: Race, post: Post, settings: object) -> None:
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT = 2 * MANY  # type: ignore[attr-defined]
    settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW = 2 * MANY  # type: ignore[attr-defined]
    triggers_make(workspace_make(), MANY, due=minute())

    def scheduler() -> tuple[int, int]:
        return drained(500).triggers, invocations_publish().sent

    outcomes = two_connections(scheduler, scheduler, scheduler)
    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert sum(outcome.value[0] for outcome in outcomes) == MANY
    fired = Invocation.objects.values_list("trigger_id", flat=True)
    assert len(fired) == len(set(fired)) == MANY
    assert len(post.invocations()) == len(set(post.invocations())) == MANY
    assert set(Invocation.objects.values_list("status", flat=True)) == {"queued"}


@pytest.mark.rule("skip_locked_does_not_wait")
def test_a_trigger_that_somebody_holds_keeps_no_other_waiting(transactional_db: None, post: Post) -> None:
    workspace = workspace_make()
    held = trigger_make(workspace, due=minute(ago=1))
    free = trigger_make(workspace, due=minute())
    with held_elsewhere(held):
        began = time.monotonic()
        assert tick().claimed == 1
        assert time.monotonic() - began < 1.5, "it waited for the lock, whose limit is 2 s"
        assert Invocation.objects.get().trigger == free
    assert tick().claimed == 1
    assert set(Invocation.objects.values_list("trigger_id", flat=True)) == {held.pk, free.pk}


@pytest.mark.rule("tick_overrun_no_pileup")
def test_ticks_do_not_pile_up_behind_a_slow_one(
    transactional_db: None, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_make(workspace_make(), due=minute())
    inside, go_on = threading.Event(), threading.Event()

    def slowly(**_: object) -> Claimed:
        inside.set()
        assert go_on.wait(20)
        return due_claim(500)

    monkeypatch.setattr(firing, "due_drain", slowly)
    results = []

    def first() -> None:
        results.append(tick())
        connection.close()

    slow = threading.Thread(target=first)
    slow.start()
    assert inside.wait(20)
    began = time.monotonic()
    assert [tick().outcome for _ in range(5)] == [TickOutcome.BUSY] * 5
    assert time.monotonic() - began < 1.0
    go_on.set()
    slow.join(20)
    assert [result.outcome for result in results] == [TickOutcome.DONE]
    assert Invocation.objects.count() == 1


@pytest.mark.rule("advance_and_insert_atomic")
def test_a_batch_is_all_or_nothing_for_whoever_looks(two_connections: Race) -> None:
    made = triggers_make(workspace_make(), 300, due=minute())
    seen: list[tuple[int, int]] = []
    done = threading.Event()

    def claim() -> None:
        drained(25)
        done.set()

    def look() -> None:
        while not done.is_set():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT (SELECT count(*) FROM scheduler_invocation),"
                    " (SELECT count(*) FROM scheduler_trigger WHERE next_run_at > now())"
                )
                seen.append(cursor.fetchone())

    outcomes = two_connections(claim, look)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert all(fired == moved for fired, moved in seen), seen
    assert Invocation.objects.count() == len(made)
