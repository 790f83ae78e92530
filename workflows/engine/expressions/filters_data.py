"""Filters between JSON and text, and for what is not there."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing
from workflows.engine.expressions.limits import checked_length, checked_number, weigh
from workflows.engine.expressions.registry import FILTERS, as_text
from workflows.engine.expressions.text import to_json

_MAX_INDENT = 4


@FILTERS.add("default", "d", missing=True)
def default(_: Evaluation, value: Any, fallback: Any = "", falsy: Any = None) -> Any:
    """``fallback`` where the path leads nowhere or to null; with ``falsy``, also for "", 0, [] and false.

    Unlike Jinja's own, null counts as absent: a skipped block is null, and JSON knows nothing else (W5).
    """
    absent = isinstance(value, Missing) or value is None
    return fallback if absent or (falsy and not value) else value


@FILTERS.add("tojson")
def tojson(evaluation: Evaluation, value: Any, indent: int | None = None) -> str:
    """The value as JSON text."""
    if indent is not None and not 0 <= indent <= _MAX_INDENT:
        raise EvaluationError("bad_argument", f"indent is 0 to {_MAX_INDENT}")
    return to_json(evaluation, value, indent)


@FILTERS.add("fromjson")
def fromjson(evaluation: Evaluation, value: Any) -> Any:
    """The value that a JSON text stands for."""
    text = as_text(evaluation, value)
    checked_length(len(text))
    evaluation.spend(len(text) >> 3)
    try:
        parsed = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_parse_int, parse_float=_parse_float
        )
    except (ValueError, RecursionError):
        raise EvaluationError("bad_operand", "this text is not JSON") from None
    weigh(parsed, max(evaluation.fuel, 0))
    return parsed


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("JSON knows no NaN and no Infinity")


def _parse_int(text: str) -> Any:
    return checked_number(int(text))


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("out of range")
    return number
