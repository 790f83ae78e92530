"""P1: rows per second and CPU per row of a no-op three-block workflow, beside a hand-written Celery task per row."""

from __future__ import annotations

import time
from statistics import median

from bench import floor
from bench.definitions import OUTPUTS, noop
from bench.install import cpu_seconds, install, processes_of
from bench.report import Figure


def measure(rows: int, rounds: int) -> list[dict[str, float]]:
    """Run all over ``rows`` rows, several times; every result durable, import excluded."""
    found = []
    with install(workers=2) as (stack, client):
        workflow = client.workflow("noop", noop())
        table = client.table("p1", rows)
        client.group(table, "noop", workflow, OUTPUTS)
        client.wait(client.run(table, limit=100), timeout=60)  # imports, pools and caches are warm
        for _ in range(rounds):
            processes = processes_of(stack)
            before, began = cpu_seconds(processes), time.monotonic()
            done = client.wait(client.run(table), timeout=300, every=0.1)
            wall, cpu = time.monotonic() - began, cpu_seconds(processes) - before
            if done["progress"]["completed"] != rows:
                raise RuntimeError(f"not every row was completed: {done['progress']}")
            found.append({"rows_per_second": rows / wall, "cpu_ms_per_row": cpu * 1000 / rows})
    return found


def figures(rows: int, rounds: int) -> list[Figure]:
    """Both systems in one run, one after the other; medians, and their ratios."""
    ours, theirs = measure(rows, rounds), floor.measure(rows, rounds)

    def middle(found: list[dict[str, float]], name: str) -> float:
        return median(each[name] for each in found)

    rate, floor_rate = middle(ours, "rows_per_second"), middle(theirs, "rows_per_second")
    cpu, floor_cpu = middle(ours, "cpu_ms_per_row"), middle(theirs, "cpu_ms_per_row")
    return [
        Figure("P1", "rows/s, no-op row of three blocks", rate, "rows/s", floor_rate, "≥ 1.5 × the floor"),
        Figure("P1", "CPU per row, everything included", cpu, "ms", floor_cpu, "≤ 0.7 × the floor"),
    ]
