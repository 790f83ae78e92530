"""How filters and tests are written: a plain function, made safe by one decorator."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from jinja2 import pass_context

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation
from workflows.engine.expressions.limits import CALL_UNITS, checked_list, text_weight
from workflows.engine.expressions.operators import refuse_missing
from workflows.engine.expressions.text import kind

Function = Callable[..., Any]


class Registry:
    """Named functions that expressions may use. Each is called as ``function(evaluation, value, *args)``."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self.functions: dict[str, Function] = {}

    def add(self, *names: str, missing: bool = False) -> Callable[[Function], Function]:
        """Register a function under ``names``; unless ``missing``, paths that lead nowhere are refused first.

        A wrong number or type of arguments becomes a `bad_argument` error, since users cause it.
        """

        def register(function: Function) -> Function:
            @pass_context
            @wraps(function)
            def call(evaluation: Evaluation, value: Any, *args: Any, **options: Any) -> Any:
                evaluation.spend(CALL_UNITS)
                if not missing:
                    refuse_missing(value, *args, *options.values())
                try:
                    return function(evaluation, value, *args, **options)
                except (TypeError, ValueError, OverflowError):
                    message = f"the {self.noun} {names[0]!r} cannot take {kind(value)} with these arguments"
                    raise EvaluationError("bad_argument", message) from None

            for name in names:
                self.functions[name] = call
            return function

        return register

    def find(self, name: Any) -> Function:
        """The function of that name, for filters that take another filter's name (``map``, ``select``)."""
        function = self.functions.get(name) if isinstance(name, str) else None
        if function is None:
            raise EvaluationError(f"unknown_{self.noun}", f"there is no such {self.noun} as the one named")
        return function


def as_list(evaluation: Evaluation, value: Any) -> list[Any]:
    """A list to walk over, paid for: a list itself, or the keys of an object."""
    if isinstance(value, list):
        items = value
    elif isinstance(value, dict):
        items = list(value)
    else:
        raise EvaluationError("bad_operand", f"this needs a list, not {kind(value)}")
    evaluation.spend(len(checked_list(items)))
    return items


def as_text(evaluation: Evaluation, value: Any) -> str:
    """A text to work on, paid for."""
    if not isinstance(value, str):
        raise EvaluationError("bad_operand", f"this needs text, not {kind(value)}")
    evaluation.spend(text_weight(value))
    return value


FILTERS = Registry("filter")
TESTS = Registry("test")
