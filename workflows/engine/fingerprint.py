"""What makes a block the same block, and an input the same input (W24)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.canonical import digest
from workflows.engine.types import BlockSpec


def block_fingerprint(block: BlockSpec, handler_version: str) -> str:
    """SHA-256 of type, handler version and config, in hex; not of key, position, name, retry or neighbours."""
    return digest([block.type, handler_version, dict(block.config)])


def input_hash(values: Mapping[str, Any], reads: Mapping[str, Any] | None = None) -> str:
    """SHA-256 of a step's resolved config, and of what its expressions read, in hex.

    Raises `NotJson` when a value cannot be stored as JSON.
    """
    return digest([dict(values), dict(reads or {})])
