"""How a step came out differently in another run: what changed, where in the JSON, before and after (W30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final

MAX_DIFFERENCES: Final = 200
"""Differences told of one step; a person reads no more."""

MAX_TEXT_LINES: Final = 200
"""Lines of one text's comparison."""

_MAX_COMPARED_LINES: Final = 1_000
_MAX_LINE_LENGTH: Final = 1_000
_LONG_TEXT: Final = 120
_FIELDS: Final = ("status", "handle", "input", "output", "error", "duration_seconds")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs. ``path`` is written as in expressions: ``output.items[0].name``.

    ``kind`` is ``added``, ``removed`` or ``changed``; a value that is not there is None. ``lines`` compare long texts
    as a unified diff, which then stands for both values.
    """

    path: str
    kind: str
    before: Any = None
    after: Any = None
    lines: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of the API: a text's lines instead of its values."""
        if self.lines is not None:
            return {"path": self.path, "kind": self.kind, "lines": list(self.lines)}
        return {"path": self.path, "kind": self.kind, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class StepDiff:
    """What differs between two runs' steps; ``truncated`` says that there is more than is told."""

    differences: tuple[Difference, ...]
    truncated: bool

    def as_json(self) -> dict[str, Any]:
        """The shape of the API."""
        return {"differences": [found.as_json() for found in self.differences], "truncated": self.truncated}


def diff_steps(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> StepDiff:
    """Compare a step of one run with the same step of another; None is a step that the run does not have.

    Compared are ``status``, ``handle``, ``input``, ``output``, ``error`` and ``duration_seconds``, as far as they are
    given; all are JSON. Objects are compared by key in sorted order, lists by position.
    """
    found: list[Difference] = []
    for difference in _steps(left or {}, right or {}):
        if len(found) == MAX_DIFFERENCES:
            return StepDiff(tuple(found), truncated=True)
        found.append(difference)
    return StepDiff(tuple(found), truncated=False)


def _steps(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
    for field in _FIELDS:
        yield from _values(field, left.get(field, _ABSENT), right.get(field, _ABSENT))


def _values(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before is _ABSENT or after is _ABSENT:
        if before is not after:
            yield _missing(path, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _values(_below(path, key), before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for i in range(max(len(before), len(after))):
            yield from _values(f"{path}[{i}]", _at(before, i), _at(after, i))
    elif not _same(before, after):
        yield Difference(path, "changed", before, after, _lines(before, after))


def _missing(path: str, before: Any, after: Any) -> Difference:
    if before is _ABSENT:
        return Difference(path, "added", after=after)
    return Difference(path, "removed", before=before)


def _same(before: Any, after: Any) -> bool:
    """Whether two values are the same JSON: 1 and true are not, 1 and 1.0 are."""
    return isinstance(before, bool) is isinstance(after, bool) and bool(before == after)


def _at(values: Sequence[Any], i: int) -> Any:
    return values[i] if i < len(values) else _ABSENT


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"


def _lines(before: Any, after: Any) -> tuple[str, ...] | None:
    """A unified diff of two texts that are too long to be read side by side; None for anything else."""
    if not isinstance(before, str) or not isinstance(after, str):
        return None
    if max(len(before), len(after)) <= _LONG_TEXT and "\n" not in before + after:
        return None
    old, new = (text.splitlines()[:_MAX_COMPARED_LINES] for text in (before, after))
    lines = [line[:_MAX_LINE_LENGTH] for line in unified_diff(old, new, "before", "after", lineterm="")]
    if len(lines) > MAX_TEXT_LINES:
        rest = len(lines) - MAX_TEXT_LINES
        lines = [*lines[:MAX_TEXT_LINES], f"… {rest} more lines"]
    return tuple(lines) or None
