"""How values read as text, and what their kinds are called when an error is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation
from workflows.engine.expressions.limits import checked_text, text_weight


def to_text(evaluation: Evaluation, value: Any) -> str:
    """A value inside a sentence: text as it is, null as nothing, everything else as JSON."""
    if isinstance(value, str):
        evaluation.spend(text_weight(value))
        return value
    return scalar_text(value) if not isinstance(value, list | dict) else to_json(evaluation, value)


def scalar_text(value: Any) -> str:
    """A null, truth value or number as text; anything foreign by its own `str`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def to_json(evaluation: Evaluation, value: Any, indent: int | None = None) -> str:
    """``value`` as JSON text, paid for before it is written."""
    evaluation.spend_on(value, times=3)
    separators = (",", ": ") if indent else (",", ":")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    except (TypeError, ValueError):
        raise EvaluationError("bad_operand", "this value has no JSON form") from None
    return checked_text(text)


def kind(value: Any) -> str:
    """The JSON name of a value's type, for messages (which never show values)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, Mapping) else "this value"
