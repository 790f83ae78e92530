"""This process as an owner of work: its instance row, its heartbeat, its end (T15).

*Instance*: the row of one process. *Lease*: whatever names it as owner (runs, cells) lives exactly as long as it.
*Heartbeat*: one thread renews the row every ``RUNSHEET_HEARTBEAT_SECONDS`` and then runs the registered renewals
(row locks). A process whose row was declared dead takes a new one: the work it held is somebody else's by then,
and the fencing tokens refuse its late writes.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, Func, Sum
from django.db.models.functions import Now
from django.db.models.lookups import LessThan

from workflows.models import Instance
from workspaces.ids import uuid7

log = logging.getLogger(__name__)

_LISTENS_SINCE = Func(function="pg_postmaster_start_time", output_field=DateTimeField())
"""While PostgreSQL was down nobody could be heard: silence counts from its start (F8)."""

_lock = threading.RLock()
_current: UUID | None = None
_stop = threading.Event()
_draining = threading.Event()
_renounced = threading.Event()
_thread: threading.Thread | None = None
_renewals: list[Callable[[], object]] = []
_shape: dict[str, object] = {"role": "cli", "queues": [], "slots": 0}


def boot_id() -> str:
    """Where a pid means something: this boot of the host, and this pid namespace of it (containers share a boot).

    Empty where the system tells neither; a silent instance is then dead by its heartbeat alone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def process_start(pid: int) -> str:
    """Start time of a process in clock ticks since boot, so that a reused pid is told apart; empty when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def on_heartbeat(renewal: Callable[[], object]) -> None:
    """Have ``renewal`` called after each heartbeat of this process (once registered, for good)."""
    if renewal not in _renewals:
        _renewals.append(renewal)


def instance_start(*, role: str, queues: list[str], slots: int) -> UUID:
    """Register this process and start its heartbeat; called by a worker before it takes work."""
    _shape.update(role=role, queues=queues, slots=slots)
    return current_instance()


def current_instance() -> UUID:
    """This process's instance id; registers it and starts the heartbeat at the first call."""
    global _current, _thread  # noqa: PLW0603 - one identity per process
    with _lock:
        if _current is None:
            _current = _register()
        if _thread is None or not _thread.is_alive():
            _stop.clear()
            _thread = threading.Thread(target=_beat, name="heartbeat", daemon=True)
            _thread.start()
        return _current


def instance_stop() -> None:
    """The polite end: stop the heartbeat and say so, so that nobody has to wait for the silence."""
    global _current  # noqa: PLW0603
    _stop.set()
    with _lock:
        if _current is not None:
            Instance.objects.filter(id=_current).update(stopped_at=Now())
            _current = None


def instance_forget() -> None:
    """After a fork: the child is another process and takes an identity of its own."""
    global _current, _thread
    _current, _thread = None, None


def instance_renounce() -> None:
    """Give up this identity at the next heartbeat: what it holds and can no longer give back is recovered as if it
    had died. For a process that outlived an outage which was longer than its patience.
    """
    _renounced.set()


def drain() -> None:
    """Ask the executors of this process to hand their runs back at the next step boundary (W17)."""
    _draining.set()


def is_draining() -> bool:
    """Whether this process was told to stop."""
    return _draining.is_set()


def _register() -> UUID:
    instance = Instance(
        id=uuid7(),
        host=socket.gethostname(),
        boot_id=boot_id(),
        pid=os.getpid(),
        process_started=process_start(os.getpid()),
        heartbeat_at=Now(),
        **_shape,
    )
    instance.save(force_insert=True)
    return instance.id


def _beat() -> None:
    """The heartbeat thread. Trouble with PostgreSQL or Redis is logged and tried again: silence is the message."""
    while not _stop.wait(settings.RUNSHEET_HEARTBEAT_SECONDS):
        try:
            renew()
        except Exception:  # the thread must outlive every outage
            log.warning("heartbeat failed, trying again", exc_info=True)
        finally:
            connection.close()


def renew() -> None:
    """One heartbeat: renew the row, or take a new one if it was declared dead; then the registered renewals.

    Raises:
        django.db.Error: PostgreSQL did not take it; the caller tries again.
    """
    global _current  # noqa: PLW0603
    with _lock:
        mine = _current
    if mine is None:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL synchronous_commit = off"
        )  # a heartbeat lost with PostgreSQL's crash is no loss
        if _renounced.is_set():
            cursor.execute("UPDATE workflows_instance SET stopped_at = now() WHERE id = %s", [mine])
        cursor.execute(
            "UPDATE workflows_instance SET heartbeat_at = now() WHERE id = %s AND stopped_at IS NULL", [mine]
        )
        alive = cursor.rowcount == 1
    _renounced.clear()
    if not alive:
        log.warning("this process was taken for dead; it goes on under a new identity")
        with _lock:
            _current = _register()
    for renewal in _renewals:
        renewal()


def instances_bury() -> int:
    """Declare dead what has been silent too long, and what is gone from this very host; how many (T15).

    Death is decided by the database's clock, and by silence that it could have heard; a pid counts only on its own
    host, boot and pid namespace.
    """
    silent = timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    heard = Instance.objects.filter(stopped_at__isnull=True, heartbeat_at__lt=Now() - silent)
    buried = heard.filter(LessThan(_LISTENS_SINCE, Now() - silent)).update(stopped_at=Now())
    here = boot_id()
    if not here:
        return buried
    neighbours = Instance.objects.filter(stopped_at__isnull=True, host=socket.gethostname(), boot_id=here)
    gone = [found.id for found in neighbours if process_start(found.pid) != found.process_started]
    return buried + Instance.objects.filter(id__in=gone, stopped_at__isnull=True).update(stopped_at=Now())


def worker_slots(queue: str) -> int:
    """Slots of the live workers that serve ``queue``; one at least, so that work waits for a worker to come."""
    slots = Instance.objects.filter(stopped_at__isnull=True, queues__contains=[queue]).aggregate(
        total=Sum("slots")
    )
    return max(1, slots["total"] or 0)
