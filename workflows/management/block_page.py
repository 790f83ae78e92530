"""The reference page of block types and functions, as Markdown: the same registry always gives the same text (W3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

HEAD = """# Blocks

Every block type that comes with Runsheet. Written by `make docs` from the code; `make lint` fails when it is stale.
`manage.py block_reference --of PACKAGE` writes the same of a package of yours; [writing-blocks.md](writing-blocks.md)
says how to make one.

**Effect** is what running the block again may do to the world: *pure* nothing, *database* its effect is part of the
step's record, *idempotent* the receiver recognises a repetition, *repeatable* it may be sent again after a crash,
*unsafe* a person decides. Every block can also be left by `error`, when its last attempt has failed. Fields marked
*template* take texts with `{{ … }}`, *expression* a bare expression, *secrets* may read `secrets.NAME`.
"""

Described = Mapping[str, Any]


def block_page(blocks: Iterable[Described], functions: Iterable[Described], head: str = HEAD) -> str:
    """The page of what `blocks.describing` says, in the order it comes."""
    parts = [head, *(_block(block) for block in blocks)]
    listed = [_function(found) for found in functions]
    if listed:
        parts += ["# Functions\n\nWhat `python` blocks may call, and its arguments.\n", *listed]
    return "\n".join(parts)


def _block(block: Described) -> str:
    lines = [f"## `{block['type']}` – {block['title']}\n", f"{block['docs']}\n", *_facts(block)]
    rows = [row for field in block["config_form"] for row in _rows(field, "")]
    lines += ["", *_table(rows)] if rows else ["", "It has no config.\n"]
    if block["output_schema"]:
        lines += [f"Output: `{_shape(block['output_schema'])}`\n"]
    shown = yaml.safe_dump(block["example"], sort_keys=False, allow_unicode=True, width=110)
    return "\n".join([*lines, "Example:\n", "```yaml", f"{shown}```", ""])


def _facts(block: Described) -> Iterator[str]:
    others = [effect for effect in block["effects"] if effect != block["effect"]]
    varies = f", by its config also *{'*, *'.join(others)}*" if others else ""
    yield _fact("Effect", f"*{block['effect']}*{varies}", block["effect_docs"])
    handles = ", ".join(f"`{handle}`" for handle in block["handles"]) or "nothing"
    yield _fact("Goes on by", f"{handles}{', …' if block['handles_vary'] else ''}", block["handles_docs"])
    retry, seconds = block["default_retry"], block["default_timeout_seconds"]
    attempts = "1 attempt" if retry is None else f"{retry['max_attempts']} attempts"
    yield _fact("Unless the block says otherwise", f"{attempts}, {_seconds(seconds)}", None)
    traits = {
        "entry": "runs begin here",
        "container": "holds other blocks",
        "responds": "its output is the run's result",
        "pauses": "waits without a worker",
    }
    if found := [words for name, words in traits.items() if block[name]]:
        yield _fact("Also", ", ".join(found), None)


def _fact(label: str, value: str, docs: str | None) -> str:
    return f"- **{label}:** {value}{'. ' + _line(docs) if docs else ''}"


def _seconds(seconds: float | None) -> str:
    return "no timeout of its own" if seconds is None else f"{seconds:g} s each"


def _function(found: Described) -> str:
    effect, seconds = found["effect"], found["timeout_seconds"]
    told = [f"*{effect}*", *([] if seconds is None else [_seconds(seconds)])]
    lines = [
        f"## `{found['name']}` – {found['title']}\n",
        f"{found['docs']}\n",
        _fact("Effect", ", ".join(told), None),
    ]
    rows = [row for field in found["arguments_form"] for row in _rows(field, "")]
    return "\n".join([*lines, "", *_table(rows)])


def _rows(field: Described, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """A line for the field, and one for each field inside it, by its path."""
    path = f"{prefix}{field['name']}"
    yield path, _kind(field), _preset(field), _line(field["help"])
    item = field.get("item")
    if item is not None:
        inner = f"{path}[]" if field["kind"] == "list" else f"{path}.*"
        for part in item.get("fields", ()):
            yield from _rows(part, f"{inner}.")
        yield from _variant_rows(item, inner)
    for part in field.get("fields", ()):
        yield from _rows(part, f"{path}.")
    yield from _variant_rows(field, path)


def _variant_rows(field: Described, path: str) -> Iterator[tuple[str, str, str, str]]:
    for variant in field.get("variants", ()):
        place = f"{path}:{variant['value']}"
        yield place, "object", "", _line(variant["help"])
        for part in variant["fields"]:
            yield from _rows(part, f"{place}.")


def _kind(field: Described) -> str:
    kind, item = str(field["kind"]).replace("_", " "), field.get("item")
    if options := field.get("options"):
        kind = " \\| ".join(f"`{option}`" for option in options)
    elif item is not None:
        kind = f"{kind} of {item['kind'].replace('_', ' ')}"
    marks = [
        *(["template"] if field["templates"] and "template" not in kind else []),
        *(["expressions"] if field["expressions"] and "expression" not in kind else []),
        *(["secrets"] if field["secrets"] else []),
    ]
    limits = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in field.get("limits", {}).items()
        if "pattern" not in name
    ]
    return ", ".join([kind, *marks, *limits])


def _preset(field: Described) -> str:
    if field["required"]:
        return "*required*"
    return "" if field["default"] is None else f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = ["| field | takes | default | |", "| --- | --- | --- | --- |"]
    return [*lines, *(f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in rows), ""]


def _line(text: str) -> str:
    """On one line of a table; a bar would end its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _shape(schema: Any) -> str:
    """A JSON schema in a line: ``{hit: boolean, value?: any, names: [text]}``."""
    if not isinstance(schema, Mapping):
        return "any"
    if options := schema.get("enum"):
        return " | ".join(json.dumps(option, ensure_ascii=False) for option in options)
    if "anyOf" in schema:
        return " | ".join(map(_shape, schema["anyOf"]))
    types = schema.get("type", "any")
    return " | ".join(_shape_of(name, schema) for name in ([types] if isinstance(types, str) else types))


def _shape_of(name: str, schema: Mapping[str, Any]) -> str:
    if name == "array" and "items" in schema:
        return f"[{_shape(schema['items'])}]"
    if name == "object" and (known := schema.get("properties")):
        needed = schema.get("required", ())
        parts = [f"{key}{'' if key in needed else '?'}: {_shape(part)}" for key, part in known.items()]
        return f"{{{', '.join(parts)}}}"
    if name == "object" and isinstance(inner := schema.get("additionalProperties"), Mapping):
        return f"{{*: {_shape(inner)}}}"
    return {"string": "text", "array": "list"}.get(name, name)
