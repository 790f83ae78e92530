"""From a row to a run's input, and from its result to the row's values (T8, T22, W4, W5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tables.engine.eligibility import Reason
from tables.engine.mapping import (
    OutputInvalid,
    judge_condition,
    output_patch,
    row_snapshot,
    run_input,
    value_at,
)
from tables.engine.types import Output, TableSpec
from tests.unit.tables.specs import column, group, table
from workflows.engine.expressions import ExpressionError

A = group("A")
SPEC = table(A)


@pytest.mark.rule("W4")
def test_inputs_come_from_columns_expressions_and_values() -> None:
    given = {
        "n": {"column": "name"},
        "e": {"expression": "{{ row.name|upper }}"},
        "v": {"value": [1]},
        "x": {"column": "gone"},
    }
    assert run_input(replace(A, inputs=given), {"name": "Ada"}) == {
        "n": "Ada",
        "e": "ADA",
        "v": [1],
        "x": None,
    }


@pytest.mark.rule("W5")
def test_an_input_that_cannot_be_evaluated_says_so() -> None:
    with pytest.raises(ExpressionError, match="nothing"):
        run_input(replace(A, inputs={"e": {"expression": "{{ row.nothing }}"}}), {})


@pytest.mark.parametrize(
    ("references", "columns"),
    [
        ([("row", "name")], {"name"}),
        ([("row",)], {"name", "a"}),
        ([("input", "x")], set()),
        ([("row", "gone")], set()),
    ],
)
def test_a_snapshot_holds_the_columns_that_are_read(
    references: list[tuple[str, ...]], columns: set[str]
) -> None:
    assert set(row_snapshot(references, SPEC, {"name": "Ada"})) == columns


def test_a_column_that_holds_nothing_is_null_in_a_snapshot() -> None:
    assert row_snapshot([("row",)], SPEC, {}) == {"name": None, "a": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("result", {"a": [{"b": 1}]}),
        ("result.a.0.b", 1),
        ("result.a.7", None),
        ("result.a.b", None),
        ("result.a.-1", None),
        ("blocks.say.text", "hi"),
        ("blocks.other", None),
    ],
)
def test_a_path_leads_to_its_value_or_nowhere(path: str, value: Any) -> None:
    assert value_at(path, {"a": [{"b": 1}]}, {"say": {"text": "hi"}}) == value


def typed(kind: str) -> TableSpec:
    return replace(SPEC, columns=(column("a", kind, A.id),))


@pytest.mark.rule("T22")
@pytest.mark.parametrize("result", [None, "", []])
def test_a_result_with_nothing_in_it_says_so(result: Any) -> None:
    patch, filled = output_patch(typed("json"), A, result, {})
    assert (set(patch), filled) == ({"a"}, False)


def test_values_are_coerced_to_their_columns() -> None:
    assert output_patch(typed("number"), A, "12", {}) == ({"a": 12}, True)


def test_a_value_that_does_not_fit_names_its_column() -> None:
    with pytest.raises(OutputInvalid, match=r"“a” \(from result\) does not fit") as refused:
        output_patch(typed("number"), A, "many", {})
    assert refused.value.column == "a"


@pytest.mark.rule("T5")
def test_an_output_whose_column_is_gone_is_left_out() -> None:
    orphan = replace(A, outputs=(Output("result", "gone"),))
    assert output_patch(SPEC, orphan, "x", {}) == ({}, False)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("row.name", Reason.RUN),
        ("row.name == ''", Reason.CONDITION_FALSE),
        ("row.no.way", Reason.CONDITION_ERROR),
    ],
)
def test_a_condition_holds_fails_or_errs(condition: str, reason: Reason) -> None:
    verdict = judge_condition(replace(A, condition=condition), {"name": "Ada"})
    assert verdict.reason is reason
    assert bool(verdict.detail) is (reason is Reason.CONDITION_ERROR)
