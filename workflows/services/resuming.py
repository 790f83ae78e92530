"""Reopening a failed run: finished steps are kept, the others get a fresh budget (W22, W23).

The ledger is what makes it cheap: the steps that failed are put back to ``pending``, and the run goes on at its first
unfinished step like after a crash. Attempts stay, so that people see what happened before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Now
from django.utils import timezone

from workflows.engine.reopening import reopened
from workflows.enqueue import run_enqueue
from workflows.errors import DeadlinePassed, NotResumable, RunNotFound
from workflows.models import PausePoint, Run, Step
from workflows.services.loading import step_record, steps_load
from workflows.services.owners import owner_requeue, owner_resume
from workflows.services.versions import compiled_version
from workflows.states import RESUMABLE, PauseKind, RunStatus, StepStatus
from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.services.audit import audit_record

MOST_TOGETHER: Final = 1_000
"""Runs resumed by one call."""


def run_resume(
    *, run_id: UUID, actor: Actor, extend_deadline_seconds: float | None = None, note: str = ""
) -> Run:
    """Take a failed run, or one that needs a decision, back into the queue: same run, next epoch (W22).

    Of two at once one wins (W23). Raises ``NotResumable`` with the run's status, ``RunSuperseded`` when a newer run
    works in its place, ``DeadlinePassed`` unless the deadline is extended, ``RunNotFound``.
    """
    with transaction.atomic():
        _resume(run_id, actor, extend_deadline_seconds, note)
    return Run.objects.select_related("version", "workflow", "actor").get(pk=run_id)


def runs_resume(*, run_ids: Iterable[UUID], actor: Actor, note: str = "") -> dict[UUID, str]:
    """Resume many runs, each by itself; ``resumed`` or the code of what stood in the way, by run (W23)."""
    outcomes: dict[UUID, str] = {}
    for run_id in run_ids:
        try:
            run_resume(run_id=run_id, actor=actor, note=note)
            outcomes[run_id] = "resumed"
        except RunsheetError as error:
            outcomes[run_id] = error.code
    return outcomes


def _resume(run_id: UUID, actor: Actor, extend_deadline_seconds: float | None, note: str) -> None:
    """One run and, where it failed on them, its sub-runs. The owner's rows are locked first, then the run's."""
    seen = Run.objects.filter(pk=run_id).first()
    if seen is None:
        raise RunNotFound
    _require_resumable(seen)
    prepare = owner_resume(seen.owner_kind)
    if prepare is not None:
        prepare(seen, actor)
    run = Run.objects.select_for_update(no_key=True).get(pk=run_id)
    _require_resumable(run)
    _extend_deadline(run, extend_deadline_seconds)
    steps_reopen(run, actor, note)
    run_requeue(run, actor, note)
    audit_record(
        workspace_id=run.workspace_id,
        actor=actor,
        action="run.resumed",
        target=run,
        after={"epoch": run.epoch + 1, "note": note},
    )


def _require_resumable(run: Run) -> None:
    if run.status not in RESUMABLE:
        message = (
            f"This run is {run.status}; only failed runs, and runs that need a decision, can be resumed."
        )
        raise NotResumable(message, run_status=run.status)


def _extend_deadline(run: Run, seconds: float | None) -> None:
    """Give the run more time, counted from now, or refuse when it has none left (by the database's clock)."""
    if seconds is not None:
        Run.objects.filter(pk=run.pk).update(deadline_at=Now() + timedelta(seconds=seconds))
    elif Run.objects.filter(pk=run.pk, deadline_at__lte=Now()).exists():
        raise DeadlinePassed


def run_requeue(run: Run, actor: Actor, note: str, *, next_epoch: bool = True) -> None:
    """``failed | needs_decision -> queued`` of a run that is locked; how it had ended goes into its history.

    Raises ``RunSuperseded`` when another run works in its place by now.
    """
    may_go_on = owner_requeue(run.owner_kind)
    if may_go_on is not None:
        may_go_on(run)
    ended = {
        "epoch": run.epoch,
        "status": run.status,
        "error": run.error,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "resumed_at": timezone.now().isoformat(),
        "resumed_by": actor.label,
        "note": note,
    }
    won = Run.objects.filter(pk=run.pk, status__in=RESUMABLE).update(
        status=RunStatus.QUEUED,
        epoch=F("epoch") + (1 if next_epoch else 0),
        resumed_at=Now(),
        error=None,
        result=None,
        finished_at=None,
        waits_for=None,
        wake_at=None,
        recovery_count=0,
        history=[*(run.history or []), ended],
    )
    assert won == 1, "the run was locked"
    if owner_resume(run.owner_kind) is None:
        run_enqueue(run.pk)


def steps_reopen(run: Run, actor: Actor, note: str, *, keep: frozenset[str] = frozenset()) -> None:
    """Put back what a resume takes back: failed and interrupted steps, and the containers they failed (W22).

    Steps to ``keep`` stay as they are.
    """
    steps = steps_load([run.pk])
    openings = {step.step_key for step in steps if step.opening is not None}
    taken = reopened(compiled_version(run.version_id), [step_record(step) for step in steps]) - keep
    waiting = _subruns_resume(run, taken, actor, note)
    _reset(run, taken - openings - waiting, StepStatus.PENDING)
    _reset(run, taken & openings, StepStatus.RUNNING)
    _reset(run, waiting, StepStatus.WAITING)


def _reset(run: Run, keys: Iterable[str], status: StepStatus) -> None:
    wanted = sorted(keys)
    if wanted:
        Step.objects.filter(run_id=run.pk, step_key__in=wanted).update(
            status=status, error=None, output=None, blob_id=None, handle="", finished_at=None
        )


def _subruns_resume(run: Run, taken: Iterable[str], actor: Actor, note: str) -> set[str]:
    """Steps that failed on their sub-run wait for it again, and the sub-run is resumed itself (W22)."""
    waiting: set[str] = set()
    for pause in _last_subruns(run, taken):
        child = pause.child_id and Run.objects.filter(pk=pause.child_id, status__in=RESUMABLE).first()
        if not child:
            continue
        _resume(child.pk, actor, None, note)
        again = PausePoint(
            workspace_id=run.workspace_id,
            run_id=run.pk,
            step_key=pause.step_key,
            round=pause.round + 1,
            kind=PauseKind.RUN,
            request=pause.request,
            child_id=child.pk,
        )
        again.save(force_insert=True)
        waiting.add(pause.step_key)
    return waiting


def _last_subruns(run: Run, taken: Iterable[str]) -> Sequence[PausePoint]:
    """The latest wait of each of these steps, where it was for a sub-run."""
    pauses: Any = PausePoint.objects.filter(run_id=run.pk, step_key__in=list(taken))
    latest = dict(pauses.values_list("step_key").annotate(latest=Max("round")))
    return [
        pause
        for pause in pauses.filter(kind=PauseKind.RUN, child_id__isnull=False)
        if pause.round == latest[pause.step_key]
    ]
