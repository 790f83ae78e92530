"""`python`: call a function that the developer of this install registered."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticSerializationError, to_jsonable_python

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.functions import Function, function, functions
from workflows.blocks.registry import register
from workflows.engine.config import config_error
from workflows.engine.fields import Template
from workflows.engine.types import Effect, ErrorClass, RetryPolicy


class PythonConfig(BlockConfig):
    """``function`` is a registered name; ``arguments`` go to its parameters by name, and may be templates."""

    function: str
    arguments: Annotated[dict[str, Any], Template()] = {}

    @model_validator(mode="after")
    def _known(self) -> PythonConfig:
        found = functions().get(self.function)
        if found is None:
            known = ", ".join(sorted(functions())) or "none"
            raise ValueError(f"no function {self.function!r} is registered here; registered: {known}")
        parameters = found.arguments.model_fields
        if unknown := sorted(set(self.arguments) - set(parameters)):
            raise ValueError(
                f"{self.function} has no argument {', '.join(unknown)}; it takes {', '.join(parameters)}"
            )
        needed = {name for name, field in parameters.items() if field.is_required()}
        if missing := sorted(needed - set(self.arguments)):
            raise ValueError(f"{self.function} needs the argument {', '.join(missing)}")
        return self


@function("join_words", effect=Effect.PURE)
def join_words(words: list[str], separator: str = " ") -> str:
    """Join a list of words into one text."""
    return separator.join(words)


@register
class Python(Block[PythonConfig]):
    """Calls a Python function that was registered with ``@function``; its answer is the output.

    Functions count as ``repeatable`` unless they declare otherwise. A long one sees a Stop when it asks:
    ``context.check_cancelled()``.
    """

    name = "python"
    title = "Python function"
    config_model = PythonConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = 300.0
    default_retry: ClassVar[RetryPolicy | None] = RetryPolicy(max_attempts=3)
    example = Example(
        config={"function": "join_words", "arguments": {"words": "{{ input.words }}", "separator": "-"}},
        input={"words": ["a", "b"]},
        output="a-b",
    )

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """As the function declares."""
        found = _named(config)
        return self.effect_class if found is None else found.effect

    def retry_of(self, config: Mapping[str, Any]) -> RetryPolicy | None:
        """As the function declares; else this block's own."""
        found = _named(config)
        return self.default_retry if found is None or found.retry is None else found.retry

    def timeout_of(self, config: Mapping[str, Any]) -> float | None:
        """As the function declares; else this block's own."""
        found = _named(config)
        declared = None if found is None else found.timeout_seconds
        return self.default_timeout_seconds if declared is None else declared

    def version_of(self, config: Mapping[str, Any]) -> str:
        """Of this block and of the function."""
        found = _named(config)
        return self.version if found is None else f"{self.version}.{found.version}"

    def runs_async(self, config: PythonConfig) -> bool:
        """As the function is written."""
        return functions()[config.function].is_async

    def run(self, context: BlockContext, config: PythonConfig) -> BlockResult | Awaitable[BlockResult]:
        """Check the arguments, then call."""
        called = functions()[config.function]
        try:
            parsed = called.arguments.model_validate(config.arguments)
        except ValidationError as error:
            raise BlockFailed(config_error(error)) from None
        arguments = {name: getattr(parsed, name) for name in type(parsed).model_fields}
        if called.takes_context:
            arguments["context"] = context
        if called.is_async:
            return _awaited(called, arguments)
        return _result(called.call(**arguments))


async def _awaited(called: Function, arguments: dict[str, Any]) -> BlockResult:
    return _result(await called.call(**arguments))


def _result(answer: Any) -> BlockResult:
    """Models, dates, decimals and the like become JSON; what may be stored is the executor's question."""
    given = answer if isinstance(answer, BlockResult) else BlockResult(answer)
    try:
        output = to_jsonable_python(given.output, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError) as error:
        message = f"The function's answer is no JSON: {error}"
        raise BlockFailed.because(ErrorClass.VALIDATION, "bad_output", message) from None
    return replace(given, output=output)


def _named(config: Mapping[str, Any]) -> Function | None:
    name = config.get("function")
    return functions().get(name) if isinstance(name, str) else None
