"""Runs restored from the ledger, to go on at the first unfinished step (W9, W14)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Max

from workflows.engine.router import Advance, Router
from workflows.engine.scopes import step_key, step_place
from workflows.engine.types import BlockError, Effect, ErrorClass, Opening, StepRecord
from workflows.models import Attempt, PausePoint, Run, Step
from workflows.services.attempts import flight_again
from workflows.services.blobs import blob_values
from workflows.services.live import LiveRun, Waiting, live_bare
from workflows.services.versions import compiled_version
from workflows.states import STEP_FINISHED, PauseKind, StepStatus

NEVER_FINISHED = frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.UNKNOWN})


@dataclass(slots=True)
class Stored:
    """What the ledger holds of one run: its steps in order, its latest pause by step, its tries by step."""

    steps: list[Step] = field(default_factory=list)
    pauses: dict[str, PausePoint] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


def live_runs_load(run_ids: Sequence[UUID]) -> list[LiveRun]:
    """These runs as their ledger tells; a handful of queries, however many they are."""
    stored: dict[UUID, Stored] = defaultdict(Stored)
    for step in steps_load(run_ids):
        stored[step.run_id].steps.append(step)
    waiting = [run_id for run_id, found in stored.items() if _has_unfinished(found.steps)]
    if waiting:
        for pause in PausePoint.objects.filter(run_id__in=waiting).order_by("round"):
            stored[pause.run_id].pauses[pause.step_key] = pause
    tries = Attempt.objects.filter(run_id__in=run_ids, epoch=F("run__epoch"))
    for run_id, key, n in tries.values_list("run_id", "step_key").annotate(n=Max("n")):
        stored[run_id].attempts[key] = n
    runs = Run.objects.filter(id__in=run_ids).order_by("id")
    return [_restored(run, stored[run.id]) for run in runs]


def steps_load(run_ids: Sequence[UUID]) -> list[Step]:
    """The steps of these runs in the ledger's order, outputs fetched from blobs where they stand there."""
    steps = list(Step.objects.filter(run_id__in=run_ids).order_by("run_id", "seq", "step_key"))
    names = {step.blob_id for step in steps if step.blob_id is not None}
    if names:
        values = blob_values(names)
        for step in steps:
            if step.blob_id is not None:
                step.output = values.get(step.blob_id)
    return steps


def step_record(step: Step) -> StepRecord:
    """A stored step as routing needs it."""
    return StepRecord(
        step.step_key, StepStatus(step.status), step.handle or None, step.output, stored_error(step.error)
    )


def stored_error(error: Mapping[str, Any] | None) -> BlockError | None:
    """An error as ``BlockError.as_json`` stored it."""
    if error is None:
        return None
    return BlockError(
        ErrorClass(error["class"]),
        error["code"],
        error["message"],
        error.get("detail"),
        error.get("retry_after_seconds"),
    )


def openings_of(steps: Sequence[Step]) -> dict[str, Opening]:
    """How the containers opened that are still open."""
    return {
        step.step_key: Opening.from_json(step.opening)
        for step in steps
        if step.opening is not None and step.status not in STEP_FINISHED
    }


def _has_unfinished(steps: Sequence[Step]) -> bool:
    return any(StepStatus(step.status) in NEVER_FINISHED for step in steps)


def _restored(run: Run, stored: Stored) -> LiveRun:
    assert run.lease_token is not None
    compiled = compiled_version(run.version_id)
    finished = [step_record(step) for step in stored.steps if StepStatus(step.status) in STEP_FINISHED]
    only = None if not run.plan or run.plan.get("only") is None else frozenset(run.plan["only"])
    router, advance = Router.restore(compiled, finished, openings_of(stored.steps), only)
    live = live_bare(
        run_id=run.id,
        workspace_id=run.workspace_id,
        compiled=compiled,
        router=router,
        lease_token=run.lease_token,
        given=run.input,
        row=run.row,
        epoch=run.epoch,
    )
    live.depth, live.actor_id = run.depth, run.actor_id
    live.seq = max((step.seq for step in stored.steps), default=0)
    live.attempts.update(stored.attempts)
    live.rounds = {key: pause.round for key, pause in stored.pauses.items()}
    if run.deadline_at is not None:
        live.deadline_at = run.deadline_at
        live.deadline = time.monotonic() + (run.deadline_at - datetime.now(UTC)).total_seconds()
    _settle(live, finished)
    _go_on(live, stored, advance)
    return live


def _settle(live: LiveRun, finished: Sequence[StepRecord]) -> None:
    """Let expressions see what has finished, in the scopes that are still open."""
    paths = set(live.router.paths)
    for path in live.router.paths:
        live.enter(step_key(path, ""))
    for record in finished:
        path = step_place(record.key).path
        if path and path not in paths:
            continue
        live.enter(record.key)
        live.roots.settle(record)


def _go_on(live: LiveRun, stored: Stored, advance: Advance) -> None:
    """What is ready goes on; what waits for an answer or a decision does not."""
    steps = {step.step_key: step for step in stored.steps}
    aside: set[str] = set()
    for key in advance.ready:
        step = steps.get(key)
        if step is None:
            continue
        pause = stored.pauses.get(key)
        if step.status == StepStatus.WAITING and pause is not None:
            live.waiting[key] = Waiting(
                pause.id, PauseKind(pause.kind), pause.wake_at, str(pause.request.get("reason", ""))
            )
            aside.add(key)
        elif step.status == StepStatus.UNKNOWN:
            live.unknown.add(key)
            aside.add(key)
    live.interrupted = frozenset(
        step.step_key
        for step in stored.steps
        if step.status == StepStatus.RUNNING and live.block(step.step_key).effect is Effect.UNSAFE
    )
    live.take(
        Advance(
            tuple(key for key in advance.ready if key not in aside),
            tuple(key for key in advance.skipped if key not in steps),
            advance.asks,
            advance.ended,
        )
    )
    for key in aside:
        live.enter(key)
    for key in openings_of(stored.steps):
        step = steps[key]
        opened = flight_again(live, key)
        opened.started_at, opened.input_hash = step.started_at or opened.started_at, step.input_hash
        live.opened[key] = opened
