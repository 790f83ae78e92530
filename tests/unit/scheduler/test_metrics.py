"""What Prometheus is told of a tick, and of what was just looked at."""

from __future__ import annotations

from typing import Any

from prometheus_client import generate_latest

from scheduler.metrics import REGISTRY, Gauges, tick_observed


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"runsheet_scheduler_{name}", labels) or 0.0


def test_a_tick_counts_by_result_and_an_idle_one_measures_nothing() -> None:
    before = value("ticks_total", result="done"), value("lateness_seconds_count"), value("missed_total")
    tick_observed(result="done", claimed=0, seconds=0.001, lateness_seconds=0.0, skipped=0, missed=0)
    tick_observed(result="done", claimed=7, seconds=0.2, lateness_seconds=1.5, skipped=1, missed=3)
    after = value("ticks_total", result="done"), value("lateness_seconds_count"), value("missed_total")
    assert [late - early for early, late in zip(before, after, strict=True)] == [2.0, 1.0, 3.0]


def test_what_was_set_aside_or_not_sent_is_counted() -> None:
    before = value("held_total"), value("unsent_ticks_total")
    idle: dict[str, Any] = {
        "result": "done",
        "claimed": 0,
        "seconds": 0.0,
        "lateness_seconds": 0.0,
        "skipped": 0,
        "missed": 0,
    }
    tick_observed(**idle, held=2)
    tick_observed(**idle, unsent=True)
    assert (value("held_total"), value("unsent_ticks_total")) == (before[0] + 2, before[1] + 1)


def test_gauges_carry_their_labels_escaped() -> None:
    shown = generate_latest(Gauges([("leader", "Who leads.", 1.0, {"holder": 'a"b'})]).registered()).decode()
    assert 'runsheet_scheduler_leader{holder="a\\"b"} 1.0' in shown
