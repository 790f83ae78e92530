"""The ledger's writes: set-based, guarded by the lease token, in the caller's transaction (W13, W13a, W14).

A commit carries the records of a whole batch of runs. ``runs_lock`` says which of them are still mine; only those
are written. Lock order: whoever also writes cells has locked them before (see docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from workflows.engine.types import BlockError, ErrorClass
from workflows.enqueue import run_enqueue
from workflows.models import Run
from workflows.models import ledger_sql as sql
from workflows.services.blobs import blobs_write
from workflows.services.feed import runs_changed
from workflows.services.jsonb import to_json
from workflows.services.ledger_arrays import (
    attempt_arrays,
    birth_arrays,
    end_arrays,
    park_arrays,
    pause_arrays,
    step_arrays,
)
from workflows.services.owners import CELL, Ended, owner_ended
from workflows.services.waking import runs_hand_over
from workflows.states import TERMINAL, UNATTENDED, PauseKind, RunStatus, StepStatus
from workspaces.cursors import prepared_cursor
from workspaces.ids import uuid7

CANCELLED = BlockError(ErrorClass.CANCELLED, "cancelled", "The run was cancelled.")

TARGET_DELETED = BlockError(
    ErrorClass.CANCELLED, "target_deleted", "What the run worked for was deleted while it ran."
)


@dataclass(slots=True)
class StepWrite:
    """A step's record as it will stand in the ledger. Times are aware UTC; ``error`` as ``BlockError.as_json``."""

    key: str
    status: StepStatus
    started_at: datetime | None
    finished_at: datetime | None
    output: Any = None
    opening: Mapping[str, Any] | None = None
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
class PauseWrite:
    """A step that begins to wait (W19): its ``round``, what it waits for, and the sub-run it starts, if any."""

    key: str
    round: int
    kind: PauseKind
    request: Mapping[str, Any]
    wake_at: datetime | None = None
    token_hash: str | None = None
    child: NewRun | None = None
    id: UUID = field(default_factory=uuid7)


@dataclass(slots=True)
class RunEnd:
    """How a run leaves its worker.

    ``completed`` or ``failed``; ``queued``: handed back unfinished; ``waiting``, ``paused`` or ``needs_decision``:
    parked until ``wake_at`` (None: until somebody answers), ``waits`` as ``Run.waits_for``.
    """

    status: RunStatus
    result: Any = None
    error: Mapping[str, Any] | None = None
    wake_at: datetime | None = None
    waits: Sequence[Mapping[str, Any]] = ()

    @property
    def parks(self) -> bool:
        """Whether the run stays unfinished, without a worker, until something wakes it."""
        return self.status in UNATTENDED


@dataclass(slots=True)
class RunWrite:
    """What one commit says of one run.

    ``consumed`` are the ids of answers the run has gone on from; ``withdrawn`` the steps that wait no longer.
    ``effect`` is the work of a ``database`` block, done in this very transaction (W15); what it raises undoes it.
    """

    run_id: UUID
    lease_token: UUID
    epoch: int = 0
    steps: list[StepWrite] = field(default_factory=list)
    attempts: list[AttemptWrite] = field(default_factory=list)
    pauses: list[PauseWrite] = field(default_factory=list)
    consumed: list[UUID] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    effect: Callable[[], object] | None = None
    end: RunEnd | None = None
    cost: Any = None
    workspace_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be inserted: claimed at birth, the way a cell's run is born (T15), or queued, as a sub-run is.

    A rerun has ``forked_from``, its ``plan`` as ``Plan.as_json``, and with it the steps that it takes over (W27).
    """

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
    queued: bool = False
    depth: int = 0
    forked_from: UUID | None = None
    plan: Mapping[str, Any] | None = None


def runs_lock(cursor: CursorWrapper, leases: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    """Lock the runs that are still running under these ``(run id, lease token)`` pairs; return their ids (W13)."""
    pairs = list(leases)
    cursor.execute(sql.LOCK_RUNS, [[run_id for run_id, _ in pairs], [token for _, token in pairs]])
    return {row[0] for row in cursor.fetchall()}


def ledger_write(
    cursor: CursorWrapper, writes: Sequence[RunWrite], instance_id: UUID, born_ended: Collection[UUID] = ()
) -> None:
    """Write what these runs, which ``runs_lock`` has just granted, have to say: a statement for each kind of record.

    ``born_ended`` names runs that were inserted with their end in this very transaction. Raises what an effect raises.
    """
    for write in writes:
        if write.effect is not None:
            write.effect()
    steps = [(write.run_id, step) for write in writes for step in write.steps]
    if steps:
        _write_steps(cursor, steps)
    attempts = [(write, attempt) for write in writes for attempt in write.attempts]
    if attempts:
        cursor.execute(sql.WRITE_ATTEMPTS, [instance_id, *attempt_arrays(attempts)])
    _write_pauses(cursor, writes, instance_id)
    spent = [write for write in writes if write.end is None and write.cost is not None]
    if spent:
        cursor.execute(sql.ADD_COSTS, [[write.run_id for write in spent], [write.cost for write in spent]])
    ended = [write for write in writes if write.end is not None and write.run_id not in born_ended]
    parked = [write for write in ended if write.end is not None and write.end.parks]
    over = [write for write in ended if write.end is not None and not write.end.parks]
    if over:
        cursor.execute(sql.END_RUNS, end_arrays(over))
        found = cursor.fetchall()
        _tell_owners(over, found)
        _send_on(over, found)
    if parked:
        cursor.execute(sql.PARK_RUNS, park_arrays(parked))
        due = [(kind, run_id, owner_id) for kind, run_id, owner_id, is_due in cursor.fetchall() if is_due]
        if due:
            transaction.on_commit(partial(runs_hand_over, due), robust=True)


def _write_steps(cursor: CursorWrapper, steps: Sequence[tuple[UUID, StepWrite]]) -> None:
    """The records of steps, the last one of each; outputs above 256 KiB go where big things go."""
    blobs: dict[str, str] = {}
    last: dict[tuple[UUID, str], StepWrite] = {}
    for run_id, step in steps:
        earlier = last.get((run_id, step.key))
        if earlier is not None and step.opening is None:
            step.opening = earlier.opening
        last[run_id, step.key] = step
    cursor.execute(
        sql.WRITE_STEPS, step_arrays([(run_id, step) for (run_id, _), step in last.items()], blobs)
    )
    if blobs:
        blobs_write(cursor, blobs)


def _write_pauses(cursor: CursorWrapper, writes: Sequence[RunWrite], instance_id: UUID) -> None:
    """Where steps begin to wait, and where they have stopped waiting; sub-runs are born here (W19)."""
    pauses = [(write, pause) for write in writes for pause in write.pauses]
    if pauses:
        cursor.execute(sql.WRITE_PAUSES, pause_arrays(pauses))
        children = [pause.child for _, pause in pauses if pause.child is not None]
        if children:
            runs_insert(cursor, [(child, None) for child in children], instance_id)
            for child in children:
                run_enqueue(child.run_id)
    consumed = [pause_id for write in writes for pause_id in write.consumed]
    if consumed:
        cursor.execute(sql.CONSUME_PAUSES, [consumed])
    dead = [(write.run_id, key) for write in writes for key in write.withdrawn]
    if dead:
        cursor.execute(sql.KILL_PAUSES, [[run_id for run_id, _ in dead], [key for _, key in dead]])
        runs_stop(cursor, [child for (child,) in cursor.fetchall() if child is not None])


def _tell_owners(over: Sequence[RunWrite], found: Sequence[tuple[UUID, str, UUID | None, Any]]) -> None:
    """Tell the owners of runs that have ended, in the transaction that ends them (W13a). Cells are told by `tables`."""
    ends = {write.run_id: write.end for write in over}
    for kind in {kind for _, kind, _, _ in found if kind not in ("", CELL)}:
        told = owner_ended(kind)
        ended = [
            Ended(run_id, owner_id, str(end.status), end.result, end.error, cost)
            for run_id, owner_kind, owner_id, cost in found
            if owner_kind == kind and owner_id and (end := ends[run_id]) and end.status in TERMINAL
        ]
        if told is not None and ended:
            told(ended)


def _send_on(over: Sequence[RunWrite], found: Sequence[tuple[UUID, str, UUID | None, Any]]) -> None:
    """Runs that were handed back are taken up at once by whoever lives on (W17); `tables` sends its rows itself."""
    back = {write.run_id for write in over if write.end is not None and write.end.status is RunStatus.QUEUED}
    for run_id, kind, _, _ in found:
        if run_id in back and kind != CELL:
            run_enqueue(run_id)


def runs_insert(
    cursor: CursorWrapper, runs: Sequence[tuple[NewRun, RunEnd | None]], instance_id: UUID
) -> None:
    """Insert runs that are claimed at birth by this process, that are queued, or that have ended already.

    A run of pure blocks needs no record before its end: until then there is nothing that could not be worked out
    again (W15). A rerun brings along the steps that it reuses.
    """
    cursor.execute(sql.INSERT_RUNS, birth_arrays(runs, instance_id))
    for run, _ in runs:
        if run.forked_from is not None and run.plan is not None:
            steps_copy(cursor, run.run_id, run.forked_from, run.plan)


def steps_copy(cursor: CursorWrapper, run_id: UUID, source_id: UUID, plan: Mapping[str, Any]) -> None:
    """Give a rerun the steps it reuses, marked with where they are from, and the containers it goes on in (W27)."""
    taken = {"reuse": list(plan["reuse"]), "reopen": list(plan["reopen"])}
    if taken["reuse"] or taken["reopen"]:
        cursor.execute(sql.COPY_STEPS, {"run": run_id, "source": source_id, **taken})


def run_claim(cursor: CursorWrapper, run_id: UUID, token: UUID, instance_id: UUID) -> bool:
    """Make this process the owner of a queued or woken run that belongs to no cell; ``False``: not to be had."""
    cursor.execute(sql.CLAIM_RUN, [token, instance_id, run_id])
    return bool(cursor.rowcount)


def runs_reclaim(cursor: CursorWrapper, leases: Sequence[tuple[UUID, UUID]], instance_id: UUID) -> set[UUID]:
    """Take runs that were handed back, recovered or woken, under these lease tokens; return those won."""
    cursor.execute(
        sql.RECLAIM_RUNS, [instance_id, [run for run, _ in leases], [token for _, token in leases]]
    )
    return {row[0] for row in cursor.fetchall()}


def runs_release(cursor: CursorWrapper, run_ids: Sequence[UUID]) -> None:
    """Return the runs of a dead owner to claimable; the old token matches nothing from now on."""
    cursor.execute(sql.RELEASE_DEAD, [list(run_ids)])


def runs_stop(cursor: CursorWrapper, run_ids: Sequence[UUID], error: BlockError = CANCELLED) -> list[UUID]:
    """Cancel runs whatever they are doing, and the sub-runs they wait for; which were under way (T24, T27).

    ``error`` is what they say of their end: ``TARGET_DELETED`` when what they worked for is gone (T5).
    """
    if not run_ids:
        return []
    cursor.execute(sql.STOP_RUNS, [list(run_ids), to_json(error.as_json())])
    return _tell_of(cursor.fetchall(), RunStatus.CANCELLED, error.as_json())


def runs_fail(cursor: CursorWrapper, run_ids: Sequence[UUID], error: Mapping[str, Any]) -> None:
    """Fail runs of a dead owner for good."""
    if run_ids:
        cursor.execute(sql.FAIL_RUNS, [to_json(error), list(run_ids)])
        _tell_of(cursor.fetchall(), RunStatus.FAILED, error)


def _tell_of(
    found: Sequence[tuple[UUID, str, UUID | None]], status: RunStatus, error: Mapping[str, Any]
) -> list[UUID]:
    """Tell the owners of runs, ``(id, owner kind, owner id)``, that all of them ended like this; their ids."""
    by_kind: dict[str, list[Ended]] = {}
    for run_id, kind, owner_id in found:
        if owner_id is not None and kind not in ("", CELL):
            by_kind.setdefault(kind, []).append(Ended(run_id, owner_id, str(status), None, error, None))
    for kind, ended in by_kind.items():
        told = owner_ended(kind)
        if told is not None:
            told(ended)
    ids = [run_id for run_id, _, _ in found]
    if ids:
        transaction.on_commit(partial(runs_changed, ids, str(status)))
    return ids


class Sink(Protocol):
    """Where an executor's results go. ``commit`` is one short transaction (W13a)."""

    def commit(self, writes: Sequence[RunWrite]) -> Commit:
        """Write them; say which runs were refused, and what to execute next."""

    def lost(self, leases: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
        """Which of these runs are no longer mine (stopped, recovered by another): asked about once a second."""

    def tell(self, run_id: UUID, step_key: str, kind: str, value: Any) -> None:
        """What a block shows before it has finished: a ``chunk`` of its output, its ``progress``. May be dropped."""


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

    def tell(self, run_id: UUID, step_key: str, kind: str, value: Any) -> None:
        """Nobody above wants to know; who watches the run itself is told by the feed."""


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
