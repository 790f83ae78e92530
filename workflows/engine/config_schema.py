"""The JSON schema of configs as they are written in a definition, templates unresolved (W3, W4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

TEMPLATE_TEXT: Final[Mapping[str, Any]] = {"type": "string", "pattern": r"\{\{"}
"""A text that holds an expression, in the place of a value that is no text, or not any text."""

_ASIDE: Final = ("title", "description", "default", "x-template", "x-expression", "x-secrets", "x-roots")
_NARROWING: Final = ("enum", "const", "pattern", "format", "maxLength", "minLength")


def written_schema(model: type[BaseModel], ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """What a definition may hold as a config of ``model``: where a template may stand, a text with one is let in.

    ``ref_template`` says where the ``$defs`` will stand, as in pydantic.
    """
    return _opened(model.model_json_schema(ref_template=ref_template), inside=False)


def _opened(schema: Mapping[str, Any], *, inside: bool, arm: bool = False) -> dict[str, Any]:
    """``schema`` with templates let in at every marked place; ``inside`` one already.

    An ``arm`` of a union stands where the union does: one text beside all of them is enough.
    """
    marked = inside or bool(schema.get("x-template"))
    opened = dict(schema)
    for word in ("$defs", "properties", "patternProperties"):
        if word in schema:
            opened[word] = {name: _opened(part, inside=marked) for name, part in schema[word].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), Mapping):
            opened[word] = _opened(schema[word], inside=marked)
    if "prefixItems" in schema:
        opened["prefixItems"] = [_opened(part, inside=marked) for part in schema["prefixItems"]]
    if "anyOf" in schema:
        opened["anyOf"] = [
            _opened(part, inside=marked or bool(part.get("x-template")), arm=True) for part in schema["anyOf"]
        ]
        marked = marked or any(part.get("x-template") for part in schema["anyOf"])
    return _beside_text(opened) if marked and not arm and not _takes_any_text(schema) else opened


def _beside_text(schema: Mapping[str, Any]) -> dict[str, Any]:
    aside = {word: schema[word] for word in _ASIDE if word in schema}
    rest = {word: part for word, part in schema.items() if word not in _ASIDE}
    arms = rest["anyOf"] if list(rest) == ["anyOf"] else [rest]
    return {"anyOf": [*arms, dict(TEMPLATE_TEXT)], **aside}


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    if "anyOf" in schema:
        return any(_takes_any_text(arm) for arm in schema["anyOf"])
    says = set(schema) - set(_ASIDE)
    if not says:
        return True
    return schema.get("type") == "string" and not says & set(_NARROWING)
