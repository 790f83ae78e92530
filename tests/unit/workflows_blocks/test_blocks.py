"""The small blocks: start, set, condition, switch, fail, and what may be stored."""

from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import context, run
from workflows.blocks.base import BlockFailed
from workflows.blocks.inputs import InputField, InputInvalid, complete_input
from workflows.blocks.registry import block_types

DECLARED = {
    "domain": InputField(type="text", required=True),
    "depth": InputField(type="number", default=1),
    "tags": InputField(type="list"),
}


def code_of(type_name: str, config: dict[str, Any], **roots: Any) -> str:
    with pytest.raises(BlockFailed) as failure:
        run(type_name, config, context(**roots))
    return failure.value.error.code


@pytest.mark.rule("W10")
@pytest.mark.parametrize(("score", "handle"), [(41, "true"), (40, "false")])
def test_a_condition_goes_one_of_two_ways(score: int, handle: str) -> None:
    assert run("condition", {"when": "input.score > 40"}, context(input={"score": score})).handle == handle


@pytest.mark.rule("W5", "W10")
def test_a_condition_that_cannot_be_evaluated_fails_and_picks_no_side() -> None:
    assert code_of("condition", {"when": "input.nothing > 1"}) == "missing_path"


@pytest.mark.rule("W10")
def test_a_switch_takes_the_first_case_that_holds_and_asks_no_further() -> None:
    cases = [{"key": "a", "when": "input.n > 1"}, {"key": "b", "when": "input.nothing"}]
    assert run("switch", {"cases": cases}, context(input={"n": 2})).handle == "case-a"


@pytest.mark.rule("W10")
def test_a_switch_without_a_case_that_holds_goes_else() -> None:
    config = {"cases": [{"key": "a", "when": "input.n > 1"}]}
    assert run("switch", config, context(input={"n": 0})).handle == "else"
    assert block_types()["switch"].handles(config) == {"case-a", "else"}


@pytest.mark.rule("W1")
@pytest.mark.parametrize("config", [{}, {"cases": 5}, {"cases": [1, {"key": []}]}])
def test_a_switch_names_its_ports_even_while_its_config_is_wrong(config: dict[str, Any]) -> None:
    assert block_types()["switch"].handles(config) == {"else"}


@pytest.mark.rule("W1")
def test_case_keys_must_differ() -> None:
    case = {"key": "a", "when": "true"}
    assert code_of("switch", {"cases": [case, case]}) == "bad_config"


def test_input_is_completed_by_defaults() -> None:
    assert complete_input(DECLARED, {"domain": "x"}) == {"domain": "x", "depth": 1, "tags": None}


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "domain"),
        ({"domain": 5}, "domain"),
        ({"domain": "x", "depth": True}, "depth"),
        ({"domain": "x", "tags": {}}, "tags"),
        ({"domain": "x", "domian": "y"}, "domian"),
    ],
)
def test_input_that_does_not_fit_is_refused_by_name(given: dict[str, Any], place: str) -> None:
    with pytest.raises(InputInvalid) as failure:
        complete_input(DECLARED, given)
    assert list(failure.value.errors) == [place]


def test_without_a_declaration_any_input_goes() -> None:
    assert complete_input(None, {"anything": 1}) == {"anything": 1}


def test_start_refuses_a_run_whose_input_does_not_fit() -> None:
    assert code_of("start", {"inputs": {"a": {"required": True}}}, input={}) == "input_invalid"


@pytest.mark.rule("W11")
def test_fail_fails_with_its_own_code() -> None:
    assert code_of("fail", {"message": "no", "code": "not_found"}) == "not_found"


def test_unknown_config_fields_are_refused_by_name() -> None:
    with pytest.raises(BlockFailed) as failure:
        run("set", {"fields": {}, "feilds": {}})
    assert failure.value.error.message == "config.feilds: Extra inputs are not permitted"
