"""The lease, the epoch and the record of ticks (`scheduler.md` section 4)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings

from scheduler.engine.health import HealthReason, HealthStatus
from scheduler.errors import TickUnsent
from scheduler.models import Invocation, SchedulerState
from scheduler.services import leadership
from scheduler.services.firing import TickOutcome, TickResult, tick
from scheduler.services.leadership import (
    health,
    lease_release,
    lease_renew,
    scheduler_restart,
    tick_record,
)
from tests.bed.factories import workspace_make
from tests.bed.races import Race
from tests.bed.triggers import minute, trigger_make
from tests.integration.scheduler.posted import Post, post
from workspaces.actors import Actor
from workspaces.models import AuditEvent

__all__ = ["post"]

pytestmark = pytest.mark.django_db

ACTOR = Actor.system("test")
FAILED = TickResult(TickOutcome.FAILED, error="OperationalError: gone")
DONE = TickResult(TickOutcome.DONE, claimed=3, backlog_due=2, max_lateness_ms=700, claim_seconds=0.1)


def state() -> SchedulerState:
    return SchedulerState.objects.get()


def lease_runs_out() -> None:
    SchedulerState.objects.update(lease_until=Now() - timedelta(seconds=1))


@pytest.mark.rule("second_beat_silent", "F12")
def test_one_holds_the_lease_and_keeps_it_under_one_epoch() -> None:
    first = lease_renew("a")
    assert (first.held, first.epoch) == (True, 1)
    assert not lease_renew("b").held
    assert lease_renew("a") == first
    assert state().holder == "a"


def test_a_lease_that_ran_out_is_taken_under_a_new_epoch() -> None:
    lease_renew("a")
    lease_runs_out()
    assert lease_renew("b").epoch == 2
    assert not lease_renew("a").held
    assert (state().holder, state().previous_holder) == ("b", "a")


def test_a_holder_that_comes_back_before_anybody_took_it_goes_on_as_it_was() -> None:
    lease_renew("a")
    lease_runs_out()
    assert lease_renew("a").epoch == 1


def test_a_released_lease_is_free_at_once_and_only_its_holder_releases_it() -> None:
    lease_renew("a")
    assert not lease_release("b")
    assert lease_release("a")
    assert not lease_release("a")
    assert lease_renew("b").epoch == 2
    assert state().previous_holder == "a"


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("second_beat_silent")
def test_of_two_who_ask_at_once_one_leads(two_connections: Race) -> None:
    outcomes = two_connections(lambda: lease_renew("a"), lambda: lease_renew("b"))
    assert sorted(outcome.value.held for outcome in outcomes) == [False, True]
    assert state().epoch == 1


@pytest.mark.rule("stale_epoch_tick_exits")
def test_a_tick_of_an_older_epoch_ends_unread(post: Post) -> None:
    trigger_make(workspace_make(), due=minute())
    old = lease_renew("a").epoch
    scheduler_restart(ACTOR)
    before = state()
    assert tick(epoch=old).outcome is TickOutcome.SUPERSEDED
    assert not Invocation.objects.exists()
    assert state().total_ticks == before.total_ticks
    assert tick(epoch=before.epoch).claimed == 1


@pytest.mark.rule("stale_epoch_tick_exits")
def test_a_tick_under_no_epoch_or_the_present_one_fires(post: Post) -> None:
    epoch = lease_renew("a").epoch
    for asked in (None, epoch, epoch + 1):
        trigger_make(workspace_make(), due=minute())
        assert tick(epoch=asked).claimed == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("concurrent_restart_distinct_epochs")
def test_restarts_at_once_have_epochs_of_their_own(two_connections: Race, post: Post) -> None:
    lease_renew("a")
    outcomes = two_connections(*[lambda: scheduler_restart(ACTOR) for _ in range(6)])
    told = sorted((outcome.value.previous_epoch, outcome.value.epoch) for outcome in outcomes)
    assert told == [(epoch, epoch + 1) for epoch in range(1, 7)]
    assert state().epoch == 7


def test_a_restart_frees_the_lease_and_sends_a_tick_and_a_sweep_now(post: Post) -> None:
    lease_renew("a")
    SchedulerState.objects.update(consecutive_failures=7)
    done = scheduler_restart(ACTOR)
    assert (done.epoch, done.previous_epoch, done.holder, done.previous_holder) == (2, 1, "", "a")
    assert post.messages == [("scheduler.tick", []), ("scheduler.sweep", [])]
    assert (state().holder, state().lease_until, state().consecutive_failures) == ("", None, 0)
    entry = AuditEvent.objects.get(action="scheduler.restarted")
    assert (entry.before, entry.after) == ({"epoch": 1, "holder": "a"}, {"epoch": 2})
    assert lease_renew("a").epoch == 3


def test_a_restart_without_a_broker_says_so_and_its_epoch_stands(post: Post) -> None:
    post.takes = 0
    with pytest.raises(TickUnsent):
        scheduler_restart(ACTOR)
    assert state().epoch == 1


def test_a_tick_is_recorded_and_a_good_one_ends_a_row_of_failures() -> None:
    tick_record(FAILED)
    tick_record(FAILED)
    assert (state().consecutive_failures, state().last_tick_error) == (2, FAILED.error)
    tick_record(DONE)
    found = state()
    assert (found.consecutive_failures, found.last_tick_error, found.total_ticks) == (0, "", 3)
    assert (found.last_claimed, found.backlog_due, found.max_lateness_ms) == (3, 2, 700)
    assert found.last_tick_finished_at is not None
    assert found.last_tick_started_at is not None


@pytest.mark.parametrize("outcome", [TickOutcome.SUPERSEDED, TickOutcome.BUSY])
def test_what_proves_nothing_is_not_recorded(outcome: TickOutcome) -> None:
    tick_record(DONE)
    before = state()
    tick_record(TickResult(outcome))
    assert state().last_tick_finished_at == before.last_tick_finished_at
    assert state().total_ticks == 1


@pytest.mark.rule("five_failures_down_and_release")
def test_after_five_failures_it_is_down_and_the_lease_is_free(caplog: pytest.LogCaptureFixture) -> None:
    lease_renew("a")
    tick_record(DONE)
    for _ in range(4):
        tick_record(FAILED)
    assert (health().status, state().holder) == (HealthStatus.DEGRADED, "a")
    with caplog.at_level(logging.CRITICAL):
        tick_record(FAILED)
    assert health().status is HealthStatus.DOWN
    assert health().reasons == (HealthReason.TICK_FAILING,)
    assert (state().holder, state().previous_holder) == ("", "a")
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert lease_renew("b").epoch == 2


@pytest.mark.rule("five_failures_down_and_release")
def test_a_leader_that_only_fails_keeps_losing_the_lease() -> None:
    for _ in range(10):
        lease_renew("zombie")
        tick_record(FAILED)
    assert state().holder == ""
    assert state().epoch == 2


def test_a_database_that_is_away_does_not_break_the_tick(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(result: TickResult) -> tuple[int, str]:
        raise OperationalError("gone")

    monkeypatch.setattr(leadership, "_recorded", away)
    tick_record(DONE)
    assert "could not be recorded" in caplog.text


def test_the_clock_of_the_lease_is_the_databases(settings: Settings) -> None:
    settings.RUNSHEET_SCHEDULER_LEASE_SECONDS = 20
    lease_renew("a")
    left = SchedulerState.objects.annotate(left=F("lease_until") - Now()).get().left
    assert timedelta(seconds=19) < left <= timedelta(seconds=20)
