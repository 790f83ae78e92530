r"""P10: a CSV import, beside psql's ``\copy`` of the same lines into one text column, in the same PostgreSQL."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil
import psycopg

from bench.client import Client
from bench.install import install
from bench.report import Figure
from config.supervisor import Stack

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau".split()
LOOK_SECONDS = 0.1


def figures(rows: int, rounds: int) -> list[Figure]:
    """Rows per second of both, medians of rounds side by side; and how much memory the worker's peak takes."""
    ours, theirs = [], []
    peak = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder,
        install(workers=1) as (stack, client),
    ):
        file = Path(folder) / "rows.csv"
        write(file, rows)
        for _ in range(rounds):
            theirs.append(rows / _timed(lambda: _copy(stack, file)))
            began = time.monotonic()
            peak = max(peak, _import(stack, client, file, rows))
            ours.append(rows / (time.monotonic() - began))
    return [
        Figure("P10", "CSV import, rows/s", median(ours), "rows/s", median(theirs), "≥ 0.25 × \\copy"),
        Figure("P10", "its worker's memory (PSS), at most", peak, "MB", None, "< 150 MB"),
    ]


def write(file: Path, rows: int) -> None:
    """About 100 bytes a row, in five columns; every tenth has a quoted value."""
    chance = random.Random(1)  # noqa: S311 - test data
    with file.open("w") as out:
        out.write("Name,Email,Company,Score,Note\n")
        for n in range(rows):
            first, last = chance.choice(WORDS), chance.choice(WORDS)
            note = " ".join(chance.choices(WORDS, k=6))
            note = f'"{note}, etc."' if n % 10 == 0 else note
            out.write(
                f"{first} {last} {n},{first}{n}@example.org,{last} Ltd,{chance.randint(0, 99_999) / 100},{note}\n"
            )


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _copy(stack: Stack, file: Path) -> None:
    r"""What ``\copy`` does, by the same library calls."""
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_peer")
        cursor.execute("CREATE TABLE bench_peer (line text)")
        statement = r"COPY bench_peer FROM STDIN (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')"
        with file.open("rb") as lines, cursor.copy(statement) as copy:
            while block := lines.read(1 << 16):
                copy.write(block)


def _import(stack: Stack, client: Client, file: Path, rows: int) -> float:
    """Import into a new table over REST; the worker's greatest memory (PSS) in MB."""
    table = client.call(
        "POST", "/tables/", name=f"p10 {time.monotonic_ns()}", columns=[{"name": "Name", "type": "text"}]
    )
    mapping = (
        '{"Name": "Name", "Email": {"name": "Email", "type": "text"}, "Company": {"name": "Company", "type": "text"},'
        ' "Score": {"name": "Score", "type": "number"}, "Note": {"name": "Note", "type": "text"}}'
    )
    with file.open("rb") as content:
        answer = client.http.post(
            f"/api/v1/tables/{table['id']}/imports/", files={"file": content}, data={"mapping": mapping}
        )
    answer.raise_for_status()
    pid, peak = stack.pid("worker@1"), 0.0
    while True:
        job = client.call("GET", f"/jobs/{answer.json()['id']}/")
        if pid is not None:
            peak = max(peak, psutil.Process(pid).memory_full_info().pss / 1e6)
        if job["finished_at"]:
            break
        time.sleep(LOOK_SECONDS)
    if job["status"] != "completed" or job["progress"]["rows_done"] != rows:
        raise RuntimeError(f"the import did not take every row: {job}")
    return peak
