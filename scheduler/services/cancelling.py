"""Taking invocations back: one by a person, many by what happens to their trigger (`scheduler.md` sections 5.8, 6, 7).

Waiting ones end at once; a running one ends at once too, and what it started is stopped in the same transaction, so
that its late end meets an invocation that is over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from scheduler.errors import InvocationFinished, InvocationNotFound
from scheduler.models import Invocation, Trigger
from scheduler.services.children import Held, child_stop, children_hold, invocation_held
from scheduler.services.closing import invocation_close
from scheduler.states import IN_FLIGHT, SCHEDULED_SOURCES, WAITING, InvocationStatus, Source
from workspaces.actors import Actor
from workspaces.services.audit import audit_record

BY_A_PERSON = "user"
"""Reason of an invocation that somebody cancelled."""


def invocation_cancel(*, invocation: Invocation, actor: Actor) -> Invocation:
    """Cancel an invocation and what it started; one that is cancelled already is answered as it is.

    Raises ``InvocationFinished`` when it ended otherwise, ``InvocationNotFound`` when it is gone.
    """
    with invocation_held(invocation.pk) as held:
        if held is None:
            raise InvocationNotFound
        status = held.invocation.status
        if status not in IN_FLIGHT and status != InvocationStatus.CANCELLED:
            raise InvocationFinished(f"This invocation is {status}; only one under way can be cancelled.")
        if _cancel(held, BY_A_PERSON):
            audit_record(
                workspace_id=held.invocation.workspace_id,
                actor=actor,
                action="invocation.cancelled",
                target=held.invocation,
                before={"status": status},
                after={"trigger": str(held.trigger.pk), "name": held.trigger.name},
            )
    return Invocation.objects.get(pk=invocation.pk)


def invocations_cancel(invocation_ids: Iterable[UUID], reason: str) -> int:
    """Cancel each of these, running ones with what they started; how many there were.

    One transaction each. Call it where no trigger is locked – after the commit of a tick, for ``cancel_other`` –, as
    what an invocation started is locked before its trigger, or is held already. Safe to repeat.
    """
    cancelled = 0
    for invocation_id in invocation_ids:
        with invocation_held(invocation_id) as held:
            cancelled += held is not None and _cancel(held, reason)
    return cancelled


def children_cancel(trigger_ids: Collection[UUID], reason: str) -> int:
    """Cancel all running invocations of these triggers with what they started, in one transaction; how many.

    For triggers that are about to be deleted: call it before they are locked.
    """
    with transaction.atomic():
        return invocations_cancel([invocation.pk for invocation in running_hold(trigger_ids)], reason)


def running_hold(trigger_ids: Collection[UUID]) -> list[Invocation]:
    """The running invocations of these triggers, with what they started locked: before the triggers are."""
    under_way = Invocation.objects.filter(trigger_id__in=trigger_ids, status=InvocationStatus.RUNNING)
    running = list(under_way.select_related("trigger").order_by("pk"))
    children_hold(running)
    return running


def running_cancel(trigger_id: UUID, held: Collection[Invocation], reason: str) -> int:
    """Cancel what runs of a trigger that was locked after ``running_hold`` had answered ``held``; how many there were.

    What has begun in between is cancelled after the commit: its run or dispatch must not be locked now.
    """
    under_way = Invocation.objects.filter(trigger_id=trigger_id, status=InvocationStatus.RUNNING)
    children = dict(under_way.values_list("pk", "children"))
    same = [invocation.pk for invocation in held if children.get(invocation.pk) == invocation.children]
    begun = sorted(children.keys() - set(same))
    if begun:
        transaction.on_commit(partial(invocations_cancel, begun, reason), robust=True)
    return invocations_cancel(same, reason) + len(begun)


def invocations_take_back(
    trigger_ids: Collection[UUID], reason: str, *, sources: Collection[Source] = SCHEDULED_SOURCES
) -> int:
    """Cancel what waits of these triggers, in the transaction that changes them; how many there were.

    The caller holds the triggers. Running ones go on; those that wait for their next attempt are taken back too.
    """
    waiting = Invocation.objects.filter(trigger_id__in=trigger_ids, status__in=WAITING, source__in=sources)
    held = list(waiting.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    taken = Invocation.objects.filter(pk__in=held, status__in=WAITING).update(
        status=InvocationStatus.CANCELLED, reason=reason, completed_at=Now()
    )
    between_attempts = Q(last_status=InvocationStatus.PENDING)
    Trigger.objects.filter(between_attempts, pk__in=trigger_ids).update(
        last_status=InvocationStatus.CANCELLED
    )
    return taken


def _cancel(held: Held, reason: str) -> bool:
    """Cancel an invocation that is held; ``False``: it is over already."""
    if not invocation_close(held.invocation, InvocationStatus.CANCELLED, reason=reason):
        return False
    if held.child is not None:
        child_stop(held.child)
    return True
