"""What a tick came to: the one value that it answers, records and is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TickOutcome(StrEnum):
    """How a tick ended."""

    DONE = "done"
    SUPERSEDED = "superseded"
    """It was sent under an older epoch: somebody else leads, or the scheduler was restarted."""
    BUSY = "busy"
    """This process is in the middle of an earlier one, which does its work."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TickResult:
    """Instants by the database's clock, seconds by the process's.

    ``claimed`` triggers were due; of their slots ``fired`` became invocations, ``skipped`` met an earlier one and
    ``missed`` came too late. ``invalid`` triggers were switched off, ``held`` ones set aside after a fault.
    ``unsent``: the broker did not take all that was to be sent. ``backlog_due`` triggers are due still (counted up to
    10,000). ``max_lateness_ms`` is how late the latest slot was claimed, 0 when none was.
    """

    outcome: TickOutcome
    started_at: datetime | None = None
    claimed: int = 0
    fired: int = 0
    skipped: int = 0
    missed: int = 0
    invalid: int = 0
    held: int = 0
    published: int = 0
    unsent: bool = False
    backlog_due: int = 0
    max_lateness_ms: int = 0
    claim_seconds: float = 0.0
    error: str = ""
