"""How the scheduler fares, as whoever asks can see it: judged anew at every look, never stored (`scheduler.md` 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from scheduler.engine.health import (
    BACKLOG_DEGRADED,
    HealthReason,
    HealthStatus,
    Signs,
    Verdict,
    judge_health,
)
from scheduler.models.leadership_sql import SIGNS
from workspaces.live.log import Event

LATE_SINCE: Final = ("due_since", "pending_since", "queued_since")
"""What is late: slots that no tick has met, and invocations that no worker has begun."""

TICK_ENTRY: Final = "runsheet.scheduler.tick"
"""The periodic entry that drives the tick."""


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict with what it rests on. Instants are UTC, ages are seconds by the database's clock.

    ``backlog_due`` is counted no further than one above what is too many. ``lateness_seconds`` is how long the oldest
    due trigger, or invocation that could begin, has waited, ``max_lateness_ms`` the worst that the last tick met,
    ``pending_age_seconds`` how long the oldest invocation waits that could be published.
    """

    verdict: Verdict
    now: datetime
    holder: str
    previous_holder: str
    epoch: int
    lease_until: datetime | None
    is_led: bool
    leader_since: datetime | None
    version: str
    last_tick_started_at: datetime | None
    last_tick_finished_at: datetime | None
    last_tick_error: str
    tick_age_seconds: float | None
    interval_seconds: float | None
    consecutive_failures: int
    total_ticks: int
    last_claimed: int
    max_lateness_ms: int
    backlog_due: int
    lateness_seconds: float
    pending_age_seconds: float
    in_flight: int

    @property
    def status(self) -> HealthStatus:
        """How it is."""
        return self.verdict.status

    @property
    def reasons(self) -> tuple[HealthReason, ...]:
        """Why it is not ``ok``."""
        return self.verdict.reasons

    @property
    def words(self) -> str:
        """The reasons in sentences for people; blank when all is well."""
        return self.verdict.words


def health(now: datetime | None = None) -> Health:
    """One query; ``now`` stands in for the database's clock. Raises ``django.db.Error`` when it does not answer."""
    seen = _look()
    now = now or seen["now"]
    signs = Signs(
        tick_age_seconds=_age(now, seen["last_tick_finished_at"]),
        interval_seconds=seen["interval_seconds"],
        consecutive_failures=seen["consecutive_failures"] or 0,
        backlog_due=seen["due"],
        lateness_seconds=max(_age(now, seen[since]) or 0.0 for since in LATE_SINCE),
    )
    lease_until = seen["lease_until"]
    return Health(
        verdict=judge_health(signs),
        now=now,
        holder=seen["holder"] or "",
        previous_holder=seen["previous_holder"] or "",
        epoch=seen["epoch"] or 0,
        lease_until=lease_until,
        is_led=bool(seen["holder"]) and lease_until is not None and lease_until > now,
        leader_since=seen["started_at"],
        version=seen["version"] or "",
        last_tick_started_at=seen["last_tick_started_at"],
        last_tick_finished_at=seen["last_tick_finished_at"],
        last_tick_error=seen["last_tick_error"] or "",
        tick_age_seconds=signs.tick_age_seconds,
        interval_seconds=signs.interval_seconds,
        consecutive_failures=signs.consecutive_failures,
        total_ticks=seen["total_ticks"] or 0,
        last_claimed=seen["last_claimed"] or 0,
        max_lateness_ms=seen["max_lateness_ms"] or 0,
        backlog_due=signs.backlog_due,
        lateness_seconds=signs.lateness_seconds,
        pending_age_seconds=_age(now, seen["pending_since"]) or 0.0,
        in_flight=seen["in_flight"],
    )


def health_event(found: Health) -> Event:
    """What the sockets of workspaces are told: nothing that changes with every look."""
    return {
        "kind": "scheduler",
        "status": found.status.value,
        "reasons": [reason.value for reason in found.reasons],
        "words": found.words,
        "epoch": found.epoch,
    }


def _look() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(SIGNS, {"most": BACKLOG_DEGRADED + 1, "entry": TICK_ENTRY})
        row = cursor.fetchone()
        return dict(zip((column.name for column in cursor.description), row, strict=True))


def _age(now: datetime, since: datetime | None) -> float | None:
    """Seconds since then, never negative."""
    return None if since is None else max(0.0, (now - since).total_seconds())
