"""Every shipped block's example runs offline and gives what the docs say (W3)."""

import json
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import LocalServer, context, run_block
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import SHIPPED, block_types
from workflows.engine.expressions import compile_template


def resolved(value: Any, roots: dict[str, Any]) -> Any:
    """Templates filled in, as the engine does; bare expressions hold no braces and stay."""
    if isinstance(value, str):
        return compile_template(value).render(roots)
    if isinstance(value, dict):
        return {key: resolved(item, roots) for key, item in value.items()}
    return [resolved(item, roots) for item in value] if isinstance(value, list) else value


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_an_example_gives_what_it_says(name: str, server: LocalServer) -> None:
    block = block_types()[name]
    example = block.example
    for path, answer in example.served.items():
        server.answers(path, json.dumps(answer).encode(), Content_Type="application/json")
    roots = (
        {"input": {**example.input, "base_url": server.url}} if example.served else {"input": example.input}
    )
    config = resolved(dict(example.config), roots)
    if example.fails_with:
        with pytest.raises(BlockFailed) as failure:
            run_block(block, config, context(**roots))
        assert failure.value.error.code == example.fails_with
        return
    result = run_block(block, config, context(**roots))
    assert result.handle == example.handle
    shown = {key: result.output[key] for key in example.output} if example.served else result.output
    assert shown == example.output


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_block_is_documented(name: str) -> None:
    block = block_types()[name]
    assert block.docs
    assert block.title
    assert block.config_model.model_json_schema()["type"] == "object"
