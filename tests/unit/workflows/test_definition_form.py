"""Reading a definition: faults, never exceptions, each with its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workflows.factories import TYPES
from workflows.engine.definition import MAX_BLOCKS, parse_definition
from workflows.engine.names import is_ref_name
from workflows.engine.types import Backoff, BlockSpec, Edge, ErrorClass, RetryPolicy
from workflows.engine.validation import check_definition

pytestmark = pytest.mark.rule("W1")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["blocks", "edges", "key", "type", "config", "retry", "from", "to", "parent", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def places(data: Any) -> list[tuple[str | None, str | None, str]]:
    return [(fault.block, fault.field, fault.code) for fault in parse_definition(data)[1]]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_full_block_is_read() -> None:
    block = {
        "key": "a-1",
        "type": "step",
        "name": "A",
        "config": {"value": 1},
        "retry": {
            "max_attempts": 4,
            "kind": "fixed",
            "delay_seconds": 2,
            "jitter": 0,
            "retry_on": ["internal"],
        },
        "timeout_seconds": 5,
        "enabled": False,
        "position": {"x": 1},
        "parent": "loop",
    }
    edges = [{"from": "a-1", "to": "b"}, {"from": "a-1", "handle": "error", "to": "b"}]
    definition, faults = parse_definition({"blocks": [block], "edges": edges})
    policy = RetryPolicy(4, Backoff.FIXED, 2.0, 60.0, 0.0, frozenset({ErrorClass.INTERNAL}))
    assert faults == ()
    assert definition.blocks == (BlockSpec("a-1", "step", "A", {"value": 1}, policy, 5.0, False, "loop"),)
    assert definition.edges == (Edge("a-1", "source", "b"), Edge("a-1", "error", "b"))


def test_edges_may_be_left_out() -> None:
    assert places({"blocks": [{"key": "a", "type": "step"}]}) == []


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (None, (None, None, "bad_field")),
        ([], (None, None, "bad_field")),
        ({}, (None, "blocks", "bad_field")),
        ({"blocks": []}, (None, "blocks", "no_blocks")),
        ({"blocks": {}}, (None, "blocks", "bad_field")),
        ({"blocks": [1]}, (None, "blocks[0]", "bad_field")),
        ({"blocks": [{"type": "x"}]}, (None, "blocks[0].key", "bad_key")),
        ({"blocks": [{"key": "a.b", "type": "x"}]}, (None, "blocks[0].key", "bad_key")),
        ({"blocks": [{"key": "a"}]}, ("a", "type", "bad_field")),
        ({"blocks": [{"key": "a", "type": "x", "config": 1}]}, ("a", "config", "bad_field")),
        ({"blocks": [{"key": "a", "type": "x", "enabled": "no"}]}, ("a", "enabled", "bad_field")),
        (
            {"blocks": [{"key": "a", "type": "x", "timeout_seconds": 0}]},
            ("a", "timeout_seconds", "bad_field"),
        ),
        ({"blocks": [{"key": "a", "type": "x", "colour": 1}]}, ("a", "colour", "unknown_field")),
        ({"blocks": [{"key": "a", "type": "x", "retry": 3}]}, ("a", "retry", "bad_retry")),
        ({"blocks": [{"key": "a", "type": "x", "retry": {"n": 3}}]}, ("a", "retry.n", "bad_retry")),
        (
            {"blocks": [{"key": "a", "type": "x", "retry": {"max_attempts": 11}}]},
            ("a", "retry.max_attempts", "bad_retry"),
        ),
        (
            {"blocks": [{"key": "a", "type": "x", "retry": {"max_attempts": True}}]},
            ("a", "retry.max_attempts", "bad_retry"),
        ),
        (
            {"blocks": [{"key": "a", "type": "x", "retry": {"kind": "fast"}}]},
            ("a", "retry.kind", "bad_retry"),
        ),
        (
            {"blocks": [{"key": "a", "type": "x", "retry": {"retry_on": ["cancelled"]}}]},
            ("a", "retry.retry_on", "bad_retry"),
        ),
        (
            {"blocks": [{"key": "a", "type": "x"}], "edges": [{"from": "a"}]},
            (None, "edges[0].to", "bad_field"),
        ),
        ({"blocks": [{"key": "a", "type": "x"}], "edges": [1]}, (None, "edges[0]", "bad_field")),
        ({"blocks": [{"key": "a", "type": "x"}], "nodes": []}, (None, "nodes", "unknown_field")),
        ({"blocks": [{}] * (MAX_BLOCKS + 1)}, (None, "blocks", "too_many")),
    ],
)
def test_a_fault_of_form_names_its_place(data: Any, place: tuple[str | None, str | None, str]) -> None:
    assert place in places(data)


def test_every_fault_is_reported_not_only_the_first() -> None:
    data = {"blocks": [{"key": "a", "enabled": 1, "config": []}, 7], "edges": [{}], "x": 1}
    assert len(places(data)) == 6


@pytest.mark.rule("W1", "F22")
@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    data = {"blocks": [{"key": "a", "type": "step", "config": {"value": nested(depth)}}]}
    assert [fault.code for fault in parse_definition(data)[1]] == ["too_deep"]


@pytest.mark.rule("W1", "F23")
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("\0", "bad_text"),
        ({"\ud800": 1}, "bad_text"),
        (float("nan"), "bad_number"),
        (float("inf"), "bad_number"),
        (10**400, "bad_number"),
        (object(), "not_json"),
    ],
)
def test_what_cannot_be_stored_is_refused(value: Any, code: str) -> None:
    assert places({"blocks": [{"key": "a", "type": "step", "config": {"value": value}}]}) == [
        (None, None, code)
    ]


@given(JSON)
def test_nothing_makes_the_check_raise(data: Any) -> None:
    check_definition(data, TYPES)


@pytest.mark.rule("W2")
@pytest.mark.parametrize("name", ["draft", "live", "v2", "feature/x", "1.0", "a" * 256, "A_b-c.d"])
def test_names_of_refs(name: str) -> None:
    assert is_ref_name(name)


@pytest.mark.rule("W2")
@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        ".a",
        "-a",
        "a..b",
        "a//b",
        "a@{1}",
        "a/",
        "a.",
        "a.lock",
        "a b",
        "a\n",
        "é",
        "a" * 257,
        "a@b",
    ],
)
def test_names_that_are_no_refs(name: str) -> None:
    assert not is_ref_name(name)
