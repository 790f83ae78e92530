"""Which invocations are forgotten, and when: by age, and by number in each trigger (`scheduler.md` section 1).

One goes once it is over and older than ``RUNSHEET_INVOCATION_RETENTION_DAYS``, or has more than
``RUNSHEET_INVOCATION_RETENTION_COUNT`` younger ones beside it and is a day old: until then a request repeated with its
``Idempotency-Key`` finds it. Never one that is under way. One call works for a few seconds at most; the next goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from scheduler.engine.keys import KEYS_LIVE
from scheduler.models import sql
from workspaces.cursors import prepared_cursor

BATCH: Final = 5_000
"""Invocations deleted in one transaction."""

BUDGET_SECONDS: Final = 20.0


def invocations_prune(now: datetime, *, batch: int = BATCH, budget_seconds: float = BUDGET_SECONDS) -> int:
    """Delete the invocations that may go, until the time is up; how many."""
    until = time.monotonic() + budget_seconds
    return _outdated_prune(now, batch, until) + _surplus_prune(now, batch, until)


def _outdated_prune(now: datetime, batch: int, until: float) -> int:
    days: int = settings.RUNSHEET_INVOCATION_RETENTION_DAYS
    if not days:
        return 0
    asked = {"before": now - timedelta(days=days), "limit": batch}
    return _in_batches(partial(_delete, sql.OUTDATED, asked), batch, until)


def _surplus_prune(now: datetime, batch: int, until: float) -> int:
    keep: int = settings.RUNSHEET_INVOCATION_RETENTION_COUNT
    if not keep:
        return 0
    deleted = 0
    for trigger_id in _overfull(keep):
        asked = {"trigger": trigger_id, "keep": keep, "before": now - KEYS_LIVE, "limit": batch}
        deleted += _in_batches(partial(_delete, sql.SURPLUS, asked), batch, until)
    return deleted


def _in_batches(delete: Callable[[], int], batch: int, until: float) -> int:
    """Call it until it finds less than a batch, or the time is up; how many it deleted."""
    deleted = 0
    while time.monotonic() < until:
        found = delete()
        deleted += found
        if found < batch:
            break
    return deleted


def _overfull(keep: int) -> list[UUID]:
    with prepared_cursor() as cursor:
        cursor.execute(sql.OVERFULL, [keep])
        return [row[0] for row in cursor.fetchall()]


def _delete(which: str, asked: dict[str, Any]) -> int:
    """One batch, in a transaction of its own; how many."""
    with transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute(which, asked)
        going = [row[0] for row in cursor.fetchall()]
        if not going:
            return 0
        cursor.execute(sql.FORGET_RERUNS, [going])
        cursor.execute(sql.DELETE, [going])
        return int(cursor.rowcount)
