"""Is this install well? One look per thing it needs, each answered in plain words (`manage.py doctor`).

`ok`: as it should be. `warning`: works, or is merely not started; worth knowing. `fault`: something will not work.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from config.embedded import ServiceFailed
from config.embedded.postgres import installed_binaries
from config.embedded.valkey import installed_binary
from config.runtime import BASE_DIR, running_services, var_dir
from config.supervisor import USUAL_PORT
from scheduler.engine.health import HealthStatus
from scheduler.services.health import health
from workflows.models import Instance

State = Literal["ok", "warning", "fault"]

LOCK: Final = BASE_DIR / "requirements-run.lock"
OLDEST_POSTGRES: Final = 150000
OLDEST_REDIS: Final = (6, 2)
ROOM_BYTES: Final = 1_000_000_000
BEAT_SILENCE: Final = timedelta(minutes=4)
"""Beat notes what it sent every three minutes."""
START: Final = "Start everything with `manage.py dev`"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and in words what that means and what to do about it."""

    name: str
    state: State
    words: str


def examine() -> Iterator[Finding]:
    """Every finding in order. What stands on a service that does not answer is not looked at."""
    yield _python()
    yield _packages()
    yield _folder()
    yield _port()
    if not settings.RUNSHEET_HAS_SERVICES:
        yield from _embedded()
        yield Finding("services", "warning", f"Nothing is running, and no DATABASE_URL is set. {START}.")
        return
    yield _asked("redis", _redis)
    database = _asked("database", _database)
    yield database
    if database.state != "fault":
        yield _migrations()
        yield from _workers()
        yield from _scheduler()


def _python() -> Finding:
    place = "a virtual environment" if sys.prefix != sys.base_prefix else "the system's own Python"
    return Finding("python", "ok", f"Python {platform.python_version()} in {place}.")


def _packages() -> Finding:
    """Installed versions against the lock; a package the lock names twice depends on the Python version."""
    pinned: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE):
        pinned.setdefault(name, set()).add(version)
    others = []
    for name, versions in pinned.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # for another platform or Python
            continue
        if found not in versions:
            others.append(f"{name} {found} (the lock: {' or '.join(sorted(versions))})")
    if others:
        words = f"Not as {LOCK.name} says: {', '.join(others)}. `make install` mends it."
        return Finding("packages", "warning", words)
    return Finding("packages", "ok", f"As {LOCK.name} says.")


def _folder() -> Finding:
    var = var_dir()
    parent = next(folder for folder in (var, *var.parents) if folder.exists())
    if not os.access(parent, os.W_OK):
        return Finding(
            "folder", "fault", f"{parent} cannot be written. Set RUNSHEET_VAR to a folder of your own."
        )
    free = shutil.disk_usage(parent).free
    state: State = "ok" if free > ROOM_BYTES else "warning"
    return Finding("folder", state, f"{var} can be written; {free / 1e9:.1f} GB are free.")


def _port() -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", USUAL_PORT)) == 0
    if not taken:
        return Finding("port", "ok", f"Port {USUAL_PORT} is free.")
    if running_services(var_dir()):
        return Finding(
            "port", "ok", f"Port {USUAL_PORT} is in use, probably by this install, which is running."
        )
    return Finding(
        "port", "warning", f"Port {USUAL_PORT} is in use by something else; another is chosen at start."
    )


def _embedded() -> Iterator[Finding]:
    binaries: dict[str, Callable[[], Path]] = {
        "embedded PostgreSQL": lambda: installed_binaries() / "postgres",
        "embedded Valkey": installed_binary,
    }
    for name, binary in binaries.items():
        try:
            done = subprocess.run(
                [binary(), "--version"], capture_output=True, text=True, check=False, timeout=20
            )
        except (ServiceFailed, OSError, subprocess.TimeoutExpired) as error:
            yield Finding(name, "fault", str(error))
            continue
        said = (done.stdout or done.stderr).strip().partition("\n")[0]
        runs = done.returncode == 0
        yield Finding(
            name, "ok" if runs else "fault", f"{said} runs here." if runs else f"It does not run: {said}."
        )


def _asked(name: str, ask: Callable[[], Finding]) -> Finding:
    """`ask`, or in words that the service does not answer."""
    try:
        return ask()
    except (redis.RedisError, DatabaseError) as error:
        first = str(error).strip().partition("\n")[0]
        return Finding(name, "fault", f"It does not answer: {first}. Is it running, and the URL right?")


def _redis() -> Finding:
    with redis.Redis.from_url(
        settings.RUNSHEET_REDIS_URL, socket_timeout=5, socket_connect_timeout=5
    ) as client:
        told: dict[str, str] = client.info()
    version = told.get("valkey_version") or told["redis_version"]
    name = f"{'Valkey' if 'valkey_version' in told else 'Redis'} {version}"
    if tuple(map(int, str(version).split(".")[:2])) < OLDEST_REDIS:
        return Finding("redis", "fault", f"{name} is too old: 6.2 or newer is needed.")
    if told.get("maxmemory_policy", "noeviction") != "noeviction":
        return Finding(
            "redis", "warning", f"{name} may evict keys when full. Set maxmemory-policy to noeviction."
        )
    return Finding("redis", "ok", f"{name} answers.")


def _database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('server_version_num')::int,"
                       " current_setting('server_encoding')")  # fmt: skip
        version, number, encoding = cursor.fetchone()
    if number < OLDEST_POSTGRES:
        return Finding("database", "fault", f"PostgreSQL {version} is too old: 15 or newer is needed.")
    if encoding != "UTF8":
        return Finding(
            "database", "fault", f"The database is encoded in {encoding}. Make one with ENCODING 'UTF8'."
        )
    return Finding("database", "ok", f"PostgreSQL {version} answers.")


def _migrations() -> Finding:
    executor = MigrationExecutor(connection)
    waiting = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if not waiting:
        return Finding("migrations", "ok", "The database's schema is up to date.")
    words = f"{len(waiting)} migrations are not applied, first {waiting[0]}. Run `manage.py migrate`."
    return Finding("migrations", "fault", words)


def _workers() -> Iterator[Finding]:
    """Whether somebody serves each queue, and whether beat sends."""
    try:
        live = list(
            Instance.objects.filter(
                stopped_at=None,
                heartbeat_at__gt=timezone.now() - timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS),
            ).values_list("queues", "slots")
        )
        sent = PeriodicTask.objects.filter(
            enabled=True, last_run_at__gt=timezone.now() - BEAT_SILENCE
        ).exists()
    except DatabaseError:  # before the first migration
        return
    for queue in settings.QUEUES:
        slots = [slots for queues, slots in live if queue in queues]
        served = f"Served by {len(slots)} process{'es' * (len(slots) != 1)} with {sum(slots)} slots."
        unserved = f"Nobody serves it, so its work waits. {START}, or a worker with -Q {queue}."
        yield Finding(f"queue {queue}", "ok" if slots else "fault", served if slots else unserved)
    silent = (
        f"Beat has sent nothing for {BEAT_SILENCE.seconds // 60} minutes (it may have just started). {START}."
    )
    yield Finding("beat", "ok" if sent else "warning", "Beat sends what is due." if sent else silent)


def _scheduler() -> Iterator[Finding]:
    """Whether slots fire."""
    try:
        found = health()
    except DatabaseError:  # before the migrations
        return
    words = found.words or f"Slots fire; the last look was {found.tick_age_seconds:.0f} s ago."
    yield Finding("scheduler", "ok" if found.status is HealthStatus.OK else "warning", words)
