"""Filters, sorts and layouts of saved views: columns named by id, and what is left when a column or group is gone.

Names and keys that people give are stored as ids, so that a rename leaves every view as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from tables.engine.filters import compile_filter
from tables.engine.references import ColumnIndex
from tables.engine.sorting import compile_sort
from tables.engine.types import ColumnSpec
from tables.errors import FilterInvalid, SortInvalid
from workspaces.errors import Invalid

SHOWN_PARTS: Final = ("widths", "hidden", "pinned", "row_height")
"""What a layout says of columns, and how tall rows are."""

ROW_HEIGHTS: Final = ("compact", "normal", "tall")

_NESTING: Final = ("all", "any", "not")


def filter_by_id(node: Any, index: ColumnIndex) -> Any:
    """A filter that was checked, its columns named by id."""
    return _each_condition(node, lambda leaf: {**leaf, **_by_id(leaf, index)})


def sort_by_id(sort: Any, index: ColumnIndex) -> list[dict[str, str]]:
    """A sort that was checked, as ``[{"column": id, "direction"}]``."""
    return [_sort_key(each, index) for each in sort or ()]


def layout_by_id(layout: Mapping[str, Any], index: ColumnIndex) -> dict[str, Any]:
    """A layout checked, its columns named by id. Raises ``Invalid`` naming the place (``layout.hidden[0]``)."""
    if unknown := sorted(set(layout) - set(SHOWN_PARTS)):
        raise Invalid(errors={f"layout.{unknown[0]}": [f"Give any of: {', '.join(SHOWN_PARTS)}."]})
    return {part: _shown(part, value, index) for part, value in layout.items()}


def filter_left(node: Any, columns: Collection[ColumnSpec]) -> Any:
    """What of a filter still means something over these columns; ``None`` when nothing does."""

    def keep(leaf: Mapping[str, Any]) -> Any:
        try:
            compile_filter(leaf, columns)
        except FilterInvalid:
            return None
        return leaf

    return _each_condition(node, keep) if node else node


def sort_left(sort: list[Any], columns: Collection[ColumnSpec]) -> list[Any]:
    """The keys of a sort that still name a column."""

    def holds(each: Any) -> bool:
        try:
            compile_sort([each], columns)
        except SortInvalid:
            return False
        return True

    return [each for each in sort if holds(each)]


def layout_left(layout: Mapping[str, Any], columns: Collection[ColumnSpec]) -> dict[str, Any]:
    """A layout without columns that are gone; its other parts stay."""
    index = ColumnIndex(columns)
    left: dict[str, Any] = dict(layout)
    for part in SHOWN_PARTS:
        named = layout.get(part)
        if isinstance(named, Mapping):
            left[part] = {name: value for name, value in named.items() if index.find(name)}
        elif isinstance(named, list):
            left[part] = [name for name in named if index.find(name)]
    return left


def _each_condition(node: Any, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The filter with every condition changed; one that becomes ``None`` goes, and so does what it leaves empty."""
    if not isinstance(node, Mapping):
        return node
    word = next(iter(node), None)
    if len(node) != 1 or word not in _NESTING:
        return change(node)
    inner = node[word]
    if not isinstance(inner, list):
        changed = _each_condition(inner, change)
        return None if changed is None else {word: changed}
    kept = [each for each in (_each_condition(each, change) for each in inner) if each is not None]
    return {word: kept} if kept or not inner else None


def _by_id(leaf: Mapping[str, Any], index: ColumnIndex) -> dict[str, str]:
    column = index.find(leaf["column"]) if "column" in leaf else None
    return {} if column is None else {"column": str(column.id)}


def _sort_key(each: Any, index: ColumnIndex) -> dict[str, str]:
    if isinstance(each, Mapping):
        return {**_by_id(each, index), "direction": each.get("direction", "asc")}
    descending = each.startswith("-") and index.find(each) is None
    return {
        **_by_id({"column": each[1:] if descending else each}, index),
        "direction": "desc" if descending else "asc",
    }


def _shown(part: str, value: Any, index: ColumnIndex) -> Any:
    if part == "row_height":
        if value not in ROW_HEIGHTS:
            raise Invalid(errors={"layout.row_height": [f"Give one of: {', '.join(ROW_HEIGHTS)}."]})
        return value
    if part != "widths":
        if not isinstance(value, list):
            raise Invalid(errors={f"layout.{part}": ["Give a list of columns."]})
        return [_id(name, index, f"layout.{part}[{place}]") for place, name in enumerate(value)]
    if not isinstance(value, Mapping):
        raise Invalid(errors={"layout.widths": ["Give an object of column and width in pixels."]})
    for name, width in value.items():
        if type(width) is not int or not 24 <= width <= 2_000:
            raise Invalid(errors={f"layout.widths.{name}": ["Give a whole number from 24 to 2,000."]})
    return {_id(name, index, f"layout.widths.{name}"): width for name, width in value.items()}


def _id(name: Any, index: ColumnIndex, place: str) -> str:
    column = index.find(name)
    if column is None:
        raise Invalid(errors={place: [index.unknown(name)]})
    return str(column.id)
