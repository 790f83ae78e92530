"""P3: what a row costs as its table grows, and how a run of all of it begins. F27: such a run stopped after 5 s.

Rows are put in by SQL. At each size the same number of rows is run, first from the table's beginning, then (mode new)
from its end, behind all the others that are finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import psycopg
import redis

from bench.client import Client
from bench.definitions import OUTPUTS, noop
from bench.install import cpu_seconds, install, processes_of
from bench.report import Figure
from config.supervisor import Stack

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
SAMPLE = 1_000
FIRST = "run of the first 1,000"
LAST = "mode new, the last 1,000 behind finished ones"
QUEUES = ("rows", "interactive", "control")

_ROWS = """
INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
SELECT gen_random_uuid(), %(table)s, jsonb_build_object('text', 'row ' || n), 'a' || lpad(n::text, 9, '0'), '{}', now(),
       now() FROM generate_series(1, %(rows)s) n
"""

# All but the last rows of the table as an earlier run left them.
_CELLS = """
INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                 running_blocks, block_errors, cancelled_sequence, started_at, finished_at)
SELECT gen_random_uuid(), r.id, g.id, g.table_id, 'completed', 1, 0, g.revision, '', '[]', '{}', 0, now(), now()
  FROM tables_row r JOIN tables_workflowgroup g ON g.table_id = r.table_id
 WHERE r.table_id = %(table)s AND r.position <= 'a' || lpad((%(rows)s - %(sample)s)::text, 9, '0')
ON CONFLICT (row_id, group_id) DO NOTHING
"""

_FIRST_START = (
    "SELECT min(started_at) FROM tables_rowexecution WHERE dispatch_id = %s AND started_at IS NOT NULL"
)
_STARTED_AFTER = "SELECT count(*) FROM tables_rowexecution WHERE dispatch_id = %s AND started_at > %s"


def figures(*, million: bool) -> list[Figure]:
    """Cost per row at every size beside that at the smallest; then the largest table's beginning and its end."""
    sizes = (*SIZES, MILLION) if million else SIZES
    with (
        install(workers=2) as (stack, client),
        psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as database,
    ):
        workflow = client.workflow("noop", noop())
        found: list[Figure] = []
        base: dict[str, float] = {}
        for size in sizes:  # the largest last: its table is the one that is run whole
            table = table_of(client, database, workflow, size)
            for what, value in costs(stack, client, database, table, size).items():
                base.setdefault(what, value)
                goal = "flat within 15 %" if what == FIRST else "reported: passing the others is in it"
                found.append(Figure("P3", f"{what}, {size:,} rows", value, "ms CPU/row", base[what], goal))
            found.append(_memory(stack, size))
        found += beginning_and_end(stack, client, database, table, size)
        return found


def table_of(
    client: Client, database: psycopg.Connection[tuple[object, ...]], workflow: str, rows: int
) -> str:
    """A table of that many rows with one workflow group, warm."""
    table = client.table(f"p3 {rows}", 0)
    client.group(table, "noop", workflow, OUTPUTS)
    database.execute(_ROWS, {"table": table, "rows": rows})
    database.execute("UPDATE tables_table SET row_count = %s WHERE id = %s", [rows, table])
    database.execute("VACUUM ANALYZE tables_row")
    client.wait(client.run(table, limit=100), timeout=60)
    return table


def costs(
    stack: Stack, client: Client, database: psycopg.Connection[tuple[object, ...]], table: str, rows: int
) -> dict[str, float]:
    """CPU milliseconds per row run, everything included: from the beginning, and behind all finished ones."""
    first = _cpu(stack, lambda: client.wait(client.run(table, limit=SAMPLE), timeout=300))
    database.execute(_CELLS, {"table": table, "rows": rows, "sample": SAMPLE})
    database.execute("VACUUM ANALYZE tables_rowexecution")
    if rows > SAMPLE:
        last = _cpu(stack, lambda: client.wait(client.run(table, mode="new"), timeout=300))
        return {FIRST: first, LAST: last}
    return {FIRST: first}


def _cpu(stack: Stack, work: Callable[[], object]) -> float:
    processes = processes_of(stack)
    before = cpu_seconds(processes)
    work()
    return (cpu_seconds(processes) - before) * 1000 / SAMPLE


def _memory(stack: Stack, rows: int) -> Figure:
    """Of the process that walks."""
    pid = stack.pid("control")
    used = psutil.Process(pid).memory_info().rss / 2**20 if pid is not None else 0.0
    return Figure("P3", f"dispatcher's memory, {rows:,} rows", used, "MiB", None, "flat")


def beginning_and_end(
    stack: Stack, client: Client, database: psycopg.Connection[tuple[object, ...]], table: str, rows: int
) -> list[Figure]:
    """Run all: the answer, the first row's start; after 5 s a Stop: its answer, what starts afterwards, the queues."""
    broker = redis.Redis.from_url(stack.env["REDIS_URL"])
    asked_at, began = _now(database), time.monotonic()
    dispatch = client.run(table)
    answered = time.monotonic() - began
    depth = 0
    while time.monotonic() - began < 5:
        depth = max(depth, sum(int(broker.llen(queue)) for queue in QUEUES))
        time.sleep(0.02)
    began = time.monotonic()
    client.call("POST", f"/dispatches/{dispatch}/cancel/")
    stopped, stopped_at = time.monotonic() - began, _now(database)
    first = database.execute(_FIRST_START, [dispatch]).fetchone()
    time.sleep(3)
    late = database.execute(_STARTED_AFTER, [dispatch, stopped_at]).fetchone()
    left = client.dispatch(dispatch)["progress"]
    if left["running"] or left["queued"]:
        raise RuntimeError(f"cells are still in flight after the stop: {left}")
    wait = (first[0] - asked_at).total_seconds() if first and first[0] else float("nan")  # type: ignore[operator]
    return [
        Figure("P3", f"Run all on {rows:,} rows: answer", answered * 1000, "ms", None, "< 300 ms"),
        Figure("P3", "the same: first row starts after", wait, "s", None, "< 2 s"),
        Figure("F27", "deepest queue in 5 s of it", depth, "messages", None, "≤ 6 × slots + constant"),
        Figure("F27", "Stop: answer", stopped * 1000, "ms", None, "< 1,000 ms"),
        Figure("F27", "cells that start after it", float(late[0]) if late else -1.0, "", None, "0"),  # type: ignore[arg-type]
    ]


def _now(database: psycopg.Connection[tuple[object, ...]]) -> object:
    found = database.execute("SELECT clock_timestamp()").fetchone()
    return found[0] if found else None
