"""A definition compiled for running: frozen, shared by every run of the version (W2, W4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from workflows.engine.config import CompiledConfig, Roots, compile_config
from workflows.engine.expressions import Path
from workflows.engine.fingerprint import block_fingerprint
from workflows.engine.graph import ScopeGraph, build_scopes
from workflows.engine.meaning import content_hash, without_disabled
from workflows.engine.types import (
    BlockError,
    BlockSpec,
    BlockType,
    Definition,
    Effect,
    Fault,
    RetryPolicy,
    Severity,
)


class DefinitionUnusable(Exception):
    """This definition cannot run; ``faults`` say why (perhaps a block type is no longer installed)."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.block}: {fault.message}" for fault in faults[:5]))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class CompiledBlock:
    """One block ready to run: its type's answers and its own settings, worked out once."""

    key: str
    spec: BlockSpec
    type: BlockType = field(repr=False)
    config: CompiledConfig = field(repr=False)
    effect: Effect
    retry: RetryPolicy | None
    timeout_seconds: float | None
    responds: bool
    fingerprint: str

    def resolve(self, roots: Roots) -> dict[str, Any]:
        """The config with every template replaced by its value. Raises `ExpressionError` naming the field."""
        return self.config.resolve(roots)

    def build(self, values: Mapping[str, Any]) -> BaseModel | BlockError:
        """The typed config of resolved ``values``, or the error to fail the step with."""
        return self.config.build(values)


@dataclass(frozen=True, slots=True)
class CompiledVersion:
    """Everything that running a version needs to know; ``scopes`` are by container, ``scopes[None]`` is the top."""

    content_hash: str
    blocks: Mapping[str, CompiledBlock]
    scopes: Mapping[str | None, ScopeGraph]
    references: frozenset[Path]
    """Every path that some block reads, as far as it is known before running."""

    @property
    def root(self) -> ScopeGraph:
        """The graph of the blocks that stand in no container."""
        return self.scopes[None]

    @property
    def uses_secrets(self) -> frozenset[str]:
        """Names of the secrets that some block reads."""
        return frozenset(str(path[1]) for path in self.references if path[0] == "secrets")


def compile_version(definition: Definition, block_types: Mapping[str, BlockType]) -> CompiledVersion:
    """Compile a valid definition; the cost is linear in its blocks, edges and text.

    Raises `DefinitionUnusable` when a type is unknown, a config does not fit, a container is empty or the graph
    has a cycle; the full list of faults comes from ``engine.validation``.
    """
    active = without_disabled(definition)
    faults: list[Fault] = []
    blocks: dict[str, CompiledBlock] = {}
    for spec in active.blocks:
        block_type = block_types.get(spec.type)
        if block_type is None:
            faults.append(unknown_type(spec, block_types))
        else:
            blocks[spec.key] = _compile_block(spec, block_type, faults)
    scopes = build_scopes(active, entry_types(block_types))
    faults += [cycle_fault(cycle) for graph in scopes.values() for cycle in graph.cycles()]
    faults += [
        entry_fault(block.key)
        for block in blocks.values()
        if block.type.container and block.key not in scopes
    ]
    errors = tuple(fault for fault in faults if fault.severity is Severity.ERROR)
    if errors:
        raise DefinitionUnusable(errors)
    references = frozenset(path for block in blocks.values() for path in block.config.references)
    return CompiledVersion(
        content_hash(active), MappingProxyType(blocks), MappingProxyType(scopes), references
    )


def entry_types(block_types: Mapping[str, BlockType]) -> frozenset[str]:
    """Names of the types at which runs begin."""
    return frozenset(name for name, block_type in block_types.items() if block_type.entry)


def unknown_type(spec: BlockSpec, block_types: Mapping[str, BlockType]) -> Fault:
    """The fault of a block whose type is not registered here."""
    known = ", ".join(sorted(block_types))
    return Fault(spec.key, "type", "unknown_type", f"there is no block type {spec.type!r}; known are {known}")


def cycle_fault(cycle: tuple[str, ...]) -> Fault:
    """The fault of blocks that wait for each other."""
    way = " → ".join((*cycle, cycle[0]))
    message = f"these blocks wait for each other: {way}; use a loop block to repeat"
    return Fault(cycle[0], None, "cycle", message)


def entry_fault(container: str) -> Fault:
    """The fault of a container that could not begin an iteration."""
    message = "this container holds no block that it could begin with"
    return Fault(container, None, "container_without_entry", message)


def _compile_block(spec: BlockSpec, block_type: BlockType, faults: list[Fault]) -> CompiledBlock:
    config, config_faults = compile_config(spec.key, block_type.config_model, spec.config)
    faults += config_faults
    timeout = spec.timeout_seconds
    return CompiledBlock(
        key=spec.key,
        spec=spec,
        type=block_type,
        config=config,
        effect=block_type.effect(spec.config),
        retry=block_type.retry_of(spec.config) if spec.retry is None else spec.retry,
        timeout_seconds=block_type.timeout_of(spec.config) if timeout is None else timeout,
        responds=block_type.responds,
        fingerprint=block_fingerprint(spec, block_type.version_of(spec.config)),
    )
