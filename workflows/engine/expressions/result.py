"""The last look at a computed value: it is JSON, within bounds, and nothing in it is missing."""

from __future__ import annotations

from typing import Any

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing, Skipped, fail_missing
from workflows.engine.expressions.limits import (
    MAX_NESTING,
    checked_length,
    checked_list,
    checked_number,
    checked_text,
)
from workflows.engine.expressions.text import kind

_BYTES_PER_VALUE = 2


def checked_result(value: Any, evaluation: Evaluation) -> Any:
    """``value`` if it may leave the expression; raises `EvaluationError` else."""
    if isinstance(value, str):
        return checked_text(value)
    if isinstance(value, list | dict):
        _check_container(value, evaluation)
        return value
    return _checked_scalar(value)


def _check_container(value: Any, evaluation: Evaluation) -> None:
    """Walk a list or object without recursion; its size is counted as its JSON would be, roughly."""
    size = 0
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        size += _BYTES_PER_VALUE
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, list | dict):
            if depth > MAX_NESTING:
                raise EvaluationError("too_deep", f"the result is nested more than {MAX_NESTING} levels deep")
            children = checked_list(item) if isinstance(item, list) else _values(item)
            evaluation.spend(len(children))
            size += sum(map(len, item)) if isinstance(item, dict) else 0
            stack.extend((child, depth + 1) for child in children)
        else:
            _checked_scalar(item)
        checked_length(size)


def _values(item: dict[Any, Any]) -> list[Any]:
    if not all(isinstance(key, str) for key in item):
        raise EvaluationError("bad_operand", "keys of an object must be text")
    return list(item.values())


def _checked_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return checked_number(value)
    if isinstance(value, Missing):
        fail_missing(value)
    if isinstance(value, Skipped):
        return None
    raise EvaluationError("bad_operand", f"{kind(value)} is not a JSON value")
