"""P7: statements and transactions per row and group, counted in PostgreSQL, not timed."""

from __future__ import annotations

import psycopg

from bench.definitions import OUTPUTS, noop
from bench.install import install
from bench.report import Figure

_COUNTS = "SELECT sum(xact_commit) FROM pg_stat_database WHERE datname = 'runsheet'"


def figures(rows: int) -> list[Figure]:
    """Transactions per row of one pure group in packs, everything in the install included."""
    with install(workers=1) as (stack, client):
        workflow = client.workflow("noop", noop())
        table = client.table("p7", rows)
        client.group(table, "noop", workflow, OUTPUTS)
        client.wait(client.run(table, limit=100), timeout=60)
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
            before = _commits(connection)
            client.wait(client.run(table), timeout=300, every=0.5)
            after = _commits(connection)
    return [
        Figure(
            "P7",
            "transactions per row, packs of a window",
            (after - before) / rows,
            "",
            None,
            "≤ 2 per group",
        )
    ]


def _commits(connection: psycopg.Connection[tuple[int]]) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    found = connection.execute(_COUNTS).fetchone()
    return int(found[0]) if found else 0
