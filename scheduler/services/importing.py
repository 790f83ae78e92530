"""Triggers brought in from elsewhere: each is created, updated or skipped with a reason, all in one transaction.

A dry run does the very same, with every check, and then rolls it all back. What is brought in is known by its
``import_key``, so that doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from scheduler.engine.local_times import instant_text
from scheduler.errors import words
from scheduler.models import Trigger
from scheduler.services.changing import OWN_FIELDS, fields_told, trigger_update
from scheduler.services.triggers import trigger_create
from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.models import Workspace
from workspaces.states import Role


class Action(StrEnum):
    """What becomes of one of them."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One trigger as it should be.

    ``source`` is its name where it comes from. ``fields`` are those of ``trigger_create``. Those of ``at_birth`` count
    only when it is made: what somebody has switched or moved here since is not set back by the next import.
    ``trigger_id`` is the id it had there: should that be here, it is the very one.
    """

    source: str
    import_key: str
    fields: Mapping[str, Any]
    at_birth: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trigger_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """One that cannot be brought in: a word for programs and a sentence for people."""

    source: str
    reason: str
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one, or would become of it."""

    source: str
    action: Action
    reason: str = ""
    words: str = ""
    notes: tuple[str, ...] = ()
    trigger_id: UUID | None = None
    next_run_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``trigger`` is null for what does not exist."""
        return {
            "source": self.source,
            "action": self.action.value,
            "reason": self.reason,
            "words": self.words,
            "notes": list(self.notes),
            "trigger": None if self.trigger_id is None else str(self.trigger_id),
            "next_run_at": instant_text(self.next_run_at),
        }


def triggers_bring_in(
    *, workspace: Workspace, actor: Actor, role: Role, items: Iterable[Wanted | Skip], apply: bool
) -> list[Outcome]:
    """Create and update what is wanted; an item that is refused is skipped, the others are not touched by that.

    Without ``apply`` nothing is kept. The caller may hold a transaction of its own.
    """
    with transaction.atomic():
        outcomes = [_bring_in(workspace, actor, role, item, apply=apply) for item in items]
        if not apply:
            transaction.set_rollback(True)
    return outcomes


def _bring_in(workspace: Workspace, actor: Actor, role: Role, item: Wanted | Skip, *, apply: bool) -> Outcome:
    if isinstance(item, Skip):
        return Outcome(item.source, Action.SKIP, item.reason, item.words)
    here = Q(pk=item.trigger_id, workspace=workspace)
    present = Trigger.objects.filter(Q(import_key=item.import_key) | here).order_by("id").first()
    if present is not None and present.workspace_id != workspace.pk:
        told = "This has been imported into another workspace."
        return Outcome(item.source, Action.SKIP, "in_another_workspace", told)
    try:
        with transaction.atomic():
            if present is None:
                trigger = trigger_create(
                    workspace=workspace,
                    actor=actor,
                    membership_role=role,
                    import_key=item.import_key,
                    **{**item.fields, **item.at_birth},
                )
                action = Action.CREATE
            else:
                trigger, action = _update(present, actor, role, item.fields)
    except RunsheetError as fault:
        return Outcome(item.source, Action.SKIP, fault.code, words(fault))
    made_up = present is None and not apply
    return Outcome(
        item.source,
        action,
        notes=item.notes,
        trigger_id=None if made_up else trigger.pk,
        next_run_at=trigger.next_run_at,
    )


def _update(present: Trigger, actor: Actor, role: Role, fields: Mapping[str, Any]) -> tuple[Trigger, Action]:
    """Let the service say whether anything differs: it knows every field's stored spelling."""
    before = fields_told(present, OWN_FIELDS)
    with transaction.atomic():
        trigger = trigger_update(trigger=present, actor=actor, membership_role=role, **fields)
        if fields_told(trigger, OWN_FIELDS) == before:
            # Not even an audit record of a change that is none.
            transaction.set_rollback(True)
            return present, Action.UNCHANGED
    return trigger, Action.UPDATE
