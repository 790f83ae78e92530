"""The ledger's writes: set-based, guarded by the lease token, in the caller's transaction (W13, W13a, W14).

A commit carries the records of a whole batch of runs. ``runs_lock`` says which of them are still mine; only those
are written. Lock order: whoever also writes cells has locked them before (see docs/architecture.md).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from workflows.engine.outputs import storable
from workflows.models import Run
from workflows.states import RunStatus, StepStatus
from workspaces.cursors import prepared_cursor


@dataclass(slots=True)
class StepWrite:
    """A step's record as it will stand in the ledger. Times are aware UTC; ``error`` as ``BlockError.as_json``."""

    key: str
    status: StepStatus
    started_at: datetime | None
    finished_at: datetime | None
    output: Any = None
    error: Mapping[str, Any] | None = None
    handle: str = ""
    input_hash: str = ""
    fingerprint: str = ""
    seq: int = 0


@dataclass(slots=True)
class AttemptWrite:
    """One try of a step: its input as used, redacted; its error, if any. ``n`` counts from 1."""

    key: str
    n: int
    started_at: datetime
    finished_at: datetime
    input: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(slots=True)
class RunEnd:
    """How a run leaves its worker: ``completed``, ``failed``, or ``queued`` (handed back unfinished)."""

    status: RunStatus
    result: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(slots=True)
class RunWrite:
    """What one commit says of one run."""

    run_id: UUID
    lease_token: UUID
    epoch: int = 0
    steps: list[StepWrite] = field(default_factory=list)
    attempts: list[AttemptWrite] = field(default_factory=list)
    end: RunEnd | None = None
    cost: Any = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be inserted already claimed: the way a cell's run is born (T15)."""

    run_id: UUID
    workspace_id: UUID
    workflow_id: UUID
    version_id: UUID
    input: Any
    lease_token: UUID
    owner_kind: str
    owner_id: UUID
    trigger_kind: str = "cell"
    actor_id: UUID | None = None
    row: Mapping[str, Any] | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


_LOCK_RUNS = """
SELECT r.id FROM workflows_run r JOIN unnest(%s::uuid[], %s::uuid[]) AS i(id, token)
    ON r.id = i.id AND r.lease_token = i.token
 WHERE r.status = 'running'
 ORDER BY r.id FOR UPDATE OF r
"""

# A finished step is written once: a record that is already finished is never replaced (W14).
_WRITE_STEPS = """
INSERT INTO workflows_step (run_id, step_key, status, output, error, input_hash, fingerprint, handle, seq,
                            started_at, finished_at)
SELECT run_id, step_key, status, output::jsonb, error::jsonb, input_hash, fingerprint, handle, seq, started_at,
       finished_at
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::int[], %s::timestamptz[], %s::timestamptz[])
    AS i(run_id, step_key, status, output, error, input_hash, fingerprint, handle, seq, started_at, finished_at)
ON CONFLICT (run_id, step_key) DO UPDATE
   SET status = EXCLUDED.status, output = EXCLUDED.output, error = EXCLUDED.error,
       input_hash = EXCLUDED.input_hash, fingerprint = EXCLUDED.fingerprint, handle = EXCLUDED.handle,
       seq = EXCLUDED.seq, started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at
 WHERE workflows_step.status NOT IN ('completed', 'skipped')
"""

_WRITE_ATTEMPTS = """
INSERT INTO workflows_attempt (run_id, step_key, epoch, n, input, error, instance_id, started_at, finished_at)
SELECT run_id, step_key, epoch, n, input::jsonb, error::jsonb, %s::uuid, started_at, finished_at
  FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
              %s::timestamptz[])
    AS i(run_id, step_key, epoch, n, input, error, started_at, finished_at)
"""

_END_RUNS = """
UPDATE workflows_run r
   SET status = i.status, result = i.result::jsonb, error = i.error::jsonb, lease_token = NULL, instance_id = NULL,
       cost = CASE WHEN i.cost IS NULL THEN r.cost ELSE coalesce(r.cost, 0) + i.cost END,
       finished_at = CASE WHEN i.status = 'queued' THEN NULL ELSE clock_timestamp() END
  FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::numeric[])
    AS i(id, token, status, result, error, cost)
 WHERE r.id = i.id AND r.lease_token = i.token
"""

_INSERT_RUNS = """
INSERT INTO workflows_run (id, workspace_id, workflow_id, version_id, kind, status, input, "row", trigger_kind,
                           actor_id, owner_kind, owner_id, lease_token, instance_id, epoch, recovery_count, input_hash,
                           result, error, created_at, started_at, finished_at)
SELECT id, workspace_id, workflow_id, version_id, 'full', status, input::jsonb, "row"::jsonb, trigger_kind,
       actor_id, owner_kind, owner_id, lease_token, instance_id, 0, 0, '', result::jsonb, error::jsonb, started_at,
       started_at, CASE WHEN status <> 'running' THEN clock_timestamp() END
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[],
              %s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[])
    AS i(id, workspace_id, workflow_id, version_id, status, input, "row", trigger_kind, actor_id, owner_kind, owner_id,
         lease_token, instance_id, result, error, started_at)
"""

# A duplicate delivery finds the run taken: zero rows, nothing else (W13).
_CLAIM_RUN = """
UPDATE workflows_run
   SET status = 'running', lease_token = %s, instance_id = %s,
       started_at = coalesce(started_at, clock_timestamp())
 WHERE id = %s AND status = 'queued' AND owner_kind = ''
"""

_RECLAIM_RUNS = """
UPDATE workflows_run r
   SET status = 'running', lease_token = i.token, instance_id = %s::uuid, recovery_count = r.recovery_count + 1
  FROM unnest(%s::uuid[], %s::uuid[]) AS i(id, token)
 WHERE r.id = i.id AND r.status = 'queued'
RETURNING r.id
"""

# A Stop writes first and interrupts second: the lease is gone at once, so the executor finds itself refused (T24).
_STOP_RUNS = """
UPDATE workflows_run
   SET status = 'cancelled', lease_token = NULL, instance_id = NULL, wake_at = NULL,
       cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()), finished_at = clock_timestamp()
 WHERE id = ANY(%s::uuid[]) AND status IN ('queued', 'running', 'waiting', 'paused', 'needs_decision')
"""

# The run of a cell that is given up after too many lost workers.
_FAIL_RUNS = """
UPDATE workflows_run
   SET status = 'failed', lease_token = NULL, instance_id = NULL, error = %s::jsonb, finished_at = clock_timestamp()
 WHERE id = ANY(%s::uuid[]) AND status = 'running'
"""

_RELEASE_DEAD = """
UPDATE workflows_run SET status = 'queued', lease_token = NULL, instance_id = NULL
 WHERE id = ANY(%s::uuid[]) AND status = 'running'
"""


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode


def to_json(value: Any) -> str | None:
    """Compact JSON text for a jsonb parameter; ``None`` stays SQL NULL.

    Outputs are clean by then; inputs and errors may hold what jsonb refuses (NUL, half surrogates, NaN) and are
    mended, for one refused value would roll back a whole pack (F23).
    """
    if value is None:
        return None
    try:
        text = _encode(value)
        if "\\u0000" not in text:
            _ = text.isascii() or text.encode()
            return text
    except (ValueError, RecursionError):
        pass
    return _encode(storable(value))


def runs_lock(cursor: CursorWrapper, leases: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    """Lock the runs that are still running under these ``(run id, lease token)`` pairs; return their ids (W13)."""
    pairs = list(leases)
    cursor.execute(_LOCK_RUNS, [[run_id for run_id, _ in pairs], [token for _, token in pairs]])
    return {row[0] for row in cursor.fetchall()}


def ledger_write(
    cursor: CursorWrapper, writes: Sequence[RunWrite], instance_id: UUID, born_ended: Collection[UUID] = ()
) -> None:
    """Write steps, attempts and ends of runs that ``runs_lock`` has just granted, one statement each.

    ``born_ended`` names runs that were inserted with their end in this very transaction.
    """
    steps = [(write.run_id, step) for write in writes for step in write.steps]
    if steps:
        cursor.execute(_WRITE_STEPS, _step_arrays(steps))
    attempts = [(write, attempt) for write in writes for attempt in write.attempts]
    if attempts:
        cursor.execute(_WRITE_ATTEMPTS, [instance_id, *_attempt_arrays(attempts)])
    ended = [write for write in writes if write.end is not None and write.run_id not in born_ended]
    if ended:
        cursor.execute(_END_RUNS, _end_arrays(ended))


def runs_insert(
    cursor: CursorWrapper, runs: Sequence[tuple[NewRun, RunEnd | None]], instance_id: UUID
) -> None:
    """Insert runs that are claimed at birth by this process, or that have ended already.

    A run of pure blocks needs no record before its end: until then there is nothing that could not be worked out
    again (W15).
    """
    rows = (
        (
            run.run_id,
            run.workspace_id,
            run.workflow_id,
            run.version_id,
            "running" if end is None else str(end.status),
            to_json(run.input) or "null",
            to_json(run.row),
            run.trigger_kind,
            run.actor_id,
            run.owner_kind,
            run.owner_id,
            run.lease_token if end is None else None,
            instance_id if end is None else None,
            end and to_json(end.result),
            end and to_json(end.error),
            run.started_at,
        )
        for run, end in runs
    )
    cursor.execute(_INSERT_RUNS, [list(column) for column in zip(*rows, strict=True)])


def run_claim(cursor: CursorWrapper, run_id: UUID, token: UUID, instance_id: UUID) -> bool:
    """Make this process the owner of a queued run that belongs to no cell; ``False`` when it is not to be had."""
    cursor.execute(_CLAIM_RUN, [token, instance_id, run_id])
    return bool(cursor.rowcount)


def runs_reclaim(cursor: CursorWrapper, leases: Sequence[tuple[UUID, UUID]], instance_id: UUID) -> set[UUID]:
    """Take runs that were handed back or recovered, under new lease tokens; return those won."""
    cursor.execute(_RECLAIM_RUNS, [instance_id, [run for run, _ in leases], [token for _, token in leases]])
    return {row[0] for row in cursor.fetchall()}


def runs_release(cursor: CursorWrapper, run_ids: Sequence[UUID]) -> None:
    """Return the runs of a dead owner to claimable; the old token matches nothing from now on."""
    cursor.execute(_RELEASE_DEAD, [list(run_ids)])


def runs_stop(cursor: CursorWrapper, run_ids: Sequence[UUID]) -> None:
    """Cancel runs whatever they are doing; one that has ended stays as it is (T24, T26)."""
    if run_ids:
        cursor.execute(_STOP_RUNS, [list(run_ids)])


def runs_fail(cursor: CursorWrapper, run_ids: Sequence[UUID], error: Mapping[str, Any]) -> None:
    """Fail runs of a dead owner for good."""
    if run_ids:
        cursor.execute(_FAIL_RUNS, [to_json(error), list(run_ids)])


def _step_arrays(steps: Sequence[tuple[UUID, StepWrite]]) -> list[list[Any]]:
    rows = (
        (
            run_id,
            step.key,
            str(step.status),
            to_json(step.output),
            to_json(step.error),
            step.input_hash,
            step.fingerprint,
            step.handle,
            step.seq,
            step.started_at,
            step.finished_at,
        )
        for run_id, step in steps
    )
    return [list(column) for column in zip(*rows, strict=True)]


def _attempt_arrays(attempts: Sequence[tuple[RunWrite, AttemptWrite]]) -> list[list[Any]]:
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


def _end_arrays(ended: Sequence[RunWrite]) -> list[list[Any]]:
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


class Sink(Protocol):
    """Where an executor's results go. ``commit`` is one short transaction (W13a)."""

    def commit(self, writes: Sequence[RunWrite]) -> Commit:
        """Write them; say which runs were refused, and what to execute next."""

    def lost(self, leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
        """Which of these runs are no longer mine (stopped, recovered by another): asked about once a second."""


@dataclass(slots=True)
class Commit:
    """``refused``: runs that are no longer mine, drop them. ``started``: live runs to take into the batch."""

    refused: set[UUID] = field(default_factory=set)
    started: list[Any] = field(default_factory=list)


class LedgerSink:
    """The sink of a run that belongs to nobody above: the ledger and nothing else."""

    def __init__(self, instance_id: UUID) -> None:
        self.instance_id = instance_id

    def commit(self, writes: Sequence[RunWrite]) -> Commit:
        """One transaction: lock what is mine, write it, tell who was refused."""
        with transaction.atomic(), prepared_cursor() as cursor:
            mine = runs_lock(cursor, [(write.run_id, write.lease_token) for write in writes])
            ledger_write(cursor, [write for write in writes if write.run_id in mine], self.instance_id)
        return Commit(refused={write.run_id for write in writes} - mine)

    def lost(self, leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
        """Runs of ``leases`` whose lease token is no longer the one held."""
        return leases_lost(leases)


def leases_lost(leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Runs whose lease moved, ended or was stopped: one query for the batch."""
    held = set(
        Run.objects.filter(
            id__in=[run for run, _ in leases],
            lease_token__in=[token for _, token in leases],
            status=RunStatus.RUNNING,
        ).values_list("id", flat=True)
    )
    return {run for run, _ in leases} - held
