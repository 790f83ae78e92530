"""What `/blocks/` says of each type and function (W3)."""

import json
from typing import Any

import pytest

from workflows.blocks import functions as function_registry
from workflows.blocks.describing import block_described, function_described
from workflows.blocks.functions import function, functions
from workflows.blocks.registry import SHIPPED, block_types
from workflows.engine.types import Effect, RetryPolicy


def told(name: str) -> dict[str, Any]:
    return block_described(block_types()[name])


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_block_is_described_in_json(name: str) -> None:
    found = told(name)
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, default=str))
    assert found["type"] == name
    assert found["package"] == "workflows"
    assert set(found["handles"]) == block_types()[name].handles({})
    assert found["effect"] in found["effects"]
    assert found["effect_docs"] or len(found["effects"]) == 1
    assert found["handles_docs"] or not found["handles_vary"]
    assert len(found["config_form"]) == len(found["config_schema"]["properties"])


@pytest.mark.rule("W3", "W15")
def test_what_depends_on_the_config_is_said_to() -> None:
    assert told("http")["effects"] == ["idempotent", "repeatable", "unsafe"]
    assert told("webhook")["effects"] == ["idempotent", "unsafe"]
    assert told("set")["effects"] == ["pure"]
    vary = {name for name in SHIPPED if told(name)["handles_vary"]}
    assert {"cache", "switch"} <= vary
    assert not {"condition", "http", "validate"} & vary
    assert told("wait")["pauses"]
    assert not told("http")["pauses"]
    assert told("http")["is_async"]


@pytest.mark.rule("W3")
def test_an_example_shows_its_outcome() -> None:
    assert told("switch")["example"]["handle"] == "case-small"
    assert told("fail")["example"]["fails_with"]
    assert "output" not in told("fail")["example"]
    assert told("approval")["example"]["answer"]


@pytest.mark.rule("W3", "W15", "W16")
def test_a_function_tells_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_registry, "_functions", dict(function_registry._functions))

    @function(
        "weigh", effect=Effect.IDEMPOTENT, version="2", timeout_seconds=9, retry=RetryPolicy(max_attempts=2)
    )
    async def weigh(name: str, depth: int = 1) -> float:
        """Weigh a thing."""
        return 0.0

    found = function_described(functions()["weigh"])
    assert (found["title"], found["docs"], found["version"]) == ("Weigh", "Weigh a thing.", "2")
    assert (found["effect"], found["is_async"], found["timeout_seconds"]) == ("idempotent", True, 9)
    assert found["retry"]["max_attempts"] == 2
    assert found["arguments_schema"]["required"] == ["name"]
    assert [field["kind"] for field in found["arguments_form"]] == ["template", "number"]
    assert function_described(functions()["join_words"])["retry"] is None
