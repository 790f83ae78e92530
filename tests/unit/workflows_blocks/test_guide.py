"""What docs/blocks says is true: its code runs, its examples give what they say, its page is fresh (W3)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.runtime import BASE_DIR
from workflows.blocks import functions as function_registry
from workflows.blocks import registry
from workflows.blocks.base import Answer, BlockPause
from workflows.blocks.registry import block_types
from workflows.blocks.trial import new_context, try_block

FOLDER = BASE_DIR / "docs" / "blocks"
GUIDE = FOLDER / "writing-blocks.md"


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Every Python part of the guide, run as one module."""
    monkeypatch.setattr(registry, "_blocks", dict(registry._blocks))
    monkeypatch.setattr(function_registry, "_functions", dict(function_registry._functions))
    parts = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    module: dict[str, Any] = {"__name__": "guide"}
    exec(compile("\n".join(parts), str(GUIDE), "exec", dont_inherit=True), module)
    yield module


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", ["shorten", "pick", "count"])
def test_a_block_of_the_guide_does_what_its_example_says(guide: dict[str, Any], name: str) -> None:
    example = block_types()[name].example
    result = try_block(name, example.config, input=example.input)
    assert (result.output, result.handle) == (example.output, example.handle)


@pytest.mark.rule("W3")
def test_the_function_of_the_guide_is_called(guide: dict[str, Any]) -> None:
    result = try_block("python", {"function": "shelf_of", "arguments": {"sku": "AB"}})
    assert result.output == {"aisle": 11, "level": 2}


@pytest.mark.rule("W3", "W19")
def test_the_pause_of_the_guide_is_woken_by_its_time(guide: dict[str, Any]) -> None:
    nap = block_types()["nap"]
    pause = try_block("nap", {})
    assert isinstance(pause, BlockPause)
    woken = Answer(True, None, None, datetime.now(UTC), pause.request)
    assert nap.wake(new_context(nap, {}), nap.config_model(), woken).output == nap.example.output
    assert try_block("nap", {}, answer={}).output == {"slept": False}


@pytest.mark.parametrize("name", ["writing-blocks.md", "reference.md"])
def test_links_lead_somewhere(name: str) -> None:
    text = (FOLDER / name).read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [target for target in targets if not (FOLDER / target).exists()] == []


@pytest.mark.rule("W3")
def test_the_reference_is_fresh() -> None:
    call_command("block_reference", check=FOLDER / "reference.md")


def test_a_stale_reference_is_noticed(tmp_path: Path) -> None:
    stale = tmp_path / "reference.md"
    stale.write_text("# Blocks\n")
    with pytest.raises(CommandError, match="is stale"):
        call_command("block_reference", check=stale)
    call_command("block_reference", output=stale)
    call_command("block_reference", check=stale)


def test_a_package_without_blocks_is_named() -> None:
    with pytest.raises(CommandError, match="No block or function of nobody"):
        call_command("block_reference", of="nobody")
