"""A run under execution, in memory: its version, its routing, what it has produced and not yet committed.

A ``LiveRun`` is built for a new run or restored from the ledger (W9, `workflows.services.loading`); thrown away at any
moment, nothing is lost but time. Only the executor changes it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.engine.roots import RunRoots
from workflows.engine.router import Advance, Ask, ContainerEnd, Router
from workflows.engine.scopes import block_of, iteration_of, step_place
from workflows.engine.types import StepRecord
from workflows.engine.version import CompiledBlock, CompiledVersion
from workflows.services.flights import Flight
from workflows.services.ledger import RunWrite, StepWrite
from workflows.states import PauseKind, StepStatus
from workspaces.selectors import secret_values


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits: its pause point, what for, and until when (aware UTC; None: for the answer alone)."""

    pause_id: UUID
    kind: PauseKind
    until: datetime | None
    reason: str = ""


@dataclass(slots=True)
class LiveRun:
    """One run in a batch. ``write`` gathers what the next commit will say.

    What routing has answered waits in ``ready``, ``asks`` and ``ended``; ``startable`` blocks wait for a place to run
    in, ``in_flight`` ones are under way, ``waiting`` ones wait for a time or an answer, ``unknown`` ones for a decision
    (all by step key). ``busy_seconds`` is the time its blocks took. ``deadline`` is an instant of ``time.monotonic()``.
    ``interrupted`` are steps with an unsafe effect that were under way when an earlier owner died: they are never sent
    again without a person's word (W15). ``opened`` are containers under way; ``attempts`` and ``rounds`` count tries
    and waits by step key.
    """

    run_id: UUID
    workspace_id: UUID
    lease_token: UUID
    compiled: CompiledVersion
    router: Router
    roots: RunRoots
    secrets: Mapping[str, str]
    write: RunWrite
    depth: int = 0
    actor_id: UUID | None = None
    deadline: float | None = None
    deadline_at: datetime | None = None
    ready: deque[str] = field(default_factory=deque)
    asks: deque[Ask] = field(default_factory=deque)
    ended: deque[ContainerEnd] = field(default_factory=deque)
    startable: deque[str] = field(default_factory=deque)
    in_flight: set[str] = field(default_factory=set)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    opened: dict[str, Flight] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    interrupted: frozenset[str] = frozenset()
    cancelled: threading.Event = field(default_factory=threading.Event)
    must_commit: bool = False
    busy_seconds: float = 0.0
    seq: int = 0

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Values of the blocks outside containers by key, as ``blocks.<key>`` reads them."""
        found: Mapping[str, Any] = self.roots.top["blocks"]
        return found

    def block(self, key: str) -> CompiledBlock:
        """The block that a step is of."""
        return self.compiled.blocks[block_of(key)]

    def roots_of(self, key: str) -> Mapping[str, Any]:
        """What the expressions of a step's block may read."""
        return self.roots.at(step_place(key).path)

    def take(self, advance: Advance) -> None:
        """Take in what routing answered: ready blocks wait their turn, skipped ones are recorded."""
        self.ready.extend(advance.ready)
        self.asks.extend(advance.asks)
        self.ended.extend(advance.ended)
        for key in advance.ready:
            self.enter(key)
        for key in advance.skipped:
            self.enter(key)
            self.roots.settle(StepRecord(key, StepStatus.SKIPPED))
            self.record(StepWrite(key, StepStatus.SKIPPED, None, None))
        for path in advance.over:
            self.roots.leave(path)

    def enter(self, key: str) -> None:
        """Have the roots of the iteration that a step stands in ready, with what a rerun has kept in it (W24)."""
        path = step_place(key).path
        if self.roots.entered(path):
            return
        self.enter(iteration_of(path)[0])
        self.roots.enter(path, self.router.iteration(path))
        for record in self.router.finished_in(path):
            self.roots.settle(record)

    def record(self, step: StepWrite) -> None:
        """Add a step's record to the next commit, in the order in which steps finish."""
        self.seq += 1
        step.seq = self.seq
        self.write.steps.append(step)

    def next_write(self) -> RunWrite:
        """What has gathered since the last commit; a fresh one takes its place."""
        write, self.write = self.write, self._empty_write()
        self.must_commit = False
        return write

    def put_back(self, write: RunWrite) -> None:
        """Undo ``next_write``: its commit was undone, so what it said is still to be said."""
        write.effect = None
        self.write, self.must_commit = write, True

    def _empty_write(self) -> RunWrite:
        return RunWrite(self.run_id, self.lease_token, self.write.epoch, workspace_id=self.workspace_id)


def live_run(
    *,
    run_id: UUID,
    workspace_id: UUID,
    compiled: CompiledVersion,
    lease_token: UUID,
    given: Mapping[str, Any],
    row: Mapping[str, Any] | None = None,
    epoch: int = 0,
    deadline_seconds: float | None = None,
    actor_id: UUID | None = None,
) -> LiveRun:
    """A run at its beginning. ``given`` is its ``input``, ``row`` the snapshot a cell's run reads."""
    live = live_bare(
        run_id=run_id,
        workspace_id=workspace_id,
        compiled=compiled,
        router=Router(compiled),
        lease_token=lease_token,
        given=given,
        row=row,
        epoch=epoch,
    )
    live.actor_id = actor_id
    if deadline_seconds is not None:
        live.deadline = time.monotonic() + deadline_seconds
    live.take(live.router.start())
    return live


def live_bare(
    *,
    run_id: UUID,
    workspace_id: UUID,
    compiled: CompiledVersion,
    router: Router,
    lease_token: UUID,
    given: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    epoch: int,
) -> LiveRun:
    """A run that nothing has happened to yet; its secrets are read here."""
    secrets = secret_values(workspace_id, compiled.uses_secrets) if compiled.uses_secrets else {}
    base = run_roots(run_id, given, row, secrets)
    return LiveRun(
        run_id=run_id,
        workspace_id=workspace_id,
        lease_token=lease_token,
        compiled=compiled,
        router=router,
        roots=RunRoots(base),
        secrets=secrets,
        write=RunWrite(run_id, lease_token, epoch, workspace_id=workspace_id),
    )


def run_roots(
    run_id: UUID, given: Mapping[str, Any], row: Mapping[str, Any] | None, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """The roots that exist before any block has run (W4)."""
    return {
        "input": given,
        "row": row or {},
        "vars": {},
        "secrets": secrets,
        "run": {"id": str(run_id)},
    }
