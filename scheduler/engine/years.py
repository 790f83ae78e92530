"""The years in which instants are accepted: beyond them calendars, zones and databases stop agreeing."""

from __future__ import annotations

from datetime import datetime
from typing import Final

FIRST: Final = 1970
LAST: Final = 9000


def year_fault(at: datetime | None) -> str | None:
    """What is wrong with the year of an instant that somebody gave, in a sentence; ``None``: nothing is."""
    if at is None or FIRST <= at.year <= LAST:
        return None
    return f"Give an instant between the years {FIRST} and {LAST}."
