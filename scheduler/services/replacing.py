"""Overlap ``cancel_other``: earlier invocations are cancelled, the new one starts when they are gone.

The new one is stored in the claim, waiting, and names those it replaces. They are cancelled after that commit, because
what an invocation started is locked before its trigger. Should the process die in between, the sweep finds the names.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from scheduler.models import sql
from scheduler.services.cancelling import invocations_cancel
from workspaces.cursors import prepared_cursor

log = logging.getLogger(__name__)

REPLACED: Final = "replaced"
"""Reason of an invocation that gave way to a later one of its trigger."""


def invocations_replace(invocation_ids: Iterable[UUID], *, until: float | None = None) -> int:
    """Cancel invocations that later ones replace, until ``until`` (of ``time.monotonic()``); how many were under way.

    One transaction each, which waits for nobody for long. A fault of one is logged and keeps no other back; it, and
    what the time was too short for, is the sweep's.
    """
    replaced = 0
    for invocation_id in invocation_ids:
        if until is not None and time.monotonic() >= until:
            break
        try:
            with transaction.atomic():
                with prepared_cursor() as cursor:
                    cursor.execute(sql.LIMITS)
                replaced += invocations_cancel([invocation_id], REPLACED)
        except Exception:
            if not connection.is_usable():
                raise
            log.exception("could not replace an invocation", extra={"invocation": str(invocation_id)})
    return replaced


def replaced_sweep(limit: int) -> int:
    """Cancel those that waiting invocations name and that are under way still; how many."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.REPLACED_STILL, [limit])
        left = [row[0] for row in cursor.fetchall()]
    return invocations_replace(left)
