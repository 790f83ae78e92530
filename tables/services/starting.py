"""From a claimed cell to its run: which version, with what input, over which snapshot of the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from tables.engine.eligibility import Reason
from tables.engine.mapping import row_snapshot, run_input
from tables.engine.types import GroupSpec, TableSpec
from tables.services.cells import Claim, Event
from tables.services.ending import error_json
from workflows.engine.expressions import ExpressionError
from workflows.services.ledger import NewRun, runs_insert, runs_reclaim
from workflows.services.live import LiveRun, live_run
from workflows.services.loading import live_runs_load
from workflows.services.versions import RunnableVersion, input_complete, runnable_version
from workspaces.errors import RunsheetError

RUN_GONE: Final = error_json(
    "run_gone", "The run of this cell was ended before it could be resumed. Run the cell again."
)


class CannotStart(Exception):
    """A claimed cell that fails before its run exists: its condition, its inputs, its workflow's ref."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    def as_json(self) -> dict[str, Any]:
        """The cell's error."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class RunDraft:
    """A run about to be: its record, and the version it will run."""

    claim: Claim
    version: RunnableVersion
    run: NewRun

    def live(self) -> LiveRun:
        """The run ready for the executor."""
        return live_run(
            run_id=self.run.run_id,
            workspace_id=self.run.workspace_id,
            compiled=self.version.compiled,
            lease_token=self.run.lease_token,
            given=self.run.input,
            row=self.run.row,
            deadline_seconds=self.claim.next.group.timeout_seconds,
        )


@dataclass(slots=True)
class Started:
    """What one claim step came to: runs to execute, events to send after the commit, and how each cell looks by run.

    ``look`` and ``wakes`` are groups whose limits are to be looked after, as in ``Admission``.
    """

    taken: list[tuple[Claim, LiveRun]] = field(default_factory=list)
    unborn: dict[UUID, NewRun] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    shown: dict[UUID, Event] = field(default_factory=dict)
    look: set[UUID] = field(default_factory=set)
    wakes: dict[UUID, float] = field(default_factory=dict)

    @property
    def runs(self) -> list[LiveRun]:
        """What the executor takes into its batch."""
        return [live for _, live in self.taken]


class Starter:
    """Begins the runs of one pack; each group's ref is read once per pack and revision (T29)."""

    def __init__(self, actor_id: UUID | None, instance_id: UUID) -> None:
        self.actor_id, self.instance_id = actor_id, instance_id
        self._versions: dict[tuple[UUID, int], RunnableVersion | RunsheetError] = {}

    def begin(
        self, cursor: CursorWrapper, claims: Sequence[Claim], spec: TableSpec, started: Started
    ) -> list[tuple[Claim, Mapping[str, Any]]]:
        """Insert or take over the runs of claimed cells, in the transaction that claims them.

        Returns the cells that cannot start, with their error.
        """
        drafts: list[RunDraft] = []
        failed: list[tuple[Claim, Mapping[str, Any]]] = []
        for claim in claims:
            if claim.resumes:
                continue
            try:
                drafts.append(self.draft(claim, spec))
            except CannotStart as error:
                failed.append((claim, error.as_json()))
        self._insert(cursor, drafts, started)
        return failed + self._resume(cursor, [claim for claim in claims if claim.resumes], started)

    def _insert(self, cursor: CursorWrapper, drafts: Sequence[RunDraft], started: Started) -> None:
        """Insert the runs that have something to lose; a pure one is inserted with its end (W15)."""
        started.unborn.update((draft.run.run_id, draft.run) for draft in drafts if draft.version.is_pure)
        effectful = [(draft.run, None) for draft in drafts if not draft.version.is_pure]
        if effectful:
            runs_insert(cursor, effectful, self.instance_id)
        started.taken += [(draft.claim, draft.live()) for draft in drafts]

    def _resume(
        self, cursor: CursorWrapper, claims: Sequence[Claim], started: Started
    ) -> list[tuple[Claim, Mapping[str, Any]]]:
        """Take over runs that were handed back, recovered or parked: they go on at the first unfinished step (W14).

        Each time they are given the whole of their group's time again. A cell whose run was ended or deleted
        meanwhile fails; those are returned.
        """
        if not claims:
            return []
        won = runs_reclaim(cursor, [(c.run_id, c.execution_id) for c in claims], self.instance_id)
        by_run = {claim.run_id: claim for claim in claims if claim.run_id in won}
        for live in live_runs_load(list(by_run)):
            claim = by_run[live.run_id]
            if claim.next.group.timeout_seconds is not None:
                live.deadline = monotonic() + claim.next.group.timeout_seconds
            started.taken.append((claim, live))
        return [(claim, RUN_GONE) for claim in claims if claim.run_id not in won]

    def draft(self, claim: Claim, spec: TableSpec) -> RunDraft:
        """The run of a claimed cell. Raises ``CannotStart``."""
        step = claim.next
        if step.verdict.reason is Reason.CONDITION_ERROR:
            raise CannotStart("condition_error", step.verdict.detail)
        version = self._version(step.group)
        try:
            given = input_complete(version.compiled, run_input(step.group, step.row.data))
        except ExpressionError as error:
            raise CannotStart("input_error", str(error)) from error
        except RunsheetError as error:
            raise CannotStart(error.code, _in_words(error)) from error
        run = NewRun(
            run_id=claim.run_id,
            workspace_id=spec.workspace_id,
            workflow_id=step.group.workflow_id,
            version_id=version.id,
            input=given,
            row=row_snapshot(version.references, spec, step.row.data),
            lease_token=claim.execution_id,
            owner_kind="cell",
            owner_id=claim.cell_id,
            actor_id=self.actor_id,
        )
        return RunDraft(claim, version, run)

    def _version(self, group: GroupSpec) -> RunnableVersion:
        """The version the group's ref points at now."""
        key = group.id, group.revision
        if key not in self._versions:
            try:
                self._versions[key] = runnable_version(group.workflow_id, group.ref)
            except RunsheetError as error:
                self._versions[key] = error
        found = self._versions[key]
        if isinstance(found, RunsheetError):
            raise CannotStart(found.code, _in_words(found))
        return found


def _in_words(error: RunsheetError) -> str:
    """The error's sentence with the faults it lists: a cell has no other place to show them."""
    faults = [f"{place}: {fault}" for place, found in (error.errors or {}).items() for fault in found]
    return " ".join([error.detail, *faults[:5]])
