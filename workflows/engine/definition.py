"""From the JSON a user sends to a `Definition`: every fault of form is reported, none is raised (W1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from workflows.engine.canonical import json_fault
from workflows.engine.names import is_block_key
from workflows.engine.policies import parse_retry
from workflows.engine.types import SOURCE_HANDLE, BlockSpec, Definition, Edge, Fault

MAX_BLOCKS: Final = 5_000
MAX_EDGES: Final = 20_000
MAX_NAME_LENGTH: Final = 200
MAX_HANDLE_LENGTH: Final = 100
MAX_TIMEOUT_SECONDS: Final = 7 * 86_400

_BLOCK_FIELDS: Final = frozenset(
    {"key", "type", "name", "config", "retry", "timeout_seconds", "enabled", "position", "parent"}
)
_EDGE_FIELDS: Final = frozenset({"from", "handle", "to"})


def parse_definition(data: Any) -> tuple[Definition, tuple[Fault, ...]]:
    """The definition in ``{"blocks": [...], "edges": [...]}`` and the faults of its form.

    Parts that are not well formed are left out of the definition, so that the rest can still be checked.
    Never raises, whatever ``data`` is.
    """
    faults: list[Fault] = []
    unstorable = json_fault(data)
    if unstorable is not None:
        return Definition(), (Fault(None, None, *unstorable),)
    if not isinstance(data, Mapping):
        return Definition(), (_whole(None, 'a definition is an object {"blocks": […], "edges": […]}'),)
    _refuse_unknown(data, {"blocks", "edges"}, None, "", faults)
    blocks = _items(data, "blocks", MAX_BLOCKS, faults)
    edges = _items(data, "edges", MAX_EDGES, faults)
    parsed_blocks = [_parse_block(item, position, faults) for position, item in enumerate(blocks)]
    parsed_edges = [_parse_edge(item, position, faults) for position, item in enumerate(edges)]
    if not blocks and not faults:
        faults.append(Fault(None, "blocks", "no_blocks", "there are no blocks; add one"))
    definition = Definition(
        tuple(block for block in parsed_blocks if block is not None),
        tuple(edge for edge in parsed_edges if edge is not None),
    )
    return definition, tuple(faults)


def _items(data: Mapping[str, Any], name: str, limit: int, faults: list[Fault]) -> list[Any]:
    items = data.get(name, [] if name == "edges" else None)
    if not isinstance(items, list):
        faults.append(_whole(name, f"{name!r} must be a list"))
        return []
    if len(items) > limit:
        faults.append(Fault(None, name, "too_many", f"a definition has at most {limit:,} {name}"))
        return []
    return items


def _parse_block(item: Any, position: int, faults: list[Fault]) -> BlockSpec | None:
    place = f"blocks[{position}]"
    if not isinstance(item, Mapping):
        faults.append(_whole(place, "a block is an object with key, type and config"))
        return None
    key = item.get("key")
    if not isinstance(key, str) or not is_block_key(key):
        message = "keys are 1 to 64 letters, digits, '_' and '-', and do not begin with a digit or '-'"
        faults.append(Fault(None, f"{place}.key", "bad_key", message))
        return None
    _refuse_unknown(item, _BLOCK_FIELDS, key, "", faults)
    reader = _FieldReader(key, item, faults)
    return BlockSpec(
        key=key,
        type=reader.text("type", limit=MAX_NAME_LENGTH, required=True),
        name=reader.text("name", limit=MAX_NAME_LENGTH),
        config=reader.config(),
        retry=parse_retry(key, item.get("retry"), faults),
        timeout_seconds=reader.timeout(),
        enabled=reader.flag("enabled"),
        parent=reader.text("parent", limit=MAX_NAME_LENGTH) or None,
    )


def _parse_edge(item: Any, position: int, faults: list[Fault]) -> Edge | None:
    place = f"edges[{position}]"
    if not isinstance(item, Mapping):
        faults.append(_whole(place, "an edge is an object with from, handle and to"))
        return None
    _refuse_unknown(item, _EDGE_FIELDS, None, f"{place}.", faults)
    ends = {name: item.get(name) for name in ("from", "to")}
    handle = item.get("handle")
    handle = SOURCE_HANDLE if handle is None else handle
    for name, value in (*ends.items(), ("handle", handle)):
        if not isinstance(value, str) or not 0 < len(value) <= MAX_HANDLE_LENGTH:
            faults.append(_whole(f"{place}.{name}", f"{name!r} must be a short text"))
            return None
    return Edge(str(ends["from"]), str(handle), str(ends["to"]))


class _FieldReader:
    """Reads the fields of one block, noting a fault and answering a harmless value for each bad one."""

    def __init__(self, key: str, item: Mapping[str, Any], faults: list[Fault]) -> None:
        self._key = key
        self._item = item
        self._faults = faults

    def text(self, name: str, *, limit: int, required: bool = False) -> str:
        value = self._item.get(name)
        if value is None and not required:
            return ""
        if isinstance(value, str) and len(value) <= limit and (value or not required):
            return value
        self._bad(name, f"{name!r} must be a text of at most {limit} characters")
        return ""

    def flag(self, name: str) -> bool:
        value = self._item.get(name, True)
        if isinstance(value, bool):
            return value
        self._bad(name, f"{name!r} is true or false")
        return True

    def config(self) -> dict[str, Any]:
        value = self._item.get("config")
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self._bad("config", "'config' must be an object")
        return {}

    def timeout(self) -> float | None:
        value = self._item.get("timeout_seconds")
        if value is None:
            return None
        if _is_number(value) and 0 < value <= MAX_TIMEOUT_SECONDS:
            return float(value)
        self._bad("timeout_seconds", f"'timeout_seconds' is more than 0 and at most {MAX_TIMEOUT_SECONDS:,}")
        return None

    def _bad(self, name: str, message: str) -> None:
        self._faults.append(Fault(self._key, name, "bad_field", message))


def _refuse_unknown(
    item: Mapping[str, Any], known: Collection[str], block: str | None, prefix: str, faults: list[Fault]
) -> None:
    for name in item:
        if name not in known:
            shown = ", ".join(sorted(known))
            faults.append(
                Fault(block, f"{prefix}{name}", "unknown_field", f"unknown field; known are {shown}")
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(field: str | None, message: str) -> Fault:
    return Fault(None, field, "bad_field", message)
