"""A workflow as YAML for people and git: one file, stable from one writing to the next, read back strictly.

    # Greeting, as of its draft. Refs: live → version 3.
    name: Greeting
    description: ''
    blocks:
      - key: start
        type: start
        position: {x: 0, y: 0}
    edges:
      - from: start
        to: say

Reading takes what JSON could say and nothing else: only ``true``, ``false``, ``null`` and JSON's numbers are more than
text (so ``yes``, ``on``, ``12:30`` and ``2024-01-01`` stay text), a key twice is refused, and so are aliases, which
would let a small file unfold into a huge one.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from workflows.engine.canonical import json_fault

MAX_BYTES: Final = 1_048_576
"""One file. The largest definition that is edited by hand is a tenth of it."""

FILE_FIELDS: Final = ("name", "description", "blocks", "edges")
BLOCK_FIELDS: Final = (
    "key", "type", "name", "parent", "enabled", "config", "retry", "timeout_seconds", "position",
)  # fmt: skip
EDGE_FIELDS: Final = ("from", "handle", "to")
WIDTH: Final = 110


class YamlFault(ValueError):
    """This text is not a workflow's YAML; says why, and in which line."""


@dataclass(frozen=True, slots=True)
class WorkflowText:
    """A workflow as it stands in a file. ``lines`` is where each block begins, by its key, counted from 1."""

    name: str
    description: str
    definition: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)


def to_yaml(name: str, description: str, definition: Mapping[str, Any], *, comment: str = "") -> str:
    """The YAML of a workflow: the same for the same workflow. ``comment`` becomes the lines before it."""
    whole = {"name": name, "description": description, **definition}
    if isinstance(whole.get("blocks"), list):
        whole["blocks"] = [_block(item) for item in whole["blocks"]]
    if isinstance(whole.get("edges"), list):
        whole["edges"] = [_ordered(item, EDGE_FIELDS) for item in whole["edges"]]
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    body: str = yaml.dump(
        _ordered(whole, FILE_FIELDS),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
        default_flow_style=False,
    )
    return head + body


def from_yaml(text: str) -> WorkflowText:
    """Read one workflow back. Raises ``YamlFault``; what is wrong with the definition itself is validation's affair."""
    node, data = _read(text)
    texts = {part: data.pop(part, "") for part in ("name", "description")}
    for part, value in texts.items():
        if not isinstance(value, str):
            raise YamlFault(f"{part!r} must be a text")
    if not texts["name"].strip():
        raise YamlFault("the workflow has no 'name'")
    return WorkflowText(texts["name"].strip(), texts["description"], data, _block_lines(node))


def _read(text: str) -> tuple[Any, dict[str, Any]]:
    """The text's tree, and the mapping it stands for; JSON to the last value."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise YamlFault(f"a file may have at most {MAX_BYTES:,} bytes")
    try:
        node = yaml.compose(text, Loader=_Loader)
        data = None if node is None else _Loader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise YamlFault(_sentence(error)) from None
    except yaml.YAMLError as error:
        raise YamlFault(" ".join(str(error).split())) from None
    except RecursionError:
        raise YamlFault("this is nested too deeply") from None
    except ValueError:  # an integer of thousands of digits
        raise YamlFault("a number is too large") from None
    if not isinstance(data, dict):
        raise YamlFault("a workflow is a mapping with name, blocks and edges")
    if (fault := json_fault(data)) is not None:
        raise YamlFault(fault[1])
    return node, data


class _Flow(dict[str, Any]):
    """A mapping that is written on one line."""


def _block(item: Any) -> Any:
    ordered = _ordered(item, BLOCK_FIELDS)
    if isinstance(ordered, dict) and isinstance(ordered.get("position"), dict):
        ordered["position"] = _Flow(ordered["position"])
    return ordered


def _ordered(item: Any, first: tuple[str, ...]) -> Any:
    """A mapping with the known fields in their order, then the rest, and everything inside by name.

    PostgreSQL keeps no order of keys, so that none is lost here.
    """
    if not isinstance(item, Mapping):
        return item
    known = [key for key in first if key in item]
    return {key: _by_name(item[key]) for key in (*known, *sorted(set(item) - set(known)))}


def _by_name(value: Any) -> Any:
    if isinstance(value, dict) and not isinstance(value, _Flow):
        return {key: _by_name(value[key]) for key in sorted(value)}
    return value


def _block_lines(node: Any) -> dict[str, int]:
    """Where each block begins, by its key."""
    blocks = _value_of(node, "blocks")
    lines: dict[str, int] = {}
    for item in blocks.value if isinstance(blocks, yaml.SequenceNode) else []:
        key = _value_of(item, "key")
        if isinstance(key, yaml.ScalarNode):
            lines.setdefault(key.value, item.start_mark.line + 1)
    return lines


def _value_of(node: Any, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return said if error.problem_mark is None else f"line {error.problem_mark.line + 1}: {said}"


class _Dumper(yaml.SafeDumper):
    """Lists indented under their key, long texts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002  PyYAML's
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


_FOLDED: Final = re.compile("[\\r\\x85\\u2028\\u2029\\ufeff]")
"""YAML takes these for ends of lines (the last for the mark of a file's beginning) unless they are escaped."""


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _FOLDED.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _write_flow(dumper: yaml.SafeDumper, mapping: _Flow) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=True)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(_Flow, _write_flow)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter: JSON's values, no aliases, no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed here", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  PyYAML's
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "keys must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands here twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
for _tag, _pattern, _firsts in (
    ("bool", re.compile(r"(?:true|false)\Z"), "tf"),
    ("null", re.compile(r"(?:null|~|)\Z"), ["n", "~", ""]),
    ("int", _INTEGER, "-0123456789"),
    ("float", _NUMBER, "-0123456789"),
):
    for _side in (
        _Loader,
        _Dumper,
    ):  # which thus quotes what would be read as more than text, here or by YAML 1.1
        _side.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_firsts))
