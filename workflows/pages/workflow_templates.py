"""What a new workflow may begin with: small ones that run at once, without any key."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final


def _definition(*blocks: dict[str, Any], edges: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Blocks one after the other, unless edges are given."""
    keys = [block["key"] for block in blocks]
    return {"blocks": list(blocks), "edges": edges or [{"from": a, "to": b} for a, b in pairwise(keys)]}


def _start(**inputs: str) -> dict[str, Any]:
    declared = {name: {"type": kind, "required": True} for name, kind in inputs.items()}
    return {"key": "start", "type": "start", "name": "Input", "config": {"inputs": declared}}


TEMPLATES: Final[list[dict[str, Any]]] = [
    {
        "id": "blank",
        "name": "Blank",
        "about": "Only where it starts. Add blocks from there.",
        "definition": _definition({"key": "start", "type": "start", "name": "Input", "config": {}}),
    },
    {
        "id": "greeting",
        "name": "Tidy a name",
        "about": "Takes a name, trims it and greets. Three blocks in a row.",
        "definition": _definition(
            _start(name="text"),
            {
                "key": "tidy",
                "type": "set",
                "name": "Tidy",
                "config": {"fields": {"name": "{{ input.name|trim|title }}"}},
            },
            {
                "key": "answer",
                "type": "respond",
                "name": "Answer",
                "config": {"value": {"greeting": "Hello {{ blocks.tidy.name }}"}},
            },
        ),
    },
    {
        "id": "branch",
        "name": "Decide on an amount",
        "about": "Takes another way above 100, and says which.",
        "definition": _definition(
            _start(amount="number"),
            {
                "key": "check",
                "type": "condition",
                "name": "Above 100?",
                "config": {"when": "input.amount > 100"},
            },
            {"key": "large", "type": "respond", "name": "Large", "config": {"value": {"size": "large"}}},
            {"key": "small", "type": "respond", "name": "Small", "config": {"value": {"size": "small"}}},
            edges=[
                {"from": "start", "to": "check"},
                {"from": "check", "handle": "true", "to": "large"},
                {"from": "check", "handle": "false", "to": "small"},
            ],
        ),
    },
    {
        "id": "loop",
        "name": "Go through a list",
        "about": "Does the same for every item of a list, several at once.",
        "definition": {
            "blocks": [
                _start(items="list"),
                {
                    "key": "each",
                    "type": "parallel",
                    "name": "Each item",
                    "config": {"mode": "each", "items": "{{ input.items }}"},
                },
                {
                    "key": "shout",
                    "type": "set",
                    "name": "Shout",
                    "parent": "each",
                    "config": {"fields": {"value": "{{ item|upper }}"}},
                },
                {
                    "key": "answer",
                    "type": "respond",
                    "name": "Answer",
                    "config": {"value": "{{ blocks.each.results }}"},
                },
            ],
            "edges": [{"from": "start", "to": "each"}, {"from": "each", "to": "answer"}],
        },
    },
]
