"""The order of rows as text that is never renumbered (T4).

A position is an *integer part* and a *fraction*, both in base 62 and compared byte by byte (``COLLATE "C"``).
The first letter of the integer part says how long it is: ``a`` one digit, ``b`` two, … ``z`` twenty-six; below
zero ``Z`` one, ``Y`` two, … ``A`` twenty-six. So appending and prepending count up and down with short keys
(``a0 a1 … az b00 b01 …``: the millionth appended key has five characters), and a place between two neighbours is
found in the fraction, which never ends in ``0``. The scheme is David Greenspan's "Implementing Fractional Indexing".

Positions may tie without harm (the table's order is ``(position, id)``), but nothing fits between equal ones.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUE: Final = {digit: value for value, digit in enumerate(DIGITS)}
_BASE: Final = len(DIGITS)
_FIRST: Final = "a0"
_SMALLEST: Final = "A" + "0" * 26


def key_between(before: str | None, after: str | None) -> str:
    """A position after ``before`` and ahead of ``after``; None stands for the table's start or end.

    Raises ``ValueError`` when ``before`` does not stand ahead of ``after``.
    """
    if before is None and after is None:
        return _FIRST
    if before is None or after is None:
        return _step_up(before) if before is not None else _step_down(after or _FIRST)
    if before >= after:
        raise ValueError(f"no position lies between {before!r} and {after!r}")
    whole, whole_after = _integer(before), _integer(after)
    if whole == whole_after:
        return whole + _midpoint(before[len(whole) :], after[len(whole) :])
    upper = _increment(whole)
    return upper if upper is not None and upper < after else whole + _midpoint(before[len(whole) :], None)


def keys_after(before: str | None, count: int) -> list[str]:
    """``count`` positions in order, all after ``before`` (None: of an empty table). Cheap by the million."""
    return list(islice(_upwards(before), count))


def keys_between(before: str | None, after: str | None, count: int) -> list[str]:
    """``count`` positions in order between two others, as short as halving makes them."""
    if count <= 0:
        return []
    if after is None:
        return keys_after(before, count)
    if before is None:
        return list(islice(_downwards(after), count))[::-1]
    middle = key_between(before, after)
    left = (count - 1) // 2
    return [
        *keys_between(before, middle, left),
        middle,
        *keys_between(middle, after, count - 1 - left),
    ]


def _upwards(key: str | None) -> Iterator[str]:
    current = _FIRST if key is None else _step_up(key)
    while True:
        yield current
        current = _step_up(current)


def _downwards(key: str) -> Iterator[str]:
    while True:
        key = _step_down(key)
        yield key


def _step_up(key: str) -> str:
    whole = _integer(key)
    return _increment(whole) or whole + _midpoint(key[len(whole) :], None)


def _step_down(key: str) -> str:
    whole = _integer(key)
    if whole < key and whole != _SMALLEST:
        return whole
    return _decrement(whole) or whole + _midpoint("", key[len(whole) :])


def _integer(key: str) -> str:
    """The integer part of a position."""
    head = key[0]
    length = ord(head) - ord("a") + 2 if head >= "a" else ord("Z") - ord(head) + 2
    return key[:length]


def _increment(whole: str) -> str | None:
    """The next integer; None beyond the largest."""
    digits = whole.rstrip("z") if whole[0] != "z" else whole[0] + whole[1:].rstrip("z")
    carried = len(whole) - len(digits)
    if len(digits) > 1:
        return digits[:-1] + DIGITS[_VALUE[digits[-1]] + 1] + "0" * carried
    head = whole[0]
    if head == "z":
        return None
    if head == "Z":
        return _FIRST
    grown = chr(ord(head) + 1)
    return grown + "0" * (carried + 1 if grown > "a" else carried - 1)


def _decrement(whole: str) -> str | None:
    """The integer before; None below the smallest, which is kept for fractions."""
    digits = whole[0] + whole[1:].rstrip("0")
    borrowed = len(whole) - len(digits)
    if len(digits) > 1:
        lower = digits[:-1] + DIGITS[_VALUE[digits[-1]] - 1] + "z" * borrowed
        return lower if lower != _SMALLEST else None
    head = whole[0]
    if head == "A":
        return None
    if head == "a":
        return "Zz"
    shrunk = chr(ord(head) - 1)
    return shrunk + "z" * (borrowed + 1 if shrunk < "Z" else borrowed - 1)


def _midpoint(low: str, high: str | None) -> str:
    """A fraction strictly between two others (None: no upper bound) that does not end in ``0``."""
    shared = []
    while True:
        low_digit = _VALUE[low[0]] if low else 0
        high_digit = _VALUE[high[0]] if high else _BASE
        if high and low_digit == high_digit:
            shared.append(high[0])
            low, high = low[1:], high[1:]
        elif high_digit - low_digit > 1:
            return "".join(shared) + DIGITS[(low_digit + high_digit) // 2]
        elif high and len(high) > 1:
            return "".join(shared) + high[0]
        else:
            shared.append(DIGITS[low_digit])
            low, high = low[1:], None
