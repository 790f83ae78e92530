"""Python functions that workflows may call, registered by the developer of the install (W3).

    @function("licence_class", effect=Effect.REPEATABLE)
    def licence_class(name: str, depth: int = 1, *, context: BlockContext) -> dict[str, Any]:
        \"\"\"Classify the licence of an installed distribution.\"\"\"

Arguments are checked against the annotations (by pydantic) before the function is called. A parameter named
``context`` is not an argument: it receives the ``BlockContext``. ``version``, ``timeout_seconds`` and ``retry`` are
what blocks go by that call it and say nothing else. The function may be ``async def``; it
answers JSON, or a ``BlockResult`` to state a cost too. What it raises fails the block: ``BlockFailed`` as
stated, anything else as an internal error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from workflows.blocks.registry import BlockRegistrationInvalid
from workflows.engine.types import Effect, RetryPolicy

CONTEXT: Final = "context"

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function: ``arguments`` is the pydantic model of its parameters."""

    name: str
    call: Callable[..., Any]
    arguments: type[BaseModel]
    effect: Effect
    docs: str
    takes_context: bool
    is_async: bool
    title: str
    version: str = "1"
    timeout_seconds: float | None = None
    retry: RetryPolicy | None = None


_functions: dict[str, Function] = {}


def function(
    name: str,
    *,
    effect: Effect = Effect.REPEATABLE,
    title: str = "",
    version: str = "1",
    timeout_seconds: float | None = None,
    retry: RetryPolicy | None = None,
) -> Callable[[FunctionT], FunctionT]:
    """Decorator: let ``python`` blocks call this function under ``name``.

    ``effect`` says what a second call may do to the world (W15). A ``pure`` function runs in the executor's
    own thread: declare only what takes microseconds so. ``title`` is what people see. Change ``version`` with what
    the function does: results of another version are not reused (W24). ``timeout_seconds`` and ``retry`` of None are
    those of the ``python`` block.
    """
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise BlockRegistrationInvalid(f"Function {name!r}: timeout_seconds must be above 0.")

    def decorate(call: FunctionT) -> FunctionT:
        held = _functions.get(name)
        if held is not None and _path(held.call) != _path(call):
            raise BlockRegistrationInvalid(
                f"Function {name!r} is registered twice: by {_path(held.call)} and by {_path(call)}. "
                "Give one of them another name."
            )
        described = _describe(name, call, effect)
        _functions[name] = replace(
            described,
            title=title or described.title,
            version=version,
            timeout_seconds=timeout_seconds,
            retry=retry,
        )
        return call

    return decorate


def functions() -> Mapping[str, Function]:
    """Every registered function by name, read-only."""
    return MappingProxyType(_functions)


def _describe(name: str, call: Callable[..., Any], effect: Effect) -> Function:
    if effect is Effect.PURE and inspect.iscoroutinefunction(call):
        raise BlockRegistrationInvalid(
            f"Function {name!r} is async and declared pure. What is awaited is not pure: declare it repeatable."
        )
    parameters = inspect.signature(call).parameters
    hints = get_type_hints(call, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.name == CONTEXT:
            continue
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            raise BlockRegistrationInvalid(
                f"Function {name!r}: the parameter {str(parameter)!r} cannot be filled from a workflow. "
                "Name each argument, and let it be passed by name."
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return Function(
        name=name,
        call=call,
        arguments=create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields),
        effect=effect,
        docs=inspect.getdoc(call) or "",
        takes_context=CONTEXT in parameters,
        is_async=inspect.iscoroutinefunction(call),
        title=name.replace("_", " ").capitalize(),
    )


def _path(call: Callable[..., Any]) -> str:
    return f"{call.__module__}.{call.__qualname__}"
