"""Types and functions are registered once, by name, with a clear word when they clash (W3)."""

import asyncio
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import context, run
from workflows.blocks import functions as function_registry
from workflows.blocks import registry
from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.functions import function
from workflows.blocks.registry import BlockRegistrationInvalid, block_types, register
from workflows.engine.types import Effect, RetryPolicy


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_blocks", dict(registry._blocks))
    monkeypatch.setattr(function_registry, "_functions", dict(function_registry._functions))


class Nothing(BlockConfig):
    """No fields."""


def block_class(type_name: str) -> type[Block[Nothing]]:
    class Silent(Block[Nothing]):
        name, title, config_model, example = type_name, "Silent", Nothing, Example(config={})

        def run(self, context: BlockContext, config: Nothing) -> BlockResult:
            return BlockResult()

    return Silent


@pytest.mark.rule("W3")
def test_a_registered_class_is_known_by_its_name() -> None:
    registered = register(block_class("silent"))
    assert isinstance(block_types()["silent"], registered)


@pytest.mark.rule("W3")
def test_registering_the_same_class_again_is_harmless() -> None:
    registered = register(block_class("silent"))
    assert register(registered) is registered


@pytest.mark.rule("W3")
def test_two_blocks_of_one_name_are_refused_by_both_their_paths() -> None:
    other = type("Other", (block_class("http"),), {})
    with pytest.raises(
        BlockRegistrationInvalid, match=r"'http' is registered twice: by workflows\.blocks\.http\.Http"
    ):
        register(other)


@pytest.mark.rule("W3")
def test_a_class_that_lacks_what_it_must_say_is_refused() -> None:
    class Nameless(Block[Nothing]):
        config_model = Nothing

        def run(self, context: BlockContext, config: Nothing) -> BlockResult:
            return BlockResult()

    with pytest.raises(BlockRegistrationInvalid, match="lacks name, title, example"):
        register(Nameless)


@pytest.mark.rule("W3")
def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(BlockRegistrationInvalid, match="'no_such_module_of_blocks'"):
        registry.load(["no_such_module_of_blocks"])


@pytest.mark.rule("W3", "W15")
def test_a_function_is_repeatable_unless_it_says_otherwise() -> None:
    function("plain")(lambda: 1)
    function("dear", effect=Effect.UNSAFE)(lambda: 1)
    python = block_types()["python"]
    assert python.effect({"function": "plain"}) is Effect.REPEATABLE
    assert python.effect({"function": "dear"}) is Effect.UNSAFE


@pytest.mark.rule("W3")
def test_arguments_are_cast_to_the_annotations() -> None:
    @function("doubled")
    def doubled(n: int) -> int:
        return n * 2

    assert run("python", {"function": "doubled", "arguments": {"n": "21"}}).output == 42


@pytest.mark.rule("W3")
def test_an_async_function_is_awaited() -> None:
    @function("slow_hello")
    async def slow_hello(name: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"hello": name}

    config = {"function": "slow_hello", "arguments": {"name": "Ada"}}
    python = block_types()["python"]
    assert python.runs_async(python.config_model.model_validate(config))
    assert run("python", config).output == {"hello": "Ada"}


@pytest.mark.rule("W17")
def test_a_function_sees_a_stop_when_it_asks() -> None:
    @function("patient")
    def patient(*, context: BlockContext) -> None:
        context.check_cancelled()

    where = context()
    where.cancelled.set()
    with pytest.raises(BlockFailed) as failure:
        run("python", {"function": "patient"}, where)
    assert failure.value.error.code == "cancelled"


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"function": "nobody"}, "no function 'nobody' is registered"),
        ({"function": "join_words", "arguments": {"word": "x", "words": []}}, "has no argument word"),
        ({"function": "join_words"}, "needs the argument words"),
        ({"function": "join_words", "arguments": {"words": 5}}, "words: Input should be a valid list"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(config: dict[str, Any], word: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        run("python", config)
    assert word in failure.value.error.message


@pytest.mark.rule("W3")
def test_two_functions_of_one_name_are_refused() -> None:
    def other(words: list[str]) -> str:
        return ""

    with pytest.raises(BlockRegistrationInvalid, match="'join_words' is registered twice"):
        function("join_words")(other)


@pytest.mark.rule("W3")
def test_a_function_whose_arguments_have_no_names_is_refused() -> None:
    with pytest.raises(BlockRegistrationInvalid, match="cannot be filled from a workflow"):
        function("loose")(lambda **options: options)


@pytest.mark.rule("W3", "W16", "W24")
def test_a_function_may_say_how_long_how_often_and_which_version() -> None:
    patient = RetryPolicy(max_attempts=5)
    function("slow_sum", version="7", timeout_seconds=900, retry=patient, title="Slow sum")(lambda: 1)
    function("plain_sum")(lambda: 1)
    python, declared, plain = block_types()["python"], {"function": "slow_sum"}, {"function": "plain_sum"}
    assert (python.retry_of(declared), python.timeout_of(declared)) == (patient, 900)
    assert (python.retry_of(plain), python.timeout_of(plain)) == (RetryPolicy(max_attempts=3), 300.0)
    assert python.timeout_of({"function": "nobody"}) == 300.0
    assert python.version_of(declared) != python.version_of(plain) == "1.1"
    titles = [function_registry.functions()[name].title for name in ("slow_sum", "plain_sum")]
    assert titles == ["Slow sum", "Plain sum"]


@pytest.mark.rule("W3")
def test_a_function_cannot_be_given_no_time() -> None:
    with pytest.raises(BlockRegistrationInvalid, match="must be above 0"):
        function("instant", timeout_seconds=0)


@dataclass
class Found:
    """An answer that is no plain JSON."""

    at: date
    tags: set[str]


@pytest.mark.rule("W3")
def test_an_answer_of_python_objects_becomes_json() -> None:
    function("find")(lambda: {"found": Found(date(2026, 11, 21), {"a"}), "price": Decimal("1.50"), 3: ("x",)})
    expected = {"found": {"at": "2026-11-21", "tags": ["a"]}, "price": "1.50", "3": ["x"]}
    assert run("python", {"function": "find"}).output == expected


@pytest.mark.rule("W3")
@pytest.mark.parametrize("answer", [float("nan"), object(), {"a": object()}, b"\xff"])
def test_an_answer_that_is_no_json_fails_with_its_reason(answer: Any) -> None:
    function("odd")(lambda: answer)
    with pytest.raises(BlockFailed) as failure:
        run("python", {"function": "odd"})
    assert failure.value.error.code == "bad_output"


@pytest.mark.rule("W3", "W15")
def test_an_async_function_cannot_be_pure() -> None:
    async def waits() -> None:
        """Waits."""

    with pytest.raises(BlockRegistrationInvalid, match="async and declared pure"):
        function("waits", effect=Effect.PURE)(waits)
