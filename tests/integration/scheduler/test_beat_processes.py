"""Two real beats: one sends, and when it goes the other does, under the next epoch (`scheduler.md` sections 4, 11)."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest
import redis
from django.conf import settings

from config.supervisor import Stack
from scheduler.models import SchedulerState
from scheduler.services.leadership import scheduler_restart
from tests.bed.processes import StartStack
from tests.bed.signals import Signals
from workspaces.actors import Actor

pytestmark = pytest.mark.slow

BEATS = ("beat", "beat@2")
LEASE_SECONDS = 6
EXPIRES = timedelta(seconds=5)
"""Of the tick's entry: a message says when it expires, and so when it was sent."""


@dataclass(frozen=True)
class Sent:
    """One tick as it lies in the queue, which nobody reads."""

    at: datetime
    epoch: int


def ticks() -> list[Sent]:
    """All ticks sent, the earliest first."""
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        raw = [json.loads(text) for text in client.lrange("control", 0, -1)]
    found = []
    for message in raw:
        body = json.loads(base64.b64decode(message["body"]))
        if (
            message["headers"]["task"] == "scheduler.tick" and body[1]
        ):  # one without an epoch is a restart's own
            expires = datetime.fromisoformat(message["headers"]["expires"])
            found.append(Sent(expires - EXPIRES, body[1]["epoch"]))
    return sorted(found, key=lambda sent: sent.at)


def of_epoch(epoch: int) -> list[Sent]:
    return [sent for sent in ticks() if sent.epoch == epoch]


def leader(stack: Stack) -> str:
    """The name of the beat that holds the lease; blank while none does."""
    holder = SchedulerState.objects.values_list("holder", flat=True).get()
    return next((name for name in BEATS if f":{stack.pid(name)}:" in holder), "")


def epoch() -> int:
    return SchedulerState.objects.values_list("epoch", flat=True).first() or 0


@pytest.fixture
def beats(start_stack: StartStack, signals: Signals) -> Stack:
    """Two of them, one of which has sent a few ticks."""
    stack = start_stack(*BEATS, RUNSHEET_SCHEDULER_LEASE_SECONDS=str(LEASE_SECONDS))
    signals(lambda: len(ticks()) >= 3, "a beat to lead and to tick", 60)
    return stack


def gap_after(stack: Stack, go: Callable[[str], None], signals: Signals) -> timedelta:
    """How long nothing ticks when the leader goes, and that the next one ticks under the next epoch alone."""
    first, name = epoch(), leader(stack)
    go(name)
    signals(lambda: len(of_epoch(first + 1)) >= 2, "the other beat to tick", 60)
    assert leader(stack) == next(other for other in BEATS if other != name)
    last, begins = of_epoch(first)[-1].at, of_epoch(first + 1)[0].at
    assert last < begins
    return begins - last


@pytest.mark.rule("second_beat_silent", "F12")
def test_the_second_beat_sends_nothing(beats: Stack, signals: Signals) -> None:
    signals(lambda: len(ticks()) >= 8, "eight ticks", 60)
    assert all(beats.alive(name) for name in BEATS)
    sent = ticks()
    assert {tick.epoch for tick in sent} == {1}
    times = [tick.at for tick in sent[1:]]  # the first is due at once, whenever the second is
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert min(gaps) > 0.5, gaps


@pytest.mark.rule("sigkill_failover_under_lease", "F11")
def test_after_sigkill_the_other_leads_before_the_lease_has_run_out(beats: Stack, signals: Signals) -> None:
    gap = gap_after(beats, lambda name: beats.kill(name, stay_down=True), signals)
    print(f"nothing ticked for {gap.total_seconds():.2f} s after SIGKILL")  # noqa: T201 - the measure
    assert gap < timedelta(seconds=LEASE_SECONDS)


@pytest.mark.rule("sigkill_failover_under_lease", "F11", "F37")
def test_a_leader_that_stands_still_is_replaced_when_its_lease_has_run_out(
    beats: Stack, signals: Signals
) -> None:
    frozen = beats.pid(leader(beats)) or 0

    def freeze(name: str) -> None:
        os.kill(frozen, signal.SIGSTOP)

    try:
        gap = gap_after(beats, freeze, signals)
        print(f"nothing ticked for {gap.total_seconds():.2f} s, lease {LEASE_SECONDS} s")  # noqa: T201 - the measure
        assert timedelta(seconds=LEASE_SECONDS - 2.5) < gap < timedelta(seconds=LEASE_SECONDS + 4)
        stale = len(of_epoch(1))
    finally:
        os.kill(frozen, signal.SIGCONT)
    known = len(of_epoch(2))
    signals(lambda: len(of_epoch(2)) >= known + 4, "the new leader to go on", 30)
    assert len(of_epoch(1)) <= stale + 1  # what it was sending when it froze ends unread: its epoch is old
    assert epoch() == 2


@pytest.mark.rule("sigkill_failover_under_lease")
def test_after_sigterm_the_other_leads_at_once(beats: Stack, signals: Signals) -> None:
    gap = gap_after(beats, beats.stop, signals)
    print(f"nothing ticked for {gap.total_seconds():.2f} s after SIGTERM")  # noqa: T201 - the measure
    assert gap < timedelta(seconds=3)


def test_after_a_restart_they_elect_anew(beats: Stack, signals: Signals) -> None:
    done = scheduler_restart(Actor.system("test"))
    signals(lambda: epoch() > done.epoch, "a beat to lead again", 20)
    signals(lambda: len(of_epoch(done.epoch + 1)) >= 2, "ticks of the new epoch", 20)
    assert leader(beats) in BEATS


@pytest.mark.rule("health_down_when_beat_stopped", "concurrent_restart_distinct_epochs")
def test_an_install_ticks_and_goes_on_ticking_after_a_deploy(
    start_stack: StartStack, signals: Signals
) -> None:
    stack = start_stack("web", "control", "beat", RUNSHEET_DEPLOY_SECRET="of-the-deploy")
    with httpx.Client(base_url=f"{stack.url}/api/v1/scheduler", timeout=60) as http:
        signals(lambda: http.get("/health/").status_code == 200, "the first tick", 60)
        answer = http.post("/restart/", headers={"Authorization": "Bearer of-the-deploy"})
        assert answer.status_code == 200, answer.text
        told, ticked = answer.json(), SchedulerState.objects.get().total_ticks
        signals(lambda: epoch() == told["epoch"] + 1, "beat to lead again", 20)
        signals(lambda: SchedulerState.objects.get().total_ticks > ticked + 4, "ticks of the new epoch", 30)
        state = SchedulerState.objects.get()
        assert (state.consecutive_failures, state.last_tick_error) == (0, "")
        assert state.previous_holder == told["previous_holder"]
        assert http.get("/health/").content == b""
