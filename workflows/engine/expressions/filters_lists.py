"""Filters on lists and objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing
from workflows.engine.expressions.methods import pairs_of
from workflows.engine.expressions.operators import refuse_missing, subscript
from workflows.engine.expressions.registry import FILTERS, TESTS, as_list
from workflows.engine.expressions.text import kind

_SORT_PASSES = 3
"""Fuel for sorting, in passes over the list: n log n comparisons of quick keys."""


def pick_each(evaluation: Evaluation, items: list[Any], attribute: str | int | None) -> list[Any]:
    """What stands in each item under a dotted ``attribute`` (None: the item itself); `Missing` where nothing."""
    if attribute is None:
        return items
    parts: list[str | int] = list(attribute.split(".")) if isinstance(attribute, str) else [attribute]
    evaluation.spend(len(items) * 2 * len(parts))
    found = items
    for part in parts:
        found = [
            item[part] if isinstance(item, dict) and part in item else _step_into(evaluation, item, part)
            for item in found
        ]
    return found


def picked(evaluation: Evaluation, value: Any, attribute: str | int | None) -> list[Any]:
    """The items of a list, or their ``attribute``, which each of them must have."""
    found = pick_each(evaluation, as_list(evaluation, value), attribute)
    refuse_missing(*found)
    return found


@FILTERS.add("length", "count")
def length(_: Evaluation, value: Any) -> int:
    """How many items, keys or characters."""
    return len(value)


@FILTERS.add("list")
def to_list(evaluation: Evaluation, value: Any) -> list[Any]:
    """A list of the items, keys or characters."""
    return as_list(evaluation, value) if not isinstance(value, str) else as_list(evaluation, list(value))


@FILTERS.add("items")
def items(evaluation: Evaluation, value: Any) -> list[list[Any]]:
    """An object as a list of ``[key, value]``."""
    if not isinstance(value, Mapping):
        raise EvaluationError("bad_operand", f"'items' needs an object, not {kind(value)}")
    return pairs_of(evaluation, value)


@FILTERS.add("first")
def first(_: Evaluation, value: Any) -> Any:
    """The first item; missing when there is none."""
    return value[0] if isinstance(value, list | str) and value else _no_item(value)


@FILTERS.add("last")
def last(_: Evaluation, value: Any) -> Any:
    """The last item; missing when there is none."""
    return value[-1] if isinstance(value, list | str) and value else _no_item(value)


@FILTERS.add("reverse")
def reverse(evaluation: Evaluation, value: Any) -> Any:
    """Items, or characters, in reverse order."""
    if isinstance(value, str):
        evaluation.spend(1 + (len(value) >> 4))
        return value[::-1]
    return as_list(evaluation, value)[::-1]


@FILTERS.add("sort")
def sort(evaluation: Evaluation, value: Any, reverse: Any = None, attribute: str | None = None) -> list[Any]:
    """Items in order, by themselves or by an attribute. Numbers and texts do not mix."""
    keys = picked(evaluation, value, attribute)
    evaluation.spend_on(keys, times=_SORT_PASSES)
    try:
        order = sorted(range(len(keys)), key=keys.__getitem__, reverse=bool(reverse))
    except TypeError:
        raise EvaluationError("bad_operand", "these items have no common order") from None
    source = as_list(evaluation, value)
    return [source[position] for position in order]


@FILTERS.add("unique")
def unique(evaluation: Evaluation, value: Any, attribute: str | None = None) -> list[Any]:
    """Items without repetition, in the order they first appear."""
    keys = picked(evaluation, value, attribute)
    evaluation.spend_on(keys, times=_SORT_PASSES)
    seen: dict[str, Any] = {}
    for key, item in zip(keys, as_list(evaluation, value), strict=True):
        seen.setdefault(key if isinstance(key, str) else f"\0{json.dumps(key, sort_keys=True)}", item)
    return list(seen.values())


@FILTERS.add("map")
def map_items(evaluation: Evaluation, value: Any, *args: Any, **options: Any) -> list[Any]:
    """``map(attribute="name", default=…)`` or ``map("upper")``: each item's attribute, or filtered item."""
    source = as_list(evaluation, value)
    if args:
        function = FILTERS.find(args[0])
        return [function(evaluation, item, *args[1:], **options) for item in source]
    found = pick_each(evaluation, source, options.pop("attribute"))
    if set(options) - {"default"}:
        raise TypeError(options)
    if "default" in options:
        return [options["default"] if isinstance(item, Missing) else item for item in found]
    refuse_missing(*found)
    return found


@FILTERS.add("select")
def select(evaluation: Evaluation, value: Any, *test: Any) -> list[Any]:
    """Items that pass a test, or that are true when none is named."""
    return _kept(evaluation, value, None, test, wanted=True)


@FILTERS.add("reject")
def reject(evaluation: Evaluation, value: Any, *test: Any) -> list[Any]:
    """Items that do not pass a test, or that are false when none is named."""
    return _kept(evaluation, value, None, test, wanted=False)


@FILTERS.add("selectattr")
def selectattr(evaluation: Evaluation, value: Any, attribute: str, *test: Any) -> list[Any]:
    """Items whose attribute passes a test: ``selectattr("score", "gt", 40)``."""
    return _kept(evaluation, value, attribute, test, wanted=True)


@FILTERS.add("rejectattr")
def rejectattr(evaluation: Evaluation, value: Any, attribute: str, *test: Any) -> list[Any]:
    """Items whose attribute does not pass a test."""
    return _kept(evaluation, value, attribute, test, wanted=False)


def _kept(
    evaluation: Evaluation, value: Any, attribute: str | None, test: tuple[Any, ...], *, wanted: bool
) -> list[Any]:
    source = as_list(evaluation, value)
    looked_at = pick_each(evaluation, source, attribute)
    if not test:
        refuse_missing(*looked_at)
        return [item for item, seen in zip(source, looked_at, strict=True) if bool(seen) is wanted]
    passes = TESTS.find(test[0])
    rest = test[1:]
    pairs = zip(source, looked_at, strict=True)
    return [item for item, seen in pairs if passes(evaluation, seen, *rest) is wanted]


def _step_into(evaluation: Evaluation, item: Any, part: str | int) -> Any:
    if isinstance(item, Missing):
        return item
    is_index = isinstance(item, list) and isinstance(part, str) and part.isdecimal()
    return subscript(evaluation, item, int(part) if is_index else part)


def _no_item(value: Any) -> Missing:
    if isinstance(value, list | str):
        return Missing("there is no first or last item: it is empty")
    raise EvaluationError("bad_operand", f"this needs a list, not {kind(value)}")
