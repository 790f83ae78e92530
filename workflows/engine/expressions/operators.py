"""Operators with bounds: arithmetic on numbers only, ``+`` on texts and lists by size, fair comparisons (W4)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing, fail_missing
from workflows.engine.expressions.limits import (
    checked_length,
    checked_list,
    checked_number,
    text_weight,
    weigh,
)
from workflows.engine.expressions.text import kind, to_text

_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}

_ORDERINGS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}

_MAX_POWER_BITS = 64


def refuse_missing(*values: Any) -> None:
    """Raise when one of ``values`` is a path that leads nowhere."""
    for value in values:
        if type(value) is Missing:
            fail_missing(value)


def binary(evaluation: Evaluation, symbol: str, left: Any, right: Any) -> Any:
    """``left <symbol> right``; texts and lists know only ``+``."""
    evaluation.spend(1)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _calculate(symbol, left, right)
    refuse_missing(left, right)
    if symbol == "+" and isinstance(left, str) and isinstance(right, str):
        checked_length(len(left) + len(right))
        evaluation.spend(text_weight(left) + text_weight(right))
        return left + right
    if symbol == "+" and isinstance(left, list) and isinstance(right, list):
        evaluation.spend(len(left) + len(right))
        return checked_list(left + right)
    raise EvaluationError("bad_operand", f"{symbol!r} does not work on {kind(left)} and {kind(right)}")


def unary(symbol: str, value: Any) -> Any:
    """``+value`` or ``-value`` of a number."""
    refuse_missing(value)
    if not isinstance(value, int | float):
        raise EvaluationError("bad_operand", f"{symbol!r} does not work on {kind(value)}")
    return -value if symbol == "-" else +value


def compare(evaluation: Evaluation, left: Any, *pairs: Any) -> bool:
    """``left op right [op right …]`` as Python chains them; ``pairs`` alternates operator and operand."""
    for name, right in zip(pairs[::2], pairs[1::2], strict=True):
        if not compare_pair(evaluation, name, left, right):
            return False
        left = right
    return True


def compare_pair(evaluation: Evaluation, name: str, left: Any, right: Any) -> bool:
    """One comparison by Jinja's operator name: eq, ne, lt, lteq, gt, gteq, in, notin."""
    refuse_missing(left, right)
    _pay_for_comparing(evaluation, left, right)
    if name == "eq":
        return bool(left == right)
    if name == "ne":
        return bool(left != right)
    if name in ("in", "notin"):
        return contains(right, left) is (name == "in")
    try:
        return _ORDERINGS[name](left, right)
    except TypeError:
        raise EvaluationError("bad_operand", f"{kind(left)} and {kind(right)} have no order") from None


def contains(container: Any, member: Any) -> bool:
    """``member in container``, for texts in texts, items in lists, keys in objects."""
    if isinstance(container, str):
        if not isinstance(member, str):
            raise EvaluationError("bad_operand", f"{kind(member)} cannot be searched for in text")
        return member in container
    if isinstance(container, list):
        return member in container
    if isinstance(container, Mapping):
        return isinstance(member, str) and member in container
    raise EvaluationError("bad_operand", f"'in' does not work on {kind(container)}")


def concatenate(evaluation: Evaluation, *parts: Any) -> str:
    """``a ~ b ~ c``: the parts as text, one after the other."""
    refuse_missing(*parts)
    texts = [to_text(evaluation, part) for part in parts]
    checked_length(sum(map(len, texts)))
    return "".join(texts)


def subscript(evaluation: Evaluation, value: Any, key: Any) -> Any:
    """``value[key]`` for objects, lists and texts; `Missing` when there is nothing under the key."""
    evaluation.spend(1)
    refuse_missing(value, key)
    if isinstance(value, list | str) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    if isinstance(value, Mapping) and isinstance(key, str) and key in value:
        return value[key]
    named = f"item {key}" if isinstance(key, int) else "such key"
    return Missing(f"there is no {named} in {kind(value)}")


def cut(evaluation: Evaluation, value: Any, start: Any, stop: Any, step: Any) -> Any:
    """``value[start:stop:step]`` of a list or a text."""
    refuse_missing(value, start, stop, step)
    if not isinstance(value, list | str):
        raise EvaluationError("bad_operand", f"{kind(value)} cannot be sliced")
    if not all(bound is None or isinstance(bound, int) for bound in (start, stop, step)) or step == 0:
        raise EvaluationError("bad_operand", "slices take whole numbers, and no step of zero")
    evaluation.spend(text_weight(value) if isinstance(value, str) else len(value))
    return value[start:stop:step]


def _calculate(symbol: str, left: int | float, right: int | float) -> Any:
    if symbol == "**":
        _refuse_large_power(left, right)
    try:
        return checked_number(_ARITHMETIC[symbol](left, right))
    except ZeroDivisionError:
        raise EvaluationError("division_by_zero", "division by zero") from None
    except OverflowError:
        raise EvaluationError("number_out_of_range", "the result is too large a number") from None


def _refuse_large_power(base: int | float, exponent: int | float) -> None:
    """Powers are the one operator whose cost explodes before its result can be looked at."""
    if isinstance(base, int) and isinstance(exponent, int):
        if abs(base) > 1 and (base.bit_length() - 1) * exponent > _MAX_POWER_BITS:
            raise EvaluationError("number_out_of_range", "the result is too large a number")
    elif base < 0:
        raise EvaluationError("bad_operand", "a fractional power of a negative number is not a real number")


def _pay_for_comparing(evaluation: Evaluation, left: Any, right: Any) -> None:
    units = 1
    for value in (left, right):
        if isinstance(value, str):
            units += len(value) >> 6
        elif isinstance(value, list | dict):
            units += weigh(value, evaluation.fuel)
    evaluation.spend(units)
