"""A table of traced, effectful steps, and the whole stack of processes to run it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import connection

from config.embedded.service import tail

if TYPE_CHECKING:
    from tests.bed.factories import Sheet

pytest.register_assert_rewrite("tests.chaos.install")


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
    """``traced_sheet(rows, milliseconds)``: three chained groups, A → B → C, each one traced step."""
    from tests.bed.factories import chain, sheet_make

    def make(rows: int, milliseconds: int) -> Sheet:
        sheet = sheet_make()
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
        sheet.fill([{"name": f"n{i}"} for i in range(rows)])
        return sheet

    return make


def show_state() -> None:
    """Print what is in flight: pytest shows it when the test failed."""
    with connection.cursor() as cursor:
        for query in (
            "SELECT status, instance_id, crashes, count(*) FROM tables_rowexecution GROUP BY 1, 2, 3",
            "SELECT id, lane, stamped, redrives, deadline_at - now(), token FROM tables_window",
            "SELECT status, exhausted, rows_seen, rows_handed_over, completed, skipped FROM tables_dispatch",
            "SELECT id, role, pid, now() - heartbeat_at, stopped_at FROM workflows_instance",
            "SELECT status, count(*) FROM workflows_run GROUP BY 1",
        ):
            cursor.execute(query)
            print(query, *cursor.fetchall(), sep="\n    ")  # noqa: T201
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        print("queues", {name: client.llen(name) for name in settings.QUEUES})  # noqa: T201
