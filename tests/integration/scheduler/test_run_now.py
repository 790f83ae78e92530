"""*Run now* and *Rerun*: one intent, one invocation; the schedule stays what it was (§6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from scheduler.engine.keys import manual_key
from scheduler.errors import (
    InvalidRef,
    InvocationNotFound,
    InvocationUnfinished,
    Overlap,
    RunAsForbidden,
    TriggerNotFound,
)
from scheduler.models import Invocation, Trigger
from scheduler.services.publishing import invocations_publish
from scheduler.services.running import invocation_run
from scheduler.services.starting import Started, invocation_rerun, trigger_run
from tests.bed.engine import Engine, engine, worker
from tests.bed.races import Race
from tests.bed.running import Probe, probe
from tests.bed.triggers import invocation_make, person_make
from tests.integration.scheduler.firings import (
    acting,
    calling_trigger,
    earlier,
    fresh,
    message_ids,
    ran,
    run_of,
    status,
)
from workflows.models import WorkflowRef
from workspaces.errors import IdempotencyMismatch
from workspaces.models import AuditEvent, User
from workspaces.states import Role

__all__ = ["engine", "probe", "worker"]


def run_now(
    trigger: Trigger, person: User | None = None, role: Role = Role.EDITOR, **options: Any
) -> Started:
    """Whom it runs as, or somebody else, starts it."""
    actor = acting(person or trigger.run_as_user)
    return trigger_run(trigger=trigger, actor=actor, membership_role=role, **options)


def rerun(invocation: Invocation, person: User | None = None, **options: Any) -> Started:
    """The same for an invocation that is over."""
    trigger = fresh(invocation).trigger
    return invocation_rerun(
        invocation=fresh(invocation),
        actor=acting(person or trigger.run_as_user),
        membership_role=options.pop("role", Role.EDITOR),
        **options,
    )


def over(trigger: Trigger, **fields: Any) -> Invocation:
    """An invocation that is over."""
    return invocation_make(trigger, status="completed", **fields)


@pytest.mark.rule("bounded_inflight")
@pytest.mark.parametrize("limit", ["", "_PER_WORKFLOW"])
def test_past_the_limits_it_waits_like_everything_else(engine: Engine, settings: Any, limit: str) -> None:
    setattr(settings, f"RUNSHEET_SCHEDULER_MAX_INFLIGHT{limit}", 1)
    trigger = calling_trigger(engine, overlap_policy="allow")
    first = run_now(trigger, force=True).invocation
    second = run_now(trigger, force=True).invocation
    assert (status(first), status(second)) == ("queued", "pending")
    assert message_ids(engine) == [first.pk]
    Invocation.objects.filter(pk=first.pk).update(status="completed")
    invocations_publish()
    assert (status(second), message_ids(engine)) == ("queued", [first.pk, second.pk])


def test_run_now_is_handed_to_a_worker_at_once(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(engine)
    before = (trigger.next_run_at, trigger.last_scheduled_for, trigger.schedule_revision)
    started = run_now(trigger)
    invocation = started.invocation
    assert (started.replayed, started.deduplicated) == (False, False)
    assert (invocation.source, status(invocation)) == ("manual", "queued")
    assert invocation.requested_by_id == invocation.run_as_user_id == trigger.run_as_user_id
    assert (invocation.max_retries, invocation.ref) == (trigger.max_retries, "live")
    assert message_ids(engine) == [invocation.pk]
    told = AuditEvent.objects.get(action="trigger.run")
    assert (told.target_id, told.after["invocation"]) == (str(trigger.pk), str(invocation.pk))
    engine.work()
    assert (status(invocation), probe.counts()) == ("completed", {"call": 1})
    trigger.refresh_from_db()
    assert (trigger.next_run_at, trigger.last_scheduled_for, trigger.schedule_revision) == before


def test_without_a_broker_it_stays_pending_for_the_tick(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app
    from kombu.exceptions import OperationalError

    def away(*_args: Any, **_options: Any) -> None:
        raise OperationalError("the broker is away")

    monkeypatch.setattr(current_app._get_current_object(), "send_task", away)
    invocation = run_now(calling_trigger(engine)).invocation
    assert (status(invocation), fresh(invocation).enqueued_at) == ("pending", None)


def test_a_trigger_that_is_off_may_be_run_by_hand(engine: Engine, probe: Probe) -> None:
    trigger = calling_trigger(engine, enabled=False)
    invocation = run_now(trigger).invocation
    engine.work()
    trigger.refresh_from_db()
    assert (status(invocation), trigger.enabled, trigger.next_run_at) == ("completed", False, None)


@pytest.mark.rule("double_click_one")
def test_a_double_click_starts_one(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    first, second = run_now(trigger), run_now(trigger)
    assert second.invocation.pk == first.invocation.pk
    assert (second.deduplicated, second.replayed) == (True, False)
    assert AuditEvent.objects.filter(action="trigger.run").count() == 1
    earlier(first.invocation, 3, "created_at")
    assert run_now(trigger).invocation.pk != first.invocation.pk


@pytest.mark.rule("double_click_one")
def test_force_and_other_people_are_other_intents(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    admin = person_make(engine.workspace, "admin")
    made = {
        run_now(trigger).invocation.pk,
        run_now(trigger, admin, Role.ADMIN).invocation.pk,
        run_now(trigger, force=True).invocation.pk,
        run_now(trigger, force=True).invocation.pk,
    }
    assert len(made) == 4


@pytest.mark.rule("parallel_20_no_500")
@pytest.mark.parametrize("key", [None, "one-intent"])
def test_twenty_at_once_start_one(engine: Engine, two_connections: Race, key: str | None) -> None:
    trigger = calling_trigger(engine)
    outcomes = two_connections(*[partial(run_now, trigger, idempotency_key=key)] * 20)
    assert [outcome.error for outcome in outcomes] == [None] * 20
    assert len({outcome.value.invocation.pk for outcome in outcomes}) == 1
    again = [outcome.value.deduplicated or outcome.value.replayed for outcome in outcomes]
    assert (Invocation.objects.count(), sorted(again)) == (1, [False] + [True] * 19)
    assert len(message_ids(engine)) == 1


@pytest.mark.rule("parallel_20_no_500")
def test_twenty_people_at_once_start_one_each(engine: Engine, two_connections: Race) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    people = [person_make(engine.workspace, "admin") for _ in range(10)]
    starts: list[Callable[[], Started]] = [
        partial(run_now, trigger, person, Role.ADMIN) for person in people * 2
    ]
    outcomes = two_connections(*starts)
    assert [outcome.error for outcome in outcomes] == [None] * 20
    by_person = Invocation.objects.values_list("requested_by_id", flat=True)
    assert sorted(by_person) == sorted(person.pk for person in people)


@pytest.mark.rule("idempotency_replay")
def test_a_key_stands_for_its_first_request(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    first = run_now(trigger, idempotency_key="k-1")
    earlier(first.invocation, 3600, "created_at")
    engine.work()
    replay = run_now(trigger, idempotency_key="k-1")
    assert (replay.invocation.pk, replay.replayed) == (first.invocation.pk, True)
    assert replay.invocation.status == "completed"
    assert run_now(trigger, idempotency_key="k-2").invocation.pk != first.invocation.pk
    person = trigger.run_as_user
    assert person is not None
    assert first.invocation.idempotency_key == manual_key(trigger.pk, person.pk, "k-1")
    assert "k-1" not in first.invocation.idempotency_key


@pytest.mark.rule("idempotency_replay")
def test_a_key_is_one_persons_of_one_trigger_for_a_day(engine: Engine) -> None:
    trigger, other = (calling_trigger(engine, overlap_policy="allow") for _ in range(2))
    admin = person_make(engine.workspace, "admin")
    first = run_now(trigger, idempotency_key="k").invocation
    made = {
        first.pk,
        run_now(other, idempotency_key="k").invocation.pk,
        run_now(trigger, admin, Role.ADMIN, idempotency_key="k").invocation.pk,
    }
    assert len(made) == 3
    earlier(first, 25 * 3600, "created_at")
    next_day = run_now(trigger, idempotency_key="k")
    assert (next_day.replayed, next_day.invocation.pk in made) == (False, False)
    assert run_now(trigger, idempotency_key="k").invocation.pk == next_day.invocation.pk


@pytest.mark.rule("idempotency_mismatch_422")
def test_a_key_with_another_request_is_refused(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    run_now(trigger, idempotency_key="k")
    with pytest.raises(IdempotencyMismatch):
        run_now(trigger, idempotency_key="k", force=True)
    done = over(trigger)
    rerun(done, idempotency_key="k", force=True)
    with pytest.raises(IdempotencyMismatch):
        rerun(done, idempotency_key="k", force=True, use_original_payload=True)


def test_whoever_it_does_not_run_as_must_be_an_admin(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    editor = person_make(engine.workspace)
    done = over(trigger)
    with pytest.raises(RunAsForbidden):
        run_now(trigger, editor)
    with pytest.raises(RunAsForbidden):
        rerun(done, editor)
    assert Invocation.objects.count() == 1
    assert run_now(trigger, editor, Role.ADMIN).invocation.run_as_user_id == trigger.run_as_user_id


@pytest.mark.rule("run_now_unresolvable_ref_400", "never_falls_back_to_another_ref")
def test_a_ref_that_is_gone_refuses_the_start(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    done = over(trigger)
    WorkflowRef.objects.filter(workflow=trigger.workflow, name="live").update(name="other")
    for start in (partial(run_now, trigger), partial(rerun, done)):
        with pytest.raises(InvalidRef, match=r"'live'.*may have been deleted"):
            start()
    assert Invocation.objects.count() == 1


def test_a_trigger_that_is_gone_is_not_found(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    Trigger.objects.filter(pk=trigger.pk).delete()
    with pytest.raises(TriggerNotFound):
        run_now(trigger)


@pytest.mark.parametrize("under_way", ["pending", "queued", "running"])
def test_the_overlap_policy_holds_for_people_too(engine: Engine, under_way: str) -> None:
    trigger = calling_trigger(engine, overlap_policy="skip")
    invocation_make(trigger, status=under_way)
    with pytest.raises(Overlap):
        run_now(trigger)
    with pytest.raises(Overlap):
        run_now(trigger, idempotency_key="k")
    assert run_now(trigger, force=True).invocation.waits is False


def test_a_buffered_one_waits_and_a_second_is_refused(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="buffer_one")
    running = ran(trigger)
    waiting = run_now(trigger).invocation
    assert (waiting.status, waiting.waits) == ("pending", True)
    invocation_run(waiting.pk)
    assert status(waiting) == "pending"
    earlier(waiting, 3, "created_at")
    with pytest.raises(Overlap):
        run_now(trigger)
    engine.work()
    assert status(running) == "completed"


def test_one_that_replaces_cancels_the_others_and_waits_until_they_are_gone(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="cancel_other")
    running, waiting = ran(trigger), invocation_make(trigger)
    new = run_now(trigger).invocation
    assert [status(each) for each in (running, waiting)] == ["cancelled", "cancelled"]
    assert (run_of(running).status, fresh(running).reason) == ("cancelled", "replaced")
    assert (status(new), fresh(new).waits) == ("pending", True)


@pytest.mark.rule("rerun_pending_409")
@pytest.mark.parametrize("under_way", ["pending", "queued", "running"])
def test_what_is_not_over_cannot_be_run_again(engine: Engine, under_way: str) -> None:
    invocation = invocation_make(calling_trigger(engine, overlap_policy="allow"), status=under_way)
    with pytest.raises(InvocationUnfinished):
        rerun(invocation)
    assert Invocation.objects.count() == 1


@pytest.mark.parametrize("ended", ["completed", "failed", "cancelled", "skipped", "missed"])
def test_what_is_over_can_be_run_again_as_its_trigger_is_now(
    engine: Engine, probe: Probe, ended: str
) -> None:
    trigger = calling_trigger(engine, payload={"n": 1})
    first = ran(trigger)
    engine.work()
    Invocation.objects.filter(pk=first.pk).update(status=ended)
    Trigger.objects.filter(pk=trigger.pk).update(payload={"n": 2})
    second = rerun(first).invocation
    assert (second.source, second.rerun_of_id) == ("rerun", first.pk)
    assert second.scheduled_for == first.scheduled_for
    assert rerun(first).invocation.pk == second.pk  # a double click
    engine.work()
    assert run_of(second).input["payload"] == {"n": 2}
    earlier(second, 3, "created_at")
    third = rerun(first, use_original_payload=True).invocation
    engine.work()
    assert (third.pk != second.pk, run_of(third).input["payload"]) == (True, {"n": 1})
    assert AuditEvent.objects.filter(action="invocation.rerun").count() == 2


def test_one_that_never_ran_has_no_payload_of_its_own(engine: Engine) -> None:
    skipped = invocation_make(calling_trigger(engine, payload={"n": 1}), status="skipped")
    again = rerun(skipped, use_original_payload=True).invocation
    engine.work()
    assert run_of(again).input["payload"] == {"n": 1}


def test_an_invocation_that_is_gone_cannot_be_run_again(engine: Engine) -> None:
    trigger = calling_trigger(engine)
    gone = fresh(over(trigger))
    Invocation.objects.all().delete()
    with pytest.raises(InvocationNotFound):
        invocation_rerun(invocation=gone, actor=acting(trigger.run_as_user), membership_role=Role.EDITOR)


def test_keys_of_many_intents_differ(engine: Engine) -> None:
    trigger = calling_trigger(engine, overlap_policy="allow")
    keys = {run_now(trigger, idempotency_key=str(uuid4())).invocation.idempotency_key for _ in range(5)}
    assert len(keys) == 5
