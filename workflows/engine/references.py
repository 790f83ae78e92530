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
                    runs_before = _runs_before(str(path[1]), key, known, scopes, before)
                    problem = None if runs_before else _block_problem(str(path[1]), key, known, disabled)
                else:
                    problem = _name_problem(path, use, known[key], names)
                if problem is not None:
                    code, message = problem
                    yield Fault(key, use.field, code, f"{message} (in {use.compiled.source[:200]!r})")


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
    return (
        "reference_not_before",
        f"no path leads from {wanted!r} to this block, so it cannot have run before",
    )


def _name_problem(path: Path, use: Use, block: BlockSpec, names: Names) -> tuple[str, str] | None:
    root = str(path[0])
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
