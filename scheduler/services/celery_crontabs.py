"""Celery's crontabs as cron expressions, accepted only where both mean the same (`scheduler.md` section 7).

They differ where a day of the month and a day of the week are both restricted: cron runs when either holds, Celery when
both do. Celery also knows ranges that run backwards and long names of days, which are written out as numbers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from celery.schedules import ParseException, crontab

from scheduler.engine.cron import cron_normalise
from scheduler.engine.next_run import Schedule, slots_after
from scheduler.errors import InvalidSchedule

COMPARED: Final = 20
"""So many next slots have to agree."""
FIELDS: Final = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
VALUES: Final = {"minute": 60, "hour": 24, "day_of_month": 31, "month_of_year": 12, "day_of_week": 7}


class CrontabRefused(Exception):
    """A crontab that no expression can stand for: a word for programs, a sentence for people."""

    def __init__(self, reason: str, words: str) -> None:
        self.reason, self.words = reason, words
        super().__init__(words)


def crontab_expression(row: Any, now: datetime) -> str:
    """The expression of a stored crontab (a `CrontabSchedule`), normalised. Raises ``CrontabRefused``."""
    fields = {name: getattr(row, name).replace(" ", "") for name in FIELDS}
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    try:
        theirs = _slots_of_celery(fields, at)
    except (ParseException, ValueError) as unread:
        raise CrontabRefused(
            "crontab_unreadable", f"Celery itself cannot read this crontab: {unread}"
        ) from unread
    try:
        expression = _expression(fields)
    except InvalidSchedule as refused:
        raise CrontabRefused("crontab_unreadable", refused.detail) from refused
    # Zones are left out of it: there Celery loses the hour that comes twice, and we are right.
    ours = list(islice(slots_after(Schedule(expression, "UTC", None), at), COMPARED))
    for cron, celery in zip(ours, theirs, strict=False):
        if cron != celery:
            words = (
                f"Cron and Celery read {' '.join(fields.values())} differently: first "
                f"{cron:%Y-%m-%d %H:%M} against {celery:%Y-%m-%d %H:%M}. "
                "Cron runs when the day of the month or the day of the week fits, Celery when both do."
            )
            raise CrontabRefused("crontab_differs", words)
    return expression


def _expression(fields: dict[str, str]) -> str:
    """The fields as they are, but for those that only Celery can read."""
    read = crontab(**fields)
    return cron_normalise(
        " ".join(
            text if _is_cron(place, text) else _numbers(getattr(read, name), VALUES[name])
            for place, (name, text) in enumerate(fields.items())
        )
    )


def _is_cron(place: int, text: str) -> bool:
    alone = ["*"] * len(FIELDS)
    alone[place] = text
    try:
        cron_normalise(" ".join(alone))
    except InvalidSchedule:
        return False
    return True


def _numbers(values: set[int], most: int) -> str:
    return "*" if len(values) == most else ",".join(str(value) for value in sorted(values))


def _slots_of_celery(fields: dict[str, str], at: datetime) -> list[datetime]:
    found = []
    for _ in range(COMPARED):
        start, remaining, _now = crontab(**fields, nowfun=at.replace).remaining_delta(at, tz=UTC)
        at = start + remaining
        found.append(at)
    return found
