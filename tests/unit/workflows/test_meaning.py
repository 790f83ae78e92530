"""Versions are hashed by what they mean."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.workflows.factories import block, definition
from workflows.engine.definition import parse_definition
from workflows.engine.fingerprint import block_fingerprint, input_hash
from workflows.engine.meaning import content_hash, without_disabled
from workflows.engine.types import Definition, RetryPolicy

pytestmark = pytest.mark.rule("W2")

BASE = definition(
    block("a", config={"value": {"x": 1, "y": 2}}), block("b"), block("c"), edges="a>b b>c a.error>c"
)


def parsed(**fields: Any) -> Definition:
    data = {"blocks": [{"key": "a", "type": "step", **fields}, {"key": "b", "type": "step"}], "edges": []}
    found, faults = parse_definition(data)
    assert faults == ()
    return found


def test_order_position_and_name_do_not_count() -> None:
    shuffled = Definition(tuple(reversed(BASE.blocks)), tuple(reversed(BASE.edges)))
    assert content_hash(shuffled) == content_hash(BASE)
    assert content_hash(parsed(position={"x": 1}, name="One")) == content_hash(parsed())
    assert content_hash(parsed(config={"value": {"y": 2, "x": 1}})) == content_hash(
        parsed(config={"value": {"x": 1, "y": 2}})
    )


def test_a_repeated_edge_means_nothing_more() -> None:
    assert content_hash(Definition(BASE.blocks, BASE.edges * 2)) == content_hash(BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"key": "z"},
        {"type": "respond"},
        {"config": {"value": {"x": 1, "y": 3}}},
        {"retry": RetryPolicy()},
        {"timeout_seconds": 5.0},
        {"parent": "b"},
        {"enabled": False},
    ],
    ids="-".join,
)
def test_everything_else_counts(change: dict[str, Any]) -> None:
    changed = Definition((replace(BASE.blocks[0], **change), *BASE.blocks[1:]), BASE.edges)
    assert content_hash(changed) != content_hash(BASE)


def test_edges_count() -> None:
    assert content_hash(Definition(BASE.blocks, BASE.edges[1:])) != content_hash(BASE)
    assert content_hash(replace(BASE, edges=definition(edges="a>b b>c a>c").edges)) != content_hash(BASE)


def test_a_disabled_block_is_as_if_it_were_not_there() -> None:
    off = (block("off", "nope", enabled=False), block("in", parent="off"))
    extra = definition(edges="a>off off>b in>in").edges
    assert without_disabled(Definition(BASE.blocks + off, BASE.edges + extra)) == BASE
    assert content_hash(Definition(BASE.blocks + off, BASE.edges + extra)) == content_hash(BASE)


@pytest.mark.rule("W24")
def test_a_fingerprint_is_of_type_version_and_config_alone() -> None:
    one = block("a", config={"value": 1})
    same = block("z", config={"value": 1}, name="other", retry=RetryPolicy(), timeout_seconds=1.0)
    assert block_fingerprint(one, "1") == block_fingerprint(same, "1")
    others = {
        block_fingerprint(one, "2"),
        block_fingerprint(replace(one, type="respond"), "1"),
        block_fingerprint(replace(one, config={"value": 2}), "1"),
    }
    assert len(others | {block_fingerprint(one, "1")}) == 4


@pytest.mark.rule("W24")
def test_an_input_hash_is_of_values_and_what_expressions_read() -> None:
    assert input_hash({"a": 1, "b": 2}) == input_hash({"b": 2, "a": 1})
    assert input_hash({"a": 1}) != input_hash({"a": 1}, {"row.x": 1})
    assert input_hash({"a": 1}) != input_hash({"a": "1"})
