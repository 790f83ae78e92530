"""How a run leaves its worker, as its cell sees it: over, parked, or handed back."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from tables.engine.mapping import OutputInvalid, output_patch
from tables.engine.types import GroupSpec, TableSpec
from workflows.services.ledger import RunEnd, RunWrite
from workflows.services.live import LiveRun
from workflows.states import TERMINAL, RunStatus
from workspaces.secrets import secrets_redact


def is_over(write: RunWrite) -> bool:
    """Whether the run has ended for good, and its cell with it."""
    return write.end is not None and write.end.status in TERMINAL


def row_goes_on(write: RunWrite) -> bool:
    """Whether the row's cascade continues after this end: not when the run was handed back unfinished.

    It does when the run is parked: groups that do not wait for it are independent of it (T32).
    """
    return write.end is not None and write.end.status is not RunStatus.QUEUED


def outputs_of(end: RunEnd, live: LiveRun, spec: TableSpec, group: GroupSpec) -> dict[str, Any] | None:
    """What a run that is over writes, by column key; ``None`` when it did not complete.

    A result that does not fit its column fails the run, in place, and says so.
    """
    if end.status is not RunStatus.COMPLETED:
        return None
    try:
        patch, _filled = output_patch(spec, group, end.result, live.outputs, settings.RUNSHEET_MAX_CELL_BYTES)
    except OutputInvalid as error:
        end.status, end.error = (
            RunStatus.FAILED,
            error_json(error.code, str(error), column=error.column),
        )
        return None
    return secrets_redact(patch, live.secrets.values()) if live.secrets else patch


def error_json(code: str, message: str, **more: Any) -> dict[str, Any]:
    """A cell's error."""
    return {"code": code, "message": message, **more}
