"""The tests of ``value is …`` and of ``select("…")``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing
from workflows.engine.expressions.operators import binary, compare_pair
from workflows.engine.expressions.registry import TESTS
from workflows.engine.expressions.text import kind

_COMPARISONS = {
    "eq": ("eq", "equalto", "=="),
    "ne": ("ne", "!="),
    "lt": ("lt", "lessthan", "<"),
    "lteq": ("le", "<="),
    "gt": ("gt", "greaterthan", ">"),
    "gteq": ("ge", ">="),
    "in": ("in",),
}


def _add_comparison(operation: str, names: tuple[str, ...]) -> None:
    @TESTS.add(*names)
    def test(evaluation: Evaluation, value: Any, other: Any) -> bool:
        return compare_pair(evaluation, operation, value, other)


for _operation, _names in _COMPARISONS.items():
    _add_comparison(_operation, _names)


@TESTS.add("defined", missing=True)
def defined(_: Evaluation, value: Any) -> bool:
    """The path leads somewhere (perhaps to null)."""
    return not isinstance(value, Missing)


@TESTS.add("undefined", missing=True)
def undefined(_: Evaluation, value: Any) -> bool:
    """The path leads nowhere."""
    return isinstance(value, Missing)


@TESTS.add("none")
def none(_: Evaluation, value: Any) -> bool:
    """It is null."""
    return value is None


@TESTS.add("boolean")
def boolean(_: Evaluation, value: Any) -> bool:
    """It is true or false."""
    return isinstance(value, bool)


@TESTS.add("true")
def true(_: Evaluation, value: Any) -> bool:
    """It is exactly true."""
    return value is True


@TESTS.add("false")
def false(_: Evaluation, value: Any) -> bool:
    """It is exactly false."""
    return value is False


@TESTS.add("number")
def number(_: Evaluation, value: Any) -> bool:
    """It is a number (and not true or false)."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@TESTS.add("integer")
def integer(_: Evaluation, value: Any) -> bool:
    """It is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


@TESTS.add("float")
def floating(_: Evaluation, value: Any) -> bool:
    """It is a number with a fraction part."""
    return isinstance(value, float)


@TESTS.add("string")
def string(_: Evaluation, value: Any) -> bool:
    """It is text."""
    return isinstance(value, str)


@TESTS.add("mapping")
def mapping(_: Evaluation, value: Any) -> bool:
    """It is an object."""
    return isinstance(value, Mapping)


@TESTS.add("sequence", "iterable")
def sequence(_: Evaluation, value: Any) -> bool:
    """It is a list (or text, whose items are its characters)."""
    return isinstance(value, list | str)


@TESTS.add("odd")
def odd(evaluation: Evaluation, value: Any) -> bool:
    """It leaves a remainder when halved."""
    return bool(binary(evaluation, "%", value, 2) == 1)


@TESTS.add("even")
def even(evaluation: Evaluation, value: Any) -> bool:
    """It can be halved."""
    return bool(binary(evaluation, "%", value, 2) == 0)


@TESTS.add("divisibleby")
def divisibleby(evaluation: Evaluation, value: Any, divisor: Any) -> bool:
    """It can be divided by ``divisor`` without remainder."""
    return bool(binary(evaluation, "%", value, divisor) == 0)


@TESTS.add("lower")
def lower(_: Evaluation, value: Any) -> bool:
    """The text is in small letters."""
    return _text(value).islower()


@TESTS.add("upper")
def upper(_: Evaluation, value: Any) -> bool:
    """The text is in capital letters."""
    return _text(value).isupper()


@TESTS.add("empty")
def empty(_: Evaluation, value: Any) -> bool:
    """It is null, or a text, list or object with nothing in it."""
    return value is None or (isinstance(value, str | list | Mapping) and not value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise EvaluationError("bad_operand", f"this needs text, not {kind(value)}")
    return value
