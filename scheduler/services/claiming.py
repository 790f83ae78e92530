"""Claiming due triggers: a batch is one short transaction that stores invocations and moves their triggers on.

Whoever else claims at the same moment steps over what is locked here (``SKIP LOCKED``); what commits is both or
neither. A trigger whose schedule cannot be used is switched off in the same transaction. When the database refuses a
batch, its triggers are claimed one by one, and the culprit is set aside for a while: its slot is not lost.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from scheduler.errors import InvalidSchedule, words
from scheduler.models import sql
from scheduler.services.slots import Due, Standing, Step, step_invalid, step_of
from scheduler.states import DisabledReason, InvocationStatus, OverlapPolicy
from workspaces.cursors import prepared_cursor
from workspaces.ids import uuid7

log = logging.getLogger(__name__)

EMPTY: Final = '""'
COUNTED: Final = frozenset({InvocationStatus.SKIPPED, InvocationStatus.MISSED})


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a batch came to: triggers, and their slots by what became of them; ``replaces``: invocations to cancel."""

    triggers: int = 0
    fired: int = 0
    skipped: int = 0
    missed: int = 0
    invalid: int = 0
    held: int = 0
    max_lateness_ms: int = 0
    replaces: tuple[UUID, ...] = ()

    def __add__(self, other: Claimed) -> Claimed:
        """Both together."""
        return Claimed(
            self.triggers + other.triggers,
            self.fired + other.fired,
            self.skipped + other.skipped,
            self.missed + other.missed,
            self.invalid + other.invalid,
            self.held + other.held,
            max(self.max_lateness_ms, other.max_lateness_ms),
            self.replaces + other.replaces,
        )


def due_claim(batch: int, *, epoch: int = 0) -> Claimed:
    """Claim up to ``batch`` due triggers, the longest overdue first.

    Raises ``django.db.OperationalError`` when the database does not answer; any other fault is some trigger's own.
    """
    met: list[UUID] = []
    try:
        return _transaction(sql.CLAIM, batch, epoch, met)
    except Exception:
        if not met or not connection.is_usable():
            raise
        log.exception("a batch of due triggers failed, claiming one by one", extra={"triggers": len(met)})
    found = Claimed()
    for trigger_id in met:
        found += _claim_one(trigger_id, epoch)
    return found


def _claim_one(trigger_id: UUID, epoch: int) -> Claimed:
    try:
        return _transaction(sql.CLAIM_ONE, trigger_id, epoch, [])
    except Exception:
        if not connection.is_usable():
            raise
        log.exception("a due trigger is set aside for a while", extra={"trigger": str(trigger_id)})
    with transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute(sql.HOLD, [trigger_id])
        return Claimed(held=cursor.rowcount)


def _transaction(claim: str, wanted: int | UUID, epoch: int, met: list[UUID]) -> Claimed:
    """One batch. ``met`` is filled with the claimed triggers' ids, for whoever has to claim them one by one."""
    with transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute(sql.LIMITS)
        cursor.execute(claim, [wanted])
        rows = cursor.fetchall()
        met += [row[0] for row in rows]
        if not rows:
            return Claimed()
        due = [Due.of_row(row) for row in rows]
        steps = _steps(due, _standing(cursor, due))
        _insert(cursor, steps, epoch)
        _advance(cursor, steps)
        return _claimed(steps)


def _standing(cursor: CursorWrapper, due: Sequence[Due]) -> dict[UUID, Standing]:
    """What is in flight of the triggers whose policy asks for it."""
    asking = [trigger.id for trigger in due if trigger.overlap != OverlapPolicy.ALLOW]
    if not asking:
        return {}
    cursor.execute(sql.STANDING, [array(asking)])
    return {row[0]: Standing(row[2], tuple(row[3])) for row in cursor.fetchall()}


def _steps(due: Sequence[Due], standing: dict[UUID, Standing]) -> list[Step]:
    """Each trigger's step; one whose schedule cannot be used goes off, and says why."""
    nothing = Standing()
    steps = []
    for trigger in due:
        try:
            steps.append(step_of(trigger, standing.get(trigger.id, nothing)))
        except Exception as error:
            log.exception("a trigger's schedule cannot be used", extra={"trigger": str(trigger.id)})
            steps.append(step_invalid(trigger, _words(error)))
    return steps


def _words(error: Exception) -> str:
    """What a person is told about it."""
    if isinstance(error, InvalidSchedule):
        return words(error, places=False)
    return f"This schedule cannot be used ({type(error).__name__})."


def _insert(cursor: CursorWrapper, steps: Sequence[Step], epoch: int) -> None:
    births = [(step.due.id, birth) for step in steps for birth in step.births]
    if not births:
        return
    cursor.execute(
        sql.INSERT,
        {
            "claimed_by": process_name(),
            "epoch": epoch,
            "ids": array(uuid7() for _ in births),
            "triggers": array(trigger_id for trigger_id, _ in births),
            "sources": array(birth.source for _, birth in births),
            "statuses": array(birth.status for _, birth in births),
            "slots": array(birth.slot for _, birth in births),
            "available": array(birth.available_at for _, birth in births),
            "keys": array(birth.key for _, birth in births),
            "waits": array(birth.waits for _, birth in births),
            "reasons": array(birth.reason for _, birth in births),
            "details": [None if birth.details is None else json.dumps(birth.details) for _, birth in births],
        },
    )


def _advance(cursor: CursorWrapper, steps: Sequence[Step]) -> None:
    cursor.execute(
        sql.ADVANCE,
        {
            "ids": array(step.due.id for step in steps),
            "nexts": array(step.next_run_at for step in steps),
            "reasons": array(step.reason for step in steps),
            "errors": [step.error or None for step in steps],
            "last_slots": array(max((birth.slot for birth in step.births), default=None) for step in steps),
            "statuses": array(_last_status(step) for step in steps),
            "skipped": array(step.count(InvocationStatus.SKIPPED) for step in steps),
            "missed": array(step.missed for step in steps),
        },
    )


def array(values: Iterable[object]) -> str:
    """An array as PostgreSQL reads it, of values that need no quotes: ids, instants, words and keys of ours, numbers.

    For these it takes a tenth of the time that psycopg, which must expect anything, takes for a list.
    """
    return f"{{{','.join('NULL' if value is None else str(value) or EMPTY for value in values)}}}"


def _last_status(step: Step) -> str:
    """Of a trigger of which nothing fired: why; otherwise its invocation will say how it went."""
    last = max(step.births, key=lambda birth: birth.slot, default=None)
    return str(last.status) if last is not None and last.status in COUNTED else ""


def _claimed(steps: Sequence[Step]) -> Claimed:
    return Claimed(
        triggers=len(steps),
        fired=sum(step.count(InvocationStatus.PENDING) for step in steps),
        skipped=sum(step.count(InvocationStatus.SKIPPED) for step in steps),
        missed=sum(step.missed for step in steps),
        invalid=sum(step.reason is DisabledReason.INVALID_SCHEDULE for step in steps),
        max_lateness_ms=max(0, *(step.due.lateness_ms for step in steps)),
        replaces=tuple(
            UUID(replaced)
            for step in steps
            for birth in step.births
            for replaced in (birth.details or {}).get("replaces", ())
        ),
    )


@cache
def process_name() -> str:
    """Which process this is, as an invocation names the one that claimed it."""
    return f"{socket.gethostname()}:{os.getpid()}"
