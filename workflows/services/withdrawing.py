"""Runs under way of a workflow that goes away (T5)."""

from __future__ import annotations

from uuid import UUID

from workflows.models import Run
from workflows.services.ledger import TARGET_DELETED, runs_stop
from workflows.services.owners import owner_stop
from workflows.states import ACTIVE, RunStatus
from workspaces.actors import Actor
from workspaces.cursors import prepared_cursor


def runs_withdraw(*, workflow_id: UUID, actor: Actor) -> None:
    """Cancel all runs under way of a workflow that goes away, in the caller's transaction: ``target_deleted`` (T5).

    What they work for is stopped with them, by the app it belongs to.
    """
    active = list(Run.objects.filter(workflow_id=workflow_id, status__in=ACTIVE).order_by("id"))
    owned = [run for run in active if owner_stop(run.owner_kind) is not None]
    for run in owned:
        stop = owner_stop(run.owner_kind)
        if stop is not None:
            stop(run, actor)
    with prepared_cursor() as cursor:
        runs_stop(cursor, [run.pk for run in active], TARGET_DELETED)
    stopped = Run.objects.filter(pk__in=[run.pk for run in owned], status=RunStatus.CANCELLED)
    stopped.update(error=TARGET_DELETED.as_json())
