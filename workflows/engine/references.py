"""Whether what expressions refer to can exist when they run: blocks, inputs, secrets, roots (W1, W5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from workflows.engine.config import Use
from workflows.engine.expressions import Path
from workflows.engine.graph import ScopeGraph
from workflows.engine.types import BlockSpec, Definition, Fault

RUN_ROOTS: Final = frozenset({"input", "blocks", "row", "vars", "secrets", "run"})
"""Roots that exist everywhere in a run."""

ITERATION_ROOTS: Final = frozenset({"item", "index"})
"""Roots that exist inside containers, and where a field's marker adds them."""

READ_FROM_INSIDE: Final = ("item", "index", "previous")
"""What the blocks inside a container may read of it as ``blocks.<container>.…``: its output is not there yet (W10)."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that exist around a definition; None where they are not known, so that any will do."""

    inputs: frozenset[str] | None = None
    secrets: frozenset[str] | None = None
    variables: frozenset[str] | None = None

    def with_inputs(self, declared: frozenset[str] | None) -> Names:
        """These names, with the inputs that the definition itself declares unless others are given."""
        return self if self.inputs is not None else replace(self, inputs=declared)


def reference_faults(
    definition: Definition,
    known: Mapping[str, BlockSpec],
    scopes: Mapping[str | None, ScopeGraph],
    uses: Mapping[str, tuple[Use, ...]],
    names: Names,
) -> Iterator[Fault]:
    """The faults of every reference of every template and expression in ``uses``."""
    before = {parent: graph.ancestors() for parent, graph in scopes.items()}
    disabled = {block.key for block in definition.blocks} - known.keys()
    for key, block_uses in uses.items():
        for use in block_uses:
            for path in sorted(use.compiled.references, key=str):
                if path[0] == "blocks":
                    wanted = str(path[1])
                    allowed = _reads_iteration(path, key, use, known, scopes) or _runs_before(
                        wanted, key, known, scopes, before
                    )
                    problem = None if allowed else _block_problem(wanted, key, known, disabled)
                else:
                    decides = key in scopes and "index" in use.marker.adds
                    problem = _name_problem(path, use, known[key], names, decides=decides)
                if problem is not None:
                    code, message = problem
                    yield Fault(key, use.field, code, f"{message} (in {use.compiled.source[:200]!r})")


def _reads_iteration(
    path: Path,
    key: str,
    use: Use,
    known: Mapping[str, BlockSpec],
    scopes: Mapping[str | None, ScopeGraph],
) -> bool:
    """Whether this is the item, index or previous result of a container around the block.

    A while loop's own condition may read it too: that is the field of a container that adds ``index``.
    """
    wanted = str(path[1])
    own = wanted == key and key in scopes and "index" in use.marker.adds
    return len(path) > 2 and path[2] in READ_FROM_INSIDE and (own or wanted in _around(key, known))


def _around(key: str, known: Mapping[str, BlockSpec]) -> list[str]:
    """The containers around a block, innermost first; those that go round in a circle end there."""
    found: list[str] = []
    parent = known[key].parent
    while parent is not None and parent in known and parent not in found:
        found.append(parent)
        parent = known[parent].parent
    return found


def _runs_before(
    wanted: str,
    key: str,
    known: Mapping[str, BlockSpec],
    scopes: Mapping[str | None, ScopeGraph],
    before: Mapping[str | None, tuple[int, ...]],
) -> bool:
    """Whether ``wanted`` has always finished when ``key`` runs: it leads to it, or to a container around it."""
    around: str | None = key
    for _ in known:
        if around is None or around not in known:
            return False
        parent = known[around].parent
        index = scopes[parent].index
        if wanted in index:
            return bool(before[parent][index[around]] >> index[wanted] & 1)
        around = parent
    return False


def _block_problem(
    wanted: str, key: str, known: Mapping[str, BlockSpec], disabled: set[str]
) -> tuple[str, str]:
    if wanted in disabled:
        return "unknown_block", f"the block {wanted!r} is disabled; enable it or take this reference out"
    if wanted not in known:
        return "unknown_block", f"there is no block {wanted!r}"
    if wanted == key:
        return "reference_not_before", "a block cannot read its own output"
    if wanted in _around(key, known):
        parts = ", ".join(READ_FROM_INSIDE)
        return "reference_not_before", f"inside {wanted!r} only its {parts} can be read, it has not ended yet"
    walls = [container for container in _around(wanted, known) if container not in _around(key, known)]
    if walls:
        message = f"{wanted!r} runs inside {walls[-1]!r}; from outside, read blocks.{walls[-1]}.results"
        return "reference_not_before", message
    return (
        "reference_not_before",
        f"no path leads from {wanted!r} to this block, so it cannot have run before",
    )


def _name_problem(
    path: Path, use: Use, block: BlockSpec, names: Names, *, decides: bool
) -> tuple[str, str] | None:
    """``decides``: this is the condition of a while loop, whose iterations have an index and no item."""
    root = str(path[0])
    if root == "item" and decides:
        return "unknown_name", "a loop that goes on while something holds has no item; name the outer loop's"
    if root in ITERATION_ROOTS and block.parent is None and root not in use.marker.adds:
        return "unknown_name", f"{root!r} exists only inside a loop or parallel"
    if root not in RUN_ROOTS | ITERATION_ROOTS | use.marker.adds:
        return "unknown_name", f"{root!r} cannot be read in a workflow; pass it in as an input"
    if root == "secrets" and not use.marker.secrets:
        return "secret_not_allowed", "secrets may not be read in this field"
    known, code, noun = {
        "input": (names.inputs, "unknown_input", "input"),
        "secrets": (names.secrets, "unknown_secret", "secret"),
        "vars": (names.variables, "unknown_variable", "variable"),
    }.get(root, (None, "", ""))
    if known is None or len(path) < 2 or path[1] in known:
        return None
    return code, f"there is no {noun} {str(path[1])!r}; known are {', '.join(sorted(known)) or 'none'}"
