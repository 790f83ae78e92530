"""Triggers and invocations made straight from models, for tests of what happens to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from scheduler.engine.keys import child_key
from scheduler.models import Invocation, Trigger
from scheduler.states import InvocationStatus, Source, TargetKind
from tables.models import Table
from tests.bed.factories import chain, setting, workflow_make
from workflows.models import Run, Workflow
from workspaces.ids import uuid7
from workspaces.models import User, Workspace

LATER: Final = timedelta(hours=1)
YEARLY: Final = "0 0 1 1 *"
"""So rare that no slot of its own falls into a test: what is due is what the test says."""


def minute(ago: int = 0) -> datetime:
    """The start of this minute, or of one that many minutes ago: an instant that is due."""
    return timezone.now().astimezone(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)


def new_year() -> datetime:
    """When a trigger that is made without a schedule fires after the slot it was given."""
    return datetime(timezone.now().year + 1, 1, 1, tzinfo=UTC)


def trigger_make(
    workspace: Workspace,
    *,
    workflow: Workflow | None = None,
    table: Table | None = None,
    due: datetime | None = None,
    **fields: Any,
) -> Trigger:
    """A trigger that fires next at ``due`` (in an hour when none is named; see ``minute`` for one that is due now).

    After that it fires at New Year, unless ``cron_expression`` or ``run_at`` says otherwise. It starts ``workflow`` (a
    small one is made when there is no target), and runs as ``run_as_user`` (an editor when none is named).
    ``enabled=False`` makes one that somebody switched off.
    """
    trigger = trigger_unsaved(workspace, workflow=workflow, table=table, due=due, **fields)
    trigger.save(force_insert=True)
    return trigger


def triggers_make(
    workspace: Workspace, count: int, *, due: datetime | None = None, **fields: Any
) -> list[Trigger]:
    """The same many times, of one workflow and one person: copies that the database makes, each with its own name."""
    first = trigger_make(workspace, due=due, **fields)
    own = {"id": "gen_random_uuid()", "name": "'t' || n"}
    names = [str(field.column) for field in Trigger._meta.concrete_fields]
    copied = ", ".join(own.get(name, name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO scheduler_trigger ({', '.join(names)}) SELECT {copied}"
            " FROM scheduler_trigger, generate_series(2, %s) n WHERE id = %s RETURNING id",
            [count, first.pk],
        )
        made = [row[0] for row in cursor.fetchall()]
    return [first, *Trigger.objects.filter(pk__in=made)]


def trigger_unsaved(
    workspace: Workspace,
    *,
    workflow: Workflow | None = None,
    table: Table | None = None,
    due: datetime | None = None,
    **fields: Any,
) -> Trigger:
    """What ``trigger_make`` stores, not stored (its target and person are)."""
    if workflow is None and table is None:
        workflow = workflow_make(workspace, chain(setting("say", "{{ input.message }}")))
    if "run_as_user" not in fields:
        fields["run_as_user"] = person_make(workspace)
    if fields.get("run_at") is None:
        fields.setdefault("cron_expression", YEARLY)
    if not fields.setdefault("enabled", True):
        fields.setdefault("disabled_reason", "user")
    slot = due or fields.get("run_at") or minute() + LATER
    kind = TargetKind.WORKFLOW if workflow is not None else TargetKind.TABLE_RUN
    return Trigger(
        workspace=workspace,
        workflow=workflow,
        table=table,
        target_kind=kind.value,
        ref=fields.pop("ref", "live" if kind is TargetKind.WORKFLOW else None),
        name=fields.pop("name", f"trigger-{uuid7().hex[-8:]}"),
        next_run_at=slot if fields["enabled"] else None,
        created_by=fields.pop("created_by", fields["run_as_user"]),
        **fields,
    )


def person_make(workspace: Workspace, role: str = "editor") -> User:
    """A member of the workspace with that role."""
    name = f"u-{uuid7().hex[-10:]}"
    person = User.objects.create_user(username=name, email=f"{name}@example.test", password="pw")
    workspace.memberships.create(user=person, role=role)
    return person


def invocation_make(trigger: Trigger, **fields: Any) -> Invocation:
    """An invocation of it for the last minute, pending and to be had at once unless ``fields`` say otherwise."""
    slot = fields.pop("scheduled_for", minute())
    return Invocation.objects.create(
        trigger=trigger,
        workspace_id=trigger.workspace_id,
        source=fields.pop("source", Source.SCHEDULE.value),
        status=fields.pop("status", InvocationStatus.PENDING.value),
        scheduled_for=slot,
        available_at=fields.pop("available_at", slot),
        idempotency_key=fields.pop("idempotency_key", f"test:{uuid7()}"),
        max_retries=fields.pop("max_retries", trigger.max_retries),
        timeout_seconds=fields.pop("timeout_seconds", trigger.timeout_seconds),
        ref=fields.pop("ref", trigger.ref),
        run_as_user=fields.pop("run_as_user", trigger.run_as_user),
        **fields,
    )


def child_make(invocation: Invocation, status: str, **fields: Any) -> Run:
    """A run that its present attempt started and that stands so; nobody tells the invocation of it."""
    trigger = invocation.trigger
    assert trigger.workflow is not None
    run = Run.objects.create(
        workspace_id=trigger.workspace_id,
        workflow=trigger.workflow,
        version=trigger.workflow.refs.get(name="live").version,
        status=status,
        owner_kind="invocation",
        owner_id=invocation.pk,
        idempotency_key=child_key(invocation.pk, invocation.attempt),
        **fields,
    )
    Invocation.objects.filter(pk=invocation.pk).update(children=[*invocation.children, str(run.pk)])
    return run
