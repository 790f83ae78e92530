"""One evaluation: the roots it reads, the fuel it has left, and what it makes of a path that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from jinja2 import StrictUndefined

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.limits import FUEL, too_expensive, weigh

Path = tuple[str | int, ...]
"""A path as it is written: ``blocks.a.items[0]`` is ``("blocks", "a", "items", 0)``."""

ROOTS: Final = frozenset(
    {"input", "blocks", "row", "vars", "secrets", "item", "index", "run"}
    | {"payload", "trigger", "scheduled_for", "scheduled_for_local", "timezone"}
)
"""Every name an expression can begin with; which of them hold depends on the place it stands in."""

NAMED_ROOTS: Final[Mapping[str, tuple[str, str]]] = {
    "blocks": ("unknown_block", "block"),
    "vars": ("unknown_variable", "variable"),
    "secrets": ("unknown_secret", "secret"),
}
"""Roots whose first level is a fixed set of names: an unknown one is an error whatever its filters (W5)."""


class Skipped:
    """Stands under ``blocks.<key>`` for a block that was skipped: it, and everything under it, is null (W5)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SKIPPED"


SKIPPED: Final = Skipped()


class Missing(StrictUndefined):
    """A path that leads nowhere. Only ``default`` and the test ``defined`` accept it; all else raises."""

    __slots__ = ()


class Evaluation:
    """What the compiled code receives as its context: values to read and fuel to spend.

    ``vars`` and ``exported_vars`` are where Jinja's generated code leaves its result.
    """

    __slots__ = ("exported_vars", "fuel", "roots", "vars")

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self.roots = roots
        self.fuel = FUEL
        self.vars: dict[str, Any] = {}
        self.exported_vars: set[str] = set()

    def spend(self, units: int) -> None:
        """Pay for work about to be done; raises `EvaluationError` when the fuel is used up."""
        self.fuel -= units
        if self.fuel < 0:
            raise too_expensive()

    def spend_on(self, value: Any, times: int = 1) -> None:
        """Pay for ``times`` passes over ``value``, nested values included."""
        self.spend(weigh(value, self.fuel) * times)

    def resolve_or_missing(self, name: str) -> NoReturn:
        """Jinja's way to look names up: unused, because every name was rewritten to a path."""
        raise EvaluationError("unknown_name", f"there is no {name!r} here")


def read(roots: Mapping[str, Any], path: Path) -> Any:
    """The value at ``path``; `Missing` when it leads nowhere, None at and under a skipped block.

    Raises `EvaluationError` for an unknown block, variable, secret, or a root that does not exist here.
    """
    value: Any = roots
    for depth, part in enumerate(path):
        if value is SKIPPED:
            return None
        try:
            value = value[part] if not isinstance(value, str) else _character(value, part)
        except (KeyError, IndexError, TypeError):
            return _absent(path, depth, value)
    return None if value is SKIPPED else value


def show(path: Path) -> str:
    """``path`` as a person would write it."""
    shown = str(path[0])
    for part in path[1:]:
        plain = isinstance(part, str) and part.isidentifier()
        shown += f".{part}" if plain else f"[{part!r}]"
    return shown


def fail_missing(value: Missing) -> NoReturn:
    """Raise the error that ``value`` stands for."""
    raise EvaluationError("missing_path", str(value._undefined_message))


def _character(text: str, part: str | int) -> str:
    if isinstance(part, int):
        return text[part]
    raise KeyError(part)


def _absent(path: Path, depth: int, parent: Any) -> Missing:
    if depth == 0:
        raise EvaluationError("unknown_name", f"{path[0]!r} cannot be read here")
    if depth == 1 and path[0] in NAMED_ROOTS:
        code, noun = NAMED_ROOTS[str(path[0])]
        raise EvaluationError(code, f"there is no {noun} {str(path[1])!r}")
    return Missing(f"{show(path[: depth + 1])} does not exist: {_why(show(path[:depth]), parent)}")


def _why(parent_path: str, parent: Any) -> str:
    if parent is None:
        return f"{parent_path} is null"
    if isinstance(parent, list):
        return f"{parent_path} is a list of {len(parent)}"
    if isinstance(parent, Mapping):
        return f"{parent_path} has no such key"
    return f"{parent_path} is not an object"
