"""Waiting out a short outage of PostgreSQL: a restart, a failover, a deadlock, a lost connection (F8, F9)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_SECONDS: Final = 60.0
PAUSES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds between tries; the last one repeats."""


def patiently(work: Callable[[], T]) -> T:
    """Do ``work`` (a whole transaction), again after every operational fault of the database, for a minute.

    What it writes is guarded, so doing it twice writes once. Raises the last fault when patience has ended.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    tries = 0
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until or connection.in_atomic_block:
                raise
            log.warning("the database did not answer, trying again", exc_info=tries == 0)
            connection.close()
            time.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
