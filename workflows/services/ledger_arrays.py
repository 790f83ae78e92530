"""The ledger's records as the arrays that its set-based statements take (`workflows.models.ledger_sql`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows.services.blobs import MAX_INLINE_BYTES, blob_name
from workflows.services.jsonb import to_json

if TYPE_CHECKING:
    from workflows.services.ledger import AttemptWrite, NewRun, PauseWrite, RunEnd, RunWrite, StepWrite


def step_arrays(steps: Sequence[tuple[UUID, StepWrite]], blobs: dict[str, str]) -> list[list[Any]]:
    """Steps, one list a column; outputs above 256 KiB are put into ``blobs``, text by name."""
    rows = []
    for run_id, step in steps:
        output, blob = to_json(step.output), None
        if (
            output is not None
            and len(output) > MAX_INLINE_BYTES // 4
            and len(output.encode()) > MAX_INLINE_BYTES
        ):
            blob = blob_name(output)
            blobs[blob], output = output, None
        rows.append(
            (
                run_id,
                step.key,
                str(step.status),
                output,
                blob,
                to_json(step.opening),
                to_json(step.error),
                step.input_hash,
                step.fingerprint,
                step.handle,
                step.seq,
                step.started_at,
                step.finished_at,
            )
        )
    return [list(column) for column in zip(*rows, strict=True)]


def pause_arrays(pauses: Sequence[tuple[RunWrite, PauseWrite]]) -> list[list[Any]]:
    """Pause points, one list a column."""
    rows = (
        (
            pause.id,
            write.workspace_id,
            write.run_id,
            pause.key,
            pause.round,
            str(pause.kind),
            to_json(pause.request),
            pause.wake_at,
            pause.token_hash,
            pause.child and pause.child.run_id,
        )
        for write, pause in pauses
    )
    return [list(column) for column in zip(*rows, strict=True)]


def park_arrays(parked: Sequence[RunWrite]) -> list[list[Any]]:
    """Ends that park, one list a column."""
    rows = (
        (
            write.run_id,
            write.lease_token,
            str(write.end.status),
            to_json(list(write.end.waits)),
            write.end.wake_at,
            write.cost,
        )
        for write in parked
        if write.end is not None
    )
    return [list(column) for column in zip(*rows, strict=True)]


def attempt_arrays(attempts: Sequence[tuple[RunWrite, AttemptWrite]]) -> list[list[Any]]:
    """Attempts, one list a column."""
    rows = (
        (
            write.run_id,
            attempt.key,
            write.epoch,
            attempt.n,
            to_json(attempt.input),
            to_json(attempt.error),
            attempt.started_at,
            attempt.finished_at,
        )
        for write, attempt in attempts
    )
    return [list(column) for column in zip(*rows, strict=True)]


def end_arrays(ended: Sequence[RunWrite]) -> list[list[Any]]:
    """Ends, one list a column."""
    rows = (
        (
            write.run_id,
            write.lease_token,
            str(write.end.status),
            to_json(write.end.result),
            to_json(write.end.error),
            write.cost,
        )
        for write in ended
        if write.end is not None
    )
    return [list(column) for column in zip(*rows, strict=True)]


def birth_arrays(runs: Sequence[tuple[NewRun, RunEnd | None]], instance_id: UUID) -> list[list[Any]]:
    """Runs to be inserted, one list a column; with an end they are born ended."""
    rows = (
        (
            run.run_id,
            run.workspace_id,
            run.workflow_id,
            run.version_id,
            "full" if run.forked_from is None else "rerun",
            _birth_status(run, end),
            to_json(run.input) or "null",
            to_json(run.row),
            run.trigger_kind,
            run.actor_id,
            run.owner_kind,
            run.owner_id,
            run.lease_token if end is None and not run.queued else None,
            instance_id if end is None and not run.queued else None,
            end and to_json(end.result),
            end and to_json(end.error),
            run.started_at,
            run.depth,
            run.forked_from,
            to_json(run.plan),
        )
        for run, end in runs
    )
    return [list(column) for column in zip(*rows, strict=True)]


def _birth_status(run: NewRun, end: RunEnd | None) -> str:
    if end is not None:
        return str(end.status)
    return "queued" if run.queued else "running"
