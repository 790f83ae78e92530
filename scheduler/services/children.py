"""What an invocation's present attempt started, a run or a dispatch: finding it, holding it, stopping it.

Lock order, everywhere in this app: what was started comes first, then its trigger, then the invocation::

    table → dispatch → window → cell → run → trigger → invocation

For the end of a run tells its invocation while the run is held. Whoever begins at the other end – a person who cancels,
the clock – takes hold of all three in that order by ``invocation_held``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from scheduler.engine.child_ends import CellCounts, ChildEnd, dispatch_end, run_end
from scheduler.engine.keys import child_key
from scheduler.models import Invocation, Trigger, sql
from scheduler.services.table_options import FAIL_ABOVE_PERCENT
from scheduler.states import InvocationStatus
from tables.models import Dispatch
from tables.services.stopping import dispatch_stop, table_sequence_next
from tables.states import ACTIVE_DISPATCH
from workflows.models import Run
from workflows.services.runs import runs_cancel
from workflows.states import TERMINAL as RUN_TERMINAL
from workspaces.cursors import prepared_cursor

Child = Run | Dispatch


@dataclass(frozen=True, slots=True)
class Held:
    """An invocation and its trigger, locked, with what its present attempt started, locked before them."""

    invocation: Invocation
    trigger: Trigger
    child: Child | None


@contextmanager
def invocation_held(invocation_id: UUID) -> Iterator[Held | None]:
    """Hold an invocation until the block ends, in a transaction of its own; None: it is gone.

    While it is held, no runner starts anything for it and no end is taken in.
    """
    while True:
        seen = _seen(invocation_id)
        with transaction.atomic():
            held = None if seen is None else _hold(seen)
            if seen is None or held is not None:
                yield held
                return
            # It moved between our look and our locks: give them back and look again.
            transaction.set_rollback(True)


def children_hold(invocations: Iterable[Invocation]) -> None:
    """Lock what these have started, for a transaction that goes on to hold several of them one after the other."""
    found = [child for invocation in invocations if (child := child_find(invocation)) is not None]
    for child in sorted(found, key=lambda child: child.pk):
        _child_lock(child)


def child_find(invocation: Invocation) -> Child | None:
    """What the present attempt started, by its key; None while it has started nothing."""
    if not invocation.children:
        return None
    # Not by the trigger's target: that may have been changed since.
    sought: dict[str, Any] = {
        "pk": invocation.children[-1],
        "idempotency_key": child_key(invocation.pk, invocation.attempt),
    }
    return Run.objects.filter(**sought).first() or Dispatch.objects.filter(**sought).first()


def child_stop(child: Child) -> None:
    """Cancel it, in the caller's transaction, together with all that it started itself. Over already: nothing."""
    if isinstance(child, Run):
        runs_cancel([child.pk])
    else:
        dispatch_stop(child)


def child_end(child: Child, trigger: Trigger) -> ChildEnd | None:
    """How it ended; None while it is under way."""
    if isinstance(child, Run):
        return run_end(child.status, child.error) if child.status in RUN_TERMINAL else None
    if child.status in ACTIVE_DISPATCH:
        return None
    counts = CellCounts(child.completed, child.failed, child.cancelled, child.paused)
    return dispatch_end(child.status, counts, child.error, fail_above_percent(trigger))


def child_asks(child: Child) -> bool:
    """Whether it, or a run below it, waits for a person to say what became of an unsafe effect (W15)."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.ASKS, {"child": child.pk})
        return bool(cursor.fetchone()[0])


def fail_above_percent(trigger: Trigger) -> float:
    """The share of failed cells that a table run of this trigger bears."""
    return float(trigger.target_options.get("fail_above_percent", FAIL_ABOVE_PERCENT))


def _seen(invocation_id: UUID) -> Invocation | None:
    return Invocation.objects.select_related("trigger").filter(pk=invocation_id).first()


def _hold(seen: Invocation) -> Held | None:
    """Lock child, trigger and invocation; None when the invocation is not where it was seen any more."""
    child = child_find(seen) if seen.status == InvocationStatus.RUNNING else None
    if child is not None:
        child = _child_lock(child)
    trigger = Trigger.objects.select_for_update(no_key=True).filter(pk=seen.trigger_id).first()
    invocation = Invocation.objects.select_for_update(no_key=True).filter(pk=seen.pk).first()
    if trigger is None or invocation is None:
        return None
    same = (invocation.status, invocation.attempt, invocation.children) == (
        seen.status,
        seen.attempt,
        seen.children,
    )
    invocation.trigger = trigger
    return Held(invocation, trigger, child) if same else None


def _child_lock(child: Child) -> Child | None:
    if isinstance(child, Run):
        return Run.objects.select_for_update().filter(pk=child.pk).first()
    table_sequence_next(child.table_id)
    return Dispatch.objects.select_for_update().filter(pk=child.pk).first()
