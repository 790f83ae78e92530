"""The whitelist of text, list and object methods that ``value.method(…)`` may call (W4).

Each is reimplemented with bounds where the original can grow its result; none is looked up by ``getattr``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation
from workflows.engine.expressions.limits import (
    MAX_LIST_ITEMS,
    checked_length,
    checked_list,
    checked_text,
    text_weight,
)
from workflows.engine.expressions.operators import refuse_missing
from workflows.engine.expressions.text import kind, to_text

Method = Callable[..., Any]

_PLAIN_TEXT_METHODS = (
    "capitalize casefold count endswith find isalnum isalpha isascii isdecimal isdigit islower isnumeric "
    "isspace istitle isupper lower lstrip removeprefix removesuffix rfind rstrip startswith strip swapcase "
    "title upper"
).split()
"""Methods whose cost and result stay in proportion to the text."""


def _plain(name: str) -> Method:
    method = getattr(str, name)

    def call(_: Evaluation, text: str, *args: Any) -> Any:
        return method(text, *(tuple(arg) if isinstance(arg, list) else arg for arg in args))

    return call


def _padded(name: str) -> Method:
    method = getattr(str, name)

    def call(_: Evaluation, text: str, width: int, *fill: str) -> str:
        checked_length(width)
        return str(method(text, width, *fill))

    return call


def _split(_: Evaluation, text: str, separator: str | None = None, limit: int = -1) -> list[str]:
    wanted = MAX_LIST_ITEMS if limit < 0 else min(limit, MAX_LIST_ITEMS)
    return checked_list(text.split(separator, wanted))


def _rsplit(_: Evaluation, text: str, separator: str | None = None, limit: int = -1) -> list[str]:
    wanted = MAX_LIST_ITEMS if limit < 0 else min(limit, MAX_LIST_ITEMS)
    return checked_list(text.rsplit(separator, wanted))


def _splitlines(_: Evaluation, text: str) -> list[str]:
    return checked_list(text.splitlines())


def _partition(_: Evaluation, text: str, separator: str) -> list[str]:
    return list(text.partition(separator))


def _rpartition(_: Evaluation, text: str, separator: str) -> list[str]:
    return list(text.rpartition(separator))


def replace_text(_: Evaluation, text: str, old: str, new: str, limit: int = -1) -> str:
    """`str.replace`, its result measured before it is made."""
    found = text.count(old) if limit < 0 else min(limit, text.count(old))
    checked_length(len(text) + found * (len(new) - len(old)))
    return text.replace(old, new, found)


def join_texts(evaluation: Evaluation, separator: str, items: list[Any]) -> str:
    """``separator.join(items)``, any items read as text, the result measured before it is made."""
    if not isinstance(items, list):
        raise EvaluationError("bad_operand", f"join needs a list, not {kind(items)}")
    refuse_missing(*checked_list(items))
    evaluation.spend(len(items))
    texts = [to_text(evaluation, item) for item in items]
    checked_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _index(evaluation: Evaluation, items: list[Any], item: Any) -> int:
    evaluation.spend_on(items)
    return items.index(item) if item in items else -1


def _count(evaluation: Evaluation, items: list[Any], item: Any) -> int:
    evaluation.spend_on(items)
    return items.count(item)


def _get(_: Evaluation, mapping: Mapping[str, Any], key: str, default: Any = None) -> Any:
    return mapping.get(key, default)


def _keys(evaluation: Evaluation, mapping: Mapping[str, Any]) -> list[str]:
    evaluation.spend(len(mapping))
    return checked_list(list(mapping))


def _values(evaluation: Evaluation, mapping: Mapping[str, Any]) -> list[Any]:
    evaluation.spend(len(mapping))
    return checked_list(list(mapping.values()))


def pairs_of(evaluation: Evaluation, mapping: Mapping[str, Any]) -> list[list[Any]]:
    """An object as a list of ``[key, value]``."""
    evaluation.spend(len(mapping) * 2)
    return checked_list([[key, value] for key, value in mapping.items()])


TEXT_METHODS: Final[Mapping[str, Method]] = {
    **{name: _plain(name) for name in _PLAIN_TEXT_METHODS},
    **{name: _padded(name) for name in ("center", "ljust", "rjust", "zfill")},
    "split": _split,
    "rsplit": _rsplit,
    "splitlines": _splitlines,
    "partition": _partition,
    "rpartition": _rpartition,
    "replace": replace_text,
    "join": join_texts,
}
LIST_METHODS: Final[Mapping[str, Method]] = {"index": _index, "count": _count}
OBJECT_METHODS: Final[Mapping[str, Method]] = {
    "get": _get,
    "keys": _keys,
    "values": _values,
    "items": pairs_of,
}
METHOD_NAMES: Final = frozenset(TEXT_METHODS) | frozenset(LIST_METHODS) | frozenset(OBJECT_METHODS)


def call_method(evaluation: Evaluation, value: Any, name: str, *args: Any) -> Any:
    """``value.name(*args)`` for a whitelisted method of the value's type; raises `EvaluationError` else."""
    refuse_missing(value, *args)
    method = _methods_of(value).get(name)
    if method is None:
        raise EvaluationError("unknown_method", f"{kind(value)} has no method {name!r} here")
    evaluation.spend(1)
    for part in (value, *args):
        if isinstance(part, str):
            evaluation.spend(text_weight(part))
        elif isinstance(part, list | dict):
            evaluation.spend(len(part))
    try:
        result = method(evaluation, value, *args)
    except (TypeError, ValueError, OverflowError):
        raise EvaluationError("bad_argument", f"the method {name!r} cannot take these arguments") from None
    return checked_text(result) if isinstance(result, str) else result


def _methods_of(value: Any) -> Mapping[str, Method]:
    if isinstance(value, str):
        return TEXT_METHODS
    if isinstance(value, list):
        return LIST_METHODS
    return OBJECT_METHODS if isinstance(value, Mapping) else {}
