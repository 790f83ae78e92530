"""The input a workflow declares, and the one check every start of a run goes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from workflows.blocks.base import BlockConfig

InputType = Literal["text", "number", "boolean", "list", "object", "any"]

_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}
_WORDS: Final = {"text": "text", "number": "a number", "boolean": "true or false", "list": "a list"}


class InputField(BlockConfig):
    """One named input: its type, whether a run needs it, and what stands in when it is left out."""

    type: InputType = "any"
    required: bool = False
    default: Any = None
    description: str = ""


class InputInvalid(Exception):
    """A run's input does not fit what the workflow declares; ``errors`` maps each input to what is wrong."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """``errors`` are whole sentences by input name."""
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in errors.items()))


def complete_input(declared: Mapping[str, InputField] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The input a run starts with: ``given``, with defaults for what is left out (null where there is none).

    Without a declaration (None) anything goes. Raises ``InputInvalid`` for unknown names, missing required
    ones and wrong types; an optional input may be null.
    """
    if declared is None:
        return dict(given)
    errors = {
        name: f"This workflow has no such input. It knows: {', '.join(declared) or 'none'}."
        for name in given
        if name not in declared
    }
    complete = {}
    for name, field in declared.items():
        value = given.get(name, field.default)
        complete[name] = value
        if fault := _fault(field, value):
            errors[name] = fault
    if errors:
        raise InputInvalid(errors)
    return complete


def _fault(field: InputField, value: Any) -> str | None:
    if value is None:
        return "This input is required." if field.required else None
    if field.type == "any":
        return None
    wrong_boolean = field.type == "number" and isinstance(value, bool)
    if isinstance(value, _PYTHON_TYPES[field.type]) and not wrong_boolean:
        return None
    return f"This input must be {_WORDS.get(field.type, 'an object')}."
