"""Filters on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any, Final

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing
from workflows.engine.expressions.filters_lists import picked
from workflows.engine.expressions.limits import checked_number
from workflows.engine.expressions.registry import FILTERS
from workflows.engine.expressions.text import kind

_UNSET: Final = object()
_MAX_NUMBER_TEXT = 64
_MAX_PRECISION = 15
_EXACT_BELOW = 1e15
_ROUNDINGS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}


@FILTERS.add("abs")
def absolute(_: Evaluation, value: Any) -> Any:
    """Without its sign."""
    return abs(_number(value))


@FILTERS.add("round")
def round_number(_: Evaluation, value: Any, precision: int = 0, method: str = "common") -> int | float:
    """Rounded half away from zero (``common``), up (``ceil``) or down (``floor``).

    A whole number when ``precision`` is 0 or less, as people expect: ``2.5 | round`` is 3, ``2.675 | round(2)``
    is 2.68.
    """
    number = _number(value)
    if method not in _ROUNDINGS or not -_MAX_PRECISION <= precision <= _MAX_PRECISION:
        raise EvaluationError("bad_argument", "round takes a precision of ±15, and common, ceil or floor")
    if isinstance(number, int) and precision >= 0:
        return number
    if abs(number) >= _EXACT_BELOW:
        large: int | float = checked_number(int(number) if precision <= 0 else number)
        return large
    exact = Decimal(repr(number)).quantize(Decimal(1).scaleb(-precision), rounding=_ROUNDINGS[method])
    return float(exact) if precision > 0 else int(exact)


@FILTERS.add("int", missing=True)
def to_int(_: Evaluation, value: Any, default: Any = _UNSET) -> Any:
    """A whole number, cut off towards zero; ``default`` (if given) where that is impossible."""
    return _converted(value, default, _parse_int, "a whole number")


@FILTERS.add("float", missing=True)
def to_float(_: Evaluation, value: Any, default: Any = _UNSET) -> Any:
    """A number; ``default`` (if given) where that is impossible."""
    return _converted(value, default, float, "a number")


@FILTERS.add("sum")
def total(evaluation: Evaluation, value: Any, attribute: str | None = None, start: Any = 0) -> Any:
    """The sum of the items, or of an attribute of them."""
    result = _number(start)
    for item in picked(evaluation, value, attribute):
        result = checked_number(result + _number(item))
    return result


@FILTERS.add("min")
def smallest(evaluation: Evaluation, value: Any, attribute: str | None = None) -> Any:
    """The smallest item, or the item with the smallest attribute."""
    return _extreme(evaluation, value, attribute, min)


@FILTERS.add("max")
def largest(evaluation: Evaluation, value: Any, attribute: str | None = None) -> Any:
    """The largest item, or the item with the largest attribute."""
    return _extreme(evaluation, value, attribute, max)


def _extreme(evaluation: Evaluation, value: Any, attribute: str | None, choose: Callable[..., int]) -> Any:
    keys = picked(evaluation, value, attribute)
    if not keys:
        return Missing("there is no smallest or largest item: the list is empty")
    evaluation.spend_on(keys)
    position = choose(range(len(keys)), key=keys.__getitem__)
    return value[position] if isinstance(value, list) else keys[position]


def _number(value: Any) -> Any:
    if not isinstance(value, int | float):
        raise EvaluationError("bad_operand", f"this needs a number, not {kind(value)}")
    return value


def _parse_int(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        return int(float(value))


def _converted(value: Any, default: Any, convert: Callable[[Any], Any], wanted: str) -> Any:
    """``convert(value)`` of a number or short text; messages do not show the value, it may be a secret."""
    if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _MAX_NUMBER_TEXT):
        try:
            number = convert(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not isinstance(number, float) or math.isfinite(number):
            return checked_number(number)
    if default is not _UNSET:
        return default
    if isinstance(value, Missing):
        raise EvaluationError("missing_path", str(value._undefined_message))
    raise EvaluationError("bad_operand", f"{kind(value)} cannot be read as {wanted}")
