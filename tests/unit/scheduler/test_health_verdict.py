"""How the scheduler's health is judged from its signs."""

from __future__ import annotations

import pytest

from scheduler.engine.health import REASON_WORDS, HealthReason, HealthStatus, Signs, judge_health

WELL = {"tick_age_seconds": 1.0, "interval_seconds": 1.0}


@pytest.mark.parametrize(
    ("signs", "status", "reasons"),
    [
        ({}, "ok", []),
        ({"tick_age_seconds": 6.9}, "ok", []),
        ({"tick_age_seconds": 7.0}, "degraded", ["tick_old"]),
        ({"tick_age_seconds": 120.0}, "degraded", ["tick_old"]),
        ({"tick_age_seconds": 120.1}, "down", ["tick_old"]),
        ({"tick_age_seconds": None}, "down", ["never_ticked"]),
        ({"consecutive_failures": 1}, "degraded", ["tick_failing"]),
        ({"consecutive_failures": 4}, "degraded", ["tick_failing"]),
        ({"consecutive_failures": 5}, "down", ["tick_failing"]),
        ({"backlog_due": 1_000}, "ok", []),
        ({"backlog_due": 1_001}, "degraded", ["backlog"]),
        ({"lateness_seconds": 30.0}, "ok", []),
        ({"lateness_seconds": 30.1}, "degraded", ["late"]),
        ({"interval_seconds": None}, "degraded", ["tick_entry_off"]),
        ({"interval_seconds": 30.0, "tick_age_seconds": 64.0}, "ok", []),
        ({"interval_seconds": 300.0, "tick_age_seconds": 500.0}, "ok", []),
        ({"interval_seconds": 300.0, "tick_age_seconds": 700.0}, "down", ["tick_old"]),
        ({"tick_age_seconds": 130.0, "backlog_due": 2_000}, "down", ["tick_old", "backlog"]),
    ],
)
def test_the_worst_sign_decides_and_every_reason_is_told(
    signs: dict[str, float | None], status: str, reasons: list[str]
) -> None:
    verdict = judge_health(Signs(**{**WELL, **signs}))  # type: ignore[arg-type]
    assert (verdict.status, [reason.value for reason in verdict.reasons]) == (status, reasons)
    assert bool(verdict.words) == (verdict.status is not HealthStatus.OK)


def test_every_reason_has_words() -> None:
    assert set(REASON_WORDS) == set(HealthReason)
