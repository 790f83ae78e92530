"""What every operation of a `transform` shares: evaluating per item, and the bounds on items, bytes and time."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from workflows.blocks.base import BlockConfig, BlockFailed
from workflows.engine.expressions import ExpressionError, compile_expression
from workflows.engine.expressions.text import kind
from workflows.engine.types import BlockError, ErrorClass

MOST_ITEMS: Final = 10_000
MOST_CHARACTERS: Final = 1024 * 1024
"""Of a text that is parsed or written."""

MOST_MADE: Final = 16 * 1024 * 1024
"""Characters that the expressions of one operation may make in all: a small expression over many items makes much."""

PER_ITEM: Final = frozenset({"item", "index"})
"""The roots that expressions of an operation read beside the usual ones."""


@dataclass(slots=True)
class Work:
    """One operation under way. ``place`` names it in errors; ``ends`` is an instant of ``time.monotonic()``."""

    place: str
    roots: dict[str, Any]
    ends: float

    def each(self, source: Any, items: list[Any]) -> Iterator[Any]:
        """The value of an expression, or of a JSON full of expressions, for each of the items in turn."""
        evaluate, roots, made = _evaluator(source), self.roots, 0
        for index, item in enumerate(items):
            roots["item"], roots["index"] = item, index
            try:
                value = evaluate(roots)
            except ExpressionError as error:
                raise self.failure(error.as_block_error(), index) from None
            made += _size(value)
            if made > MOST_MADE:
                self.refuse(
                    "output_too_large", f"this makes more than {MOST_MADE // 1024**2} MiB of values", index
                )
            self.check_time()
            yield value

    def listed(self, value: Any) -> list[Any]:
        """``value``, which must be a list within bounds."""
        if not isinstance(value, list):
            self.refuse("bad_value", f"this needs a list, not {kind(value)}")
        if len(value) > MOST_ITEMS:
            self.refuse("list_too_long", f"lists may hold at most {MOST_ITEMS:,} items here")
        return value

    def text(self, value: Any) -> str:
        """``value``, which must be a text within bounds."""
        if not isinstance(value, str):
            self.refuse("bad_value", f"this needs text, not {kind(value)}")
        if len(value) > MOST_CHARACTERS:
            self.refuse("text_too_long", f"texts may have at most {MOST_CHARACTERS:,} characters here")
        return value

    def check_time(self) -> None:
        """Fail once the time is over: a pure block holds up everything else of its executor."""
        if time.monotonic() > self.ends:
            error = BlockError(ErrorClass.TIMEOUT, "timeout", "this takes too long; do less at once")
            raise self.failure(error)

    def refuse(self, code: str, message: str, item: int | None = None) -> NoReturn:
        """Fail for good: the value is not what the operation takes."""
        raise self.failure(BlockError(ErrorClass.VALIDATION, code, message), item)

    def failure(self, error: BlockError, item: int | None = None) -> BlockFailed:
        """``error`` with the operation, and the index of the item, in words and as detail."""
        where = self.place if item is None else f"{self.place}, item {item}"
        detail = {**(error.detail or {}), "operation": self.place}
        if item is not None:
            detail["item"] = item
        return BlockFailed(replace(error, message=f"{where}: {error.message}", detail=detail))


class Operation(BlockConfig):
    """One step of a transform: takes the value of the step before, answers the next."""

    @abstractmethod
    def apply(self, value: Any, work: Work) -> Any:
        """The value after this step. Raises ``BlockFailed`` by the methods of ``work``."""


def _evaluator(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Texts of ``source`` are expressions, at any depth; all else stands for itself."""
    if isinstance(source, str):
        return compile_expression(source).render
    if isinstance(source, dict):
        fields = {name: _evaluator(item) for name, item in source.items()}
        return lambda roots: {name: evaluate(roots) for name, evaluate in fields.items()}
    if isinstance(source, list):
        parts = [_evaluator(item) for item in source]
        return lambda roots: [evaluate(roots) for evaluate in parts]
    return lambda _: source


def _size(value: Any) -> int:
    """Roughly the characters of ``value``."""
    if isinstance(value, str):
        return len(value)
    return len(json.dumps(value)) if isinstance(value, dict | list) else 8
