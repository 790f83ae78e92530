"""What a definition means: disabled blocks taken out, positions and names forgotten, one hash (W2)."""

from __future__ import annotations

from typing import Any, Final

from workflows.engine.canonical import digest
from workflows.engine.types import BlockSpec, Definition, RetryPolicy, UnknownOutcome

INERT_TYPES: Final = frozenset({"note"})
"""Block types that stand beside the graph, for people: whatever they say, nothing runs differently."""


def without_disabled(definition: Definition) -> Definition:
    """The definition without its disabled blocks and notes, what they contain, and every edge that touches them."""
    if all(_takes_part(block) for block in definition.blocks):
        return definition
    parents = {block.key: block.parent for block in definition.blocks}
    out = {block.key for block in definition.blocks if not _takes_part(block)}
    blocks = tuple(block for block in definition.blocks if not _stands_in(block.key, out, parents))
    kept = {block.key for block in blocks}
    # An edge to a block that does not exist at all stays, so that validation can name it.
    gone = parents.keys() - kept
    edges = tuple(edge for edge in definition.edges if edge.source not in gone and edge.target not in gone)
    return Definition(blocks, edges)


def content_hash(definition: Definition) -> str:
    """SHA-256 of the meaning, in hex: equal for definitions that run alike, whatever their layout.

    Raises `NotJson` for configs that cannot be stored.
    """
    meant = without_disabled(definition)
    blocks = sorted((_meaning(block) for block in meant.blocks), key=lambda block: str(block["key"]))
    edges = sorted({(edge.source, edge.handle, edge.target) for edge in meant.edges})
    return digest({"blocks": blocks, "edges": edges})


def _takes_part(block: BlockSpec) -> bool:
    return block.enabled and block.type not in INERT_TYPES


def _stands_in(key: str | None, out: set[str], parents: dict[str, str | None]) -> bool:
    """Whether a block or one of its containers is disabled; bounded, for parents may go round in a circle."""
    for _ in range(len(parents) + 1):
        if key is None:
            return False
        if key in out:
            return True
        key = parents.get(key)
    return False


def _meaning(block: BlockSpec) -> dict[str, Any]:
    return {
        "key": block.key,
        "type": block.type,
        "config": dict(block.config),
        "retry": None if block.retry is None else _policy(block.retry),
        "timeout_seconds": block.timeout_seconds,
        "parent": block.parent,
    }


def _policy(policy: RetryPolicy) -> dict[str, Any]:
    meant: dict[str, Any] = {
        "max_attempts": policy.max_attempts,
        "kind": policy.kind,
        "delay_seconds": policy.delay_seconds,
        "cap_seconds": policy.cap_seconds,
        "jitter": policy.jitter,
        "retry_on": sorted(policy.retry_on),
    }
    if policy.on_unknown is not UnknownOutcome.ASK:  # left out by default: hashes of earlier versions stand
        meant["on_unknown"] = policy.on_unknown
    return meant
