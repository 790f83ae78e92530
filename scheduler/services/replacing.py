"""Overlap ``cancel_other``: earlier invocations are cancelled, the new one starts when they are gone.

The new one is stored in the claim, waiting, and names those it replaces. They are cancelled after that commit, because
what an invocation started is locked before its trigger. Should the process die in between, the sweep finds the names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from scheduler.models import sql
from scheduler.services.cancelling import invocations_cancel
from workspaces.cursors import prepared_cursor

REPLACED: Final = "replaced"
"""Reason of an invocation that gave way to a later one of its trigger."""


def invocations_replace(invocation_ids: Sequence[UUID]) -> int:
    """Cancel invocations that later ones replace; how many were under way still."""
    return invocations_cancel(invocation_ids, REPLACED) if invocation_ids else 0


def replaced_sweep(limit: int) -> int:
    """Cancel those that waiting invocations name and that are under way still; how many."""
    with prepared_cursor() as cursor:
        cursor.execute(sql.REPLACED_STILL, [limit])
        left = [row[0] for row in cursor.fetchall()]
    return invocations_replace(left)
