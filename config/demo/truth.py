"""What cells should hold, worked out in plain Python: no workflow, no expression, no block has a part in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Values = dict[str, Any]


class Fails(Exception):
    """The cell should have failed: with this code, and a message that holds these words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth about one sheet, by the names of its groups; each answers for one row's values.

    ``values`` is what a cell should hold, or raises `Fails`; ``of_failed`` the same for cells that did fail, where that
    takes more work. ``waiting`` is what a cell holds that should wait for a person, None for one that should not.
    ``gone`` tells why a row cannot be judged; it is empty where it can. ``against`` is where the truth is from.
    """

    against: str
    gone: Callable[[Row], str]
    values: Mapping[str, Callable[[Row], Values]]
    of_failed: Mapping[str, Callable[[Row], Values]] = field(default_factory=dict)
    conditions: Mapping[str, Callable[[Row], bool]] = field(default_factory=dict)
    waiting: Mapping[str, Callable[[Row], Values | None]] = field(default_factory=dict)
