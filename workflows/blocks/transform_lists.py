"""The operations of `transform` on lists and objects."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from workflows.blocks.transform_work import MOST_ITEMS, PER_ITEM, Operation, Work
from workflows.engine.canonical import canonical_json
from workflows.engine.expressions.text import kind
from workflows.engine.fields import Expression

ItemExpression = Annotated[str, Expression(adds=PER_ITEM)]
FieldName = Annotated[str, Field(min_length=1, max_length=200)]


class Map(Operation):
    """Each item becomes ``to``: an expression, or JSON whose texts are expressions (``{"name": "item.name"}``)."""

    op: Literal["map"] = "map"
    to: Annotated[Any, Expression(adds=PER_ITEM)]

    def apply(self, value: Any, work: Work) -> Any:
        """One new item per item."""
        return list(work.each(self.to, work.listed(value)))


class Filter(Operation):
    """Keeps the items for which ``when`` holds."""

    op: Literal["filter"] = "filter"
    when: ItemExpression

    def apply(self, value: Any, work: Work) -> Any:
        """The items that pass, in their order."""
        items = work.listed(value)
        return [item for item, holds in zip(items, work.each(self.when, items), strict=True) if holds]


class Sort(Operation):
    """Orders the items by an expression: numbers, texts or truth values. Nulls come last, either way."""

    op: Literal["sort"] = "sort"
    by: ItemExpression = "item"
    descending: bool = False

    def apply(self, value: Any, work: Work) -> Any:
        """Equal items keep their order."""
        items = work.listed(value)
        keyed = list(zip(work.each(self.by, items), items, strict=True))
        self._check_alike([key for key, _ in keyed], work)
        present = [pair for pair in keyed if pair[0] is not None]
        present.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [item for _, item in present] + [item for key, item in keyed if key is None]

    def _check_alike(self, keys: list[Any], work: Work) -> None:
        first: str | None = None
        for index, key in enumerate(keys):
            if isinstance(key, list | dict):
                work.refuse("bad_value", f"{kind(key)} cannot be sorted by", index)
            first = first or (None if key is None else kind(key))
            if key is not None and kind(key) != first:
                work.refuse("bad_value", f"{kind(key)} cannot be compared with {first}", index)


class Dedupe(Operation):
    """Keeps the first of all items that have the same ``by``."""

    op: Literal["dedupe"] = "dedupe"
    by: ItemExpression = "item"

    def apply(self, value: Any, work: Work) -> Any:
        """In the order of the list."""
        items = work.listed(value)
        firsts: dict[str, Any] = {}
        for item, key in zip(items, work.each(self.by, items), strict=True):
            firsts.setdefault(_comparable(key), item)
        return list(firsts.values())


class Group(Operation):
    """Gathers items that have the same ``by``: ``[{key, items}]``, in the order in which the keys appear."""

    op: Literal["group"] = "group"
    by: ItemExpression

    def apply(self, value: Any, work: Work) -> Any:
        """Every item is in one group."""
        items = work.listed(value)
        groups: dict[str, dict[str, Any]] = {}
        for item, key in zip(items, work.each(self.by, items), strict=True):
            groups.setdefault(_comparable(key), {"key": key, "items": []})["items"].append(item)
        return list(groups.values())


class Flatten(Operation):
    """Puts the items of lists in a list in the place of these lists, ``depth`` levels deep."""

    op: Literal["flatten"] = "flatten"
    depth: Annotated[int, Field(ge=1, le=10)] = 1

    def apply(self, value: Any, work: Work) -> Any:
        """Items that are no lists stay as they are."""
        items = work.listed(value)
        for _ in range(self.depth):
            flat: list[Any] = []
            for item in items:
                flat += item if isinstance(item, list) else [item]
                work.listed(flat)
            items = flat
        return items


class Pick(Operation):
    """Keeps the named fields of each object, in this order; null where there is none."""

    op: Literal["pick"] = "pick"
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=200)]

    def apply(self, value: Any, work: Work) -> Any:
        """Of one object, or of each in a list."""
        if isinstance(value, dict):
            return {name: value.get(name) for name in self.fields}
        return [{name: item.get(name) for name in self.fields} for item in _objects(value, work)]


class Rename(Operation):
    """Gives fields of each object other names: ``{"old": "new"}``. Others stay as they are."""

    op: Literal["rename"] = "rename"
    fields: Annotated[dict[FieldName, FieldName], Field(min_length=1, max_length=200)]

    def apply(self, value: Any, work: Work) -> Any:
        """Of one object, or of each in a list."""
        if isinstance(value, dict):
            return self._renamed(value)
        return [self._renamed(item) for item in _objects(value, work)]

    def _renamed(self, item: dict[str, Any]) -> dict[str, Any]:
        return {self.fields.get(name, name): value for name, value in item.items()}


class Limit(Operation):
    """Keeps ``count`` items, after the first ``offset``."""

    op: Literal["limit"] = "limit"
    count: Annotated[int, Field(ge=0, le=MOST_ITEMS)]
    offset: Annotated[int, Field(ge=0)] = 0

    def apply(self, value: Any, work: Work) -> Any:
        """Fewer when there are fewer."""
        return work.listed(value)[self.offset : self.offset + self.count]


def _objects(value: Any, work: Work) -> list[dict[str, Any]]:
    items = work.listed(value)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            work.refuse("bad_value", f"this needs an object, not {kind(item)}", index)
    return items


def _comparable(key: Any) -> str:
    """One text per value; 1 and 1.0 are the same number."""
    return canonical_json(int(key) if isinstance(key, float) and key.is_integer() else key)
