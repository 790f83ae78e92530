"""What loops and parallels share: a number of times, or the items of a list or an object (W10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator

from workflows.blocks.base import BlockConfig
from workflows.engine.fields import Template

MOST_ITERATIONS: Final = 10_000


class IteratingConfig(BlockConfig):
    """``mode`` decides which of the other fields count: ``count`` (how often), ``items`` (once for each of them).

    ``items`` is a list, or an object whose ``{key, value}`` pairs are taken in their order. More than
    ``max_iterations`` are refused.
    """

    mode: str
    max_iterations: Annotated[int, Field(ge=1, le=MOST_ITERATIONS)] = 1_000
    count: Annotated[Annotated[int, Field(ge=0)] | None, Template(), Field(validate_default=True)] = None
    items: Annotated[Any, Template(), Field(validate_default=True)] = None

    @field_validator("count")
    @classmethod
    def _count_fits(cls, count: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("mode") == "count":
            if count is None:
                raise ValueError("say how many times, or choose another mode")
            _at_most(count, info)
        return count

    @field_validator("items")
    @classmethod
    def _items_fit(cls, items: Any, info: ValidationInfo) -> Any:
        if info.data.get("mode") != "each":
            return items
        if items is None:
            raise ValueError("give the items to go through, a list or an object, or choose another mode")
        if isinstance(items, Mapping):
            items = [{"key": key, "value": value} for key, value in items.items()]
        if not isinstance(items, list):
            raise ValueError(f"the items must be a list or an object, not {_kind(items)}")  # noqa: TRY004 - pydantic's
        _at_most(len(items), info)
        return items


ITERATIONS_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"results": {"type": "array"}, "count": {"type": "integer"}},
    "required": ["results", "count"],
}
"""The output of every container: the results of its iterations in index order, and their number."""


def _at_most(count: int, info: ValidationInfo) -> None:
    limit = info.data.get("max_iterations", MOST_ITERATIONS)
    if count > limit:
        raise ValueError(f"{count:,} iterations are more than max_iterations allows ({limit:,})")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else "null"
