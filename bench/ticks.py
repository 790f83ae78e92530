"""What P11 measures inside a process of the install: ``python -m bench.ticks <what> [number]`` prints JSON.

It calls the same services as the task does, with the settings of the environment it is started in.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import mean, median

import django


def herd() -> dict[str, float]:
    """All that is due: seconds until it is committed, and until the broker has it."""
    from scheduler.services.firing import due_drain
    from scheduler.services.publishing import invocations_publish

    began = time.monotonic()
    fired = due_drain(until=began + 600).fired
    committed = time.monotonic() - began
    sent = invocations_publish().sent
    return {"fired": fired, "committed": committed, "sent": sent, "enqueued": time.monotonic() - began}


def drain(batch: int) -> dict[str, float]:
    """All that is due, claimed in batches of that size."""
    from scheduler.services.claiming import due_claim

    began = time.monotonic()
    slowest, claimed = 0.0, 0
    while True:
        started = time.monotonic()
        found = due_claim(batch).triggers
        if not found:
            break
        slowest = max(slowest, time.monotonic() - started)
        claimed += found
    return {"claimed": claimed, "seconds": time.monotonic() - began, "slowest": slowest}


def idle(rounds: int) -> dict[str, float]:
    """Milliseconds of a tick to which nothing is due: the look alone, and with its record."""
    from scheduler.services import firing

    looks, ticks = [], []
    for _ in range(rounds):
        began = time.monotonic()
        firing.due_look()
        looks.append((time.monotonic() - began) * 1_000)
        began = time.monotonic()
        firing.tick()
        ticks.append((time.monotonic() - began) * 1_000)
    return {"look": median(looks), "tick": median(ticks)}


def compute(count: int) -> dict[str, float]:
    """Microseconds to compute a next slot, over schedules and zones of many kinds."""
    from scheduler.engine.next_run import Schedule, next_slot

    crons = ("*/5 * * * *", "0 9 * * 1-5", "30 2 * * *", "0 0 1 * *", "15 10 1 * 1", "0 */2 * * *")
    zones = ("UTC", "America/New_York", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe")
    asked = [
        (Schedule(crons[n % len(crons)], zones[n % len(zones)], None), datetime(2026, 1, 1, tzinfo=UTC))
        for n in range(count)
    ]
    took = []
    for n, (schedule, base) in enumerate(asked):
        at = base + timedelta(minutes=47 * n)
        began = time.perf_counter()
        next_slot(schedule, at, at)
        took.append((time.perf_counter() - began) * 1_000_000)
    return {"mean": mean(took), "slowest": max(took)}


WORK: dict[str, Callable[[int], dict[str, float]]] = {
    "herd": lambda _: herd(),
    "drain": drain,
    "idle": idle,
    "compute": compute,
}


def main(what: str, number: str = "0") -> None:
    """Measure one thing and print it."""
    django.setup()
    print(json.dumps(WORK[what](int(number))))


if __name__ == "__main__":
    main(*sys.argv[1:])
