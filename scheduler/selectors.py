"""Reads of triggers and invocations. Everything a person may see is reached through a workspace."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from scheduler.engine.next_run import Schedule
from scheduler.errors import InvocationNotFound, TriggerNotFound
from scheduler.models import Invocation, Trigger


def triggers_of(workspace_id: UUID) -> QuerySet[Trigger]:
    """The triggers of a workspace with what their JSON names, to be filtered, ordered and paged by the caller.

    Each has the database's present time as ``seen_at``, against which its next slot is overdue or not.
    """
    return (
        Trigger.objects.of_workspace(workspace_id)
        .annotate(seen_at=Now())
        .select_related("workflow", "table", "run_as_user", "created_by")
        .defer("workflow__draft", "table__layout", "table__retired_keys")
    )


def trigger_of(workspace_id: UUID, trigger_id: UUID) -> Trigger:
    """One trigger of the workspace. Raises ``TriggerNotFound``, for a foreign one too."""
    found = triggers_of(workspace_id).filter(pk=trigger_id).first()
    if found is None:
        raise TriggerNotFound
    return found


def invocations_of(workspace_id: UUID) -> QuerySet[Invocation]:
    """The invocations of a workspace without their large fields, to be filtered, ordered and paged by the caller."""
    return (
        Invocation.objects.filter(workspace_id=workspace_id)
        .select_related("trigger", "run_as_user", "requested_by")
        .defer(
            "resolved_payload",
            "rendered_message",
            "trigger__payload",
            "trigger__message_template",
            "trigger__target_options",
        )
    )


def invocation_of(workspace_id: UUID, invocation_id: UUID) -> Invocation:
    """One invocation of the workspace, whole. Raises ``InvocationNotFound``, for a foreign one too."""
    found = (
        Invocation.objects.filter(workspace_id=workspace_id, pk=invocation_id)
        .select_related("trigger", "run_as_user", "requested_by")
        .first()
    )
    if found is None:
        raise InvocationNotFound
    return found


def triggers_of_ref(workflow_id: UUID, ref: str) -> QuerySet[Trigger]:
    """The triggers that run this ref of this workflow. Index: ``scheduler_trigger_workflow``."""
    return Trigger.objects.filter(workflow_id=workflow_id, ref=ref)


def schedule_of(trigger: Trigger) -> Schedule:
    """When a trigger fires, as decisions see it."""
    return Schedule(
        cron_expression=trigger.cron_expression,
        cron_timezone=trigger.cron_timezone,
        run_at=trigger.run_at,
        start_at=trigger.start_at,
        end_at=trigger.end_at,
        jitter_seconds=trigger.jitter_seconds,
    )


def database_now() -> datetime:
    """The database's clock, which alone says what is due (`scheduler.md` 0.8)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
