"""Triggers on real processes: several beats and workers killed at random, a beat that was away (F11, F12, I7)."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Count
from django.utils import timezone

from scheduler.models import Invocation, SchedulerState, Trigger
from scheduler.states import IN_FLIGHT
from tests.bed.factories import workspace_make
from tests.bed.signals import wait_for
from tests.bed.triggers import minute, trigger_make, triggers_make
from workflows.models import Run
from workspaces.models import Workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MANY = int(os.environ.get("CHAOS_TRIGGERS") or 2_000)
"""Triggers that are due in the same second."""

AWAY_MINUTES = int(os.environ.get("CHAOS_AWAY_MINUTES") or 2)
"""For so long, by the clock, nothing ticks and nothing works."""

BEATS = ("beat@1", "beat@2", "beat@3")
WORKERS = ("worker@1", "worker@2", "worker@3")
EVERYWHERE = {
    "WORKER_QUEUES": "control,interactive,rows",
    "WORKER_SLOTS": "4",
    "RUNSHEET_SCHEDULER_LEASE_SECONDS": "5",
}
"""Each worker serves all queues, so that each of them ticks; a dead leader is missed soon."""

KILLS = 8
SECONDS_BETWEEN = (1.0, 4.0)
START_SECONDS = 240.0
"""Six processes at once, on a machine that may be busy."""
PATIENCE_SECONDS = 240.0 + MANY / 5


def ticks_come() -> bool:
    """Beats and workers are up."""
    return SchedulerState.objects.filter(total_ticks__gt=2).exists()


def fired() -> int:
    """Invocations that are over."""
    return Invocation.objects.exclude(status__in=IN_FLIGHT).count()


def kill_some(stack: Any, chance: random.Random) -> Counter[str]:
    """SIGKILL one process after the other, at moments nobody can foresee; the supervisor starts each again."""
    killed: Counter[str] = Counter()
    for _ in range(KILLS):
        until = time.monotonic() + chance.uniform(*SECONDS_BETWEEN)
        wait_for(lambda until=until: time.monotonic() > until, "the next kill", 10)  # type: ignore[misc]
        name = chance.choice(BEATS + WORKERS)
        if stack.alive(name):
            stack.kill(name)
            killed[name] += 1
    return killed


@pytest.mark.rule("F12", "F1", "I7", "three_schedulers_zero_dups", "10k_same_second")
def test_whoever_is_killed_each_slot_runs_once(
    start_stack: Any, invariants_hold: Callable[..., None], seed: int
) -> None:
    workspace = workspace_make()
    stack = start_stack(*BEATS, *WORKERS, **EVERYWHERE)
    wait_for(ticks_come, "ticks", START_SECONDS)
    slot = minute()
    triggers_make(workspace, MANY, due=slot, max_retries=10, retry_delay_seconds=10)
    killed = kill_some(stack, random.Random(seed))
    wait_for(lambda: fired() >= MANY, f"{MANY} to be over after {dict(killed)}", PATIENCE_SECONDS)
    per_trigger = Invocation.objects.values("trigger").annotate(n=Count("id"))
    assert set(per_trigger.values_list("n", flat=True)) == {1}
    assert per_trigger.count() == MANY
    assert set(Invocation.objects.values_list("scheduled_for", flat=True)) == {slot}
    told = Counter(Invocation.objects.values_list("status", "error_code"))
    assert told == {("completed", ""): MANY}, told
    runs = Counter(Run.objects.filter(owner_kind="invocation").values_list("owner_id", flat=True))
    assert set(runs.values()) == {1}, "an invocation ran twice"
    assert len(runs) == MANY
    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}
    assert not Trigger.objects.due().exists()
    invariants_hold()


@pytest.mark.rule("F11", "catchup_skip", "catchup_latest", "catchup_all", "deploy_gap_minute_boundary_runs")
def test_after_a_beat_that_was_away_each_missed_slot_has_its_row(
    start_stack: Any, invariants_hold: Callable[..., None]
) -> None:
    workspace = workspace_make()
    stack = start_stack("worker@1", "beat@1", **EVERYWHERE)
    wait_for(ticks_come, "ticks", START_SECONDS)
    stack.stop("beat@1")
    wait_for(no_tick_for_a_while(), "the ticks to cease", 30)
    first = minute(ago=10)  # as if it had been away for ten minutes
    made = one_of_each_policy(workspace, first)
    stack.start("beat@1")
    caught_up(made, first, late=10)
    invariants_hold()


@pytest.mark.rule("F11", "catchup_skip", "catchup_latest", "catchup_all", "deploy_gap_minute_boundary_runs")
def test_after_beat_and_workers_were_away_by_the_clock_each_missed_slot_has_its_row(
    start_stack: Any, invariants_hold: Callable[..., None]
) -> None:
    workspace = workspace_make()
    stack = start_stack("worker@1", "beat@1", **EVERYWHERE)
    wait_for(ticks_come, "ticks", START_SECONDS)
    stack.stop("beat@1")
    stack.stop("worker@1")
    first = minute() + timedelta(minutes=1)
    made = one_of_each_policy(workspace, first)
    back = first + timedelta(minutes=AWAY_MINUTES, seconds=20)
    wait_for(lambda: timezone.now() >= back, "the outage to be over", 60 * AWAY_MINUTES + 120)
    assert not Invocation.objects.exists()
    stack.start("worker@1")
    stack.start("beat@1")
    caught_up(made, first, late=AWAY_MINUTES)
    invariants_hold()


def one_of_each_policy(workspace: Workspace, first: datetime) -> dict[str, Trigger]:
    """Triggers of every minute from then on, by how they catch up."""
    return {
        policy: trigger_make(
            workspace, due=first, cron_expression="* * * * *", catchup_policy=policy, overlap_policy="allow"
        )
        for policy in ("skip", "latest", "all")
    }


def caught_up(made: dict[str, Trigger], first: datetime, *, late: int) -> None:
    """Look at each trigger's rows once nothing is due or under way (``all`` takes a second for each slot)."""
    wait_for(lambda: not Trigger.objects.due().exists(), "the slots to be caught up", START_SECONDS)
    wait_for(lambda: not Invocation.objects.filter(status__in=IN_FLIGHT).exists(), "all to be over", 120)
    for policy, trigger in made.items():
        check_every_slot(trigger, policy, first, late=late)


def no_tick_for_a_while() -> Callable[[], bool]:
    """A condition: nothing has ticked for three seconds."""
    seen: list[tuple[int, float]] = []

    def look() -> bool:
        ticks = SchedulerState.objects.get().total_ticks
        if not seen or seen[-1][0] != ticks:
            seen.append((ticks, time.monotonic()))
        return time.monotonic() - seen[-1][1] > 3

    return look


def check_every_slot(trigger: Trigger, policy: str, first: datetime, *, late: int) -> None:
    """Each slot since then has its row: it ran, or the one row that counts the missed holds it.

    Of the first ``late`` ones, which all are minutes old, only ``all`` runs any.
    """
    trigger.refresh_from_db()
    assert trigger.next_run_at is not None
    rows = Invocation.objects.filter(trigger=trigger)
    ran = set(rows.filter(status="completed").values_list("scheduled_for", flat=True))
    missed = sum(row.details["count"] for row in rows.filter(status="missed"))
    passed = (trigger.next_run_at - first) // timedelta(minutes=1)
    assert len(ran) + missed == passed, (policy, ran, missed)
    assert len(rows) == len(ran) + rows.filter(status="missed").count()
    old = [slot for slot in ran if slot < first + timedelta(minutes=late)]
    assert len(old) == {"skip": 0, "latest": 0, "all": late}[policy], (policy, old)
