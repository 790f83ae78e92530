"""One beat in the test's own hand: when it sends, and what it lets go of (`scheduler.md` sections 4 and 10)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.db import OperationalError
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from config.celery import app
from scheduler import beat
from scheduler.beat import RENEW_SECONDS, STANDBY_SECONDS, LeaderDatabaseScheduler, holder_name, is_gone
from scheduler.models import SchedulerState
from scheduler.services.leadership import lease_renew, scheduler_restart
from workflows.services.instances import process_start
from workspaces.actors import Actor

pytestmark = pytest.mark.django_db(transaction=True)

TICK = "runsheet.scheduler.tick"


class Clock:
    """In place of ``time``: it goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(beat, "time", made)
    return made


@pytest.fixture
def sent() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What went to the broker, as (task, keyword arguments)."""
    messages: list[tuple[str, dict[str, Any]]] = []

    def note(sender: str, body: Any, **_: Any) -> None:
        messages.append((sender, body[1]))

    before_task_publish.connect(note)
    yield messages
    before_task_publish.disconnect(note)


@pytest.fixture
def make(transactional_db: None, clock: Clock) -> Iterator[Callable[..., LeaderDatabaseScheduler]]:
    """Beats that end with the test."""
    app.loader.import_default_modules()
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(days=1))
    made: list[LeaderDatabaseScheduler] = []

    def one(*, lazy: bool = False) -> LeaderDatabaseScheduler:
        scheduler = LeaderDatabaseScheduler(app=app, lazy=lazy)
        made.append(scheduler)
        return scheduler

    yield one
    for scheduler in made:
        scheduler._finalize.cancel()
        scheduler._dirty.clear()
        scheduler.epoch = 0
        scheduler.close()


def state() -> SchedulerState:
    return SchedulerState.objects.get()


def another_leads() -> int:
    SchedulerState.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    return lease_renew("another").epoch


def rounds(scheduler: LeaderDatabaseScheduler, most: int = 20) -> None:
    """Let it send all that is due."""
    for _ in range(most):
        if scheduler.tick() > 0:
            return


@pytest.mark.rule("second_beat_silent", "F12")
def test_of_two_beats_one_sends_and_the_other_waits(make: Any, sent: list[Any]) -> None:
    leader, standby = make(), make()
    rounds(leader)
    assert state().holder == leader.holder
    known = {"scheduler.tick", "scheduler.sweep", "tables.reap", "workflows.wake"}
    assert known <= {task for task, _ in sent}
    before = len(sent)
    assert [standby.tick() for _ in range(3)] == [STANDBY_SECONDS] * 3
    assert len(sent) == before


def test_a_tick_carries_the_epoch_and_nothing_else_does(make: Any, sent: list[Any]) -> None:
    scheduler_restart(Actor.system("test"))
    sent.clear()
    leader = make()
    rounds(leader)
    told = dict(sent)
    assert told["scheduler.tick"] == {"epoch": 2}
    assert told["tables.reap"] == {}
    PeriodicTask.objects.filter(name=TICK).update(last_run_at=timezone.now() - timedelta(hours=1))
    scheduler_restart(Actor.system("test"))
    sent.clear()
    leader._renew_at = 0.0
    rounds(leader)
    assert dict(sent)["scheduler.tick"] == {"epoch": 4}


def test_the_lease_is_renewed_every_two_seconds(
    make: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    real = lease_renew
    monkeypatch.setattr(beat, "lease_renew", lambda holder: (asked.append(clock.now), real(holder))[1])
    leader = make()
    for _ in range(60):
        leader.tick()
        clock.now += 0.1
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert len(asked) == 3
    assert all(gap == pytest.approx(RENEW_SECONDS, abs=0.11) for gap in gaps)


def test_a_standby_leads_within_a_second_of_a_release(make: Any, sent: list[Any]) -> None:
    leader, standby = make(), make()
    rounds(leader)
    standby.tick()
    leader.close()
    assert (state().holder, state().lease_until) == ("", None)
    sent.clear()
    rounds(standby)
    assert state().holder == standby.holder
    assert dict(sent).get("scheduler.tick", {"epoch": 2}) == {"epoch": 2}


def test_who_lost_the_lease_unawares_falls_silent_at_the_next_renewal(
    make: Any, clock: Clock, sent: list[Any]
) -> None:
    leader = make()
    rounds(leader)
    another_leads()
    clock.now += RENEW_SECONDS
    sent.clear()
    assert leader.tick() == STANDBY_SECONDS
    assert (sent, leader.epoch, leader._dirty) == ([], 0, set())
    assert state().holder == "another"


def test_who_gains_the_lease_reads_anew_what_others_sent(make: Any, clock: Clock, sent: list[Any]) -> None:
    standby = make()
    lease_renew("another")
    standby.tick()
    PeriodicTask.objects.update(last_run_at=timezone.now())  # so says the leader, who is gone now
    SchedulerState.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert standby.tick() > 0
    assert standby.epoch == 2
    assert sent == []


def test_without_the_database_it_leads_until_the_lease_has_run_out(
    make: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = make()
    leader.tick()

    def away(holder: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(beat, "lease_renew", away)
    clock.now += 14.9
    assert leader._leads()
    clock.now += 0.2
    assert leader.tick() == STANDBY_SECONDS
    monkeypatch.undo()


def test_a_signal_in_the_middle_of_a_pass_lets_go_after_it(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = make()
    rounds(leader)
    real = LeaderDatabaseScheduler.apply_entry

    def struck(self: LeaderDatabaseScheduler, *args: Any, **kwargs: Any) -> None:
        self.close()  # as Celery's handler of SIGTERM does, wherever it strikes
        assert state().holder == self.holder
        raise SystemExit

    monkeypatch.setattr(LeaderDatabaseScheduler, "apply_entry", struck)
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(days=1))
    PeriodicTasks.update_changed()
    with pytest.raises(SystemExit):
        rounds(leader)
    monkeypatch.setattr(LeaderDatabaseScheduler, "apply_entry", real)
    leader.close()
    assert state().holder == ""


def test_a_polite_end_notes_what_was_sent(make: Any) -> None:
    leader = make()
    rounds(leader)
    leader.close()
    sent_at = PeriodicTask.objects.get(name=TICK).last_run_at
    assert sent_at is not None
    assert timezone.now() - sent_at < timedelta(minutes=1)


def test_one_that_only_describes_itself_never_asks_for_the_lease(make: Any) -> None:
    lazy = make(lazy=True)
    lazy.close()
    assert not SchedulerState.objects.exists()


@pytest.mark.rule("sigkill_failover_under_lease")
def test_a_dead_leader_of_this_host_is_not_waited_for(make: Any) -> None:
    dead = subprocess.Popen(["true"])
    began = process_start(dead.pid)
    dead.wait()
    host, _, _, boot, _ = holder_name().rsplit(":", 4)
    lease_renew(f"{host}:{dead.pid}:{began}:{boot}:aa")
    standby = make()
    standby.tick()
    assert (state().holder, state().epoch) == (standby.holder, 2)


def test_a_leader_that_may_live_is_waited_for() -> None:
    host, pid, began, boot, _ = holder_name().rsplit(":", 4)
    assert not is_gone(holder_name())
    assert not is_gone(f"elsewhere:{pid}:1:{boot}:aa")
    assert not is_gone(f"{host}:{pid}:1:otherboot:aa")
    assert not is_gone("")
    assert is_gone(f"{host}:{pid}:{int(began) + 1}:{boot}:aa")
