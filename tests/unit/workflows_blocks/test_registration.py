"""A wrong block or function is refused when its module is imported, in words that say what to change (W3)."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workflows.blocks import functions as function_registry
from workflows.blocks import registry
from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.functions import function
from workflows.blocks.registry import BlockRegistrationInvalid, block_types, register
from workflows.engine.types import Effect, RetryPolicy


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_blocks", dict(registry._blocks))
    monkeypatch.setattr(function_registry, "_functions", dict(function_registry._functions))


class Nothing(BlockConfig):
    """No fields."""


class WithCallable(BlockConfig):
    """A field that no JSON can fill."""

    fine: int = 1
    when: Callable[[], int]


class WithObject(BlockConfig):
    """A default that no JSON can hold."""

    fine: Any = object()


def block_class(**attributes: Any) -> type[Block[Any]]:
    def run(self: Any, context: BlockContext, config: Any) -> BlockResult:
        return BlockResult()

    given = {
        "name": "odd",
        "title": "Odd",
        "config_model": Nothing,
        "example": Example(config={}),
        "run": run,
    }
    return type("Odd", (Block,), {**given, **attributes})


async def awaited(self: Any, context: BlockContext, config: Any) -> BlockResult:
    return BlockResult()


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"run": Block.run}, "lacks the method run"),
        ({"name": "odd one"}, "has the name 'odd one'; a name is a letter"),
        ({"config_model": dict}, "config_model that is no pydantic model"),
        ({"example": {"config": {}}}, "example that is no Example"),
        ({"effect_class": "pure"}, "has the effect_class 'pure'; write Effect.PURE"),
        ({"run": awaited}, "has an async run and is declared pure, as it is by default"),
        ({"run": awaited, "effect_class": Effect.DATABASE}, "run in a transaction: write a plain def"),
        ({"default_timeout_seconds": 0}, "default_timeout_seconds 0; write seconds above 0"),
        ({"default_retry": 3}, "default_retry 3; write RetryPolicy"),
        ({"default_retry": RetryPolicy(max_attempts=11)}, "1 to 10 attempts"),
        ({"output_schema": {"type": "thing"}}, "output_schema that is no JSON schema"),
        ({"config_model": WithCallable}, "has the field 'when', of which no form can be made"),
        ({"config_model": WithObject}, "has the field 'fine', of which no form can be made"),
    ],
    ids=range(13),
)
def test_a_wrong_block_is_refused_by_name_and_reason(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(BlockRegistrationInvalid) as refusal:
        register(block_class(**attributes))
    assert words in str(refusal.value)
    assert f"{__name__}.Odd " in str(refusal.value) or "Odd" in str(refusal.value)
    assert "odd" not in block_types()


@pytest.mark.rule("W3")
def test_an_async_block_is_taken_once_it_says_its_effect() -> None:
    register(block_class(run=awaited, effect_class=Effect.REPEATABLE))
    assert block_types()["odd"].runs_async(Nothing())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`package(source, entry)`: an installed package ``odd_blocks`` with an entry point of that value."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(source: str, entry: str) -> None:
        (tmp_path / "odd_blocks.py").write_text(source)
        info = tmp_path / "odd_blocks-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-blocks\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[runsheet.blocks]\nodd = {entry}\n")

    yield install
    sys.modules.pop("odd_blocks", None)


RIGHT = '''
from workflows.blocks.base import Block, BlockConfig, BlockResult, Example

class Odd(Block[BlockConfig]):
    """Odd."""

    name, title, config_model, example = "odd", "Odd", BlockConfig, Example(config={})

    def run(self, context, config):
        return BlockResult()
'''
UNKNOWN_TYPE = """
from workflows.blocks.base import BlockConfig

class Thing:
    pass

class Config(BlockConfig):
    thing: Thing
"""
BAD_FUNCTION = """
from collections.abc import Callable
from workflows.blocks.functions import function

@function("odd")
def odd(what: Callable[[], int]) -> int:
    return what()
"""


@pytest.mark.rule("W3")
def test_an_entry_point_may_name_a_class_or_a_module(package: Callable[[str, str], None]) -> None:
    package(RIGHT, "odd_blocks:Odd")
    registry.load([])
    assert block_types()["odd"].title == "Odd"


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("source", "entry", "words"),
    [
        (
            RIGHT,
            "odd_blocks.nowhere",
            "names 'odd_blocks.nowhere', which cannot be imported. Correct the name",
        ),
        (RIGHT, "odd_blocks:Even", "names 'odd_blocks:Even', which does not exist: odd_blocks has no Even"),
        (RIGHT, "odd_blocks:Example", "names 'odd_blocks:Example', which is no Block class"),
        (UNKNOWN_TYPE, "odd_blocks", "cannot be loaded (line 7 of odd_blocks.py)"),
        (BAD_FUNCTION, "odd_blocks", "Function 'odd' has the field 'what', of which no form can be made"),
    ],
    ids=["no-module", "no-class", "no-block", "unknown-type", "bad-function"],
)
def test_a_wrong_entry_point_is_refused_by_package_and_reason(
    package: Callable[[str, str], None], source: str, entry: str, words: str
) -> None:
    package(source, entry)
    with pytest.raises(BlockRegistrationInvalid) as refusal:
        registry.load([])
    assert words in str(refusal.value)
    assert "'odd'" in str(refusal.value)


@pytest.mark.rule("W3")
def test_what_a_module_itself_lacks_is_its_own_error(package: Callable[[str, str], None]) -> None:
    package("import a_package_nobody_has", "odd_blocks")
    with pytest.raises(ModuleNotFoundError, match="a_package_nobody_has"):
        registry.load([])


@pytest.mark.rule("W3")
def test_functions_are_checked_wherever_they_were_registered() -> None:
    @function("odd_one")
    def odd_one(what: Callable[[], int]) -> int:
        return what()

    with pytest.raises(BlockRegistrationInvalid, match="Function 'odd_one' has the field 'what'"):
        registry.load([])
