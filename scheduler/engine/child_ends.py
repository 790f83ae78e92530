"""What the end of a run or a dispatch makes of the invocation that started it (`scheduler.md` section 5).

===================  =====================================================================  ==========================
the child            ended so                                                               the invocation
===================  =====================================================================  ==========================
run                  completed                                                              completed
run                  failed, for a reason that may be gone a moment later                   failed, ``child_failed``
run                  failed, for a reason that stays (a wrong value, a missing reference)   failed, with the run's code
run, dispatch        cancelled                                                              cancelled
dispatch             failed: it could not go on                                             failed, ``child_failed``
dispatch             complete, all of its cells failed, or more than it bears               failed, ``child_failed``
dispatch             complete otherwise                                                     completed
===================  =====================================================================  ==========================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scheduler.states import InvocationStatus
from tables.states import DispatchStatus
from workflows.states import ErrorClass, RunStatus

CHILD_FAILED: Final = "child_failed"
"""The code of a failure that may pass, so that another attempt makes sense."""

STAYS: Final = frozenset({ErrorClass.VALIDATION, ErrorClass.REFERENCE, ErrorClass.UNKNOWN_OUTCOME})
"""Faults that the same run would meet again, or that a person has to look at: their code stands for itself."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How an attempt ended: a status that is over, and for a failure its code and one sentence."""

    status: InvocationStatus
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CellCounts:
    """What became of a dispatch's cells; ``paused`` ones may still go on."""

    completed: int
    failed: int
    cancelled: int = 0
    paused: int = 0

    @property
    def attempted(self) -> int:
        """All that were handed over."""
        return self.completed + self.failed + self.cancelled + self.paused


COMPLETED: Final = ChildEnd(InvocationStatus.COMPLETED)
CANCELLED: Final = ChildEnd(InvocationStatus.CANCELLED)


def run_end(status: str, error: Mapping[str, Any] | None) -> ChildEnd:
    """The end of an attempt whose run ended with this status and error (``{code, class, message}``)."""
    if status == RunStatus.COMPLETED:
        return COMPLETED
    if status == RunStatus.CANCELLED:
        return CANCELLED
    told = error or {}
    code = told.get("code")
    message = str(told.get("message") or "The run failed.")
    if code and told.get("class") in STAYS:
        return ChildEnd(InvocationStatus.FAILED, str(code), message)
    return ChildEnd(InvocationStatus.FAILED, CHILD_FAILED, f"{message} ({code})" if code else message)


def dispatch_end(
    status: str, counts: CellCounts, error: Mapping[str, Any] | None, fail_above_percent: float
) -> ChildEnd:
    """The end of an attempt whose dispatch ended so; it bears ``fail_above_percent`` of its cells failing (0 to 100).

    At 100 it fails only when every cell that was attempted failed.
    """
    if status == DispatchStatus.CANCELLED:
        return CANCELLED
    if status == DispatchStatus.FAILED:
        message = str((error or {}).get("message") or "The dispatch could not go on.")
        return ChildEnd(InvocationStatus.FAILED, CHILD_FAILED, message)
    share = counts.failed * 100
    all_failed = counts.failed > 0 and counts.failed == counts.attempted
    if all_failed or share > fail_above_percent * counts.attempted:
        words = f"{counts.failed:,} of {counts.attempted:,} cells failed."
        return ChildEnd(InvocationStatus.FAILED, CHILD_FAILED, words)
    return COMPLETED
