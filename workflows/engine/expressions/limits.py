"""The bounds of one evaluation, and the fuel that enforces them (W4).

Time is bounded by counting, not by a clock: each operation spends units in proportion to the work it is about
to do (one unit is roughly 100 ns or less), *before* it does it. A chain of cheap filters over a long list thus
runs out of fuel exactly as one dear filter does, on every machine alike.
"""

from __future__ import annotations

from typing import Any, Final

from workflows.engine.expressions.errors import EvaluationError

MAX_SOURCE_BYTES: Final = 4096
MAX_LIST_ITEMS: Final = 10_000
MAX_OUTPUT_BYTES: Final = 256 * 1024
MAX_NUMBER: Final = 2**63 - 1
"""Whole numbers beyond it neither fit PostgreSQL's bigint nor survive most JSON readers."""
MAX_NESTING: Final = 64
"""Depth of an expression's syntax tree, and of any value it makes."""
MAX_NODES: Final = 600
"""Nodes of an expression's syntax tree."""
FUEL: Final = 200_000
CALL_UNITS: Final = 5
"""What calling a filter or test costs, besides its work."""


def text_weight(text: str) -> int:
    """Units that one pass over ``text`` costs; ASCII goes several times faster than anything else."""
    return 1 + (len(text) >> (6 if text.isascii() else 3))


def weigh(value: Any, budget: int) -> int:
    """Units that one pass over ``value`` costs; stops and raises as soon as they exceed ``budget``."""
    total = 0
    level: list[Any] = [value]
    for _ in range(MAX_NESTING + 1):
        below: list[Any] = []
        total += 2 * len(level)
        if total > budget:
            raise too_expensive()
        for item in level:
            if type(item) is str:
                total += len(item) >> 6
            elif type(item) is dict:
                below += item.values()
            elif type(item) is list:
                below += item
        if not below:
            return total
        level = below
    raise EvaluationError("too_deep", f"a value is nested more than {MAX_NESTING} levels deep")


def too_expensive() -> EvaluationError:
    """The refusal of an evaluation that ran out of fuel."""
    return EvaluationError("too_expensive", "this would take too long; do less in one expression")


def checked_list(items: list[Any]) -> list[Any]:
    """``items``, unless it holds more than `MAX_LIST_ITEMS`."""
    if len(items) > MAX_LIST_ITEMS:
        raise EvaluationError("list_too_long", f"lists may hold at most {MAX_LIST_ITEMS:,} items here")
    return items


def checked_text(text: str) -> str:
    """``text``, unless it is larger than `MAX_OUTPUT_BYTES`."""
    checked_length(len(text) if text.isascii() else len(text.encode(errors="surrogatepass")))
    return text


def checked_length(length: int) -> None:
    """Refuse to make a text of ``length`` characters before it is made."""
    if length > MAX_OUTPUT_BYTES:
        raise EvaluationError("output_too_large", f"the result exceeds {MAX_OUTPUT_BYTES // 1024} KiB")


def checked_number(number: Any) -> Any:
    """``number``, unless it is infinite, not a number, or a whole number beyond 63 bits."""
    if isinstance(number, float):
        if number - number != 0.0:
            raise EvaluationError("number_out_of_range", "the result is infinite or not a number")
    elif not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise EvaluationError("number_out_of_range", "whole numbers must stay within 63 bits")
    return number
