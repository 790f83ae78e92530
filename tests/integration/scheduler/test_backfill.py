"""Backfill: slots of a time that has passed, once each, on purpose (§3, §8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from scheduler.errors import BackfillTooLarge, RunAsForbidden, TriggerInvalid, TriggerNotFound
from scheduler.models import Invocation, Trigger
from scheduler.services.backfilling import MOST_SLOTS, Backfilled, trigger_backfill
from scheduler.services.publishing import invocations_publish
from scheduler.services.running import invocation_run
from scheduler.states import OverlapPolicy
from tests.bed.engine import Engine, engine, worker
from tests.bed.races import Race
from tests.bed.running import Probe, probe
from tests.bed.triggers import invocation_make, minute, person_make
from tests.integration.scheduler.firings import acting, calling_trigger, message_ids
from workspaces.models import AuditEvent, User
from workspaces.states import Role

__all__ = ["engine", "probe", "worker"]

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
END = datetime(2026, 3, 2, 10, 4, tzinfo=UTC)


def minutely(engine: Engine, **fields: Any) -> Trigger:
    """A trigger with a slot each minute, unless ``fields`` give it another schedule."""
    if "run_at" not in fields:
        fields.setdefault("cron_expression", "* * * * *")
    return calling_trigger(engine, **fields)


def backfill(
    trigger: Trigger,
    start: datetime = START,
    end: datetime = END,
    person: User | None = None,
    role: Role = Role.EDITOR,
    **options: Any,
) -> Backfilled:
    """Whom it runs as, or somebody else, asks for it."""
    actor = acting(person or trigger.run_as_user)
    return trigger_backfill(
        trigger=trigger, actor=actor, membership_role=role, start=start, end=end, **options
    )


def test_each_slot_gets_an_invocation_both_ends_included(engine: Engine) -> None:
    trigger = minutely(engine)
    before = (trigger.next_run_at, trigger.last_scheduled_for, trigger.schedule_revision)
    done = backfill(trigger)
    slots = [START + timedelta(minutes=place) for place in range(5)]
    assert (list(done.slots), done.existing) == (slots, 0)
    made = Invocation.objects.order_by("scheduled_for")
    assert [each.scheduled_for for each in made] == slots
    assert {(each.source, each.status, each.ref, each.requested_by_id) for each in made} == {
        ("backfill", "pending", "live", trigger.run_as_user_id)
    }
    told = AuditEvent.objects.get(action="trigger.backfilled")
    assert told.after["invocations"] == 5
    trigger.refresh_from_db()
    assert (trigger.next_run_at, trigger.last_scheduled_for, trigger.schedule_revision) == before


def test_a_dry_run_says_which_and_makes_none(engine: Engine) -> None:
    done = backfill(minutely(engine), dry_run=True)
    assert (len(done.slots), done.made, done.existing) == (5, (), 0)
    assert not Invocation.objects.exists()
    assert not AuditEvent.objects.filter(action="trigger.backfilled").exists()


def test_asking_twice_makes_each_slot_once(engine: Engine, two_connections: Race) -> None:
    trigger = minutely(engine)
    outcomes = two_connections(*[partial(backfill, trigger)] * 4)
    assert [outcome.error for outcome in outcomes] == [None] * 4
    assert sorted(len(outcome.value.made) for outcome in outcomes) == [0, 0, 0, 5]
    wider = backfill(trigger, end=END + timedelta(minutes=2))
    assert (len(wider.slots), len(wider.made), wider.existing) == (7, 2, 5)
    assert Invocation.objects.count() == 7


def test_what_ran_on_schedule_is_told_and_may_be_left_out(engine: Engine) -> None:
    trigger = minutely(engine)
    for place, status in enumerate(("completed", "failed", "running", "missed")):
        invocation_make(trigger, status=status, scheduled_for=START + timedelta(minutes=place))
    invocation_make(trigger, status="completed", source="manual", scheduled_for=END)
    asked = backfill(trigger, dry_run=True)
    assert (len(asked.slots), asked.count, asked.on_schedule, asked.existing) == (5, 5, 2, 0)
    assert backfill(trigger, dry_run=True, only_missed=True).count == 3
    done = backfill(trigger, only_missed=True)
    assert [(each.scheduled_for - START).seconds // 60 for each in done.made] == [1, 3, 4]
    whole = backfill(trigger)
    assert (whole.count, len(whole.made), whole.existing, whole.on_schedule) == (2, 2, 3, 2)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), END, "from"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "to"),
    ],
)
def test_a_year_that_no_slot_has_is_refused(
    engine: Engine, start: datetime, end: datetime, field: str
) -> None:
    with pytest.raises(TriggerInvalid) as refused:
        backfill(minutely(engine), start, end)
    assert "1970" in (refused.value.errors or {})[field][0]


def test_they_run_one_after_another_unless_they_may_overlap(engine: Engine, probe: Probe) -> None:
    trigger = minutely(engine)
    backfill(trigger)
    order = []
    for _ in range(5):
        engine.messages.clear()
        assert invocations_publish().sent == 1
        (sent,) = message_ids(engine)
        assert invocations_publish().sent == 0  # the others wait for it
        invocation_run(sent)
        engine.work()
        order.append(Invocation.objects.get(pk=sent))
    assert [each.scheduled_for for each in order] == [START + timedelta(minutes=n) for n in range(5)]
    assert {each.status for each in order} == {"completed"}


def test_with_allow_they_start_a_second_apart(engine: Engine) -> None:
    for policy, asked in (("allow", None), ("skip", OverlapPolicy.ALLOW)):
        made = backfill(minutely(engine, overlap_policy=policy), overlap=asked).made
        apart = {after.available_at - each.available_at for each, after in pairwise(made)}
        assert (apart, {each.waits for each in made}) == ({timedelta(seconds=1)}, {False})


def test_a_policy_of_its_own_may_be_stricter(engine: Engine) -> None:
    trigger = minutely(engine, overlap_policy="allow")
    assert {each.waits for each in backfill(trigger, overlap=OverlapPolicy.BUFFER_ONE).made} == {True}


def test_a_thousand_slots_at_most(engine: Engine) -> None:
    trigger = minutely(engine)
    last = START + timedelta(minutes=MOST_SLOTS - 1)
    assert len(backfill(trigger, end=last, dry_run=True).slots) == MOST_SLOTS
    with pytest.raises(BackfillTooLarge):
        backfill(trigger, end=last + timedelta(minutes=1), dry_run=True)
    with pytest.raises(BackfillTooLarge):
        backfill(trigger, end=last + timedelta(minutes=1))
    assert not Invocation.objects.exists()


@pytest.mark.parametrize("end", [START - timedelta(seconds=1), datetime(2099, 1, 1, tzinfo=UTC)])
def test_only_a_time_that_has_passed(engine: Engine, end: datetime) -> None:
    with pytest.raises(TriggerInvalid) as error:
        backfill(minutely(engine), end=end)
    assert list(error.value.errors or {}) == ["to"]


def test_a_time_without_slots_makes_nothing(engine: Engine) -> None:
    trigger = minutely(engine, cron_expression="0 0 1 1 *")
    assert backfill(trigger) == Backfilled(())


def test_a_single_instant_can_be_made_up_for(engine: Engine) -> None:
    slot = minute(ago=90)
    trigger = minutely(engine, run_at=slot, enabled=False, disabled_reason="one_time_done")
    done = backfill(trigger, slot - timedelta(minutes=1), slot)
    assert [each.scheduled_for for each in done.made] == [slot]


def test_whoever_it_does_not_run_as_must_be_an_admin(engine: Engine) -> None:
    trigger = minutely(engine)
    with pytest.raises(RunAsForbidden):
        backfill(trigger, person=person_make(engine.workspace))
    admin = person_make(engine.workspace, "admin")
    made = backfill(trigger, person=admin, role=Role.ADMIN).made
    assert {each.run_as_user_id for each in made} == {trigger.run_as_user_id}


def test_a_trigger_that_is_gone_is_not_found(engine: Engine) -> None:
    trigger = minutely(engine)
    Trigger.objects.filter(pk=trigger.pk).delete()
    with pytest.raises(TriggerNotFound):
        backfill(trigger)
