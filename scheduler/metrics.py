"""What Prometheus is told (`scheduler.md` section 4). Counters live in the process that ticks.

Where `PROMETHEUS_MULTIPROC_DIR` names a folder that all processes share, the web process answers for all of them;
otherwise it knows only what stands in PostgreSQL, which is everything but the histograms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

REGISTRY: Final = CollectorRegistry()
"""This process's own counters."""

TICKS: Final = Counter(
    "runsheet_scheduler_ticks",
    "Ticks by result: done, failed, superseded or busy.",
    ["result"],
    registry=REGISTRY,
)
CLAIM_SECONDS: Final = Histogram(
    "runsheet_scheduler_claim_seconds",
    "How long a tick took that claimed something.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20),
    registry=REGISTRY,
)
LATENESS_SECONDS: Final = Histogram(
    "runsheet_scheduler_lateness_seconds",
    "The worst lateness of a claimed slot, per tick that claimed something.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600, 86_400),
    registry=REGISTRY,
)
SKIPPED: Final = Counter("runsheet_scheduler_skipped", "Slots skipped for overlap.", registry=REGISTRY)
MISSED: Final = Counter("runsheet_scheduler_missed", "Slots recorded as missed.", registry=REGISTRY)
HELD: Final = Counter(
    "runsheet_scheduler_held", "Due triggers set aside for a while after a fault.", registry=REGISTRY
)
UNSENT: Final = Counter(
    "runsheet_scheduler_unsent_ticks",
    "Ticks whose messages the broker did not all take; the rest stays pending.",
    registry=REGISTRY,
)


def tick_observed(
    *,
    result: str,
    claimed: int,
    seconds: float,
    lateness_seconds: float,
    skipped: int,
    missed: int,
    held: int = 0,
    unsent: bool = False,
) -> None:
    """Count one tick of this process; ``unsent``: the broker did not take all of its messages."""
    TICKS.labels(result).inc()
    SKIPPED.inc(skipped)
    MISSED.inc(missed)
    HELD.inc(held)
    UNSENT.inc(int(unsent))
    if claimed:
        CLAIM_SECONDS.observe(seconds)
        LATENESS_SECONDS.observe(lateness_seconds)


class Gauges(Collector):
    """Values that were read just now, as gauges: name, what it says, value, labels."""

    def __init__(self, values: list[tuple[str, str, float, dict[str, str]]]) -> None:
        """The values of one answer."""
        self._values = values

    def registered(self) -> CollectorRegistry:
        """A registry of these alone."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """One family each."""
        for name, says, value, labels in self._values:
            family = GaugeMetricFamily(f"runsheet_scheduler_{name}", says, labels=list(labels))
            family.add_metric(list(labels.values()), value)
            yield family
