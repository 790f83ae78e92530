"""Failed runs of cells that their group's policy takes up again: decided ahead of the commit that ends them (T23)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tables.engine.group_policy import next_delay
from tables.engine.types import GroupSpec, TableSpec
from tables.services.cells import Claim
from workflows.services.ledger import RunEnd, RunWrite
from workflows.states import ErrorClass, PauseKind, RunStatus

_DEADLINE: Final = "deadline_passed"


def retries_begin(
    writes: Sequence[RunWrite],
    claims: Mapping[UUID, Claim],
    spec: TableSpec,
    again: dict[UUID, Mapping[str, Any]],
) -> dict[UUID, Mapping[str, Any]]:
    """Park those failed runs, in place, that are to be taken up again; by run what each has failed with.

    A run that took longer than its group allows has failed with ``timeout``, whether it is taken up again or not. A
    commit may be tried more than once: what was parked stands in ``again`` from then on.
    """
    for write in writes:
        end, claim = write.end, claims[write.run_id]
        if end is None or end.status is not RunStatus.FAILED:
            continue
        group = spec.group(claim.next.group.id) or claim.next.group
        end.error = error = _in_time(end.error or {}, claim.next.group)
        delay = next_delay(group.retry, claim.retries, error, random.random())  # noqa: S311 - spreads load
        if delay is not None:
            again[write.run_id] = error
            write.end = _parked(error, delay)
    return {write.run_id: again[write.run_id] for write in writes if write.run_id in again}


def _in_time(error: Mapping[str, Any], group: GroupSpec) -> Mapping[str, Any]:
    """The error of a run whose time was up, in the words of the group that set it."""
    if error.get("code") != _DEADLINE or group.timeout_seconds is None:
        return error
    words = f"The run took longer than the {group.timeout_seconds:g} s that its workflow group allows."
    return {"class": str(ErrorClass.TIMEOUT), "code": "timeout", "message": words}


def _parked(error: Mapping[str, Any], delay: float) -> RunEnd:
    wake_at = datetime.now(UTC) + timedelta(seconds=delay)
    wait = {
        "step_key": error.get("block") or "",
        "kind": str(PauseKind.BACKOFF),
        "until": wake_at.isoformat(),
        "reason": str(error.get("message", ""))[:500],
        "pause": None,
    }
    return RunEnd(RunStatus.WAITING, wake_at=wake_at, waits=[wait])
