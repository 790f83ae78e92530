"""A trigger's schedule as a whole: one of two kinds, inside its bounds, with a slot to come (`scheduler.md` 1, 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from scheduler.engine.cron import cron_normalise, zone_check
from scheduler.engine.next_run import next_slot
from scheduler.engine.years import year_fault
from scheduler.errors import InvalidSchedule
from scheduler.models import Trigger
from scheduler.selectors import schedule_of
from scheduler.services.fields import SCHEDULE_FIELDS

LATE_BY_AT_MOST: Final = timedelta(seconds=60)
"""An instant that passed this recently still counts as now: somebody typed while the clock ran."""

FARTHEST: Final = timedelta(days=3653)
"""Ten years: no instant of a schedule lies further ahead, but for its end."""

FARTHEST_END: Final = timedelta(days=36525)

ScheduleValues = tuple[str | None, str, datetime | None, datetime | None, datetime | None]


def schedule_values(trigger: Trigger) -> ScheduleValues:
    """What is compared to tell whether a schedule changed: the five values, in their stored spelling."""
    return (
        trigger.cron_expression,
        trigger.cron_timezone,
        trigger.run_at,
        trigger.start_at,
        trigger.end_at,
    )


def schedule_apply(trigger: Trigger, given: Mapping[str, Any], now: datetime) -> bool:
    """Put the schedule's fields of ``given`` on ``trigger`` in their stored spelling; whether a value changed.

    A changed schedule is checked as a whole, merged with what stays. Raises ``InvalidSchedule`` with every fault.
    """
    before = schedule_values(trigger)
    faults: dict[str, list[str]] = {}
    for field in sorted(SCHEDULE_FIELDS & given.keys()):
        setattr(trigger, field, _spelled(field, given[field], faults))
    _kind_check(trigger, faults)
    changed = schedule_values(trigger) != before
    if changed and not faults:
        _bounds_check(trigger, now, faults, run_at_changed=trigger.run_at != before[2])
    if faults:
        raise InvalidSchedule(errors=faults)
    return changed


def slot_first(trigger: Trigger, now: datetime) -> datetime:
    """The slot that fires next once the trigger is on: never one that passed while it was off, nor one that has had its
    invocation already (`scheduler.md` 3).

    Raises ``InvalidSchedule`` when none is to come.
    """
    if trigger.run_at is not None:
        last = trigger.last_scheduled_for
        if trigger.run_at <= now - LATE_BY_AT_MOST or (last is not None and trigger.run_at <= last):
            raise InvalidSchedule(errors={"run_at": ["This instant has passed. Choose a new one."]})
        return trigger.run_at
    slot = next_slot(schedule_of(trigger), now, now)
    if slot is None:
        raise InvalidSchedule(errors={"end_at": ["No slot of this schedule is left before its end."]})
    return slot


def _spelled(field: str, value: Any, faults: dict[str, list[str]]) -> Any:
    """The stored spelling of one field; what is wrong with it goes to ``faults``."""
    if field in {"run_at", "start_at", "end_at"}:
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            faults[field] = ["Give an instant with its offset."]
        elif (fault := year_fault(value)) is not None:
            faults[field] = [fault]
        return value
    if field == "cron_expression" and value is None:
        return None
    spell: Callable[[str], str] = cron_normalise if field == "cron_expression" else zone_check
    if not isinstance(value, str):
        faults[field] = ["This is a text."]
        return value
    try:
        return spell(value)
    except InvalidSchedule as fault:
        faults.update(fault.errors or {field: [fault.detail]})
        return value


def _kind_check(trigger: Trigger, faults: dict[str, list[str]]) -> None:
    """Either cron fields or one instant: going over to the other needs the one before set to null."""
    if trigger.cron_expression is not None and trigger.run_at is not None:
        told = "A trigger has either cron_expression or run_at. Set the other one to null."
    elif trigger.cron_expression is None and trigger.run_at is None:
        told = "Give cron_expression for a repeated schedule, or run_at for a single run."
    else:
        return
    for field in ("cron_expression", "run_at"):
        faults.setdefault(field, [told])


def _bounds_check(
    trigger: Trigger, now: datetime, faults: dict[str, list[str]], *, run_at_changed: bool
) -> None:
    start, end, once = trigger.start_at, trigger.end_at, trigger.run_at
    if start is not None and start > now + FARTHEST:
        faults["start_at"] = ["This is more than ten years ahead."]
    if end is not None and end > now + FARTHEST_END:
        faults["end_at"] = ["This is more than a hundred years ahead."]
    if start is not None and end is not None and start >= end:
        faults["end_at"] = ["The end must come after the start."]
    if once is None:
        return
    if run_at_changed and once <= now - LATE_BY_AT_MOST:
        faults["run_at"] = ["This instant has passed. Choose one to come."]
    elif run_at_changed and once > now + FARTHEST:
        faults["run_at"] = ["This is more than ten years ahead."]
    elif (start is not None and once < start) or (end is not None and once > end):
        faults["run_at"] = ["This lies outside the time between start_at and end_at."]
