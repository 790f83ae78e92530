"""A table of traced, effectful steps, and the whole stack of processes to run it on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import connection

from config.embedded.service import tail

if TYPE_CHECKING:
    from tests.bed.factories import Sheet
    from workspaces.models import Workspace

pytest.register_assert_rewrite("tests.chaos.install", "tests.chaos.site")

SEEDS = "CHAOS_SEEDS"
"""Environment variable: with how many seeds a test that takes one is repeated."""

RESULTS = "CHAOS_RESULTS"
"""Environment variable: the file that each test's result is appended to, for `tests.chaos.report`."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Every test here ends with its invariants held."""
    answer = yield
    check_invariants()
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note how each scenario went."""
    report = yield
    path = os.environ.get(RESULTS)
    if path and (report.when == "call" or report.failed) and not report.skipped:
        rules = [str(name) for mark in item.iter_markers("rule") for name in mark.args]
        told = {"test": item.nodeid, "rules": rules, "held": report.passed}
        with Path(path).open("a") as file:
            file.write(json.dumps(told) + "\n")
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a ``seed`` runs once with each."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(int(os.environ.get(SEEDS) or 1)))


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    """Where the traced steps of this test's processes write."""
    return tmp_path / "trace"


@pytest.fixture
def traced(start_stack: Any, trace_file: Path) -> Iterator[Any]:
    """``traced("worker", "control", …)``: processes that know the traced functions; answers ``(stack, trace)``."""
    from tests.bed.blocks import TRACE, Trace

    def start(*processes: str, **env: str) -> tuple[Any, Trace]:
        names = processes or ("worker", "reserve", "control", "beat")
        stack = start_stack(*names, RUNSHEET_BLOCKS="tests.bed.blocks", **{TRACE: str(trace_file)}, **env)
        stacks.append((stack, names))
        return stack, Trace(trace_file)

    stacks: list[tuple[Any, tuple[str, ...]]] = []
    yield start
    show_state()
    for stack, names in stacks:  # shown only when the test failed
        for name in names:
            print(f"---- {name}\n{tail(stack.log(name), 60)}")  # noqa: T201


@pytest.fixture
def traced_sheet(db: None) -> Callable[..., Sheet]:
    """``traced_sheet(rows, milliseconds, workspace, names)``: chained groups, A → B → C, each one traced step."""
    from tests.bed.factories import chain, sheet_make

    def make(rows: int, milliseconds: int, workspace: Workspace | None = None, names: str = "n") -> Sheet:
        sheet = sheet_make(workspace)
        sheet.column("name")
        source = "name"
        for name in ("A", "B", "C"):
            step = {
                "key": "step",
                "type": "python",
                "config": {
                    "function": "traced_step",
                    "arguments": {
                        "label": name,
                        "text": f"{{{{ row.{source} }}}}",
                        "milliseconds": milliseconds,
                    },
                },
            }
            key = name.lower()
            sheet.group(name, chain(step), outputs={key: "result"}, depends_on=[source])
            source = key
        sheet.fill([{"name": f"{names}{i}"} for i in range(rows)])
        return sheet

    return make


QUIET_SECONDS = 30.0
"""How long an install that has come to rest may take until nothing of it is under way."""


def check_invariants(patience_seconds: float = QUIET_SECONDS) -> None:
    """Fail, naming them, when invariants do not hold within that time."""
    from tables.services.verifying import invariants_verify

    until = time.monotonic() + patience_seconds
    while True:
        findings = invariants_verify(grace_seconds=0, look_again_seconds=0)
        amiss = [finding for finding in findings if finding.verdict != "holds"]
        if not amiss or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert not amiss, "\n".join(
        f"{found.invariant} {found.name}: {found.verdict}, {found.violations} {found.ids}" for found in amiss
    )


def show_state() -> None:
    """Print what is in flight: pytest shows it when the test failed."""
    with connection.cursor() as cursor:
        for query in (
            "SELECT status, instance_id, crashes, count(*) FROM tables_rowexecution GROUP BY 1, 2, 3",
            "SELECT id, lane, stamped, redrives, deadline_at - now(), token FROM tables_window",
            "SELECT status, exhausted, rows_seen, rows_handed_over, completed, skipped FROM tables_dispatch",
            "SELECT id, role, pid, now() - heartbeat_at, stopped_at FROM workflows_instance",
            "SELECT status, count(*) FROM workflows_run GROUP BY 1",
            (
                "SELECT application_name, state, count(*), max(now() - state_change) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' GROUP BY 1, 2"
            ),
        ):
            cursor.execute(query)
            print(query, *cursor.fetchall(), sep="\n    ")  # noqa: T201
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        print("queues", {name: client.llen(name) for name in settings.QUEUES})  # noqa: T201


@pytest.fixture
def invariants_hold() -> Callable[..., None]:
    """``invariants_hold()``: I1 to I5, I9 and I10 hold over the whole install (`manage.py verify_invariants`).

    Ask it when the install has come to rest: nothing unfinished is excused then. What only needs a moment – a dead
    instance to be buried, a spare message to be read – is waited for.
    """
    return check_invariants
