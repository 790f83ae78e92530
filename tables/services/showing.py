"""What running cells show before their end, and how they are parked (T19, T23, T32). In the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from tables.engine.mapping import partial_patch
from tables.engine.types import TableSpec
from tables.events import cell_event
from tables.models import parking_sql
from tables.services.cells import Claim, Event, cell_shown
from tables.states import CellStatus
from workflows.engine.scopes import block_of
from workflows.services.jsonb import to_json
from workflows.services.ledger import RunEnd, RunWrite
from workflows.services.live import LiveRun
from workflows.states import PauseKind, RunStatus, StepStatus
from workspaces.secrets import secrets_redact

HELD_BACK: Final = (PauseKind.RATE_LIMITED, PauseKind.BACKOFF)
"""Waits of the engine itself: the cell is queued, and holds its window open (T23)."""

REASONS: Final = (PauseKind.APPROVAL, PauseKind.RUN, PauseKind.TIMER, *HELD_BACK)
"""What a cell says it waits for when its run waits for several things: what takes longest to tell comes first."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A running cell as it is to be shown: blocks under way, outputs of finished ones; or parked, and why.

    ``patch`` maps column keys to values (``None``: write nothing); ``overwrite`` as in ``Finish``. A run that its
    group's policy takes up again shows the ``error`` it failed with, and ``retries`` says how often that was (T23).
    """

    claim: Claim
    status: CellStatus = CellStatus.RUNNING
    reason: str = ""
    wake_at: datetime | None = None
    waits: Sequence[Mapping[str, Any]] | None = None
    running: Sequence[str] = field(default_factory=list)
    patch: Mapping[str, Any] | None = None
    overwrite: bool = False
    error: Mapping[str, Any] | None = None

    @property
    def retries(self) -> int:
        """How often the run has been taken up again, this time included."""
        return self.claim.retries + (self.error is not None)


def showing_of(
    write: RunWrite,
    claim: Claim,
    live: LiveRun,
    spec: TableSpec,
    *,
    overwrite: bool,
    error: Mapping[str, Any] | None = None,
) -> Showing | None:
    """What this write lets the cell show while its run goes on or is parked; ``None``: nothing, or it has ended.

    ``error`` is what the run has failed with that is to be taken up again.
    """
    end = write.end
    if end is not None and not end.parks:
        return None
    done = {step.key: step.output for step in write.steps if step.status is StepStatus.COMPLETED}
    patch = partial_patch(spec, claim.next.group, done, settings.RUNSHEET_MAX_CELL_BYTES) or None
    if patch is not None and live.secrets:
        patch = secrets_redact(patch, live.secrets.values())
    if end is None:
        if patch is None:
            return None
        running = sorted({block_of(key) for key in (*live.in_flight, *live.startable)})
        return Showing(claim, running=running, patch=patch, overwrite=overwrite)
    status, reason = parked_as(end)
    return Showing(
        claim, status, reason, end.wake_at, end.waits, patch=patch, overwrite=overwrite, error=error
    )


def parked_as(end: RunEnd) -> tuple[CellStatus, str]:
    """Status and reason of a cell whose run is parked like this."""
    kinds = {wait["kind"] for wait in end.waits}
    if end.status is RunStatus.NEEDS_DECISION:
        return CellStatus.PAUSED, RunStatus.NEEDS_DECISION.value
    reason = next((kind.value for kind in REASONS if kind in kinds), PauseKind.TIMER.value)
    is_held_back = end.wake_at is not None and kinds <= set(HELD_BACK)
    return (CellStatus.QUEUED if is_held_back else CellStatus.PAUSED), reason


def cells_show(cursor: CursorWrapper, showings: Sequence[Showing]) -> dict[UUID, Event]:
    """Write what cells show, in one statement; the events by run of those that were accepted (T18)."""
    if not showings:
        return {}
    by_id = {showing.claim.cell_id: showing for showing in showings}
    cursor.execute(
        parking_sql.SHOW_CELLS,
        {
            "ids": [showing.claim.cell_id for showing in showings],
            "executions": [showing.claim.execution_id for showing in showings],
            "statuses": [showing.status.value for showing in showings],
            "reasons": [showing.reason for showing in showings],
            "wakes": [showing.wake_at for showing in showings],
            "waits": [to_json(showing.waits) for showing in showings],
            "running": [to_json(showing.running) for showing in showings],
            "errors": [to_json(showing.error) for showing in showings],
            "retries": [showing.retries for showing in showings],
            "rows": [showing.claim.next.row.id for showing in showings],
            "patches": [to_json(showing.patch) for showing in showings],
            "overwrites": [showing.overwrite for showing in showings],
            "row_bytes": settings.RUNSHEET_MAX_ROW_BYTES,
        },
    )
    return {by_id[found[0]].claim.run_id: _event(by_id[found[0]], *found[1:]) for found in cursor.fetchall()}


def _event(showing: Showing, version: int, started_at: datetime, written: str | None) -> Event:
    claim = showing.claim
    shown = cell_shown(
        claim.next.row.id,
        claim.next.group.id,
        showing.status,
        version,
        dispatch_id=claim.next.dispatch_id,
        execution_id=claim.execution_id,
        run_id=claim.run_id,
        attempt=claim.attempt,
        error=showing.error,
        reason=showing.reason,
        wake_at=showing.wake_at,
        waits_for=showing.waits,
        running_blocks=list(showing.running),
        started_at=started_at,
    )
    return cell_event(shown, outputs=None if written is None else json.loads(written))
