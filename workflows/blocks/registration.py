"""What keeps a block type or a function from being registered, in words its developer can act on (W3).

Checked when a module is imported, so that a wrong one stops every process at start and no run later.
"""

from __future__ import annotations

import inspect
import re
import traceback
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pydantic
from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, create_model
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic.json_schema import PydanticJsonSchemaWarning

from workflows.blocks.base import Block, Example
from workflows.engine.types import Effect, RetryPolicy

HOLDABLE: Final = (
    "Use what JSON can hold: str, int, float, bool, Decimal, date, UUID, Literal, Enum, list, dict, Any, "
    "and models of these."
)

MODEL_ERRORS: Final = (PydanticUserError, PydanticUndefinedAnnotation)
"""What pydantic raises for an annotation it cannot make a model of."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_NEEDED: Final = ("name", "title", "config_model", "example")


def block_fault(block_class: type[Block[Any]]) -> str | None:
    """The first thing that is wrong with a block class, as the rest of a sentence about it; None when nothing is."""
    missing = [name for name in _NEEDED if not hasattr(block_class, name)]
    if missing:
        return f"lacks {', '.join(missing)}; set them as class attributes."
    unwritten = sorted(block_class.__abstractmethods__)
    if unwritten:
        return f"lacks the method {', '.join(unwritten)}."
    return next(iter(_attribute_faults(block_class)), None) or config_fault(block_class.config_model)


def config_fault(model: type[BaseModel]) -> str | None:
    """Why no form can be made of a config model, or of a function's arguments, naming the field; None when one can."""
    if _schema_fault(model) is None:
        return None
    for name, info in model.model_fields.items():
        fault = _schema_fault(create_model("Field", **{name: (info.annotation, info)}))  # type: ignore[call-overload]
        if fault is not None:
            return f"has the field {name!r}, of which no form can be made: {fault} {HOLDABLE}"
    return f"has a config of which no form can be made: {_schema_fault(model)} {HOLDABLE}"


def model_fault(source: str, error: Exception) -> str:
    """What is said when pydantic refused a model, or a function's arguments, while ``source`` was imported."""
    place = next(
        (
            f" (line {frame.lineno} of {Path(frame.filename).name})"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if not _is_machinery(Path(frame.filename))
        ),
        "",
    )
    return f"{source} cannot be loaded{place}: {_first_sentence(error)} {HOLDABLE}"


def _attribute_faults(block_class: Any) -> Iterator[str]:
    """``block_class`` is whatever a developer wrote: nothing of it is as annotated for sure."""
    if not (isinstance(block_class.name, str) and _NAME.fullmatch(block_class.name)):
        yield f"has the name {block_class.name!r}; a name is a letter, then letters, digits, '_', '-' and '.'."
    if not (isinstance(block_class.config_model, type) and issubclass(block_class.config_model, BaseModel)):
        yield "has a config_model that is no pydantic model; derive one from BlockConfig."
    if not isinstance(block_class.example, Example):
        yield "has an example that is no Example(config=…)."
    if not isinstance(block_class.effect_class, Effect):
        yield f"has the effect_class {block_class.effect_class!r}; write Effect.PURE or another member of Effect."
    yield from _policy_faults(block_class)
    if inspect.iscoroutinefunction(block_class.run) and block_class.effect is Block.effect:
        if block_class.effect_class is Effect.PURE:
            yield (
                "has an async run and is declared pure, as it is by default; what is awaited is not pure: declare "
                "its effect_class, such as Effect.REPEATABLE."
            )
        if block_class.effect_class is Effect.DATABASE:
            yield "has an async run and is declared database; those run in a transaction: write a plain def."
    if (fault := _output_fault(block_class.output_schema)) is not None:
        yield f"has an output_schema that is no JSON schema: {fault}"


def _policy_faults(block_class: Any) -> Iterator[str]:
    seconds, retry = block_class.default_timeout_seconds, block_class.default_retry
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        yield f"has the default_timeout_seconds {seconds!r}; write seconds above 0, or None for no limit."
    if retry is not None and not (isinstance(retry, RetryPolicy) and 1 <= retry.max_attempts <= 10):
        yield f"has the default_retry {retry!r}; write RetryPolicy(max_attempts=…) with 1 to 10 attempts, or None."


def _schema_fault(model: type[BaseModel]) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PydanticJsonSchemaWarning)
            model.model_json_schema()
    except (*MODEL_ERRORS, PydanticJsonSchemaWarning) as error:
        return _first_sentence(error)
    return None


def _output_fault(schema: object) -> str | None:
    if not isinstance(schema, Mapping):
        return f"it is {schema!r}."
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"
    return None


def _first_sentence(error: Exception) -> str:
    text = str(error).splitlines()[0].partition(". ")[0]
    return text if text.endswith(".") else f"{text}."


def _is_machinery(path: Path) -> bool:
    """Pydantic, the standard library's part in an import, and this package: never where the mistake is."""
    return (
        "importlib" in str(path)
        or path.is_relative_to(Path(pydantic.__file__).parent)
        or path.is_relative_to(Path(__file__).parent)
    )
