"""From a claimed cell to its run: which version, with what input, over which snapshot of the row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tables.engine.eligibility import Reason
from tables.engine.mapping import row_snapshot, run_input
from tables.engine.types import GroupSpec, TableSpec
from tables.services.cells import Claim
from workflows.engine.expressions import ExpressionError
from workflows.services.ledger import NewRun
from workflows.services.live import LiveRun, live_run
from workflows.services.versions import RunnableVersion, input_complete, runnable_version
from workspaces.errors import RunsheetError


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


class Starter:
    """Drafts the runs of one pack; each group's ref is read once per pack."""

    def __init__(self, actor_id: UUID | None) -> None:
        self.actor_id = actor_id
        self._versions: dict[UUID, RunnableVersion | RunsheetError] = {}

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
        if group.id not in self._versions:
            try:
                self._versions[group.id] = runnable_version(group.workflow_id, group.ref)
            except RunsheetError as error:
                self._versions[group.id] = error
        found = self._versions[group.id]
        if isinstance(found, RunsheetError):
            raise CannotStart(found.code, _in_words(found))
        return found


def _in_words(error: RunsheetError) -> str:
    """The error's sentence with the faults it lists: a cell has no other place to show them."""
    faults = [f"{place}: {fault}" for place, found in (error.errors or {}).items() for fault in found]
    return " ".join([error.detail, *faults[:5]])
