"""A run under execution, in memory: its version, its routing, what it has produced and not yet committed.

A ``LiveRun`` is built for a new run or restored from the ledger (W9); thrown away at any moment, nothing is lost
but time. Only the executor changes it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workflows.engine.roots import block_value
from workflows.engine.router import Advance, Router
from workflows.engine.types import BlockError, ErrorClass, StepRecord
from workflows.engine.version import CompiledVersion
from workflows.models import Run, Step
from workflows.services.ledger import RunWrite, StepWrite
from workflows.services.versions import compiled_version
from workflows.states import STEP_FINISHED, StepStatus
from workspaces.selectors import secret_values


@dataclass(slots=True)
class LiveRun:
    """One run in a batch. ``ready`` blocks wait to be started; ``write`` gathers what the next commit will say.

    ``outputs`` maps finished block keys to what expressions see; ``busy_seconds`` is the time its blocks took.
    ``deadline`` is an instant of ``time.monotonic()``. ``interrupted`` are blocks with an unsafe effect that were
    under way when an earlier owner died: they are never sent again without a person's word (W15). ``withheld``
    says that blocks were taken back before they could start: the run leaves this process unfinished.
    """

    run_id: UUID
    workspace_id: UUID
    lease_token: UUID
    compiled: CompiledVersion
    router: Router
    roots: dict[str, Any]
    secrets: Mapping[str, str]
    write: RunWrite
    deadline: float | None = None
    ready: deque[str] = field(default_factory=deque)
    in_flight: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    interrupted: frozenset[str] = frozenset()
    cancelled: threading.Event = field(default_factory=threading.Event)
    must_commit: bool = False
    withheld: bool = False
    busy_seconds: float = 0.0
    seq: int = 0

    @property
    def outputs(self) -> dict[str, Any]:
        """Values by block key, as ``blocks.<key>`` reads them."""
        found: dict[str, Any] = self.roots["blocks"]
        return found

    def take(self, advance: Advance) -> None:
        """Take in what routing answered: ready blocks wait their turn, skipped ones are recorded."""
        self.ready.extend(advance.ready)
        for key in advance.skipped:
            self.outputs[key] = block_value(StepRecord(key, StepStatus.SKIPPED))
            self.record(StepWrite(key, StepStatus.SKIPPED, None, None))

    def record(self, step: StepWrite) -> None:
        """Add a step's record to the next commit, in the order in which steps finish."""
        self.seq += 1
        step.seq = self.seq
        self.write.steps.append(step)

    def next_write(self) -> RunWrite:
        """What has gathered since the last commit; a fresh one takes its place."""
        write, self.write = self.write, RunWrite(self.run_id, self.lease_token, self.write.epoch)
        self.must_commit = False
        return write


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
) -> LiveRun:
    """A run at its beginning. ``given`` is its ``input``, ``row`` the snapshot a cell's run reads."""
    router = Router(compiled)
    live = _live(run_id, workspace_id, compiled, router, lease_token, given, row, epoch)
    if deadline_seconds is not None:
        live.deadline = time.monotonic() + deadline_seconds
    live.take(router.start())
    return live


def live_runs_load(run_ids: Sequence[UUID]) -> list[LiveRun]:
    """Runs restored from their ledger, to go on at the first unfinished step (W14); two queries."""
    steps: dict[UUID, list[Step]] = {}
    for step in Step.objects.filter(run_id__in=run_ids).order_by("run_id", "seq", "step_key"):
        steps.setdefault(step.run_id, []).append(step)
    return [
        _restored(run, steps.get(run.id, [])) for run in Run.objects.filter(id__in=run_ids).order_by("id")
    ]


def _restored(run: Run, steps: Sequence[Step]) -> LiveRun:
    assert run.lease_token is not None
    compiled = compiled_version(run.version_id)
    finished = [step_record(step) for step in steps if StepStatus(step.status) in STEP_FINISHED]
    router, advance = Router.restore(compiled, finished)
    live = _live(
        run.id, run.workspace_id, compiled, router, run.lease_token, run.input, run.row, run.epoch, finished
    )
    live.seq = max((step.seq for step in steps), default=0)
    live.interrupted = frozenset(step.step_key for step in steps if step.status == StepStatus.RUNNING)
    if run.deadline_at is not None:
        live.deadline = time.monotonic() + (run.deadline_at - datetime.now(UTC)).total_seconds()
    known = {step.step_key for step in steps}
    live.take(Advance(advance.ready, tuple(key for key in advance.skipped if key not in known)))
    return live


def step_record(step: Step) -> StepRecord:
    """A stored step as routing needs it."""
    error = None
    if step.error is not None:
        error = BlockError(ErrorClass(step.error["class"]), step.error["code"], step.error["message"])
    return StepRecord(step.step_key, StepStatus(step.status), step.handle or None, step.output, error)


def _live(
    run_id: UUID,
    workspace_id: UUID,
    compiled: CompiledVersion,
    router: Router,
    lease_token: UUID,
    given: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    epoch: int,
    finished: Iterable[StepRecord] = (),
) -> LiveRun:
    names = compiled.uses_secrets
    secrets = secret_values(workspace_id, names) if names else {}
    roots = {
        "input": given,
        "row": row or {},
        "blocks": {record.key: block_value(record) for record in finished},
        "vars": {},
        "secrets": secrets,
        "run": {"id": str(run_id)},
    }
    return LiveRun(
        run_id=run_id,
        workspace_id=workspace_id,
        lease_token=lease_token,
        compiled=compiled,
        router=router,
        roots=roots,
        secrets=secrets,
        write=RunWrite(run_id, lease_token, epoch),
    )
