"""What a block gives back is storable, or refused with its reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.engine.canonical import NotJson, canonical_json, json_fault
from workflows.engine.outputs import clean_output
from workflows.engine.types import BlockError, ErrorClass


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.rule("F23")
@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("a\0b", "a\ufffdb"),
        ("\ud83d x", "\ufffd x"),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
        ({"k\0": ["\udc00"]}, {"k\ufffd": ["\ufffd"]}),
        ((1, (2,)), [1, [2]]),
        ({"a": None, "b": [True, 1.5, "é"]}, {"a": None, "b": [True, 1.5, "é"]}),
    ],
)
def test_texts_are_mended_and_tuples_become_lists(value: Any, clean: Any) -> None:
    assert clean_output(value, 1000) == clean


@pytest.mark.rule("F22", "F23")
@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], {"a": 10**400}, {1: 2}, object(), {"a": {1, 2}}, b"x"],
)
def test_what_cannot_be_stored_fails_the_step(value: Any) -> None:
    error = clean_output(value, 1000)
    assert isinstance(error, BlockError)
    assert (error.error_class, error.code) == (ErrorClass.VALIDATION, "bad_output")


@pytest.mark.rule("F22")
@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_deep_outputs_fail_the_step(depth: int) -> None:
    for value in (nested(depth), {"bad": "\0", "deep": nested(depth)}):
        error = clean_output(value, 10**9)
        assert isinstance(error, BlockError)
        assert error.code == "bad_output"
    assert clean_output(nested(64), 1000) == nested(64)


@pytest.mark.rule("F21")
def test_large_outputs_fail_the_step_with_their_size() -> None:
    assert clean_output("é" * 4, 10) == "é" * 4
    error = clean_output("é" * 5, 10)
    assert isinstance(error, BlockError)
    assert (error.code, error.message) == ("output_too_large", "the output has 12 bytes; at most 10 are kept")


@pytest.mark.rule("F23")
def test_a_clean_output_is_not_copied() -> None:
    value = {"a": [1, "x"]}
    assert clean_output(value, 100) is value


@pytest.mark.rule("F23")
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.characters(categories=["Cs"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=12,
    )
)
def test_any_output_is_stored_or_refused(value: Any) -> None:
    cleaned = clean_output(value, 10_000)
    if not isinstance(cleaned, BlockError):
        assert json_fault(cleaned) is None
        assert json.loads(canonical_json(cleaned).encode()) == cleaned


@pytest.mark.rule("W24")
@pytest.mark.parametrize("value", [float("nan"), "\ud800", object()])
def test_canonical_json_refuses_what_is_not_json(value: Any) -> None:
    with pytest.raises(NotJson):
        canonical_json(value)


@pytest.mark.rule("W24")
def test_canonical_json_spells_equal_values_alike() -> None:
    assert canonical_json({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'


@pytest.mark.rule("F22")
def test_canonical_json_of_great_depth_is_refused_not_a_crash() -> None:
    with pytest.raises(NotJson):
        canonical_json(nested(100_000))
