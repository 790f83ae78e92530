"""Triggers deleted with all that came of them (`scheduler.md` section 7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction

from scheduler.models import Invocation, Trigger
from scheduler.services.children import Child, child_find, child_stop
from scheduler.states import InvocationStatus


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went."""

    triggers: int
    invocations: int


def triggers_remove(trigger_ids: Collection[UUID]) -> Removed:
    """Delete triggers and their invocations, in the caller's transaction.

    The caller has cancelled what ran before. What began since is stopped after the commit: its run or dispatch must
    not be locked while the triggers are (see `children`).
    """
    ids = sorted(trigger_ids)
    held = list(Trigger.objects.select_for_update().filter(pk__in=ids).order_by("id"))
    began = Invocation.objects.select_related("trigger").filter(
        trigger__in=held, status=InvocationStatus.RUNNING
    )
    children = [child for invocation in began if (child := child_find(invocation)) is not None]
    # Straight to SQL: a cascade in Python would load every invocation to look for reruns, which go all the same.
    invocations = Invocation.objects.filter(trigger__in=held)
    gone = invocations._raw_delete(invocations.db)
    Trigger.objects.filter(pk__in=[trigger.pk for trigger in held])._raw_delete(invocations.db)
    if children:
        transaction.on_commit(partial(_stop, children), robust=True)
    return Removed(len(held), gone)


def _stop(children: Sequence[Child]) -> None:
    for child in children:
        with transaction.atomic():
            child_stop(child)
