"""Expressions for the tests: well-known ones, and random ones that are all valid."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

KNOWN = tuple(
    """
    * * * * *|*/5 * * * *|*/7 * * * *|5-59/10 * * * *|0 * * * *|30 * * * *|0 */2 * * *|15 */3 * * *|
    0 */1 * * *|*/20 1 * * *|* 0 * * *|* 1-3 * * *|*/15 2 * * *|*/10 0,1,2,3 * * *|0 0 * * *|
    30 0 * * *|0 1 * * *|30 1 * * *|59 1 * * *|0 2 * * *|1 2 * * *|15 2 * * *|30 2 * * *|59 2 * * *|
    0 3 * * *|1 3 * * *|0,30 2 * * *|0,30 2,3 * * *|0-59 2 * * *|0-59/7 1-3 * * *|0 0-6 * * *|
    30 0-4/2 * * *|45 23 * * *|59 23 * * *|0 12 * * *|0 9 * * MON-FRI|0 9 * * 1-5|30 8 1 * *|0 0 1 * *|
    0 0 L * *|0 2 L * *|30 1 * * SUN|30 2 * * 0|30 2 * * 7|0 0 * * 6,0|0 2 * * 0L|30 1 * * 0L|
    0 2 * * SUN#2|30 1 * * SUN#1|0 0 13 * 5|0 1 1-7 * 0|0 2 */2 * *|0 2 */2 * 0|0 0 31 12 *|0 0 1 1 *|
    30 2 8 3 *|30 1 1 11 *|0 3 29 3 *|*/30 0-3 28-31 3,10 *|0 0 29 2 *
    """.replace("\n    ", "")
    .strip()
    .split("|")
)
"""What people write, and what shifts of the clock hit: times around midnight, one, two and three."""


def random_expression(draw: Random) -> str:
    """One valid expression. It comes every few years at least: dates stay below 29."""
    minute, hour = _field(draw, 0, 59), _field(draw, 0, 23)
    date = _field(draw, 1, 28, ("L", "*", "*", "*"))
    month = _field(draw, 1, 12, ("*", "*", "JAN-JUN", "MAR,OCT", "FEB-NOV/3"))
    weekday = _field(draw, 0, 7, ("*", "*", "*", "MON-FRI", "SUN", "5L", "0#2", "SAT,SUN"))
    # Both would have to hold, and the 1st, 15th and 29th are never a second Sunday.
    return f"{minute} {hour} {date} {month} {'*' if date.startswith('*/') else weekday}"


def expressions() -> Any:
    """Random expressions for a property test."""
    return st.one_of(
        st.sampled_from(KNOWN),
        st.integers(0, 1_000_000_000).map(lambda seed: random_expression(Random(seed))),
    )


def _field(draw: Random, low: int, high: int, special: tuple[str, ...] = ()) -> str:
    chance = draw.random()
    if special and chance < 0.5:
        return draw.choice(special)
    if chance < 0.65:
        return f"*/{draw.randint(1, (high - low) // 2)}" if draw.random() < 0.5 else "*"
    if chance < 0.9:
        return ",".join(str(draw.randint(low, high)) for _ in range(draw.randint(1, 3)))
    first = draw.randint(low, high - 1)
    return f"{first}-{draw.randint(first, high)}/{draw.randint(1, 3)}"
