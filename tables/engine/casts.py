"""Casts: what a person typed, a file held or a block gave → the value that is stored, or plain words why not.

One function per column type, ``cast(value, options) -> value``. They take any JSON value; text is read leniently
(files hold nothing but text). Stored forms: numbers as JSON numbers, dates as ``2024-12-31``, instants as
``2024-12-31T08:30:00.000Z``, both of fixed width so that text order is time order; choices as text, several of
them as a list. The empty text and blanks are ``None`` everywhere but in text and json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from tables.engine.formats import DATE_FORMATS
from tables.engine.values import check_number
from tables.errors import ValueInvalid

Options = Mapping[str, Any]
Cast = Callable[[Any, Options], Any]

_TRUE: Final = frozenset({"true", "yes", "y", "on", "1", "t", "x", "✓", "checked"})
_FALSE: Final = frozenset({"false", "no", "n", "off", "0", "f", "unchecked"})
_INTEGER: Final = re.compile(r"[+-]?\d{1,300}\Z", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?\Z", re.ASCII)
_MONEY: Final = re.compile(r"[\s$€£¥₹]|\b[A-Z]{3}\b")
_DATE_FORMS: Final = ("%Y/%m/%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_EMAIL: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,63}\Z")
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_HOST: Final = re.compile(r"[^\s/?#]+\.[^\s/?#.]{2,}([/?#]\S*)?\Z")
_SHOWN: Final = 60


def to_text(value: Any, options: Options) -> str | None:
    """Text as it is; numbers and truth values in JSON's spelling, lists and objects as JSON."""
    if isinstance(value, str):
        return value or None
    return json.dumps(value, ensure_ascii=False)


def to_number(value: Any, options: Options) -> int | float | None:
    """``1234``, ``1,234.50``, ``1e3``; truth values are refused."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        check_number(value)
        return value
    text = _text(value, "number")
    if not text:
        return None
    if _INTEGER.match(text):
        return int(text)
    if _GROUPED.match(text):
        text = text.replace(",", "")
    if not _DECIMAL.match(text):
        raise ValueInvalid(f"{_quote(value)} is not a number. Write it like 1234.5.")
    number = float(text)
    check_number(number)
    return number


def to_currency(value: Any, options: Options) -> int | float | None:
    """A number, with or without a currency sign or code around it."""
    return to_number(_MONEY.sub("", value) if isinstance(value, str) else value, options)


def to_boolean(value: Any, options: Options) -> bool | None:
    """True or false, and the words people use for them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    word = _text(value, "boolean").lower()
    if not word:
        return None
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueInvalid(f"{_quote(value)} is neither true nor false. Write true or false.")


def to_date(value: Any, options: Options) -> str | None:
    """``2024-12-31``, ``2024/12/31``, ``31.12.2024``, ``31 Dec 2024``, the column's own way of writing dates; of an
    instant its day in UTC.
    """
    text = _text(value, "date")
    if not text:
        return None
    day = _iso_date(text)
    if day is None and (own := _own_moment(text, options)):
        day = own.date()
    if day is None:
        raise ValueInvalid(f"{_quote(value)} is not a date. Write it like 2024-12-31.")
    return day.isoformat()


def to_datetime(value: Any, options: Options) -> str | None:
    """ISO 8601 with any offset; without one it means UTC; a date alone is its midnight."""
    text = _text(value, "datetime")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        day = _iso_date(text)
        own = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else _own_moment(text, options)
        if own is None:
            raise ValueInvalid(
                f"{_quote(value)} is not a date and time. Write it like 2024-12-31T08:30:00Z."
            ) from None
        moment = own
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_select(value: Any, options: Options) -> str | None:
    """One of the column's choices."""
    text = _text(value, "select")
    return _choice(text, options) if text else None


def to_multi_select(value: Any, options: Options) -> list[str] | None:
    """Several of the column's choices, each once; text is split at commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueInvalid("Give a list of choices.")
    return [_choice(part, options) for part in dict.fromkeys(value) if part] or None


def to_url(value: Any, options: Options) -> str | None:
    """An http or https address; ``example.org/x`` becomes ``https://example.org/x``."""
    text = _text(value, "url")
    if not text:
        return None
    if not _SCHEME.match(text) and _HOST.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_web = False
    if not is_web or re.search(r"\s", text):
        raise ValueInvalid(f"{_quote(value)} is not a web address. Write it like https://example.org/page.")
    return text


def to_email(value: Any, options: Options) -> str | None:
    """One address, without a display name."""
    text = _text(value, "email")
    if text and not _EMAIL.match(text):
        raise ValueInvalid(f"{_quote(value)} is not an e-mail address. Write it like name@example.org.")
    return text or None


def to_json(value: Any, options: Options) -> Any:
    """Any JSON value as it is."""
    return value


def _text(value: Any, wanted: str) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueInvalid(f"A {_kind(value)} does not fit a {wanted} column.")


def _iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return _written_date(text)


def _written_date(text: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def _own_moment(text: str, options: Options) -> datetime | None:
    """What is written as the column's ``date_format`` says, with or without a time of day."""
    form = DATE_FORMATS.get(options.get("date_format", ""))
    for whole in (form, f"{form} %H:%M:%S", f"{form} %H:%M") if form else ():
        try:
            return datetime.strptime(text, whole).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _choice(text: str, options: Options) -> str:
    choices = options.get("choices", ())
    if text in choices:
        return text
    shown = ", ".join(list(choices)[:10]) or "none yet"
    raise ValueInvalid(f"{_quote(text)} is not a choice of this column. Its choices: {shown}.")


def _quote(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"“{text[:_SHOWN]}…”" if len(text) > _SHOWN else f"“{text}”"


def _kind(value: Any) -> str:
    return {bool: "truth value", list: "list", dict: "object"}.get(type(value), type(value).__name__)
