"""The runner: one invocation starts one run, as the right person, with the right input, and ends with it (§5)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from scheduler.models import Invocation, Trigger
from scheduler.services.ending import invocation_look
from scheduler.services.running import invocation_run
from scheduler.states import Source
from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.races import Race
from tests.bed.running import Probe, WorkerKilled, probe
from tests.bed.triggers import invocation_make, person_make, trigger_make
from tests.integration.scheduler.firings import (
    RESPONDS,
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
from workflows.models import Run, WorkflowRef, WorkflowVersion
from workflows.services.definitions import workflow_archive
from workflows.services.runs import run_cancel

__all__ = ["engine", "probe", "worker"]


def test_an_invocation_becomes_a_run_and_ends_with_it(engine: Engine) -> None:
    trigger = trigger_make(
        engine.workspace,
        workflow=engine.workflow([RESPONDS]),
        payload={"who": "Ada"},
        message_template="Hello {{ payload.who }}",
    )
    invocation = ran(trigger)
    run = run_of(invocation)
    assert (invocation.status, invocation.attempt, run.status) == ("running", 1, "queued")
    assert run.input == {"payload": {"who": "Ada"}, "message": "Hello Ada"}
    assert (run.owner_kind, run.owner_id, run.trigger_kind) == ("invocation", invocation.pk, "trigger")
    assert (run.actor_id, run.idempotency_key) == (trigger.run_as_user_id, f"inv:{invocation.pk}:1")
    assert invocation.resolved_payload == {"who": "Ada"}
    assert invocation.rendered_message == "Hello Ada"
    assert invocation.resolved_ref["name"] == "live"
    assert invocation.resolved_ref["version"] == str(run.version_id)
    assert (invocation.trigger.last_status, invocation.trigger.last_run_at) == (
        "running",
        invocation.attempt_started_at,
    )
    engine.work()
    ended = fresh(invocation)
    assert (ended.status, ended.error_code, ended.deadline_at) == ("completed", "", None)
    assert ended.completed_at >= ended.started_at
    assert engine.fresh(run).result == {"payload": {"who": "Ada"}, "message": "Hello Ada"}
    assert ended.trigger.last_status == "completed"


def test_only_inputs_that_the_version_declares_are_given(engine: Engine) -> None:
    start = {"key": "start", "type": "start", "config": {"inputs": {"message": {"type": "text"}}}}
    say = {"key": "say", "type": "respond", "config": {"value": {"m": "{{ input.message }}"}}}
    workflow = engine.workflow([start, say], [("start", "say")])
    invocation = ran(trigger_make(engine.workspace, workflow=workflow, payload={"a": 1}))
    assert run_of(invocation).input == {"message": '{"a":1}'}


def test_an_input_that_does_not_fit_fails_for_good(engine: Engine) -> None:
    inputs = {"count": {"type": "number", "required": True}}
    workflow = engine.workflow([{"key": "start", "type": "start", "config": {"inputs": inputs}}])
    invocation = ran(trigger_make(engine.workspace, workflow=workflow, max_retries=3))
    assert (invocation.status, invocation.error_code) == ("failed", "input_invalid")
    assert "count" in invocation.error_message


@pytest.mark.rule("redelivery_no_double")
def test_a_message_that_comes_twice_starts_one_run(engine: Engine, probe: Probe) -> None:
    invocation = ran(calling_trigger(engine))
    invocation_run(invocation.pk)
    engine.work()
    invocation_run(invocation.pk)
    engine.work()
    assert (status(invocation), len(runs_of(invocation)), probe.counts()) == ("completed", 1, {"call": 1})


@pytest.mark.rule("redelivery_no_double")
def test_two_workers_at_once_start_one_run(engine: Engine, two_connections: Race) -> None:
    for _ in range(5):
        invocation = invocation_make(calling_trigger(engine))
        outcomes = two_connections(*[partial(invocation_run, invocation.pk)] * 3)
        assert [outcome.error for outcome in outcomes] == [None] * 3
        assert (fresh(invocation).attempt, len(runs_of(invocation))) == (1, 1)


def test_a_message_that_comes_early_starts_nothing(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    waiting = invocation_make(trigger, waits=True)
    early = invocation_make(trigger)
    earlier(early, -60, "available_at")
    for invocation in (waiting, early):
        invocation_run(invocation.pk)
        assert status(invocation) == "pending"


def test_an_invocation_that_is_gone_is_nothing_to_the_runner(engine: Engine) -> None:
    invocation = invocation_make(calling_trigger(engine))
    Trigger.objects.all().delete()
    invocation_run(invocation.pk)
    assert not Run.objects.exists()


@pytest.mark.rule("run_as_revoked_fails")
@pytest.mark.parametrize("revoked", ["left", "viewer", "inactive", "nobody", "deleted"])
def test_somebody_who_may_not_run_it_any_more_runs_nothing(engine: Engine, revoked: str) -> None:
    person = person_make(engine.workspace)
    trigger = calling_trigger(engine, run_as_user=person, max_retries=5)
    invocation = invocation_make(trigger, source=Source.MANUAL)  # of the schedule they would be taken back
    if revoked == "left":
        engine.workspace.memberships.filter(user=person).delete()
    elif revoked == "viewer":
        engine.workspace.memberships.filter(user=person).update(role="viewer")
    elif revoked == "inactive":
        type(person).objects.filter(pk=person.pk).update(is_active=False)
    elif revoked == "nobody":
        Invocation.objects.filter(pk=invocation.pk).update(run_as_user=None)
    else:
        person.delete()
    invocation_run(invocation.pk)
    after = fresh(invocation)
    assert (after.status, after.error_code, after.attempt) == ("failed", "run_as_forbidden", 1)
    assert not runs_of(invocation)


@pytest.mark.rule("never_falls_back_to_another_ref")
def test_a_ref_that_is_gone_fails_and_no_other_one_runs(engine: Engine) -> None:
    workflow = engine.workflow([counting("call")])
    version = WorkflowVersion.objects.get(workflow=workflow)
    WorkflowRef.objects.create(workflow=workflow, name="stable", version=version)
    elsewhere = engine.workflow([counting("call")])
    WorkflowRef.objects.create(
        workflow=elsewhere, name="gone", version=WorkflowVersion.objects.get(workflow=elsewhere)
    )
    for ref in ("gone", "stabl", "Stable", "stable/"):
        invocation = ran(trigger_make(engine.workspace, workflow=workflow, ref=ref, max_retries=5))
        assert (invocation.status, invocation.error_code) == ("failed", "ref_unresolvable")
        assert repr(ref) in invocation.error_message
        assert not runs_of(invocation)
    assert ran(trigger_make(engine.workspace, workflow=workflow, ref="stable")).status == "running"


def test_the_ref_is_resolved_when_the_invocation_runs(engine: Engine) -> None:
    workflow = engine.workflow([counting("old")])
    invocation = invocation_make(trigger_make(engine.workspace, workflow=workflow))
    engine.edit(workflow, [counting("new")], [])
    invocation_run(invocation.pk)
    assert fresh(invocation).resolved_ref["number"] == run_of(invocation).version.number
    assert run_of(invocation).version.definition["blocks"][0]["key"] == "new"


def test_a_message_that_cannot_be_made_fails_without_a_run(engine: Engine) -> None:
    trigger = calling_trigger(engine, message_template="Hi {{ payload.nobody }}", max_retries=5)
    invocation = ran(trigger)
    assert (invocation.status, invocation.error_code) == ("failed", "template_error")
    assert "payload.nobody" in invocation.error_message
    assert not runs_of(invocation)


def test_an_archived_workflow_runs_nothing(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    invocation = invocation_make(trigger, source=Source.MANUAL)
    assert trigger.workflow is not None
    workflow_archive(workflow=trigger.workflow, actor=acting(None))
    invocation_run(invocation.pk)
    assert (fresh(invocation).status, fresh(invocation).error_code) == ("failed", "workflow_not_found")


@pytest.mark.parametrize(
    ("source", "reason", "expected"),
    [
        ("schedule", "user", "cancelled"),
        ("catchup", "target_archived", "cancelled"),
        ("schedule", "one_time_done", "running"),
        ("schedule", "ended", "running"),
        ("manual", "user", "running"),
        ("rerun", "user", "running"),
        ("backfill", "user", "running"),
    ],
)
def test_what_a_trigger_that_is_off_still_runs(
    engine: Engine, source: str, reason: str, expected: str
) -> None:
    trigger = calling_trigger(engine, enabled=False, disabled_reason=reason)
    invocation = ran(trigger, source=source)
    assert invocation.status == expected
    assert invocation.reason == ("trigger_disabled" if expected == "cancelled" else "")


def test_a_run_that_somebody_stops_cancels_its_invocation(engine: Engine) -> None:
    invocation = ran(calling_trigger(engine, max_retries=5))
    run_cancel(run=run_of(invocation), actor=acting(None))
    after = fresh(invocation)
    assert (after.status, after.reason) == ("cancelled", "child_stopped")


@pytest.mark.rule("worker_lost_retried")
def test_a_worker_that_dies_before_it_started_anything_costs_an_attempt(
    engine: Engine, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_invocation: Any) -> Any:
        raise WorkerKilled

    invocation = invocation_make(calling_trigger(engine))
    with monkeypatch.context() as patch:
        patch.setattr("scheduler.services.running.attempt_begin", dies)
        with pytest.raises(WorkerKilled):
            invocation_run(invocation.pk)
    assert (status(invocation), runs_of(invocation)) == ("running", [])
    assert not invocation_look(invocation.pk)  # it may be about to start it
    earlier(invocation, 61, "attempt_started_at")
    assert invocation_look(invocation.pk)
    lost = fresh(invocation)
    assert (lost.status, lost.error_code, lost.attempt) == ("pending", "worker_lost", 1)
    assert again(invocation).attempt == 2
    engine.work()
    assert (status(invocation), len(runs_of(invocation)), probe.counts()) == ("completed", 1, {"call": 1})


def test_a_fault_of_ours_ends_the_attempt_and_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_invocation: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("scheduler.services.running.attempt_begin", breaks)
    invocation = ran(calling_trigger(engine, max_retries=0))
    assert (invocation.status, invocation.error_code) == ("failed", "start_failed")
    assert "ZeroDivisionError" in invocation.error_message


def test_an_end_that_nobody_told_is_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    invocation = ran(calling_trigger(engine))
    assert not invocation_look(invocation.pk)  # its run is under way
    with monkeypatch.context() as patch:
        patch.setattr("workflows.services.ledger.owner_ended", lambda _kind: None)
        engine.work()
    assert (status(invocation), run_of(invocation).status) == ("running", "completed")
    assert invocation_look(invocation.pk)
    assert status(invocation) == "completed"
    assert not invocation_look(invocation.pk)
