"""P4: a one-row run during a big run, beside the same run on an idle install. P4b: all workers killed at half way."""

from __future__ import annotations

import time
from statistics import median, quantiles

from bench.client import Client
from bench.definitions import OUTPUTS, noop
from bench.install import install, workers_named
from bench.report import Figure
from config.supervisor import Stack

SMALL_RUNS = 20


def figures(rows: int) -> list[Figure]:
    """Latency of one-row runs, idle and during a run over ``rows`` rows; then the kill."""
    with install(workers=2) as (stack, client):
        workflow = client.workflow("noop", noop())
        small, big = client.table("small", 1), client.table("big", rows)
        for table in (small, big):
            client.group(table, "noop", workflow, OUTPUTS)
        client.wait(client.run(big, limit=200), timeout=60)
        idle = [one_row(client, small) for _ in range(SMALL_RUNS)]
        started = client.run(big)
        busy = [one_row(client, small) for _ in range(SMALL_RUNS)]
        if client.dispatch(started)["finished_at"]:
            raise RuntimeError("the big run ended before the small ones: take more rows")
        recovered = kill_at_half_way(stack, client, started, rows)
    p95 = quantiles(busy, n=20)[-1]
    return [
        Figure(
            "P4",
            f"a one-row run during a {rows:,}-row run, median",
            median(busy),
            "s",
            median(idle),
            "≤ 3 × idle",
        ),
        Figure("P4", "the same, p95", p95, "s", quantiles(idle, n=20)[-1], "< 0.5 s"),
        Figure(
            "P4b",
            "workers SIGKILLed at half way, back after 2 s: cells complete again",
            recovered,
            "s",
            None,
            "< 10 s; 0 lost",
        ),
    ]


def one_row(client: Client, table: str) -> float:
    """Seconds from the press to the finished dispatch, as a client sees it."""
    began = time.monotonic()
    client.wait(client.run(table), timeout=60, every=0.005)
    return time.monotonic() - began


def kill_at_half_way(stack: Stack, client: Client, dispatch: str, rows: int) -> float:
    """SIGKILL every worker at half way and start them 2 s later; seconds until cells complete again. Raises on loss."""
    while client.dispatch(dispatch)["progress"]["completed"] < rows / 2:
        time.sleep(0.05)
    names = (*workers_named(2), "reserve")
    for name in names:
        stack.kill(name, stay_down=True)
    killed = time.monotonic()
    at_kill = client.dispatch(dispatch)["progress"]["completed"]
    time.sleep(2)
    for name in names:
        stack.start(name)
    while client.dispatch(dispatch)["progress"]["completed"] <= at_kill + 200:
        if time.monotonic() - killed > 60:
            raise TimeoutError("nothing was recovered within a minute")
        time.sleep(0.05)
    recovered = time.monotonic() - killed
    progress = client.wait(dispatch, timeout=600)["progress"]
    if progress["completed"] != rows:
        raise RuntimeError(f"cells were lost: {progress}")
    return recovered
