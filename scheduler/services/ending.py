"""How attempts end: completed, failed, tried again later; told by the child's own end, by the sweep, or by the clock.

A retry is a row, not a sleeping worker: ``running → pending`` with the instant from which it may start again. All of it
runs in the transaction in which the child ends, so that neither is true without the other (`scheduler.md` section 5).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from scheduler.engine.child_ends import CellCounts, ChildEnd, dispatch_end, run_end
from scheduler.engine.keys import child_key
from scheduler.engine.retry import is_retryable, retry_delay_seconds
from scheduler.models import Invocation, Trigger
from scheduler.services.children import child_asks, child_end, child_stop, fail_above_percent, invocation_held
from scheduler.services.closing import MESSAGE_CHARACTERS, invocation_close, trigger_note
from scheduler.services.switching import triggers_switch_off
from scheduler.states import IN_FLIGHT, DisabledReason, InvocationStatus
from tables.services.dispatch_ends import DispatchEnded
from workflows.errors import RunSuperseded
from workflows.models import Run
from workflows.services.owners import Ended
from workflows.states import ErrorClass

OWNER: Final = "invocation"
"""The kind under which a run names its invocation as its owner (W13a)."""

UNKNOWN_OUTCOME: Final = ErrorClass.UNKNOWN_OUTCOME.value
"""Code of an attempt that ran out of time while it asked what became of an unsafe effect; never tried again."""

STOPPED: Final = "child_stopped"
"""Reason of an invocation whose run or dispatch somebody stopped."""

CHILDLESS_SECONDS: Final = 60.0
"""An attempt that has started nothing for so long has lost its worker."""

_RUNNING: Final = frozenset({InvocationStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class Settled:
    """How the child of this ``key`` (``inv:{id}:{attempt}``) ended, for the invocation that started it."""

    invocation_id: UUID
    key: str
    end: ChildEnd


def runs_ended(ended: Sequence[Ended]) -> None:
    """Take in how runs of invocations ended, in the transaction that ends them (W13a)."""
    keys = dict(Run.objects.filter(pk__in=[end.run_id for end in ended]).values_list("pk", "idempotency_key"))
    invocations_settle(
        [Settled(end.owner_id, keys.get(end.run_id) or "", run_end(end.status, end.error)) for end in ended]
    )


def dispatch_told(ended: DispatchEnded) -> None:
    """Take in how a trigger's dispatch ended, in the transaction that ends it."""
    running = Invocation.objects.filter(trigger_id=ended.trigger_id, status=InvocationStatus.RUNNING)
    for invocation in running.select_related("trigger"):
        if child_key(invocation.pk, invocation.attempt) == ended.idempotency_key:
            counts = CellCounts(ended.completed, ended.failed, ended.cancelled, ended.paused)
            bears = fail_above_percent(invocation.trigger)
            end = dispatch_end(ended.status, counts, ended.error, bears)
            invocations_settle([Settled(invocation.pk, ended.idempotency_key, end)])


@transaction.atomic
def invocations_settle(told: Sequence[Settled]) -> int:
    """End the attempts whose children ended so; how many there were.

    What is not running any more – cancelled, timed out – stays as it is, and so does one that has begun another
    attempt. The caller holds the children; triggers and invocations are locked here, each in the order of their ids.
    """
    by_id = {each.invocation_id: each for each in told}
    triggers = _triggers_hold(by_id)
    running = Invocation.objects.select_for_update(no_key=True).filter(pk__in=by_id, status__in=_RUNNING)
    settled = 0
    for invocation in running.order_by("pk"):
        each = by_id[invocation.pk]
        if each.key == child_key(invocation.pk, invocation.attempt) and invocation.trigger_id in triggers:
            invocation.trigger = triggers[invocation.trigger_id]
            settled += attempt_end(invocation, each.end)
    return settled


def attempt_end(invocation: Invocation, end: ChildEnd) -> bool:
    """End the running attempt of an invocation that is held with its trigger; ``False``: somebody else has ended it."""
    if end.status is not InvocationStatus.FAILED:
        reason = STOPPED if end.status is InvocationStatus.CANCELLED else ""
        return invocation_close(invocation, end.status, reason=reason, expected=_RUNNING)
    if invocation.attempt <= invocation.max_retries and is_retryable(end.code):
        return _retry(invocation, end)
    return _fail(invocation, end)


def invocation_time_out(invocation_id: UUID) -> bool:
    """End an attempt whose deadline has passed by the database's clock, and stop what it started; whether it was so.

    What waits for a person to say what became of an unsafe effect goes on waiting, and the attempt is the last one: to
    stop it and try again would repeat what only they may repeat (W15).
    """
    with invocation_held(invocation_id) as held:
        late = Invocation.objects.filter(
            pk=invocation_id, status=InvocationStatus.RUNNING, deadline_at__lte=Now()
        )
        if held is None or not late.exists():
            return False
        if held.child is not None and (end := child_end(held.child, held.trigger)) is not None:
            return attempt_end(held.invocation, end)
        words = f"It took longer than {held.invocation.timeout_seconds:,} s."
        if held.child is not None and child_asks(held.child):
            told = f"{words} It waits for a decision: nobody knows whether a block took effect."
            return attempt_end(held.invocation, ChildEnd(InvocationStatus.FAILED, UNKNOWN_OUTCOME, told))
        ended = attempt_end(held.invocation, ChildEnd(InvocationStatus.FAILED, "timeout", words))
        if held.child is not None:
            child_stop(held.child)
        return ended


def invocation_look(invocation_id: UUID) -> bool:
    """Look after a running invocation, from the sweep; whether its attempt is over.

    Its child has ended and nobody told: it ends as the child did. It has started nothing for a minute: its worker is
    lost, and the attempt with it.
    """
    with invocation_held(invocation_id) as held:
        if held is None or held.invocation.status != InvocationStatus.RUNNING:
            return False
        if held.child is not None:
            end = child_end(held.child, held.trigger)
            return end is not None and attempt_end(held.invocation, end)
        since = Now() - timedelta(seconds=CHILDLESS_SECONDS)
        if not Invocation.objects.filter(pk=invocation_id, attempt_started_at__lte=since).exists():
            return False
        words = "The worker that was to start it is gone."
        return attempt_end(held.invocation, ChildEnd(InvocationStatus.FAILED, "worker_lost", words))


def run_reopened(run: Run) -> None:
    """Refuse that a run goes on beside a later attempt of its invocation, made or to come (W22). Raises
    ``RunSuperseded``.

    The run is locked, as it is by whoever ends its attempt; an invocation that is over stays so, whatever the run does.
    """
    own = Invocation.objects.filter(status__in=IN_FLIGHT)
    invocation = own.filter(pk=run.owner_id).first() if run.owner_id is not None else None
    if invocation is None:
        return
    is_present = run.idempotency_key == child_key(invocation.pk, invocation.attempt)
    if not (is_present and invocation.status == InvocationStatus.RUNNING):
        told = "The trigger's invocation is tried again by itself. Wait for that, or cancel the invocation first."
        raise RunSuperseded(told)


def _triggers_hold(invocation_ids: Collection[UUID]) -> dict[UUID, Trigger]:
    """The triggers of these invocations, locked."""
    named = Invocation.objects.filter(pk__in=invocation_ids).values("trigger_id")
    locked = Trigger.objects.select_for_update(no_key=True).filter(pk__in=named)
    return {trigger.pk: trigger for trigger in locked.order_by("pk")}


def _retry(invocation: Invocation, end: ChildEnd) -> bool:
    """``running → pending``: the same invocation again, after a delay that doubles with each retry."""
    base = invocation.trigger.retry_delay_seconds
    delay = retry_delay_seconds(invocation.attempt, base, random.random())  # noqa: S311 spreads load, guards nothing
    moved = Invocation.objects.move(
        invocation.pk,
        _RUNNING,
        InvocationStatus.PENDING,
        available_at=Now() + timedelta(seconds=delay),
        enqueued_at=None,
        deadline_at=None,
        error_code=end.code,
        error_message=end.message[:MESSAGE_CHARACTERS],
    )
    if moved:
        trigger_note(invocation, InvocationStatus.PENDING)
    return moved


def _fail(invocation: Invocation, end: ChildEnd) -> bool:
    """``running → failed``; a trigger that has failed too often in a row is switched off."""
    closed = invocation_close(
        invocation, InvocationStatus.FAILED, code=end.code, message=end.message, expected=_RUNNING
    )
    trigger = invocation.trigger
    limit = trigger.pause_on_failures
    if closed and trigger.enabled and limit is not None and trigger.consecutive_failures >= limit:
        words = f"{trigger.consecutive_failures} invocations in a row failed."
        triggers_switch_off([trigger.pk], DisabledReason.TOO_MANY_FAILURES, words)
    return closed
