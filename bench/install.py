"""A throw-away install for one measurement: own PostgreSQL, own Valkey, own processes, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.client import Client, client_of
from config.supervisor import Stack

EMBEDDED = {"DATABASE_URL": "", "REDIS_URL": "", "RUNSHEET_MODE": "development"}


@contextmanager
def install(*, workers: int = 2, env: Mapping[str, str] | None = None) -> Iterator[tuple[Stack, Client]]:
    """Web, control, reserve, beat and ``workers`` worker processes, ready to be driven."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user
        names = ("web", *workers_named(workers), "reserve", "control", "beat")
        stack = Stack(Path(folder), processes=names, env={**EMBEDDED, **(env or {})})
        with stack:
            stack.wait_until_ready()
            with client_of(stack) as client:
                yield stack, client


def workers_named(count: int) -> tuple[str, ...]:
    """The names under which several worker processes run in one stack."""
    return tuple(f"worker@{n}" for n in range(1, count + 1))


def processes_of(stack: Stack) -> list[psutil.Process]:
    """Every process of the install, services and children included."""
    found = []
    for name in stack.names():
        pid = stack.pid(name)
        if pid is not None and psutil.pid_exists(pid):
            parent = psutil.Process(pid)
            found += [parent, *parent.children(recursive=True)]
    return found


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """User and system time these processes have used, children that they reaped included."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
