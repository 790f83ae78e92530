"""How the scheduler fares, judged from what can be seen of it (`scheduler.md` section 4).

A stopped clock cannot report itself, so whoever asks judges by the age of the last tick; nothing here is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

GRACE_SECONDS: Final = 5.0
"""On top of two intervals of the tick."""

DOWN_SECONDS: Final = 120.0
FAILURES_DOWN: Final = 5
BACKLOG_DEGRADED: Final = 1_000
LATENESS_DEGRADED_SECONDS: Final = 30.0


class HealthStatus(StrEnum):
    """From best to worst."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class HealthReason(StrEnum):
    """Why it is not ``ok``."""

    NEVER_TICKED = "never_ticked"
    TICK_OLD = "tick_old"
    TICK_FAILING = "tick_failing"
    TICK_ENTRY_OFF = "tick_entry_off"
    BACKLOG = "backlog"
    LATE = "late"


REASON_WORDS: Final[Mapping[HealthReason, str]] = MappingProxyType(
    {
        HealthReason.NEVER_TICKED: "The scheduler has never run here. Are beat and a control worker running?",
        HealthReason.TICK_OLD: "The scheduler has been silent too long. Are beat and a control worker running?",
        HealthReason.TICK_FAILING: "The scheduler's last attempts failed.",
        HealthReason.TICK_ENTRY_OFF: "The periodic entry that drives the scheduler is missing or disabled.",
        HealthReason.BACKLOG: "More triggers are due than the scheduler keeps up with.",
        HealthReason.LATE: "Triggers start late. Are there enough workers?",
    }
)
"""One sentence for people each."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What can be seen. ``tick_age_seconds`` is since the last tick ended (None: there was none), ``interval_seconds``
    how often beat should send one (None: its entry is missing or disabled), ``lateness_seconds`` how long the oldest
    due trigger, or invocation that could begin, has waited.
    """

    tick_age_seconds: float | None
    interval_seconds: float | None
    consecutive_failures: int = 0
    backlog_due: int = 0
    lateness_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement, with every reason that speaks against ``ok``."""

    status: HealthStatus
    reasons: tuple[HealthReason, ...] = ()

    @property
    def words(self) -> str:
        """The reasons in sentences; blank when all is well."""
        return " ".join(REASON_WORDS[reason] for reason in self.reasons)


def judge_health(signs: Signs) -> Verdict:
    """The worst that any sign says."""
    found = list(_complaints(signs))
    if not found:
        return Verdict(HealthStatus.OK)
    is_down = any(status is HealthStatus.DOWN for status, _ in found)
    status = HealthStatus.DOWN if is_down else HealthStatus.DEGRADED
    return Verdict(status, tuple(reason for _, reason in found))


def _complaints(signs: Signs) -> list[tuple[HealthStatus, HealthReason]]:
    found = []
    if signs.interval_seconds is None:
        found.append((HealthStatus.DEGRADED, HealthReason.TICK_ENTRY_OFF))
    if signs.tick_age_seconds is None:
        found.append((HealthStatus.DOWN, HealthReason.NEVER_TICKED))
    elif (slow := _slowness(signs.tick_age_seconds, signs.interval_seconds or 1.0)) is not HealthStatus.OK:
        found.append((slow, HealthReason.TICK_OLD))
    if signs.consecutive_failures:
        failing = signs.consecutive_failures >= FAILURES_DOWN
        found.append((HealthStatus.DOWN if failing else HealthStatus.DEGRADED, HealthReason.TICK_FAILING))
    if signs.backlog_due > BACKLOG_DEGRADED:
        found.append((HealthStatus.DEGRADED, HealthReason.BACKLOG))
    if signs.lateness_seconds > LATENESS_DEGRADED_SECONDS:
        found.append((HealthStatus.DEGRADED, HealthReason.LATE))
    return found


def _slowness(age_seconds: float, interval_seconds: float) -> HealthStatus:
    """A tick that comes rarely by somebody's decision is not down merely for that."""
    well_below = 2 * interval_seconds + GRACE_SECONDS
    if age_seconds < well_below:
        return HealthStatus.OK
    return HealthStatus.DOWN if age_seconds > max(DOWN_SECONDS, well_below) else HealthStatus.DEGRADED
