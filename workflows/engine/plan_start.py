"""Where a rerun begins: ``block``, or ``block@scope`` for one iteration, such as ``fetch@each[7]/inner[2]`` (W26)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflows.engine.plan_source import SourceIndex
from workflows.engine.plan_types import PlanRefused
from workflows.engine.scopes import iteration_path, step_key
from workflows.engine.version import CompiledVersion

_ITERATION: Final = re.compile(r"(?P<container>[^\[\]/@]+)\[(?P<number>\d{1,9})\]")


@dataclass(frozen=True, slots=True)
class Start:
    """The start as a way down: per scope path the block to begin at, and the iteration to go into below it.

    ``within`` is the block that was named, when it stands deeper than the way goes, so that its container restarts.
    """

    block: str
    levels: Mapping[str, tuple[str, int | None]]
    within: str | None = None


def parse_start(version: CompiledVersion, text: str) -> Start:
    """The start that ``text`` names. Raises `PlanRefused`: ``block_missing``, ``scope_missing``."""
    named, _, scope = text.partition("@")
    containers = containers_of(version, named)
    steps = _iterations(named, scope) if scope else []
    if [container for container, _ in steps] != containers[: len(steps)]:
        raise PlanRefused("scope_missing", named, f"{scope!r} does not lead to the block {named!r}")
    levels: dict[str, tuple[str, int | None]] = {}
    path = ""
    for container, number in steps:
        levels[path] = (container, number)
        path = iteration_path(step_key(path, container), number)
    block = containers[len(steps)] if len(containers) > len(steps) else named
    levels[path] = (block, None)
    return Start(block, levels, named if block != named else None)


def containers_of(version: CompiledVersion, block: str) -> list[str]:
    """The containers around a block, outermost first. Raises `PlanRefused` when there is no such block."""
    if block not in version.blocks:
        raise PlanRefused("block_missing", block, f"the version to run has no block {block!r}")
    found: list[str] = []
    parent = version.blocks[block].spec.parent
    while parent is not None and parent not in found:
        found.insert(0, parent)
        parent = version.blocks[parent].spec.parent
    return found


def check_iterations(start: Start, index: SourceIndex) -> None:
    """Raises `PlanRefused` (``iteration_missing``) when the source never began an iteration that is named."""
    for path, (container, number) in start.levels.items():
        if number is not None and number not in index.iterations(step_key(path, container)):
            message = f"the earlier run has no iteration {number} of {container!r}"
            raise PlanRefused("iteration_missing", start.block, message)


def _iterations(block: str, scope: str) -> list[tuple[str, int]]:
    found = []
    for part in scope.split("/"):
        match = _ITERATION.fullmatch(part)
        if match is None:
            raise PlanRefused("scope_missing", block, f"{scope!r} is not a scope such as 'each[3]'")
        found.append((match["container"], int(match["number"])))
    return found
