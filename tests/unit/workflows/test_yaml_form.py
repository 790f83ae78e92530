"""Workflows as YAML: written the same every time, read back to what they were, and read strictly."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.engine.yaml_form import MAX_BYTES, YamlFault, from_yaml, to_yaml

GREETING: dict[str, Any] = {
    "edges": [{"to": "say", "from": "start", "handle": "source"}],
    "blocks": [
        {"type": "start", "key": "start", "position": {"y": 0, "x": 10}, "config": {}},
        {
            "key": "say",
            "type": "respond",
            "config": {"value": {"text": "Hello {{ input.name }}", "a": [1, 2.5, None, True]}},
            "name": "Say:\nhello",
        },
    ],
}
TEXT = """\
# Refs: live → version 1
name: Greeting
description: ''
blocks:
  - key: start
    type: start
    config: {}
    position: {x: 10, y: 0}
  - key: say
    type: respond
    name: |-
      Say:
      hello
    config:
      value:
        a:
          - 1
          - 2.5
          - null
          - true
        text: Hello {{ input.name }}
edges:
  - from: start
    handle: source
    to: say
"""

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(
        ["yes", "on", "null", "~", "012", "1_000", "12:30", "2024-01-01", "<<", "=", "1e3", ".5"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def test_a_workflow_has_one_spelling() -> None:
    assert to_yaml("Greeting", "", GREETING, comment="Refs: live → version 1") == TEXT
    turned = {
        "blocks": [dict(reversed(block.items())) for block in GREETING["blocks"]],
        "edges": GREETING["edges"],
    }
    assert to_yaml("Greeting", "", turned) == TEXT.partition("\n")[2]


def test_it_is_read_back_with_the_lines_of_its_blocks() -> None:
    read = from_yaml(TEXT)
    assert (read.name, read.description, read.definition) == ("Greeting", "", GREETING)
    assert read.lines == {"start": 5, "say": 9}


@given(name=TEXTS.filter(str.strip), description=TEXTS, value=VALUES, odd=VALUES)
def test_whatever_json_holds_comes_back(name: str, description: str, value: Any, odd: Any) -> None:
    definition = {"blocks": [{"key": "a", "type": "set", "config": {"v": value}, "position": odd}, odd]}
    written = to_yaml(name, description, definition)
    read = from_yaml(written)
    assert (read.name, read.description, read.definition) == (name.strip(), description, definition)
    assert to_yaml(read.name, read.description, read.definition) == to_yaml(
        name.strip(), description, definition
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("012", "012"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        (".inf", ".inf"),
        ("<<", "<<"),
        ("True", "True"),
        ("true", True),
        ("-1", -1),
        ("1e3", 1000.0),
        ("", None),
        ("~", None),
    ],
)
def test_only_what_json_knows_is_more_than_text(written: str, value: Any) -> None:
    read = from_yaml(f"name: W\nblocks:\n  - {{key: a, config: {{v: {written} }} }}\n")
    assert read.definition["blocks"][0]["config"]["v"] == value
    assert type(read.definition["blocks"][0]["config"]["v"]) is type(value)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "mapping"),
        ("- a\n", "mapping"),
        ("blocks: []\n", "name"),
        ("name: ' '\n", "name"),
        ("name: [W]\n", "name"),
        ("name: W\ndescription: 5\n", "description"),
        ("name: W\nname: V\n", "line 2: the key 'name' stands here twice"),
        ("name: W\nblocks:\n  - key: a\n    key: b\n", "line 4"),
        ("name: W\nblocks: [\n", "line 3"),
        ("name: W\n1: x\n", "keys must be text"),
        ("name: W\n? [a]\n: x\n", "keys must be text"),
        ("name: W\n---\nname: V\n", "single document"),
        (f"name: W\n{BOMB}", "aliases"),
        ("name: W\nx: !!python/object/apply:os.system [ls]\n", "python"),
        ("name: W\nx: !!binary aGk=\n", "bytes"),
        ("name: W\nx: !!timestamp 2024-01-01\n", "date"),
        ("name: W\nx: 1e400\n", "finite"),
        (f"name: W\nx: {'9' * 5000}\n", "large"),
        ('name: W\nx: "\\0"\n', "NUL"),
        ("name: W\nx: \x07\n", "special characters"),
        (f"name: W\nx: {'[' * 70}{']' * 70}\n", "deep"),
        (f"name: W\nx: {'[' * 50_000}\n", "deep"),
        (f"name: W\nx: {'y' * MAX_BYTES}\n", "bytes"),
    ],
    ids=lambda value: value[:24].replace("\n", " "),
)
def test_what_is_no_workflow_is_refused_quickly_with_its_line(text: str, word: str) -> None:
    began = time.monotonic()
    with pytest.raises(YamlFault, match=word):
        from_yaml(text)
    assert time.monotonic() - began < 5
