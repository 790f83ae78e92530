"""A source run's steps as the planner looks them up: by scope, and which iterations each container began."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from workflows.engine.plan_types import SourceRun, SourceStep
from workflows.engine.scopes import TOP, iteration_of, iteration_path, step_key, step_place

_NUMBER: Final = re.compile(r"\[(\d+)\]")
_NOTHING: Final[Mapping[str, SourceStep]] = {}


class SourceIndex:
    """The steps of a run by scope path and block; built in one pass."""

    def __init__(self, source: SourceRun) -> None:
        self._scopes: dict[str, dict[str, SourceStep]] = {TOP: {}}
        self._begun: dict[str, set[int]] = {}
        for key, step in source.steps.items():
            path, block = step_place(key)
            scope = self._scopes.get(path)
            if scope is None:
                scope = self._scopes[path] = {}
                self._note(path)
            scope[block] = step

    def _note(self, path: str) -> None:
        """Count the iteration at ``path``, and those around it, as begun."""
        while path:
            try:
                container, number = iteration_of(path)
            except ValueError:
                return  # no version ever wrote such a key; its steps are discarded
            self._begun.setdefault(container, set()).add(number)
            path = step_place(container).path

    def scope(self, path: str) -> Mapping[str, SourceStep]:
        """The steps right inside the scope at ``path``, by block."""
        return self._scopes.get(path, _NOTHING)

    def iterations(self, container: str) -> list[int]:
        """The iterations that a container's step began, in order."""
        return sorted(self._begun.get(container, ()))

    def under(self, container: str) -> Iterator[str]:
        """The keys of every step inside a container's step, at any depth."""
        for number in self.iterations(container):
            path = iteration_path(container, number)
            for block in self._scopes.get(path, _NOTHING):
                yield step_key(path, block)
            inner = {step_key(path, block) for block in self._scopes.get(path, _NOTHING)}
            yield from (key for child in inner for key in self.under(child))


def natural_order(key: str) -> tuple[str | int, ...]:
    """How step keys are sorted where no graph orders them: ``each[9]/a`` before ``each[10]/a``."""
    return tuple(int(part) if i % 2 else part for i, part in enumerate(_NUMBER.split(key)))
