"""Invocations that a person asks for: *Run now* and *Rerun* (`scheduler.md` section 6).

One intent makes one invocation, however often it arrives: by its `Idempotency-Key` for a day, or, without one, by the
two seconds in which nobody means a second click. The trigger's row is held meanwhile, so twenty at once are one after
another. Neither moves the schedule: the next slot and the last scheduled one stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from scheduler.engine.keys import KEYS_LIVE, manual_key, rerun_key
from scheduler.engine.overlap import OverlapDecision, judge_overlap
from scheduler.errors import (
    InvocationNotFound,
    InvocationUnfinished,
    Overlap,
    TriggerNotFound,
)
from scheduler.models import Invocation, Trigger
from scheduler.selectors import database_now
from scheduler.services.publishing import invocation_publish
from scheduler.services.replacing import invocations_replace
from scheduler.services.rights import start_require
from scheduler.services.targets import ref_missing
from scheduler.states import IN_FLIGHT, OverlapPolicy, Source
from workflows.engine.canonical import digest
from workflows.models import WorkflowRef
from workflows.services.refs import DRAFT
from workspaces.actors import Actor
from workspaces.errors import IdempotencyMismatch
from workspaces.services.audit import audit_record
from workspaces.states import Role

ONE_CLICK: Final = timedelta(seconds=2)
"""Two requests of one person within it are one intent."""


@dataclass(frozen=True, slots=True)
class Started:
    """The invocation asked for. ``replayed``: an earlier request with this key made it; ``deduplicated``: a click just
    before did.
    """

    invocation: Invocation
    replayed: bool = False
    deduplicated: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """Who asks for what: the key of the intent, a hash of what was asked, and what makes another click the same one."""

    actor: Actor
    key: str
    named: bool
    hash: str
    force: bool
    same: Q


def trigger_run(
    *,
    trigger: Trigger,
    actor: Actor,
    membership_role: Role,
    force: bool = False,
    idempotency_key: str | None = None,
) -> Started:
    """Start a trigger now, whether it is on or off; ``force`` starts a second one beside one that is under way.

    Raises ``RunAsForbidden`` (it runs as somebody else, and the caller is no admin), ``InvalidRef``, ``Overlap``,
    ``IdempotencyMismatch``, ``TriggerNotFound``.
    """
    start_require(trigger, actor, membership_role)
    request = _Request(
        actor=actor,
        key=manual_key(trigger.pk, _person(actor), idempotency_key or uuid4()),
        named=idempotency_key is not None,
        hash=digest({"force": force}),
        force=force,
        same=Q(source=Source.MANUAL),
    )

    def make() -> dict[str, Any]:
        return {"source": Source.MANUAL, "scheduled_for": database_now()}

    return _once(trigger.pk, request, make)


def invocation_rerun(
    *,
    invocation: Invocation,
    actor: Actor,
    membership_role: Role,
    force: bool = False,
    use_original_payload: bool = False,
    idempotency_key: str | None = None,
) -> Started:
    """Do an invocation that is over once more, for the same instant, as its trigger is now.

    With ``use_original_payload`` it runs over the payload that one ran over, if it ran at all. Raises
    ``InvocationUnfinished``, and what ``trigger_run`` does.
    """
    start_require(invocation.trigger, actor, membership_role)
    request = _Request(
        actor=actor,
        key=rerun_key(invocation.pk, _person(actor), idempotency_key or uuid4()),
        named=idempotency_key is not None,
        hash=digest({"force": force, "use_original_payload": use_original_payload}),
        force=force,
        same=Q(source=Source.RERUN, rerun_of_id=invocation.pk),
    )

    def make() -> dict[str, Any]:
        source = Invocation.objects.filter(pk=invocation.pk).first()
        if source is None:
            raise InvocationNotFound
        if source.status in IN_FLIGHT:
            raise InvocationUnfinished
        payload = source.resolved_payload if use_original_payload else None
        return {
            "source": Source.RERUN,
            "scheduled_for": source.scheduled_for,
            "resolved_payload": payload,
            "rerun_of_id": source.pk,
        }

    return _once(invocation.trigger_id, request, make)


def _person(actor: Actor) -> UUID | int:
    """Whose key it is: the person's; commands and the like share one."""
    return actor.user_id or 0


def _once(trigger_id: UUID, request: _Request, make: Callable[[], dict[str, Any]]) -> Started:
    """The invocation of an intent, made of ``make()`` unless it is there already; its trigger is held."""
    with transaction.atomic():
        row = Trigger.objects.select_for_update(no_key=True).filter(pk=trigger_id).first()
        if row is None:
            raise TriggerNotFound
        if (known := _known(request)) is not None:
            return Started(known, replayed=True)
        if (known := _clicked(row, request)) is not None:
            return Started(known, deduplicated=True)
        _ref_check(row)
        fields = make()
        invocation = _insert(row, request, fields, _overlap(row, force=request.force))
        audit_record(
            workspace_id=row.workspace_id,
            actor=request.actor,
            action="trigger.run" if fields["source"] is Source.MANUAL else "invocation.rerun",
            target=row,
            after={"invocation": str(invocation.pk), "name": row.name, "force": request.force},
        )
    invocation.refresh_from_db()
    return Started(invocation)


def _known(request: _Request) -> Invocation | None:
    """What an earlier request with this `Idempotency-Key` started. Raises ``IdempotencyMismatch`` if it asked for else.

    A key older than a day is free again; the invocation it stood for keeps it in another form.
    """
    if not request.named:
        return None
    found = Invocation.objects.filter(idempotency_key=request.key).first()
    if found is None:
        return None
    if found.created_at <= database_now() - KEYS_LIVE:
        Invocation.objects.filter(pk=found.pk).update(idempotency_key=f"{request.key}:{found.pk}")
        return None
    if found.request_hash != request.hash:
        raise IdempotencyMismatch
    return found


def _clicked(trigger: Trigger, request: _Request) -> Invocation | None:
    """What the same person started by the same gesture within the last two seconds."""
    if request.named or request.force:
        return None
    mine = Invocation.objects.filter(
        request.same, trigger=trigger, requested_by_id=request.actor.user_id, created_at__gt=Now() - ONE_CLICK
    )
    return mine.order_by("-id").first()


def _ref_check(trigger: Trigger) -> None:
    """Raise ``InvalidRef`` unless the trigger's workflow has its ref now; no other one is taken for it."""
    if trigger.workflow_id is None or trigger.ref == DRAFT:
        return
    if not WorkflowRef.objects.filter(workflow_id=trigger.workflow_id, name=trigger.ref).exists():
        raise ref_missing(trigger.ref)


def _overlap(trigger: Trigger, *, force: bool) -> tuple[OverlapDecision, list[UUID]]:
    """What the trigger's policy says beside what is in flight, and which that is. Raises ``Overlap``."""
    under_way = Invocation.objects.filter(trigger=trigger, status__in=IN_FLIGHT).values_list("pk", "waits")
    others = dict(under_way)
    policy = OverlapPolicy.ALLOW if force else OverlapPolicy(trigger.overlap_policy)
    decision = judge_overlap(policy, in_flight=len(others), waiting=sum(others.values()))
    if decision is OverlapDecision.SKIP:
        raise Overlap
    return decision, sorted(others) if decision is OverlapDecision.REPLACE else []


def _insert(
    trigger: Trigger, request: _Request, fields: dict[str, Any], overlap: tuple[OverlapDecision, list[UUID]]
) -> Invocation:
    """Store it and see to it after the commit: sent at once if there is room, or what it replaces cancelled first."""
    decision, replaces = overlap
    starts = decision is OverlapDecision.START
    invocation = Invocation.objects.create(
        workspace_id=trigger.workspace_id,
        trigger=trigger,
        available_at=Now(),
        idempotency_key=request.key,
        request_hash=request.hash,
        max_retries=trigger.max_retries,
        timeout_seconds=trigger.timeout_seconds,
        waits=not starts,
        ref=trigger.ref,
        run_as_user_id=trigger.run_as_user_id,
        requested_by_id=request.actor.user_id,
        details={"replaces": [str(each) for each in replaces]} if replaces else None,
        **fields,
    )
    if starts:
        transaction.on_commit(partial(invocation_publish, invocation.pk), robust=True)
    elif replaces:
        transaction.on_commit(partial(invocations_replace, replaces), robust=True)
    return invocation
