"""P9: reading a table of a million rows and three million cells over REST: pages, summary, dispatches, find."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

import httpx
import psycopg

from bench.client import Client
from bench.definitions import OUTPUTS, noop
from bench.install import install
from bench.report import Figure

PAGE = 200
ROUNDS = 200

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


@dataclass(frozen=True, slots=True)
class Measured:
    """The call of the nth round and its goal; ``after`` it has been timed, the answer may be needed for the next."""

    call: Callable[[int], httpx.Response]
    goal: str
    after: Callable[[httpx.Response], None] | None = None
    rounds: int = ROUNDS


def figures(rows: int) -> list[Figure]:
    """The 95th percentile of each call in milliseconds, one client at a time, over HTTP."""
    with install(workers=1) as (stack, client):
        table = _table(client)
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(_FILL, {"table": table, "rows": rows})
            connection.execute("UPDATE tables_table SET row_count = %s WHERE id = %s", [rows, table])
            connection.execute("VACUUM ANALYZE tables_row, tables_rowexecution, tables_cellcount")
            connection.execute("CHECKPOINT")  # what writing them leaves to be done is not a reader's time
        for _ in range(5):
            client.run(table, limit=1, mode="failed")
        found = _calls(client, f"/tables/{table}", rows)
        return [_figure(what, measured) for what, measured in found.items()]


def _table(client: Client) -> str:
    columns = [{"name": "text", "type": "text"}, {"name": "number", "type": "number"}]
    made = client.call("POST", "/tables/", name="p9", columns=columns)
    workflow = client.workflow("noop", noop())
    for output in OUTPUTS:
        client.group(str(made["id"]), f"noop {output[1]}", workflow, [output])
    return str(made["id"])


def _calls(client: Client, path: str, rows: int) -> dict[str, Measured]:
    """What is measured, by name."""
    cursors = [""]

    def keyset(_n: int) -> httpx.Response:
        return client.fetch("GET", f"{path}/rows/?limit={PAGE}{cursors[-1]}")

    def turn(answer: httpx.Response) -> None:
        cursors.append(f"&after={answer.json()['next']}")

    def ordinal(n: int) -> httpx.Response:
        return client.fetch(
            "GET", f"{path}/rows/?limit={PAGE}&start={rows - rows * n // (20 * ROUNDS) - PAGE}"
        )

    def middle(n: int) -> httpx.Response:
        return client.fetch("GET", f"{path}/rows/?limit={PAGE}&start={rows // 2 - n}")

    def filtered(n: int) -> httpx.Response:
        wanted = f'{{"column":"number","op":"eq","value":{n}}}'
        return client.fetch("GET", f"{path}/rows/?limit={PAGE}&filter={wanted}")

    def find(n: int) -> httpx.Response:
        return client.fetch("POST", f"{path}/rows/find/", q=f"row {rows - n}")

    return {
        f"page of {PAGE} by keyset": Measured(keyset, "p95 < 60 ms", after=turn),
        f"page of {PAGE} by ordinal, the last twentieth": Measured(ordinal, "p95 < 100 ms"),
        f"page of {PAGE} by ordinal, in the middle": Measured(middle, "p95 < 100 ms"),
        "summary": Measured(lambda _n: client.fetch("GET", f"{path}/summary/"), "p95 < 60 ms"),
        "dispatch list": Measured(lambda _n: client.fetch("GET", f"{path}/dispatches/"), "p95 < 60 ms"),
        f"page of {PAGE}, filtered to a thousandth, by keyset": Measured(filtered, "reported"),
        "find, once through what a second allows": Measured(find, "reported", rounds=40),
    }


def _figure(what: str, measured: Measured) -> Figure:
    took = []
    for n in range(measured.rounds):
        began = time.perf_counter()
        answer = measured.call(n)
        took.append(1000 * (time.perf_counter() - began))
        if measured.after is not None:
            measured.after(answer)
    p95 = quantiles(took, n=20)[-1]
    return Figure("P9", f"{what}: p95 (median {median(took):.0f} ms)", p95, "ms", None, measured.goal)
