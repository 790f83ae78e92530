"""Step keys: where inside loops and parallels a step stands (glossary: scope, step key).

A step key is the path of its scope and its block's key: ``each[7]/inner[3]/fetch`` is the block ``fetch`` in
iteration 3 of the container ``inner``, which itself runs in iteration 7 of ``each``. The top scope's path is empty,
so that a block outside containers has its own key for a step key. Block keys hold neither ``/`` nor ``[`` (`names`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

TOP: Final = ""
"""The path of the scope that no container holds."""


class StepPlace(NamedTuple):
    """A step key taken apart: the path of its scope, and its block's key."""

    path: str
    block: str


def step_key(path: str, block: str) -> str:
    """The key of a block's step in the scope at ``path``."""
    return f"{path}/{block}" if path else block


def step_place(key: str) -> StepPlace:
    """The scope and the block of a step key."""
    path, _, block = key.rpartition("/")
    return StepPlace(path, block)


def block_of(key: str) -> str:
    """The block that a step is of."""
    return key.rpartition("/")[2]


def iteration_path(container: str, index: int) -> str:
    """The path of iteration ``index`` (0 is the first) of a container's step."""
    return f"{container}[{index}]"


def iteration_of(path: str) -> tuple[str, int]:
    """The container's step key and the index of the iteration at ``path``. Raises ValueError for the top."""
    container, bracket, index = path.rpartition("[")
    if not bracket or not index.endswith("]"):
        raise ValueError(f"{path!r} is not an iteration")
    return container, int(index[:-1])


def stands_in(key: str, path: str) -> bool:
    """Whether a step (or a scope) is inside the scope at ``path``, at any depth."""
    return not path or key.startswith(f"{path}/")
