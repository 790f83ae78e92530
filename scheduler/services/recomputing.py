"""Next slots worked out afresh, for when the law or `tzdata` has changed since they were stored (`scheduler.md` 2.6).

Once a day, and after an upgrade by hand (`manage.py recompute_slots`). A slot that is due is the tick's. A zone that is
gone switches its triggers off here, before their time comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from scheduler.engine.next_run import next_slot
from scheduler.errors import InvalidSchedule
from scheduler.models import Trigger
from scheduler.selectors import database_now, schedule_of
from scheduler.services.switching import triggers_switch_off
from scheduler.states import DisabledReason

BATCH: Final = 1_000
NEEDED: Final = (
    "id",
    "name",
    "cron_expression",
    "cron_timezone",
    "run_at",
    "start_at",
    "end_at",
    "jitter_seconds",
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A trigger whose next slot is another one now; ``after`` of ``None``: it is switched off, ``error`` says why."""

    trigger_id: UUID
    name: str
    before: datetime
    after: datetime | None
    error: str = ""


def slots_recompute(*, apply: bool, batch: int = BATCH) -> list[Moved]:
    """Look at every trigger that is on and not due; what would move, and with ``apply`` has.

    Each is changed by a statement of its own that names the slot and revision it was judged by: an edit or a tick in
    between wins.
    """
    now = database_now()
    return [
        moved
        for trigger in _triggers(now, batch)
        if (moved := _judge(trigger, now)) is not None and (not apply or _move(trigger, moved))
    ]


def _triggers(now: datetime, batch: int) -> Iterator[Trigger]:
    """Those that are on and whose slot lies ahead, in the order in which they fire."""
    ahead = Trigger.objects.filter(enabled=True, next_run_at__gt=now).order_by("next_run_at", "id")
    ahead = ahead.only(*NEEDED, "next_run_at", "schedule_revision")
    page = list(ahead[:batch])
    while page:
        yield from page
        last = page[-1]
        further = Q(next_run_at__gt=last.next_run_at) | Q(next_run_at=last.next_run_at, id__gt=last.pk)
        page = list(ahead.filter(further)[:batch])


def _judge(trigger: Trigger, now: datetime) -> Moved | None:
    before = trigger.next_run_at
    assert before is not None
    try:
        after = next_slot(schedule_of(trigger), now, now)
    except InvalidSchedule as fault:
        return Moved(trigger.pk, trigger.name, before, None, fault.detail)
    return None if after == before else Moved(trigger.pk, trigger.name, before, after)


def _move(trigger: Trigger, moved: Moved) -> bool:
    """Whether it was still as it was judged."""
    judged = Trigger.objects.filter(
        pk=moved.trigger_id,
        enabled=True,
        next_run_at=moved.before,
        schedule_revision=trigger.schedule_revision,
    )
    if moved.after is not None:
        return bool(judged.update(next_run_at=moved.after, updated_at=Now()))
    reason = DisabledReason.INVALID_SCHEDULE if moved.error else DisabledReason.ENDED
    with transaction.atomic():
        held = judged.select_for_update(no_key=True).values_list("pk", flat=True)
        return bool(triggers_switch_off(list(held), reason, moved.error))
