"""Handing invocations to workers, oldest first, up to what may be in flight (`scheduler.md` section 3).

The row is the outbox. It is marked as taken, sent, and only then ``queued``: whoever dies in between costs time – the
mark wears off after 15 s –, never an invocation. A message may therefore travel twice; the runner's guarded start
absorbs that. What is beyond the limits stays ``pending``, and each tick hands on as much as there is room for.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from scheduler.enqueue import SEND_ERRORS, invocations_sender
from scheduler.models import sql
from workspaces.cursors import prepared_cursor

log = logging.getLogger(__name__)

CHUNK: Final = 250
"""Invocations chosen in one short transaction."""
FEW: Final = 50
PACK: Final = 20
"""Invocations that share a message when there are more than a few to send."""


@dataclass(frozen=True, slots=True)
class Published:
    """How many messages went, and whether the broker took all that it was given."""

    sent: int = 0
    broker_answers: bool = True

    def __add__(self, other: Published) -> Published:
        """Both rounds together."""
        return Published(self.sent + other.sent, self.broker_answers and other.broker_answers)


def invocations_publish(limit: int | None = None, *, until: float | None = None) -> Published:
    """Send the messages of due pending invocations while there is room; at most ``limit``, until ``until``.

    ``until`` is an instant of ``time.monotonic()``. Stops at the first message that fails and leaves the rest pending;
    never raises for a broker that does not answer.
    """
    sent = 0
    while (limit is None or sent < limit) and (until is None or time.monotonic() < until):
        chosen = _choose(CHUNK if limit is None else min(CHUNK, limit - sent))
        gone = _send(chosen)
        sent += gone
        if gone < len(chosen):
            return Published(sent, broker_answers=False)
        if not chosen:
            break
    return Published(sent)


def invocation_publish(invocation_id: UUID) -> bool:
    """Send the message of one that somebody asked for, ahead of what waits; ``False``: it waits for the next tick,
    because there is no room, or the broker does not answer.
    """
    return bool(_send(_choose(1, only=invocation_id)))


def _choose(most: int, *, only: UUID | None = None) -> list[UUID]:
    """Mark the next invocations, or that one, as taken, in one short transaction; none when another publisher does not
    yield.
    """
    try:
        with transaction.atomic(), prepared_cursor() as cursor:
            cursor.execute(sql.LIMITS)
            cursor.execute(sql.CHOOSE)
            cursor.execute(sql.IN_HAND)
            in_hand: int = cursor.fetchone()[0]
            room = min(most, settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT - in_hand)
            if room <= 0:
                return []
            share: int = settings.RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW
            shares: Counter[UUID] = Counter()
            if in_hand + room > share:  # otherwise no workflow can reach it
                cursor.execute(sql.SHARES)
                shares.update(dict(cursor.fetchall()))
            full = [workflow for workflow, count in shares.items() if count >= share]
            if only is None:
                cursor.execute(sql.PUBLISHABLE, [full, room])
            else:
                cursor.execute(sql.PUBLISHABLE_ONE, [only, full])
            chosen = within_share(cursor.fetchall(), shares, share)
            cursor.execute(sql.MARK_TAKEN, [chosen])
            return chosen
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return []
        raise


def within_share(found: Sequence[tuple[UUID, UUID | None]], shares: Counter[UUID], share: int) -> list[UUID]:
    """Those of ``(invocation, workflow)`` that keep each workflow within its share; counts them into ``shares``."""
    chosen = []
    for invocation_id, workflow_id in found:
        if workflow_id is not None:
            if shares[workflow_id] >= share:
                continue
            shares[workflow_id] += 1
        chosen.append(invocation_id)
    return chosen


def _send(chosen: Sequence[UUID]) -> int:
    """Send them and say so in their rows; how many the broker took."""
    if not chosen:
        return 0
    sent = messages_send(chosen)
    with transaction.atomic(), prepared_cursor() as cursor:
        if sent:
            cursor.execute(sql.MARK_QUEUED, [list(chosen[:sent])])
        if sent < len(chosen):
            cursor.execute(sql.MARK_FREE, [list(chosen[sent:])])
    return sent


def messages_send(invocation_ids: Sequence[UUID]) -> int:
    """Send messages for these, until one fails; how many invocations went.

    Few travel alone, so that each is begun at once; of many, several share a message, because sending is what a herd
    takes longest with.
    """
    size = PACK if len(invocation_ids) > FEW else 1
    sent = 0
    try:
        with invocations_sender() as send:
            for start in range(0, len(invocation_ids), size):
                pack = invocation_ids[start : start + size]
                send(pack)
                sent += len(pack)
    except SEND_ERRORS:
        log.warning("could not publish invocations; they stay pending", extra={"sent": sent})
    return sent
