"""What a table of the demo is made of, as data: columns, workflow groups, and where its rows come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.demo.definitions import Definition


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `path` is what fills it, empty for one that is typed or imported. `key` is its storage key."""

    key: str
    name: str
    type: str
    width: int
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"name": self.name, "type": self.type, "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class Group:
    """One workflow group with the workflow of the same name. Columns are named by their keys."""

    name: str
    about: str
    definition: Definition
    outputs: tuple[Column, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. ``records`` answers its rows, values in the order of ``typed``; ``identity`` tells them apart.

    ``things`` is what the rows are, in the plural. ``again`` is when all of it runs again by itself, as cron fields in
    UTC; empty: never.
    """

    name: str
    about: str
    things: str
    filename: str
    typed: tuple[Column, ...]
    identity: tuple[Column, ...]
    groups: tuple[Group, ...]
    records: Callable[[], Sequence[tuple[str, ...]]]
    again: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them, in their order."""
        return (*self.typed, *(column for group in self.groups for column in group.outputs))

    def label(self, data: Mapping[str, Any]) -> str:
        """What people call a row."""
        return " ".join(str(data.get(column.key)) for column in self.identity)


def choices(*names: str) -> dict[str, Any]:
    """Options of a column that holds one of these."""
    return {"choices": list(names)}
