"""A definition checked as a whole: every fault with its block and field, at save time (W1, W5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.config import Use, compile_config
from workflows.engine.definition import parse_definition
from workflows.engine.graph import ScopeGraph, build_scopes
from workflows.engine.meaning import without_disabled
from workflows.engine.references import Names, reference_faults
from workflows.engine.types import ERROR_HANDLE, BlockSpec, BlockType, Definition, Fault, Severity
from workflows.engine.version import cycle_fault, entry_fault, entry_types, unknown_type

MAX_NESTING: Final = 10
"""Containers inside containers (W10)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition and all its faults. ``runnable`` unless one of them is an error."""

    definition: Definition
    faults: tuple[Fault, ...]

    @property
    def runnable(self) -> bool:
        """Whether it may be published and run; warnings do not forbid it."""
        return all(fault.severity is not Severity.ERROR for fault in self.faults)


def check_definition(data: Any, block_types: Mapping[str, BlockType], names: Names | None = None) -> Checked:
    """Parse and validate the JSON of a definition. Never raises, whatever ``data`` is."""
    definition, faults = parse_definition(data)
    return Checked(definition, faults + validate_definition(definition, block_types, names))


def validate_definition(
    definition: Definition, block_types: Mapping[str, BlockType], names: Names | None = None
) -> tuple[Fault, ...]:
    """Every fault of a parsed definition (W1); ``names`` are the inputs, secrets and variables known here.

    Disabled blocks are looked at only for what holds them in place: their key, parent and edges' ends.
    """
    faults = [*_duplicates(definition), *_edge_ends(definition)]
    active = without_disabled(_first_of_each_key(definition))
    known = {block.key: block for block in active.blocks}
    faults += _parents(definition, known, block_types)
    faults += _types(active, block_types)
    faults += _edges(active, known, block_types)
    scopes = build_scopes(active, entry_types(block_types))
    faults += _shapes(scopes, known, block_types)
    uses: dict[str, tuple[Use, ...]] = {}
    for block in active.blocks:
        if block.type in block_types:
            config, config_faults = compile_config(
                block.key, block_types[block.type].config_model, block.config
            )
            uses[block.key] = config.uses
            faults += config_faults
    names = (names or Names()).with_inputs(_declared_inputs(active, block_types))
    faults += reference_faults(definition, known, scopes, uses, names)
    return tuple(faults)


def _duplicates(definition: Definition) -> Iterator[Fault]:
    seen: set[str] = set()
    for block in definition.blocks:
        if block.key in seen:
            yield Fault(block.key, "key", "duplicate_key", f"another block has the key {block.key!r} already")
        seen.add(block.key)


def _first_of_each_key(definition: Definition) -> Definition:
    firsts: dict[str, BlockSpec] = {}
    for block in definition.blocks:
        firsts.setdefault(block.key, block)
    return Definition(tuple(firsts.values()), definition.edges)


def _edge_ends(definition: Definition) -> Iterator[Fault]:
    keys = {block.key for block in definition.blocks}
    for position, edge in enumerate(definition.edges):
        for name, key in (("from", edge.source), ("to", edge.target)):
            if key not in keys:
                field = f"edges[{position}].{name}"
                yield Fault(
                    None, field, "missing_block", f"this edge names a block {key!r} that does not exist"
                )


def _types(active: Definition, block_types: Mapping[str, BlockType]) -> Iterator[Fault]:
    for block in active.blocks:
        if block.type not in block_types:
            yield unknown_type(block, block_types)


def _parents(
    definition: Definition, known: Mapping[str, BlockSpec], block_types: Mapping[str, BlockType]
) -> Iterator[Fault]:
    keys = {block.key for block in definition.blocks}
    for block in known.values():
        if block.parent is None:
            continue
        if block.parent not in keys:
            message = f"the container {block.parent!r} does not exist"
            yield Fault(block.key, "parent", "missing_block", message)
            continue
        parent_type = block_types.get(known[block.parent].type) if block.parent in known else None
        if parent_type is not None and not parent_type.container:
            yield Fault(
                block.key, "parent", "not_a_container", f"{block.parent!r} cannot contain other blocks"
            )
        containers = list(containers_of(block.key, known))
        if len(containers) > MAX_NESTING:
            going_round = block.key in containers
            code = "cycle" if going_round else "too_deep"
            message = (
                "this block contains itself" if going_round else f"containers nest {MAX_NESTING} deep at most"
            )
            yield Fault(block.key, "parent", code, message)


def containers_of(key: str, known: Mapping[str, BlockSpec]) -> Iterator[str]:
    """The containers around a block, innermost first; a few too many when they go round in a circle."""
    for _ in range(MAX_NESTING + 1 + len(known)):
        parent = known[key].parent if key in known else None
        if parent is None:
            return
        yield parent
        key = parent


def _edges(
    active: Definition, known: Mapping[str, BlockSpec], block_types: Mapping[str, BlockType]
) -> Iterator[Fault]:
    handles = {
        block.key: block_types[block.type].handles(block.config) | {ERROR_HANDLE}
        for block in active.blocks
        if block.type in block_types
    }
    for edge in active.edges:
        source, target = known.get(edge.source), known.get(edge.target)
        if source is None or target is None:
            continue
        ports = handles.get(edge.source)
        if ports is not None and edge.handle not in ports:
            message = f"{edge.source!r} has no handle {edge.handle!r} (edge to {edge.target!r}); it has {_list(ports)}"
            yield Fault(edge.source, "handle", "unknown_handle", message)
        if source.parent != target.parent:
            message = f"the edge to {edge.target!r} crosses the wall of a container"
            yield Fault(edge.source, None, "crosses_container", message)


def _shapes(
    scopes: Mapping[str | None, ScopeGraph],
    known: Mapping[str, BlockSpec],
    block_types: Mapping[str, BlockType],
) -> Iterator[Fault]:
    for graph in scopes.values():
        yield from map(cycle_fault, graph.cycles())
        reachable = graph.reachable()
        for i in graph.order:
            if i not in reachable:
                message = "no path from the start leads here, so this block never runs"
                yield Fault(graph.keys[i], None, "unreachable", message, Severity.WARNING)
    for block in known.values():
        block_type = block_types.get(block.type)
        if block_type is not None and block_type.container:
            inside = scopes.get(block.key)
            if inside is None or not inside.entries:
                yield entry_fault(block.key)
            if block.retry is not None:
                message = (
                    "a loop or parallel is not tried again as a whole; set the retry of the blocks inside it"
                )
                yield Fault(block.key, "retry", "no_retry", message)


def _declared_inputs(active: Definition, block_types: Mapping[str, BlockType]) -> frozenset[str] | None:
    """The inputs that the entry blocks declare together; None when one of them, or there is none, takes any."""
    declared = [
        block_types[block.type].declared_inputs(block.config)
        for block in active.blocks
        if block.type in block_types and block_types[block.type].entry
    ]
    if not declared or any(inputs is None for inputs in declared):
        return None
    return frozenset(name for inputs in declared for name in inputs or ())


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
