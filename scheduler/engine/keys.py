"""Idempotency keys of invocations and of what they start (`scheduler.md` sections 3 and 6). One key, one row, ever.

    ==========  ==========================================
    slot        ``sched:{trigger}:{revision}:{epoch}``
    backfill    ``backfill:{trigger}:{epoch}``
    run now     ``manual:{trigger}:{caller}:{intent}``
    rerun       ``rerun:{invocation}:{caller}:{intent}``
    child       ``inv:{invocation}:{attempt}``
    ==========  ==========================================

``epoch`` is the slot in seconds since 1970. ``intent`` is the SHA-256 of an `Idempotency-Key`, or, of a request without
one, a UUID of its own. All are at most 256 characters long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

KEYS_LIVE: Final = timedelta(hours=24)
"""How long an `Idempotency-Key` stands for its first request, and what it made is kept."""


def slot_key(trigger_id: UUID, revision: int, slot: datetime) -> str:
    """The key of a slot: a slot that started under one revision never starts a second time under it."""
    return f"sched:{trigger_id}:{revision}:{_epoch(slot)}"


def backfill_key(trigger_id: UUID, slot: datetime) -> str:
    """The key of a backfilled slot: asking twice for the same time runs it once."""
    return f"backfill:{trigger_id}:{_epoch(slot)}"


def manual_key(trigger_id: UUID, user_id: UUID | int, intent: str | UUID) -> str:
    """The key of one *Run now*; ``intent`` is the request's `Idempotency-Key`, or a fresh UUID if it has none."""
    return f"manual:{trigger_id}:{user_id}:{_intent(intent)}"


def rerun_key(invocation_id: UUID, user_id: UUID | int, intent: str | UUID) -> str:
    """The key of one *Rerun*; ``intent`` as in `manual_key`."""
    return f"rerun:{invocation_id}:{user_id}:{_intent(intent)}"


def child_key(invocation_id: UUID, attempt: int) -> str:
    """The key of the run or dispatch that one attempt starts."""
    return f"inv:{invocation_id}:{attempt}"


def _epoch(slot: datetime) -> int:
    return int(slot.timestamp())


def _intent(intent: str | UUID) -> str:
    # Hashed, so that a header of any length and content makes a short key that cannot imitate another kind's.
    return str(intent) if isinstance(intent, UUID) else sha256(intent.encode()).hexdigest()
