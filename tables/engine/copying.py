"""What a copy of rows, groups or views must leave out, and how it names what was copied with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tables.engine.types import TableSpec


def keys_left_out(spec: TableSpec, emptied: Iterable[str]) -> frozenset[str]:
    """Columns whose values cannot come along with a copied row when it leaves ``emptied`` ones out.

    What a workflow made of a value that the copy does not have is not the copy's: a group that waits for such a column,
    or reads it, leaves its outputs out too, and so on along the chain.
    """
    out = set(emptied)
    for group in spec.groups:
        read = {source["column"] for source in group.inputs.values() if "column" in source}
        if out & (read | set(group.depends_on)):
            out.update(group.output_keys)
    return frozenset(out)


def renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """The same JSON, every id in it (as a text or as a member's name) replaced by that of its copy.

    >>> renamed({"all": [{"column": "a", "op": "eq", "value": "x"}]}, {"a": "b"})
    {'all': [{'column': 'b', 'op': 'eq', 'value': 'x'}]}
    """
    if isinstance(value, str):
        return ids.get(value, value)
    if isinstance(value, Mapping):
        return {ids.get(name, name): renamed(inner, ids) for name, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, ids) for inner in value]
    return value
