"""What an editor, a program or the reference page is told of each block type and function (W3). Plain JSON."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from workflows.blocks.base import Block, Example
from workflows.blocks.functions import Function
from workflows.engine.config_form import FormField, form_of
from workflows.engine.config_schema import written_schema
from workflows.engine.types import RetryPolicy


def block_described(block: Block[Any]) -> dict[str, Any]:
    """Everything about a block type. Treat it as read-only: what a class fixes is worked out once."""
    return _described(type(block), block)


def function_described(found: Function) -> dict[str, Any]:
    """Everything about a function; ``timeout_seconds`` and ``retry`` of null are the ``python`` block's own."""
    return {
        "name": found.name,
        "title": found.title,
        "docs": found.docs,
        "version": found.version,
        "package": found.call.__module__.partition(".")[0],
        "effect": str(found.effect),
        "is_async": found.is_async,
        "timeout_seconds": found.timeout_seconds,
        "retry": retry_json(found.retry),
        "arguments_schema": found.arguments.model_json_schema(),
        "arguments_form": [field.as_json() for field in form_of(found.arguments, templates=True)],
    }


def retry_json(policy: RetryPolicy | None) -> dict[str, Any] | None:
    """A policy as a definition's ``retry`` writes it; null is one attempt."""
    if policy is None:
        return None
    return {
        "max_attempts": policy.max_attempts,
        "kind": str(policy.kind),
        "delay_seconds": policy.delay_seconds,
        "cap_seconds": policy.cap_seconds,
        "jitter": policy.jitter,
        "retry_on": sorted(map(str, policy.retry_on)),
        "on_unknown": str(policy.on_unknown),
    }


@lru_cache(maxsize=1_000)
def _described(block_class: type[Block[Any]], block: Block[Any]) -> dict[str, Any]:
    form = form_of(block.config_model)
    configs = list(_likely_configs(block.example, form))
    handles = {frozenset(block.handles(config)) for config in configs}
    effects = {block.effect(config) for config in configs}
    return {
        "type": block.name,
        "title": block.title,
        "docs": block.docs,
        "version": block.version,
        "package": block_class.__module__.partition(".")[0],
        "entry": block.entry,
        "container": block.container,
        "responds": block.responds,
        "pauses": block_class.wake is not Block.wake,
        "is_async": inspect.iscoroutinefunction(block.run),
        "effect": str(block.effect({})),
        "effects": sorted(map(str, effects)),
        "effect_docs": _told(block_class.effect, Block.effect),
        "handles": sorted(block.handles({})),
        "handles_vary": len(handles) > 1,
        "handles_docs": _told(block_class.handles, Block.handles),
        "config_docs": inspect.getdoc(block.config_model) or "",
        "config_schema": written_schema(block.config_model),
        "config_form": [field.as_json() for field in form],
        "output_schema": dict(block.output_schema),
        "default_timeout_seconds": block.default_timeout_seconds,
        "default_retry": retry_json(block.default_retry),
        "example": _example(block.example),
    }


def _likely_configs(example: Example, form: tuple[FormField, ...]) -> Iterator[Mapping[str, Any]]:
    """Configs among which handles and effects show whether they depend on it: none, the example, each option.

    A text that may be left out is given as well, for some decide by its presence.
    """
    yield {}
    yield example.config
    for field in form:
        for option in field.options or (("x",) if field.kind == "text" and field.nullable else ()):
            yield {**example.config, field.name: option}


def _told(method: Any, general: Any) -> str | None:
    """What a method that a type wrote itself says; null where every block is alike."""
    return None if method is general else inspect.getdoc(method)


def _example(example: Example) -> dict[str, Any]:
    shown: dict[str, Any] = {"config": dict(example.config), "input": dict(example.input)}
    if example.fails_with is not None:
        return {**shown, "fails_with": example.fails_with}
    answer = {} if example.answer is None else {"answer": dict(example.answer)}
    return {**shown, **answer, "output": example.output, "handle": example.handle}
