"""How the demo writes workflows down: blocks, and the edges between them as arrows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

Definition = Mapping[str, Any]


def block(key: str, type_: str, **config: Any) -> dict[str, Any]:
    """One block."""
    return {"key": key, "type": type_, "config": config}


def edges(*written: str) -> list[dict[str, str]]:
    """`a → b → c` joins by `source`; `a:handle → b` by that handle."""
    found = []
    for chain in written:
        stops = chain.split(" → ")
        for begin, end in pairwise(stops):
            key, _, handle = begin.partition(":")
            found.append({"from": key, "handle": handle or "source", "to": end.partition(":")[0]})
    return found


def start(**inputs: str) -> dict[str, Any]:
    """The first block; `name="text!"` declares a required input of that type."""
    split = {name: (kind.rstrip("!"), kind.endswith("!")) for name, kind in inputs.items()}
    declared = {name: {"type": kind, "required": needed} for name, (kind, needed) in split.items()}
    return block("start", "start", inputs=declared)
