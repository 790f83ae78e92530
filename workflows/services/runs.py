"""Starting runs and stopping them (W17, W18). What happens in between is the executor's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from workflows.engine.canonical import digest
from workflows.enqueue import run_enqueue, run_send
from workflows.errors import RunFinished, WorkflowNotFound
from workflows.models import Run, Workflow, WorkflowVersion
from workflows.services.ledger import runs_stop
from workflows.services.owners import CELL, owner_stop
from workflows.services.versions import compiled_version, input_complete
from workflows.states import RunStatus
from workspaces.actors import Actor
from workspaces.cursors import prepared_cursor
from workspaces.errors import IdempotencyMismatch
from workspaces.services.audit import audit_record


@dataclass(frozen=True, slots=True)
class Owner:
    """What a run works for, told without a foreign key upwards (W13a): ``("invocation", id)``."""

    kind: str
    id: UUID


def run_start(
    *,
    workflow: Workflow,
    version: WorkflowVersion,
    input: dict[str, Any],  # noqa: A002  the word of the API
    actor: Actor,
    trigger_kind: str = "api",
    idempotency_key: str | None = None,
    owner: Owner | None = None,
    deadline_seconds: float | None = None,
    row: dict[str, Any] | None = None,
) -> tuple[Run, bool]:
    """Store a queued run and wake a worker at commit; ``False``: an earlier call with this key started it (W18).

    ``row`` is what its templates read as ``row``.

    Raises ``RunInputInvalid``, ``WorkflowNotFound`` (archived), ``DefinitionInvalid`` (its blocks are not
    installed here), and ``IdempotencyMismatch`` for a known key with another input.
    """
    input_hash = digest(input if row is None else {"input": input, "row": row})
    if (known := run_known(workflow, idempotency_key, input_hash)) is not None:
        return known, False
    if workflow.archived_at is not None:
        raise WorkflowNotFound
    run = Run(
        workspace_id=workflow.workspace_id,
        workflow=workflow,
        version=version,
        input=input_complete(compiled_version(version.pk), input),
        input_hash=input_hash,
        row=row,
        trigger_kind=trigger_kind,
        actor_id=actor.user_id,
        owner_kind="" if owner is None else owner.kind,
        owner_id=None if owner is None else owner.id,
        idempotency_key=idempotency_key,
        deadline_at=None if deadline_seconds is None else Now() + timedelta(seconds=deadline_seconds),
    )
    try:
        with transaction.atomic():
            _insert(run, actor)
    except IntegrityError:
        # Another connection committed the same key between our look and our insert.
        if (known := run_known(workflow, idempotency_key, input_hash)) is None:
            raise
        return known, False
    run.refresh_from_db()
    return run, True


def run_cancel(*, run: Run, actor: Actor) -> Run:
    """Stop a run: cancelled at once, whatever its worker does; its late writes are refused (W13, W17).

    A run that is cancelled already is answered as it is. Raises ``RunFinished`` when it ended otherwise. A run
    that an app above owns is stopped by that app, so that what it works for is stopped too.
    """
    stop = owner_stop(run.owner_kind)
    if stop is not None and run.status != RunStatus.CANCELLED:
        stop(run, actor)
    else:
        with transaction.atomic():
            if runs_cancel([run.pk]):
                _audit(run, actor, "run.cancelled")
    run.refresh_from_db()
    if run.status != RunStatus.CANCELLED:
        raise RunFinished(
            f"This run is {run.status}; only a run under way can be cancelled.", run_status=run.status
        )
    return run


def runs_cancel(run_ids: Sequence[UUID]) -> int:
    """Cancel those of the runs that are not over, in the caller's transaction; how many there were, sub-runs included.

    The lease goes at once: the owner's next write matches nothing (T24). Locks the runs in the order of their ids.
    """
    with prepared_cursor() as cursor:
        return len(runs_stop(cursor, run_ids))


def runs_resend(
    *, queued_for_seconds: float = 10.0, again_after_seconds: float = 30.0, limit: int = 200
) -> int:
    """Wake workers again for queued runs whose message seems lost, or was never sent (T12); how many.

    A run's ``wake_at`` holds when it is looked at next, so that a long queue does not fill with repetitions.
    Cells' runs are not counted here: their windows wake them. Stops at the first message that fails.
    """
    with transaction.atomic():
        late = Run.objects.select_for_update(skip_locked=True, no_key=True).filter(
            Q(wake_at__lte=Now())
            | Q(wake_at=None, created_at__lte=Now() - timedelta(seconds=queued_for_seconds)),
            ~Q(owner_kind=CELL),
            status=RunStatus.QUEUED,
        )
        found = list(late.order_by("created_at").values_list("pk", flat=True)[:limit])
        Run.objects.filter(pk__in=found).update(wake_at=Now() + timedelta(seconds=again_after_seconds))
    for sent, run_id in enumerate(found):
        try:
            run_send(run_id)
        except OperationalError:
            return sent
    return len(found)


def run_known(workflow: Workflow, key: str | None, input_hash: str) -> Run | None:
    """The run that an earlier call with this key started (W18). Raises ``IdempotencyMismatch`` if it asked for else."""
    if key is None:
        return None
    run = Run.objects.filter(workflow=workflow, idempotency_key=key).first()
    if run is not None and run.input_hash != input_hash:
        raise IdempotencyMismatch
    return run


def _insert(run: Run, actor: Actor) -> None:
    run.save(force_insert=True)
    if run.owner_id is None:
        _audit(run, actor, "run.started")
    run_enqueue(run.pk)


def _audit(run: Run, actor: Actor, action: str) -> None:
    after = {"workflow": str(run.workflow_id), "trigger_kind": run.trigger_kind}
    audit_record(workspace_id=run.workspace_id, actor=actor, action=action, target=run, after=after)
