"""The floor of P1: what a Celery developer would write by hand for the same job, as well as it can be written simply.

One task per row; the row's three results and its status in one UPDATE and one commit; late acknowledgement, as
Celery's documentation advises for idempotent tasks; prefork with a child per core, one kept connection each. No steps,
no locks, no live view, no stop, no recovery but the broker's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from celery import Celery

from bench.install import cpu_seconds
from config.embedded import Postgres, Valkey
from config.runtime import BASE_DIR

app = Celery("bench.floor", broker=os.environ.get("FLOOR_REDIS"), backend=os.environ.get("FLOOR_REDIS"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)

WORKER = "-P prefork -c 2 -l WARNING --without-gossip --without-mingle --without-heartbeat".split()

_SCHEMA = """
CREATE TABLE jobs (id int PRIMARY KEY, text text NOT NULL, a text, b text, c text, status text NOT NULL,
                   finished_at timestamptz)
"""
_FINISH = """
UPDATE jobs SET a = %s, b = %s, c = %s, status = 'done', finished_at = clock_timestamp() WHERE id = %s
"""

_connections: dict[int, psycopg.Connection[Any]] = {}


def run_row(row: int, text: str) -> None:
    """The row's whole job."""
    a = text.upper()
    b = a + "!"
    connection = _connections.get(os.getpid())
    if connection is None:
        connection = _connections[os.getpid()] = psycopg.connect(
            os.environ["FLOOR_DATABASE"], autocommit=True
        )
    connection.execute(_FINISH, [a, b, str(len(b)), row])


process_row = app.task(name="floor.row")(run_row)


@contextmanager
def floor_system() -> Iterator[tuple[str, str, list[psutil.Process]]]:
    """PostgreSQL, Valkey and a prefork worker of two; their addresses and every process."""
    with tempfile.TemporaryDirectory(prefix="floor-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, valkey = (
            Postgres(folder / "pg", log=folder / "pg.log"),
            Valkey(folder / "vk", log=folder / "vk.log"),
        )
        postgres.start()
        valkey.start()
        env = {**os.environ, "FLOOR_REDIS": valkey.url, "FLOOR_DATABASE": postgres.url()}
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-q", "-A", "bench.floor", "worker", *WORKER],
            env=env,
            cwd=BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            roots = [child.pid for child in (postgres.child, valkey.child, worker) if child]
            yield postgres.url(), valkey.url, [psutil.Process(pid) for pid in roots]
        finally:
            worker.terminate()
            worker.wait()
            valkey.stop()
            postgres.stop()


def measure(rows: int, rounds: int = 3) -> list[dict[str, float]]:
    """Rows per second and CPU milliseconds per row, from the first publish to the last commit, several rounds."""
    found = []
    with floor_system() as (database, broker, roots):
        app.conf.update(broker_url=broker, result_backend=broker)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(_SCHEMA)
            for round_ in range(rounds + 1):
                count = 100 if round_ == 0 else rows  # the first warms up
                connection.execute("TRUNCATE jobs")
                connection.execute(
                    "INSERT INTO jobs SELECT n, 'row ' || n, NULL, NULL, NULL, 'new' FROM generate_series(1, %s) n",
                    [count],
                )
                found.append(_one_round(connection, roots, count))
    return found[1:]


def _one_round(
    connection: psycopg.Connection[Any], roots: list[psutil.Process], rows: int
) -> dict[str, float]:
    mine = psutil.Process()
    everyone = [mine, *(child for root in roots for child in (root, *root.children(recursive=True)))]
    before, began = cpu_seconds(everyone[1:]) + _own(mine), time.monotonic()
    with app.producer_pool.acquire(block=True) as producer:
        for n in range(1, rows + 1):
            process_row.apply_async((n, f"row {n}"), producer=producer)
    while connection.execute("SELECT count(*) FROM jobs WHERE status <> 'done'").fetchone() != (0,):
        if time.monotonic() - began > 300:
            raise TimeoutError("the floor has not ended after 300 s")
        time.sleep(0.05)
    wall = time.monotonic() - began
    everyone = [mine, *(child for root in roots for child in (root, *root.children(recursive=True)))]
    cpu = cpu_seconds(everyone[1:]) + _own(mine) - before
    return {"rows_per_second": rows / wall, "cpu_ms_per_row": cpu * 1000 / rows}


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
