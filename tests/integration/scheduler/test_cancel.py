"""Cancelling: at once, whatever it is doing, with what it started; what comes late changes nothing (§5.8)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from scheduler.errors import InvocationFinished, InvocationNotFound
from scheduler.models import Invocation, Trigger
from scheduler.services.attempts import attempt_begin
from scheduler.services.cancelling import (
    children_cancel,
    invocation_cancel,
    invocations_cancel,
    invocations_take_back,
)
from scheduler.services.ending import invocation_time_out
from scheduler.services.running import invocation_run
from scheduler.states import Source
from tests.bed.engine import Engine, engine, worker
from tests.bed.races import Race
from tests.bed.running import Probe, probe
from tests.bed.triggers import invocation_make, person_make, trigger_make
from tests.integration.scheduler.firings import (
    acting,
    calling_trigger,
    earlier,
    fresh,
    ran,
    run_of,
    runs_of,
    status,
)
from workflows.models import Run
from workflows.services.runs import runs_cancel
from workspaces.models import AuditEvent

__all__ = ["engine", "probe", "worker"]


def cancel(invocation: Invocation) -> Invocation:
    """Somebody cancels it."""
    return invocation_cancel(invocation=invocation, actor=acting(None))


def time_out(invocations: Sequence[Invocation]) -> None:
    """The clock meets them one after the other."""
    for invocation in invocations:
        invocation_time_out(invocation.pk)


def stop_runs(invocations: Sequence[Invocation]) -> None:
    """Somebody stops their runs, the last one first."""
    for invocation in reversed(invocations):
        runs_cancel([run_of(invocation).pk])


@pytest.mark.rule("cancel_pending")
@pytest.mark.parametrize("waiting", ["pending", "queued"])
def test_what_waits_is_cancelled_at_once_and_never_runs(engine: Engine, waiting: str) -> None:
    person = person_make(engine.workspace)
    invocation = invocation_make(calling_trigger(engine), status=waiting)
    after = invocation_cancel(invocation=invocation, actor=acting(person))
    assert (after.status, after.reason) == ("cancelled", "user")
    assert after.completed_at is not None
    told = AuditEvent.objects.get(action="invocation.cancelled")
    assert (told.actor_id, told.target_id, told.before) == (
        person.pk,
        str(invocation.pk),
        {"status": waiting},
    )
    invocation_run(invocation.pk)
    assert (status(invocation), runs_of(invocation)) == ("cancelled", [])


@pytest.mark.rule("cancel_running")
def test_what_runs_is_cancelled_with_its_run(engine: Engine, probe: Probe) -> None:
    invocation = ran(calling_trigger(engine, max_retries=5))
    assert cancel(invocation).status == "cancelled"
    assert run_of(invocation).status == "cancelled"
    assert fresh(invocation).trigger.last_status == "cancelled"
    engine.work()
    assert (probe.counts(), status(invocation)) == ({}, "cancelled")


def test_cancelling_twice_is_the_same_and_leaves_one_record(engine: Engine) -> None:
    invocation = ran(calling_trigger(engine))
    first, second = cancel(invocation), cancel(invocation)
    assert (second.status, second.completed_at) == ("cancelled", first.completed_at)
    assert AuditEvent.objects.filter(action="invocation.cancelled").count() == 1


@pytest.mark.parametrize("over", ["completed", "failed", "skipped", "missed"])
def test_what_ended_otherwise_cannot_be_cancelled(engine: Engine, over: str) -> None:
    invocation = invocation_make(calling_trigger(engine), status=over)
    with pytest.raises(InvocationFinished, match=over):
        cancel(invocation)
    assert status(invocation) == over
    assert not AuditEvent.objects.filter(action="invocation.cancelled").exists()


def test_an_invocation_that_is_gone_cannot_be_cancelled(engine: Engine) -> None:
    invocation = invocation_make(calling_trigger(engine))
    Invocation.objects.all().delete()
    with pytest.raises(InvocationNotFound):
        cancel(invocation)


@pytest.mark.rule("cancel_race_with_mark_running")
def test_a_cancel_between_the_claim_and_the_start_starts_nothing(
    engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation = invocation_make(calling_trigger(engine))

    def meets_a_cancel(held: Invocation) -> Any:
        assert status(invocation) == "running"
        Invocation.objects.filter(pk=held.pk).update(status="cancelled")
        return attempt_begin(held)

    with monkeypatch.context() as patch:
        patch.setattr("scheduler.services.running.attempt_begin", meets_a_cancel)
        invocation_run(invocation.pk)
    engine.work()
    # The run that was being started went with the transaction that found the invocation cancelled.
    assert (runs_of(invocation), probe.counts()) == ([], {})


@pytest.mark.rule("cancel_race_with_mark_running")
def test_a_cancel_beside_a_start_leaves_nothing_running(engine: Engine, two_connections: Race) -> None:
    for _ in range(10):
        invocation = invocation_make(calling_trigger(engine))
        outcomes = two_connections(
            partial(invocation_run, invocation.pk), partial(cancel, invocation), partial(cancel, invocation)
        )
        assert [outcome.error for outcome in outcomes] == [None] * 3
        assert status(invocation) == "cancelled"
        assert {run.status for run in runs_of(invocation)} <= {"cancelled"}
        assert fresh(invocation).children == [str(run.pk) for run in runs_of(invocation)]


@pytest.mark.rule("complete_after_cancel_ignored")
def test_an_end_that_comes_after_the_cancel_changes_nothing(engine: Engine, probe: Probe) -> None:
    invocation = invocation_make(calling_trigger(engine))

    def cancels(tag: Any, _context: object) -> Any:
        cancel(invocation)
        return tag

    probe.does = cancels
    invocation_run(invocation.pk)
    engine.work()
    assert probe.counts() == {"call": 1}
    after = fresh(invocation)
    assert (after.status, after.reason, run_of(invocation).status) == ("cancelled", "user", "cancelled")


@pytest.mark.rule("complete_after_cancel_ignored")
def test_a_cancel_beside_the_end_leaves_one_of_the_two(
    engine: Engine, probe: Probe, two_connections: Race
) -> None:
    def cancelled(invocation: Invocation) -> str:
        try:
            return cancel(invocation).status
        except InvocationFinished:
            return "too late"

    for _ in range(10):
        invocation = ran(calling_trigger(engine))
        outcomes = two_connections(engine.work, partial(cancelled, invocation))
        assert [outcome.error for outcome in outcomes] == [None, None]
        by_cancel = outcomes[1].value == "cancelled"
        expected = "cancelled" if by_cancel else "completed"
        assert (status(invocation), run_of(invocation).status) == (expected, expected)


def test_ends_timeouts_and_cancels_of_one_trigger_do_not_block_each_other(
    engine: Engine, two_connections: Race
) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow", timeout_seconds=30)
    for _ in range(5):
        invocations = [ran(trigger) for _ in range(4)]
        for invocation in invocations:
            earlier(invocation, 31, "deadline_at")
        outcomes = two_connections(
            partial(invocations_cancel, [each.pk for each in invocations], "replaced"),
            partial(invocations_cancel, [each.pk for each in reversed(invocations)], "replaced"),
            partial(time_out, invocations),
            partial(stop_runs, invocations),
        )
        assert [outcome.error for outcome in outcomes] == [None] * 4
        assert not Run.objects.exclude(status="cancelled").exists()
        assert {status(each) for each in invocations} <= {"cancelled", "pending"}


def test_taking_back_leaves_what_runs_and_what_people_asked_for(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    other = calling_trigger(engine)
    running = ran(trigger)
    retried = ran(trigger)
    earlier(retried, -60, "available_at")
    Invocation.objects.filter(pk=retried.pk).update(status="pending")
    Trigger.objects.filter(pk=trigger.pk).update(last_status="pending")
    manual, queued = invocation_make(trigger, source=Source.MANUAL), invocation_make(trigger, status="queued")
    caught, theirs = invocation_make(trigger, source=Source.CATCHUP), invocation_make(other)
    with transaction.atomic():
        assert invocations_take_back([trigger.pk], "superseded_by_edit") == 3
    for invocation in (retried, queued, caught):
        after = fresh(invocation)
        assert (after.status, after.reason) == ("cancelled", "superseded_by_edit")
        assert after.completed_at is not None
    assert [status(each) for each in (running, manual, theirs)] == ["running", "pending", "pending"]
    assert fresh(running).trigger.last_status == "cancelled"
    with transaction.atomic():
        assert invocations_take_back([trigger.pk], "gone", sources=list(Source)) == 1
    assert status(manual) == "cancelled"


def test_cancelling_what_runs_of_a_trigger_leaves_what_waits(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    running, waiting = [ran(trigger) for _ in range(2)], invocation_make(trigger)
    elsewhere = ran(calling_trigger(engine))
    assert children_cancel([trigger.pk], "superseded_by_edit") == 2
    assert [status(each) for each in running] == ["cancelled"] * 2
    assert {run_of(each).status for each in running} == {"cancelled"}
    assert (status(waiting), status(elsewhere)) == ("pending", "running")


def test_a_sub_run_is_stopped_too(engine: Engine, probe: Probe) -> None:
    engine.workflow([{"key": "nap", "type": "wait", "config": {"seconds": 3600}}], name="inner")
    outer = engine.workflow([{"key": "sub", "type": "workflow", "config": {"workflow": "inner"}}])
    invocation = ran(trigger_make(engine.workspace, workflow=outer))
    engine.work()
    child = Run.objects.get(owner_kind="run")
    assert (status(invocation), child.status) == ("running", "waiting")
    cancel(invocation)
    child.refresh_from_db()
    assert (run_of(invocation).status, child.status) == ("cancelled", "cancelled")
