"""Intervals as cron expressions, where the clock's minutes or hours divide evenly (`scheduler.md` section 7)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


def interval_cron(every: timedelta) -> str | None:
    """The expression that fires this often, in step with the clock; ``None``: none does.

    ``*/n`` minutes must divide the hour and ``*/n`` hours the day, or the last step of each would be a short one.
    """
    if not every or every % MINUTE:
        return None
    minutes, hours = every // MINUTE, every // HOUR
    if minutes < 60:
        return None if 60 % minutes else "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    if every % HOUR or 24 % hours:
        return None
    return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
