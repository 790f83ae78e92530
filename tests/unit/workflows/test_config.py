"""A config is compiled once and resolved for each run."""

from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.workflows.factories import TYPES, AnyConfig, NestedConfig, block, definition
from workflows.engine.config import CompiledConfig, compile_config
from workflows.engine.expressions import ExpressionError
from workflows.engine.types import BlockError, Effect, ErrorClass, RetryPolicy
from workflows.engine.version import compile_version

pytestmark = pytest.mark.rule("W3", "W4", "W5")

ROOTS = {
    "row": {"n": 3, "name": "Ada"},
    "input": {"name": "Eve"},
    "secrets": {"K": "k"},
    "blocks": {},
    "vars": {},
}


def compiled(raw: dict[str, Any], model: type[BaseModel] = AnyConfig) -> CompiledConfig:
    config, faults = compile_config("a", model, raw)
    assert faults == ()
    return config


def test_templates_are_resolved_at_any_depth_and_expressions_kept() -> None:
    config = compiled(
        {
            "value": {"deep": ["{{ row.n }}", {"{{ k }}": "Hi {{ row.name }}"}, 1]},
            "count": "{{ row.n }}",
            "when": "row.n > 1",
            "plain": "{{ literal }}",
        }
    )
    assert config.resolve(ROOTS) == {
        "value": {"deep": [3, {"{{ k }}": "Hi Ada"}, 1]},
        "count": 3,
        "when": "row.n > 1",
        "plain": "{{ literal }}",
    }
    built = config.build(config.resolve(ROOTS))
    assert isinstance(built, AnyConfig)
    assert built.count == 3


def test_nested_models_lists_unions_and_defaults() -> None:
    raw = {
        "headers": {"X": "{{ row.n }}!"},
        "parts": [{"value": "{{ row.name }}"}, {"plain": "{{ x }}"}],
        "auth": {"kind": "bearer", "token": "{{ secrets.K }}", "realm": "{{ y }}"},
        "note": "{{ row.n }}",
    }
    assert compiled(raw, NestedConfig).resolve(ROOTS) == {
        "headers": {"X": "3!"},
        "parts": [{"value": "Ada"}, {"plain": "{{ x }}"}],
        "auth": {"kind": "bearer", "token": "k", "realm": "{{ y }}"},
        "note": 3,
        "greeting": "Hello Eve",
    }


def test_a_config_without_templates_is_built_once() -> None:
    config = compiled({"value": {"a": 1}, "when": "row.n > 1"})
    assert config.build(config.resolve(ROOTS)) is config.build({})


def test_what_expressions_read_is_known() -> None:
    config = compiled({"when": "row.n > 1 and row.zip is defined", "value": "{{ row.name }}"})
    assert config.reads(ROOTS) == {"row.n": 3, "row.zip": None}
    assert config.references == {("row", "n"), ("row", "zip"), ("row", "name")}


def test_a_failing_template_names_block_and_field() -> None:
    with pytest.raises(ExpressionError) as caught:
        compiled({"value": {"x": ["{{ row.zip }}"]}}).resolve(ROOTS)
    assert (caught.value.block, caught.value.field, caught.value.code) == (
        "a",
        "config.value.x[0]",
        "missing_path",
    )


def test_a_resolved_value_of_the_wrong_type_fails_the_step_without_showing_it() -> None:
    config = compiled({"count": "{{ row.name }}"})
    error = config.build(config.resolve(ROOTS))
    assert isinstance(error, BlockError)
    assert (error.error_class, error.code) == (ErrorClass.VALIDATION, "config_invalid")
    assert "count" in error.message
    assert "Ada" not in str(error)


def test_a_version_holds_what_each_block_needs() -> None:
    own = block("b", config={"secret": "{{ secrets.K }}"}, retry=RetryPolicy(5), timeout_seconds=9.0)
    version = compile_version(definition(block("a"), own, edges="a>b"), TYPES)
    a, b = version.blocks["a"], version.blocks["b"]
    assert (a.retry, a.timeout_seconds, a.effect) == (RetryPolicy(max_attempts=2), 30, Effect.PURE)
    assert (b.retry, b.timeout_seconds) == (RetryPolicy(5), 9.0)
    assert b.resolve(ROOTS) == {"secret": "k"}
    assert version.uses_secrets == {"K"}
    assert version.references == {("secrets", "K")}
