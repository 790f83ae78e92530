"""`loop` and `parallel`: what they iterate over, what they refuse, and how they say so (W10)."""

from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import context
from workflows.blocks.base import BlockContext, BlockFailed, ContainerBlock
from workflows.blocks.registry import block_types
from workflows.engine.config import compile_config
from workflows.engine.types import BlockError, ErrorClass, Opening

pytestmark = pytest.mark.rule("W10")


def container(name: str) -> ContainerBlock[Any]:
    block = block_types()[name]
    assert isinstance(block, ContainerBlock)
    return block


def opened(name: str, **config: Any) -> Opening:
    """As the executor does with a resolved config."""
    block = container(name)
    return block.open(context(), block.config_model.model_validate(config))


def refused(name: str, **config: Any) -> BlockError:
    compiled, _ = compile_config("a", container(name).config_model, {})
    error = compiled.build(config)
    assert isinstance(error, BlockError)
    assert error.error_class is ErrorClass.VALIDATION
    return error


def test_a_loop_is_opened_by_its_mode() -> None:
    assert opened("loop", mode="count", count=3) == Opening(3)
    assert opened("loop", mode="count", count="3") == Opening(3)
    assert opened("loop", mode="each", items=["a", "b"]) == Opening(2, ("a", "b"))
    assert opened("loop", mode="while", condition="index < 3", max_iterations=7) == Opening(None, cap=7)


def test_a_parallel_is_opened_by_its_mode() -> None:
    assert opened("parallel", mode="count", count=2) == Opening(2, concurrency=5)
    assert opened("parallel", mode="each", items=[1], concurrency=50, on_branch_error="collect") == Opening(
        1, (1,), concurrency=50, collect=True
    )


@pytest.mark.parametrize("name", ["loop", "parallel"])
def test_zero_and_empty_are_taken_as_they_are(name: str) -> None:
    assert opened(name, mode="count", count=0).count == 0
    assert opened(name, mode="each", items=[]).items == ()
    assert opened(name, mode="each", items={}).items == ()


def test_an_object_gives_its_pairs_in_order() -> None:
    pairs = opened("loop", mode="each", items={"b": 1, "a": 2}).items
    assert pairs == ({"key": "b", "value": 1}, {"key": "a", "value": 2})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"mode": "each", "items": "a, b"},
            "items: Value error, the items must be a list or an object, not text",
        ),
        ({"mode": "each", "items": 5}, "must be a list or an object, not a number"),
        ({"mode": "each", "items": True}, "must be a list or an object, not a boolean"),
        ({"mode": "each", "items": None}, "give the items to go through"),
        (
            {"mode": "each", "items": [1, 2, 3], "max_iterations": 2},
            "3 iterations are more than max_iterations",
        ),
        ({"mode": "count", "count": 1001}, r"1,001 iterations are more than max_iterations allows (1,000)"),
        ({"mode": "count", "count": -1}, "count: Input should be greater than or equal to 0"),
        ({"mode": "count", "count": "many"}, "count: Input should be a valid integer"),
    ],
    ids=["text", "number", "boolean", "null", "too_many_items", "too_often", "negative", "word"],
)
@pytest.mark.parametrize("name", ["loop", "parallel"])
def test_what_cannot_be_iterated_is_refused_in_words(name: str, config: dict[str, Any], words: str) -> None:
    assert words in refused(name, **config).message


@pytest.mark.rule("W1")
@pytest.mark.parametrize(
    ("name", "config", "field"),
    [
        ("loop", {"mode": "each"}, "config.items"),
        ("loop", {"mode": "count"}, "config.count"),
        ("loop", {"mode": "while"}, "config.condition"),
        ("loop", {"mode": "count", "count": 1, "max_iterations": 10_001}, "config.max_iterations"),
        ("loop", {}, "config.mode"),
        ("parallel", {"mode": "while"}, "config.mode"),
        ("parallel", {"mode": "each", "items": "{{ input.x }}", "concurrency": 51}, "config.concurrency"),
        ("parallel", {"mode": "each", "items": [], "on_branch_error": "ignore"}, "config.on_branch_error"),
    ],
    ids=["no_items", "no_count", "no_condition", "cap", "no_mode", "mode", "concurrency", "on_branch_error"],
)
def test_a_config_that_cannot_be_is_a_fault_of_its_field(
    name: str, config: dict[str, Any], field: str
) -> None:
    _, faults = compile_config("a", container(name).config_model, config)
    assert [fault.field for fault in faults] == [field]


@pytest.mark.rule("W1")
def test_what_only_the_run_can_know_is_no_fault() -> None:
    for config in ({"mode": "each", "items": "{{ input.x }}"}, {"mode": "count", "count": "{{ input.n }}"}):
        assert compile_config("a", container("loop").config_model, config)[1] == ()


def goes_on(condition: str, **roots: Any) -> bool:
    block = container("loop")
    config = block.config_model.model_validate({"mode": "while", "condition": condition})
    where: BlockContext = context(**roots)
    return block.goes_on(where, config)


def test_a_while_loop_goes_on_while_its_condition_holds() -> None:
    condition = "index < 3 and (blocks.loop.previous.more | default(true))"
    assert goes_on(condition, index=0, blocks={"loop": {"previous": None}})
    assert not goes_on(condition, index=1, blocks={"loop": {"previous": {"more": False}}})
    assert not goes_on(condition, index=3, blocks={"loop": {"previous": None}})
    with pytest.raises(BlockFailed) as failure:
        goes_on("blocks.loop.previous.score > 1", index=0, blocks={"loop": {"previous": None}})
    assert failure.value.error.code == "missing_path"
