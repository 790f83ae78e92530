"""Attempts that fail: tried again as rows with an instant, timed out by the clock, given up in the end (§5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.db.models.functions import Now

from scheduler.models import Invocation, Trigger
from scheduler.models.invariants_sql import CHILD_LEFT
from scheduler.selectors import database_now
from scheduler.services.claiming import due_claim
from scheduler.services.ending import invocation_time_out
from scheduler.services.running import invocation_run
from scheduler.states import Source
from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.bed.triggers import invocation_make, trigger_make
from tests.integration.scheduler.firings import (
    acting,
    again,
    calling_trigger,
    earlier,
    fresh,
    ran,
    run_of,
    runs_of,
    status,
)
from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass
from workflows.errors import RunSuperseded
from workflows.models import Run
from workflows.services.decisions import Decision, run_decide
from workflows.services.resuming import run_resume

__all__ = ["engine", "probe", "worker"]


def failing(probe: Probe, error_class: ErrorClass = ErrorClass.UPSTREAM) -> None:
    """From now on each call fails like this."""

    def does(_tag: Any, _context: object) -> Any:
        raise BlockFailed.because(error_class, "broken", "It is broken.")

    probe.does = does


def mended(probe: Probe) -> None:
    """From now on each call succeeds."""
    probe.does = lambda tag, _context: tag


def deliver(engine: Engine) -> None:
    """The first message, and only that."""
    name, args = engine.messages.popleft()
    current_app.tasks[name](*args)


def delay_of(invocation: Invocation) -> float:
    """Seconds from now, by the database's clock, until it may be tried again."""
    return (fresh(invocation).available_at - database_now()).total_seconds()


@pytest.mark.rule("backoff_first_delay_is_base")
def test_the_first_retry_comes_after_the_base_and_then_it_doubles(
    engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    failing(probe)
    invocation = ran(calling_trigger(engine, max_retries=3, retry_delay_seconds=60))
    for delay in (60, 120, 240):
        engine.work()
        waiting = fresh(invocation)
        assert (waiting.status, waiting.error_code) == ("pending", "child_failed")
        assert "It is broken." in waiting.error_message
        assert delay - 5 < delay_of(invocation) <= delay
        assert waiting.trigger.last_status == "pending"
        again(invocation)
    engine.work()
    ended = fresh(invocation)
    assert (ended.status, ended.attempt, len(ended.children)) == ("failed", 4, 4)
    assert ended.trigger.last_status == "failed"


@pytest.mark.rule("jitter_bounds")
def test_chance_lengthens_a_delay_by_three_tenths_at_most(
    engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(probe)
    for chance, longest in ((0.0, 100), (0.5, 115), (1.0, 130)):
        monkeypatch.setattr("random.random", lambda chance=chance: chance)
        invocation = ran(calling_trigger(engine, retry_delay_seconds=100))
        engine.work()
        assert longest - 5 < delay_of(invocation) <= longest


@pytest.mark.rule("cap_3600")
def test_a_delay_is_an_hour_at_most(engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    failing(probe)
    invocation = invocation_make(calling_trigger(engine, max_retries=10, retry_delay_seconds=3600))
    Invocation.objects.filter(pk=invocation.pk).update(attempt=8)
    invocation_run(invocation.pk)
    engine.work()
    assert 3595 < delay_of(invocation) <= 3600


@pytest.mark.rule("non_retryable_no_retry")
def test_a_fault_that_stays_is_not_tried_again(engine: Engine, probe: Probe) -> None:
    failing(probe, ErrorClass.VALIDATION)
    invocation = ran(calling_trigger(engine, max_retries=10))
    engine.work()
    ended = fresh(invocation)
    assert (ended.status, ended.attempt, ended.error_code) == ("failed", 1, "broken")


@pytest.mark.rule("retries_keep_started_at")
def test_a_retry_is_the_same_invocation_since_its_first_attempt(engine: Engine, probe: Probe) -> None:
    failing(probe)
    trigger = calling_trigger(engine, payload={"n": 1})
    invocation = ran(trigger)
    engine.work()
    Trigger.objects.filter(pk=trigger.pk).update(payload={"n": 2})
    earlier(invocation, 600, "started_at", "attempt_started_at")
    began = fresh(invocation).started_at
    mended(probe)
    second = again(invocation)
    assert (second.started_at, second.attempt) == (began, 2)
    assert second.attempt_started_at > began
    assert (second.error_code, second.error_message) == ("", "")
    assert [run.idempotency_key[-2:] for run in runs_of(invocation)] == [":1", ":2"]
    assert run_of(invocation).input["payload"] == {"n": 1}
    engine.work()
    assert status(invocation) == "completed"


def test_a_retry_is_not_had_before_its_time(engine: Engine, probe: Probe) -> None:
    failing(probe)
    invocation = ran(calling_trigger(engine))
    engine.work()
    invocation_run(invocation.pk)
    assert (status(invocation), len(runs_of(invocation))) == ("pending", 1)


@pytest.mark.rule("W22")
@pytest.mark.parametrize("retried", [False, True])
def test_a_run_is_not_resumed_beside_a_later_attempt(engine: Engine, probe: Probe, retried: bool) -> None:
    failing(probe)
    invocation = ran(calling_trigger(engine, max_retries=1))
    engine.work()
    first = run_of(invocation)
    if retried:
        again(invocation)
    with pytest.raises(RunSuperseded):
        run_resume(run_id=first.pk, actor=acting(None))
    assert engine.fresh(first).status == "failed"
    Invocation.objects.filter(pk=invocation.pk).update(available_at=Now())
    invocation_run(invocation.pk)
    engine.work()
    assert (status(invocation), fresh(invocation).attempt) == ("failed", 2)
    mended(probe)
    run_resume(run_id=first.pk, actor=acting(None))  # nothing takes its place any more
    assert not verify_left()
    engine.work()
    assert (engine.fresh(first).status, status(invocation)) == ("completed", "failed")


def verify_left() -> list[str]:
    """Runs of which I7 says that nobody waits for them."""
    with connection.cursor() as cursor:
        cursor.execute(CHILD_LEFT, {"grace": -1})
        return [row[0] for row in cursor.fetchall()]


def test_a_run_of_an_earlier_attempt_that_is_resumed_counts_for_nothing(
    engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(probe)
    invocation = ran(calling_trigger(engine))
    engine.work()
    first = run_of(invocation)
    mended(probe)
    with monkeypatch.context() as patch:  # resumed by a version that did not look
        patch.setattr("workflows.services.resuming.owner_requeue", lambda _kind: None)
        run_resume(run_id=first.pk, actor=acting(None))
    resumed = engine.messages.pop()
    again(invocation)
    engine.messages.appendleft(resumed)
    deliver(engine)
    assert (engine.fresh(first).status, status(invocation)) == ("completed", "running")
    engine.work()
    assert (status(invocation), len(fresh(invocation).children)) == ("completed", 2)


@pytest.mark.rule("timeout_cancels_child")
def test_an_attempt_past_its_deadline_is_stopped_and_tried_again(engine: Engine, probe: Probe) -> None:
    invocation = ran(calling_trigger(engine, timeout_seconds=30, max_retries=1))
    assert fresh(invocation).deadline_at - fresh(invocation).attempt_started_at == timedelta(seconds=30)
    assert not invocation_time_out(invocation.pk)
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    late = fresh(invocation)
    assert (late.status, late.error_code, late.deadline_at) == ("pending", "timeout", None)
    assert run_of(invocation).status == "cancelled"
    assert again(invocation).deadline_at is not None
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    assert not invocation_time_out(invocation.pk)
    ended = fresh(invocation)
    assert (ended.status, ended.error_code, ended.attempt) == ("failed", "timeout", 2)
    assert [run.status for run in runs_of(invocation)] == ["cancelled", "cancelled"]
    engine.work()
    assert probe.counts() == {}


@pytest.mark.rule("W15", "timeout_cancels_child")
def test_what_only_a_person_may_repeat_is_neither_stopped_nor_repeated_by_the_clock(
    engine: Engine, probe: Probe
) -> None:
    flow = engine.workflow([counting("mail", effect="unsafe")])
    trigger = trigger_make(engine.workspace, workflow=flow, timeout_seconds=30, max_retries=3)
    invocation = ran(trigger)
    engine.dies_at_commit(2)
    engine.work()
    engine.recover()
    engine.work()
    assert run_of(invocation).status == "needs_decision"
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    ended = fresh(invocation)
    assert (ended.status, ended.error_code, ended.attempt) == ("failed", "unknown_outcome", 1)
    assert "decision" in ended.error_message
    assert run_of(invocation).status == "needs_decision"
    run_decide(run_id=run_of(invocation).pk, step_key="mail", decision=Decision.DONE, actor=acting(None))
    engine.work()
    assert (run_of(invocation).status, status(invocation)) == ("completed", "failed")
    assert probe.counts() == {"mail": 1}


@pytest.mark.rule("W15", "timeout_cancels_child")
def test_nor_is_what_a_run_below_it_asks(engine: Engine, probe: Probe) -> None:
    invocation = ran(calling_trigger(engine, timeout_seconds=30, max_retries=3))
    parent = run_of(invocation)
    for stands in ("running", "waiting"):
        Run.objects.filter(pk=parent.pk).update(status=stands)
    below = Run.objects.create(
        workspace_id=parent.workspace_id,
        workflow_id=parent.workflow_id,
        version_id=parent.version_id,
        status="needs_decision",
        owner_kind="run",
        owner_id=parent.pk,
    )
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    assert (status(invocation), fresh(invocation).error_code) == ("failed", "unknown_outcome")
    assert (run_of(invocation).status, engine.fresh(below).status) == ("waiting", "needs_decision")


@pytest.mark.rule("timeout_cancels_child")
def test_a_deadline_that_passes_beside_the_end_changes_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation = ran(calling_trigger(engine, timeout_seconds=30))
    with monkeypatch.context() as patch:
        patch.setattr("workflows.services.ledger.owner_ended", lambda _kind: None)
        engine.work()
    earlier(invocation, 31, "deadline_at")
    assert invocation_time_out(invocation.pk)
    assert status(invocation) == "completed"


def test_without_a_timeout_an_attempt_has_no_deadline(engine: Engine) -> None:
    assert ran(calling_trigger(engine, timeout_seconds=None)).deadline_at is None


def test_failures_in_a_row_switch_a_trigger_off(engine: Engine, probe: Probe) -> None:
    failing(probe, ErrorClass.VALIDATION)
    trigger = calling_trigger(engine, pause_on_failures=3, overlap_policy="allow")
    waiting = invocation_make(trigger)
    for count in (1, 2):
        ran(trigger)
        engine.work()
        trigger.refresh_from_db()
        assert (trigger.consecutive_failures, trigger.enabled) == (count, True)
    ran(trigger, source=Source.MANUAL)
    engine.work()
    trigger.refresh_from_db()
    assert (trigger.consecutive_failures, trigger.enabled) == (2, True)
    ran(trigger)
    engine.work()
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at, trigger.disabled_reason) == (
        False,
        None,
        "too_many_failures",
    )
    assert "3 invocations" in trigger.schedule_error
    assert status(waiting) == "cancelled"


def test_a_success_begins_the_count_anew(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(engine, pause_on_failures=2)
    for fails in (True, False, True):
        (failing if fails else mended)(probe)
        invocation = ran(trigger, max_retries=0)
        engine.work()
        assert status(invocation) == ("failed" if fails else "completed")
    trigger.refresh_from_db()
    assert (trigger.consecutive_failures, trigger.enabled) == (1, True)


def test_an_older_invocation_that_ends_later_is_not_the_last(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    first = ran(trigger)
    earlier(first, 60, "attempt_started_at")
    failing(probe, ErrorClass.VALIDATION)
    second = ran(trigger)
    engine.messages.rotate(-1)  # the second run first
    deliver(engine)
    assert (status(second), fresh(second).trigger.last_status) == ("failed", "failed")
    mended(probe)
    engine.work()
    assert (status(first), fresh(first).trigger.last_status) == ("completed", "failed")


@pytest.mark.rule("one_time_disabled_at_claim_even_on_failure")
def test_a_one_time_trigger_is_off_from_its_claim_however_it_ends(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(
        engine, run_at=database_now() - timedelta(seconds=5), pause_on_failures=1, max_retries=1
    )
    due_claim(10)
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.next_run_at, trigger.disabled_reason) == (False, None, "one_time_done")
    invocation = Invocation.objects.get(trigger=trigger)
    failing(probe)
    invocation_run(invocation.pk)
    engine.work()
    assert status(invocation) == "pending"
    again(invocation)
    engine.work()
    assert (status(invocation), fresh(invocation).attempt) == ("failed", 2)
    trigger.refresh_from_db()
    assert (trigger.enabled, trigger.disabled_reason) == (False, "one_time_done")
    assert due_claim(10).triggers == 0
