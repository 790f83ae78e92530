"""The beat that may run in several copies: one of them leads, the others wait (`scheduler.md` section 4).

django-celery-beat knows no leadership: three beats send everything three times. Here a beat renews a lease before it
looks at its schedule, and sends nothing without one. Ticks carry the epoch of the lease, so that what a beat sends that
lost it unawares ends unread.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.db import Error, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from scheduler.enqueue import TICK
from scheduler.services.leadership import Lease, lease_holder, lease_release, lease_renew
from workflows.services.instances import boot_id, process_start

log = logging.getLogger(__name__)

RENEW_SECONDS: Final = 2.0
STANDBY_SECONDS: Final = 1.0
"""Between two looks of a beat that does not lead."""


class LeaderDatabaseScheduler(DatabaseScheduler):  # type: ignore[misc]  # django-celery-beat has no types
    """Sends what is due while it holds the lease; a further instance of it waits its turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As Celery makes it; a lazy one, made to be described, never asks for the lease."""
        self.holder = holder_name()
        self.epoch = 0
        self._leads_until = 0.0
        self._renew_at = 0.0
        self._busy = 0
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One look: renew the lease, then send at most one entry that is due. Answers the seconds to sleep."""
        with self._working():
            if not self._leads():
                return STANDBY_SECONDS
            wait: float = super().tick(*args, **kwargs)
            return wait

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Send; a tick is told under which epoch."""
        if entry.task == TICK:
            entry.kwargs = {**entry.kwargs, "epoch": self.epoch}
        return super().apply_async(entry, *args, **kwargs)

    def sync(self) -> None:
        """Note when entries were sent last."""
        with self._working():
            super().sync()

    def close(self) -> None:
        """Write down what was sent, and let another beat lead at once.

        A signal may call this out of the middle of a query, on whose connection nothing else can be asked. It raises
        ``SystemExit`` next, and Celery closes once more when that has left the pass.
        """
        if self._busy:
            return
        super().close()
        if self.epoch:
            self._lose()
            try:
                lease_release(self.holder)
            except Error:
                log.warning("the lease could not be released; it runs out by itself", exc_info=True)

    def _leads(self) -> bool:
        began = time.monotonic()
        if began >= self._renew_at:
            self._renew(began)
        return time.monotonic() < self._leads_until

    def _renew(self, began: float) -> None:
        """Without PostgreSQL a leader goes on until its lease has run out by its own clock, which began earlier."""
        try:
            close_old_connections()
            lease = self._asked()
        except Error:
            log.warning("the lease could not be renewed", exc_info=True)
            self._renew_at = began + STANDBY_SECONDS
            return
        if not lease.held:
            self._lose()
            return
        if lease.epoch != self.epoch:
            self._gain(lease.epoch)
        self._leads_until = began + settings.RUNSHEET_SCHEDULER_LEASE_SECONDS
        self._renew_at = began + RENEW_SECONDS

    def _asked(self) -> Lease:
        """The lease, waiting for no leader of which this host knows that it is dead."""
        lease = lease_renew(self.holder)
        if not lease.held and is_gone(other := lease_holder()):
            log.warning("the leading beat is dead", extra={"holder": other})
            lease_release(other)
            lease = lease_renew(self.holder)
        return lease

    def _gain(self, epoch: int) -> None:
        """What others sent meanwhile stands in the database; what this one remembers is old."""
        log.info("this beat leads", extra={"holder": self.holder, "epoch": epoch})
        self.epoch = epoch
        self._dirty.clear()
        self._heap = None
        self._initial_read = True

    def _lose(self) -> None:
        """What it has sent and not noted is the new leader's to note."""
        if self.epoch:
            log.info("this beat no longer leads", extra={"holder": self.holder})
        self.epoch = 0
        self._leads_until = self._renew_at = 0.0
        self._dirty.clear()

    @contextmanager
    def _working(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1


def holder_name() -> str:
    """A name that no other beat has: host, pid, when that pid began, on which boot of the host."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{process_start(pid)}:{_boot()}:{uuid4().hex[:8]}"


def is_gone(holder: str) -> bool:
    """Whether a holder was a process of this very host, boot and pid namespace, and is no more. Others may live."""
    host, *rest = holder.rsplit(":", 4)
    if len(rest) != 4 or host != socket.gethostname() or not rest[2] or rest[2] != _boot():
        return False
    pid, began, *_ = rest
    return process_start(int(pid)) != began


def _boot() -> str:
    """Short for this boot; blank where the system tells none."""
    found = boot_id()
    return hashlib.sha256(found.encode()).hexdigest()[:8] if found else ""
