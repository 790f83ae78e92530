"""P9: reading a table of a million rows and three million cells over REST: pages, summary, dispatches, find."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median, quantiles

import psycopg

from bench.client import Client
from bench.definitions import OUTPUTS, noop
from bench.install import install
from bench.report import Figure

PAGE = 200
ROUNDS = 40

# Rows and cells as a finished run leaves them, without running: every tenth cell failed.
_FILL = """
WITH made AS (
    INSERT INTO tables_row (id, table_id, data, position, edited, created_at, updated_at)
    SELECT gen_random_uuid(), %(table)s, jsonb_build_object('text', 'row ' || n, 'number', n %% 1000, 'a', 'ROW ' || n,
           'b', n || '!', 'c', n), 'a' || lpad(n::text, 9, '0'), '{}', now(), now()
      FROM generate_series(1, %(rows)s) n RETURNING id
)
INSERT INTO tables_rowexecution (id, row_id, group_id, table_id, status, attempt, crashes, group_revision, reason,
                                 running_blocks, block_errors, cancelled_sequence, started_at, finished_at)
SELECT gen_random_uuid(), made.id, g.id, g.table_id, CASE WHEN random() < 0.1 THEN 'failed' ELSE 'completed' END, 1, 0,
       g.revision, '', '[]', '{}', 0, now(), now()
  FROM made CROSS JOIN tables_workflowgroup g WHERE g.table_id = %(table)s
"""


def figures(rows: int) -> list[Figure]:
    """The 95th percentile of each call in milliseconds, one client at a time, over HTTP."""
    with install(workers=1) as (stack, client):
        table = _table(client)
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(_FILL, {"table": table, "rows": rows})
            connection.execute("UPDATE tables_table SET row_count = %s WHERE id = %s", [rows, table])
            connection.execute("VACUUM ANALYZE tables_row, tables_rowexecution, tables_cellcount")
        for _ in range(5):
            client.run(table, limit=1, mode="failed")
        return [
            _figure(what, call, goal)
            for what, (call, goal) in _calls(client, f"/tables/{table}", rows).items()
        ]


def _table(client: Client) -> str:
    columns = [{"name": "text", "type": "text"}, {"name": "number", "type": "number"}]
    made = client.call("POST", "/tables/", name="p9", columns=columns)
    workflow = client.workflow("noop", noop())
    for output in OUTPUTS:
        client.group(str(made["id"]), f"noop {output[1]}", workflow, [output])
    return str(made["id"])


def _calls(client: Client, path: str, rows: int) -> dict[str, tuple[Callable[[int], object], str]]:
    """What is measured: name → (call of the nth round, goal)."""
    cursors = [""]

    def keyset(_n: int) -> object:
        page = client.call("GET", f"{path}/rows/?limit={PAGE}{cursors[-1]}")
        cursors.append(f"&after={page['next']}")
        return page

    def ordinal(n: int) -> object:
        return client.call(
            "GET", f"{path}/rows/?limit={PAGE}&start={rows - rows * n // (20 * ROUNDS) - PAGE}"
        )

    def filtered(n: int) -> object:
        wanted = f'{{"column":"number","op":"eq","value":{n}}}'
        return client.call("GET", f"{path}/rows/?limit={PAGE}&filter={wanted}")

    return {
        f"page of {PAGE} by keyset": (keyset, "p95 < 60 ms"),
        f"page of {PAGE} by ordinal, the last twentieth": (ordinal, "p95 < 100 ms"),
        "summary": (lambda _n: client.call("GET", f"{path}/summary/"), "p95 < 60 ms"),
        "dispatch list": (lambda _n: client.call("GET", f"{path}/dispatches/"), "p95 < 60 ms"),
        f"page of {PAGE}, filtered to a thousandth, by keyset": (filtered, "reported"),
        "find, once through what a second allows": (
            lambda n: client.call("POST", f"{path}/rows/find/", q=f"row {rows - n}"),
            "reported",
        ),
    }


def _figure(what: str, call: Callable[[int], object], goal: str) -> Figure:
    took = []
    for n in range(ROUNDS):
        began = time.perf_counter()
        call(n)
        took.append(1000 * (time.perf_counter() - began))
    p95 = quantiles(took, n=20)[-1]
    return Figure("P9", f"{what}: p95 (median {median(took):.0f} ms)", p95, "ms", None, goal)
