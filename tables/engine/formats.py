"""How a stored value reads as one line of text: for exports, find and the admin. One function per column type.

What no longer fits its column (its type was changed under it) reads as text or JSON and never raises. Without options
that shorten it (``decimals``, ``date_format``), a file that holds these texts is read back as the same values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

Options = Mapping[str, Any]
Format = Callable[[Any, Options], str]

DATE_FORMATS: Final[Mapping[str, str]] = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "D MMM YYYY": "%d %b %Y",
}
"""What the option ``date_format`` may say, and how that is written and read."""


def as_text(value: Any, options: Options) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_number(value: Any, options: Options) -> str:
    """Digits and a point, no grouping; exactly ``decimals`` digits behind the point where the column says so."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return as_text(value, options)
    decimals = options.get("decimals")
    return str(value) if decimals is None else f"{Decimal(str(value)):.{decimals}f}"


def as_boolean(value: Any, options: Options) -> str:
    """``true`` and ``false``."""
    return as_text(value, options)


def as_date(value: Any, options: Options) -> str:
    """``2024-12-31``, or as the column's ``date_format`` says."""
    shown = DATE_FORMATS.get(options.get("date_format", ""))
    if shown is None or not isinstance(value, str):
        return as_text(value, options)
    try:
        return _written(date.fromisoformat(value), shown)
    except ValueError:
        return value


def as_datetime(value: Any, options: Options) -> str:
    """ISO 8601 in UTC, or the column's ``date_format`` with the time of day, in UTC too."""
    shown = DATE_FORMATS.get(options.get("date_format", ""))
    if shown is None or not isinstance(value, str):
        return as_text(value, options)
    try:
        return _written(datetime.fromisoformat(value), f"{shown} %H:%M:%S")
    except ValueError:
        return value


def as_list(value: Any, options: Options) -> str:
    """Choices separated by a comma and a blank; no choice holds a comma."""
    if not isinstance(value, list):
        return as_text(value, options)
    return ", ".join(as_text(part, options) for part in value)


def as_json(value: Any, options: Options) -> str:
    """JSON, texts with their quotes."""
    return json.dumps(value, ensure_ascii=False)


def _written(moment: date, shown: str) -> str:
    """``strftime``, whose years below 1000 have as many digits as the platform likes, with four."""
    return moment.strftime(shown.replace("%Y", f"{moment.year:04d}"))
