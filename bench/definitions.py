"""The work that is measured, as workflow definitions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def _chain(*blocks: dict[str, Any]) -> dict[str, Any]:
    keys = [block["key"] for block in blocks]
    return {
        "blocks": list(blocks),
        "edges": [{"from": a, "to": b} for a, b in pairwise(keys)],
    }


def noop() -> dict[str, Any]:
    """Three pure blocks, each reading the one before it: what P1 runs per row."""
    return _chain(
        {"key": "a", "type": "set", "config": {"fields": {"value": "{{ row.text|upper }}"}}},
        {"key": "b", "type": "set", "config": {"fields": {"value": "{{ blocks.a.value }}!"}}},
        {"key": "c", "type": "set", "config": {"fields": {"value": "{{ blocks.b.value|length }}"}}},
    )


OUTPUTS = (("blocks.a.value", "a"), ("blocks.b.value", "b"), ("blocks.c.value", "c"))
"""The three results of ``noop``, each in a column of its own."""
