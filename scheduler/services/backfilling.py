"""Backfill: a trigger's slots of a time that has passed, run now on purpose (`scheduler.md` sections 3 and 8).

For the time while a trigger was off, or before it was made: those slots are never replayed by themselves. A slot is
backfilled once, whoever asks for it how often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction

from scheduler.engine.keys import backfill_key
from scheduler.engine.next_run import slots_between
from scheduler.engine.years import year_fault
from scheduler.errors import BackfillTooLarge, TriggerInvalid, TriggerNotFound
from scheduler.models import Invocation, Trigger
from scheduler.selectors import database_now, schedule_of
from scheduler.services.rights import start_require
from scheduler.states import IN_FLIGHT, SCHEDULED_SOURCES, InvocationStatus, OverlapPolicy, Source
from workspaces.actors import Actor
from workspaces.services.audit import audit_record
from workspaces.states import Role

MOST_SLOTS: Final = 1_000

APART: Final = timedelta(seconds=1)
"""Between the starts of slots that may run at once, so that they do not fall upon a workflow together."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """``slots`` of the time named, oldest first, of which ``count`` are, or would be, run; ``made`` are theirs.

    ``existing`` were backfilled before and are left alone. ``on_schedule`` completed, or are under way, as scheduled:
    they are run once more unless only missed ones are asked for.
    """

    slots: tuple[datetime, ...]
    count: int = 0
    made: tuple[Invocation, ...] = ()
    existing: int = 0
    on_schedule: int = 0


def trigger_backfill(
    *,
    trigger: Trigger,
    actor: Actor,
    membership_role: Role,
    start: datetime,
    end: datetime,
    overlap: OverlapPolicy | None = None,
    only_missed: bool = False,
    dry_run: bool = False,
) -> Backfilled:
    """Invocations for the trigger's slots from ``start`` to ``end``, both included, as the trigger is now.

    With ``allow`` they may run at once, a second apart; with any other policy (the trigger's own by default) one after
    another: each of them was asked for, so none is skipped. ``only_missed`` leaves out what ran on schedule. A dry run
    only says which. Raises ``TriggerInvalid`` (the time lies ahead, or ends before it starts), ``BackfillTooLarge``,
    ``RunAsForbidden``, ``TriggerNotFound``.
    """
    start_require(trigger, actor, membership_role)
    now = database_now()
    _check(start, end, now)
    with transaction.atomic():
        row = Trigger.objects.select_for_update(no_key=True).filter(pk=trigger.pk).first()
        if row is None:
            raise TriggerNotFound
        slots = _slots(row, start, end)
        keys = [backfill_key(row.pk, slot) for slot in slots]
        there = set(
            Invocation.objects.filter(idempotency_key__in=keys).values_list("idempotency_key", flat=True)
        )
        ran = _on_schedule(row, slots)
        left_out = ran if only_missed else frozenset()
        wanted = [
            slot for slot, key in zip(slots, keys, strict=True) if key not in there and slot not in left_out
        ]
        found = Backfilled(tuple(slots), len(wanted), existing=len(there), on_schedule=len(ran))
        if dry_run:
            return found
        policy = OverlapPolicy(overlap or row.overlap_policy)
        made = _insert(row, actor, wanted, now, at_once=policy is OverlapPolicy.ALLOW)
        audit_record(
            workspace_id=row.workspace_id,
            actor=actor,
            action="trigger.backfilled",
            target=row,
            after={"from": start.isoformat(), "to": end.isoformat(), "invocations": len(made)},
        )
    return replace(found, made=tuple(made))


def _check(start: datetime, end: datetime, now: datetime) -> None:
    faults = {
        field: [fault]
        for field, at in (("from", start), ("to", end))
        if (fault := year_fault(at)) is not None
    }
    if faults:
        raise TriggerInvalid(errors=faults)
    if end < start:
        faults["to"] = ["The end must not come before the start."]
    elif end > now:
        faults["to"] = ["Only slots that have passed can be backfilled."]
    if faults:
        raise TriggerInvalid(errors=faults)


def _slots(trigger: Trigger, start: datetime, end: datetime) -> list[datetime]:
    """The slots from ``start`` to ``end``. Raises ``BackfillTooLarge``."""
    found = slots_between(schedule_of(trigger), start - timedelta(microseconds=1), end)
    slots = list(islice(found, MOST_SLOTS + 1))
    if len(slots) > MOST_SLOTS:
        raise BackfillTooLarge
    return slots


def _on_schedule(trigger: Trigger, slots: Sequence[datetime]) -> frozenset[datetime]:
    """Those of the slots that completed, or are under way, as scheduled."""
    ran = Invocation.objects.filter(
        trigger=trigger,
        scheduled_for__in=slots,
        source__in=SCHEDULED_SOURCES,
        status__in={*IN_FLIGHT, InvocationStatus.COMPLETED},
    )
    return frozenset(ran.values_list("scheduled_for", flat=True))


def _insert(
    trigger: Trigger, actor: Actor, slots: Sequence[datetime], now: datetime, *, at_once: bool
) -> list[Invocation]:
    """The invocations, oldest first; the next tick hands them on."""
    return Invocation.objects.bulk_create(
        [
            Invocation(
                workspace_id=trigger.workspace_id,
                trigger=trigger,
                source=Source.BACKFILL,
                scheduled_for=slot,
                available_at=now + place * APART if at_once else now + place * timedelta(microseconds=1),
                idempotency_key=backfill_key(trigger.pk, slot),
                max_retries=trigger.max_retries,
                timeout_seconds=trigger.timeout_seconds,
                waits=not at_once,
                ref=trigger.ref,
                run_as_user_id=trigger.run_as_user_id,
                requested_by_id=actor.user_id,
            )
            for place, slot in enumerate(slots)
        ]
    )
