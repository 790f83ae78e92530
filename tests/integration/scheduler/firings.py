"""Invocations carried out by hand: what a test starts, what a worker then does, and how it all stands afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

import scheduler.tasks  # registers them  # noqa: F401
from scheduler.models import Invocation, Trigger
from scheduler.services.running import invocation_run
from tests.bed.engine import Engine, counting
from tests.bed.triggers import invocation_make, trigger_make
from workflows.models import Run
from workspaces.actors import Actor
from workspaces.models import User

RESPONDS: Mapping[str, Any] = {
    "key": "say",
    "type": "respond",
    "config": {"value": {"message": "{{ input.message }}", "payload": "{{ input.payload }}"}},
}
"""A block that answers what it was given."""


def calling_trigger(engine: Engine, **fields: Any) -> Trigger:
    """A trigger of a workflow whose one block calls a probe; what the probe does is the test's affair."""
    workflow = engine.workflow([counting("call")])
    return trigger_make(engine.workspace, workflow=workflow, **fields)


def ran(trigger: Trigger, **fields: Any) -> Any:
    """An invocation of it that a worker has just taken up, as it stands then."""
    invocation = invocation_make(trigger, **fields)
    invocation_run(invocation.pk)
    return fresh(invocation)


def fresh(invocation: Invocation) -> Any:
    """The invocation with its trigger as they stand in the database now."""
    return Invocation.objects.select_related("trigger").get(pk=invocation.pk)


def status(invocation: Invocation) -> str:
    """How it stands now."""
    return fresh(invocation).status


def run_of(invocation: Invocation) -> Run:
    """The run of its newest attempt."""
    return Run.objects.get(pk=fresh(invocation).children[-1])


def runs_of(invocation: Invocation) -> list[Run]:
    """All runs that were ever started for it."""
    return list(Run.objects.filter(owner_kind="invocation", owner_id=invocation.pk).order_by("id"))


def again(invocation: Invocation) -> Any:
    """The time of its retry comes, and a worker takes it up."""
    Invocation.objects.filter(pk=invocation.pk).update(available_at=Now())
    invocation_run(invocation.pk)
    return fresh(invocation)


def earlier(invocation: Invocation, seconds: float, *fields: str) -> None:
    """Put instants of it back by so many seconds: the test's clock is the database's, so time passes in the rows."""
    ago = timedelta(seconds=seconds)
    Invocation.objects.filter(pk=invocation.pk).update(**{field: F(field) - ago for field in fields})


def acting(user: User | None) -> Actor:
    """Somebody as services know them."""
    return Actor.system("test") if user is None else Actor(user_id=user.pk, label=user.get_username())


def message_ids(engine: Engine, task: str = "scheduler.run_invocation") -> list[UUID]:
    """What the messages of this task that nobody has taken are about."""
    return [UUID(args[0]) for name, args in engine.messages if name == task]
