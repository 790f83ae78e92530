"""Every shipped block's example runs offline and gives what the docs say (W3)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import LocalServer, context, run_block, wake_block
from workflows.blocks.base import Answer, Block, BlockFailed, BlockPause, ContainerBlock, Example
from workflows.blocks.registry import SHIPPED, block_types
from workflows.engine.config import compile_config
from workflows.engine.expressions import compile_template
from workflows.engine.types import Effect

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def resolved(value: Any, roots: dict[str, Any]) -> Any:
    """Templates filled in, as the engine does; bare expressions hold no braces and stay."""
    if isinstance(value, str):
        return compile_template(value).render(roots)
    if isinstance(value, dict):
        return {key: resolved(item, roots) for key, item in value.items()}
    return [resolved(item, roots) for item in value] if isinstance(value, list) else value


def without_services(name: str) -> bool:
    """Blocks of effect ``database`` show their examples in tests/integration."""
    block = block_types()[name]
    return block.effect(block.example.config) is not Effect.DATABASE


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", [name for name in SHIPPED if without_services(name)])
def test_an_example_gives_what_it_says(name: str, server: LocalServer) -> None:
    block = block_types()[name]
    example = block.example
    for path, answer in example.served.items():
        server.answers(path, json.dumps(answer).encode(), Content_Type="application/json")
    roots = (
        {"input": {**example.input, "base_url": server.url}} if example.served else {"input": example.input}
    )
    config = resolved(dict(example.config), roots)
    if isinstance(
        block, ContainerBlock
    ):  # what becomes of its iterations is the engine's; it opens without a fault
        compiled, faults = compile_config("a", block.config_model, config)
        assert not faults
        assert block.open(context(**roots), compiled.constant)
        return
    if example.fails_with:
        with pytest.raises(BlockFailed) as failure:
            run_block(block, config, context(**roots))
        assert failure.value.error.code == example.fails_with
        return
    result, is_all = outcome(block, config, roots, example)
    assert result.handle == example.handle
    shown = result.output if is_all else {key: result.output[key] for key in example.output}
    assert shown == example.output


def outcome(
    block: Block[Any], config: dict[str, Any], roots: Mapping[str, Any], example: Example
) -> tuple[Any, bool]:
    """The result, of the answer if it pauses; and whether the example shows all of it (no clock, no server in it)."""
    result = run_block(block, config, context(**roots))
    if not isinstance(result, BlockPause):
        return result, not example.served and block.name != "wait"
    asked = dict(result.request)
    answer = Answer(example.answer is None, example.answer, {"name": "Ada"}, result.until or NOON, asked)
    return wake_block(block, config, answer, context(**roots)), False


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_block_is_documented(name: str) -> None:
    block = block_types()[name]
    assert block.docs
    assert block.title
    assert block.config_model.model_json_schema()["type"] == "object"


@pytest.mark.rule("W3", "W15")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_block_answers_for_any_config(name: str) -> None:
    block = block_types()[name]
    wrong: dict[str, Any] = {key: [{}] for key in block.example.config}
    for config in (block.example.config, {}, wrong):
        assert isinstance(block.effect(config), Effect)
        assert all(isinstance(handle, str) for handle in block.handles(config))
        assert block.retry_of(config) is None or block.retry_of(config).max_attempts >= 1
        assert (block.timeout_of(config) or 1.0) > 0
        assert block.version_of(config)
