"""What expressions see of a run: the values of finished steps, and in iterations ``item`` and ``index`` (W5, W10).

Inside an iteration a block sees the blocks around its container and those of its own iteration, never those of
another. Every container around it is ``{item, index, previous}`` under its own key, so that an inner loop reaches the
outer item as ``blocks.outer.item``, and a loop the result of its last iteration as ``blocks.<loop>.previous``.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from workflows.engine.expressions import SKIPPED
from workflows.engine.iterations import Iteration
from workflows.engine.scopes import block_of, iteration_of, stands_in, step_place
from workflows.engine.settling import error_of
from workflows.engine.types import StepRecord, StepStatus

Roots = Mapping[str, Any]


def block_value(record: StepRecord) -> Any:
    """A completed step is its output; a failed one ``{"error": {class, code, message, …}}``, so that a block behind
    its error edge can tell what happened; a skipped one is null, and so is everything under it.
    """
    if record.status is StepStatus.COMPLETED:
        return record.output
    if record.status is StepStatus.SKIPPED:
        return SKIPPED
    return {"error": error_of(record).as_json()}


class RunRoots:
    """The roots of a run's scopes: the top's, and those of the iterations that were entered and not left.

    ``enter(path, …)`` an iteration that begins, read ``at(path)``, ``settle`` its steps as they finish, ``leave(path)``
    once it is over: nothing of it is kept. Outside containers all of it is one dict.
    """

    __slots__ = ("_inside", "top")

    def __init__(self, base: Roots) -> None:
        """``base`` are the roots that hold everywhere; ``blocks`` is added."""
        self.top: dict[str, Any] = {**base, "blocks": {}}
        self._inside: dict[str, Roots] = {}

    def at(self, path: str) -> Roots:
        """What blocks of the scope at ``path`` read. Raises KeyError for an iteration that was not entered."""
        return self._inside[path] if path else self.top

    def entered(self, path: str) -> bool:
        """Whether the scope at ``path`` is the top, or an iteration that was entered and not left."""
        return not path or path in self._inside

    def settle(self, record: StepRecord) -> None:
        """A step has finished; one of an iteration that was left, or never entered, is of no use to anybody."""
        path, block = step_place(record.key)
        if self.entered(path):
            blocks = self.at(path)["blocks"]
            blocks[block] = block_value(record)

    def enter(self, path: str, iteration: Iteration) -> None:
        """An iteration begins. The scope around its container must have been entered."""
        self._inside[path] = self.asked(path, iteration)

    def asked(self, path: str, iteration: Iteration) -> Roots:
        """The roots of an iteration that perhaps begins, for the condition that decides (it reads ``index``,
        ``blocks.<loop>.previous``): as its first block would see them.
        """
        container, _ = iteration_of(path)
        outer = self.at(step_place(container).path)
        own = {block_of(container): iteration._asdict()}
        around = outer["blocks"]
        maps = around.maps if isinstance(around, ChainMap) else [around]
        return {
            **outer,
            "item": iteration.item,
            "index": iteration.index,
            "blocks": ChainMap(own, *maps),
        }

    def leave(self, path: str) -> None:
        """An iteration is over: drop it, and all that is inside. Leaving twice is harmless."""
        self._inside.pop(path, None)
        for inner in [inner for inner in self._inside if stands_in(inner, path)]:
            del self._inside[inner]
