"""A block's config as a form: what an editor needs to draw every field without guessing (W3).

    form_of(HttpConfig)[1].as_json()
    {"name": "url", "label": "Url", "kind": "template", "required": true, "default": null, "nullable": false,
     "help": "", "templates": true, "expressions": false, "secrets": true}

A form is made of the model's JSON schema, so whatever pydantic can describe has one. ``kind`` says which widget:

=============  ======================================================================================================
``text``       a literal text; ``long_text`` one of several lines (more than 1,000 characters fit, or the field says
               so by ``Field(json_schema_extra={"x-long": True})``)
``number``     ``integer`` when only whole ones fit
``boolean``    true or false
``select``     one of ``options``
``template``   a text that may hold ``{{ … }}``, of several lines when it is ``multiline``
``expression`` a bare expression, evaluated by the block
``list``       of ``item``
``object``     of the ``fields``; or by keys of the user's own, each holding an ``item``; or one of the ``variants``,
               told apart by the field ``discriminator``
``json``       any JSON
=============  ======================================================================================================

Where ``templates`` is true, a text with ``{{ … }}`` may stand for the value or inside it, whatever the kind; where
``expressions`` is, its texts are bare expressions. ``roots`` are names these may read beside the usual ones.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from pydantic import BaseModel

Kind = Literal[
    "text",
    "long_text",
    "number",
    "boolean",
    "select",
    "template",
    "expression",
    "list",
    "object",
    "json",
]
Schema = Mapping[str, Any]

LONG_TEXT: Final = 1_000
"""A literal text that may have more characters than this is written in several lines."""

_ALWAYS: Final = frozenset(
    {
        "name",
        "label",
        "kind",
        "required",
        "nullable",
        "default",
        "help",
        "templates",
        "expressions",
        "secrets",
    }
)
_ACRONYMS: Final = frozenset({"api", "csv", "html", "http", "id", "json", "ttl", "url"})
_REFERENCE: Final = "#/$defs/"
_SENTENCE_END: Final = re.compile(r"(?<=[.])\s+")
_LIMITS: Final = {
    "minimum": "minimum",
    "exclusiveMinimum": "above",
    "maximum": "maximum",
    "exclusiveMaximum": "below",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_items",
    "maxItems": "max_items",
    "minProperties": "min_items",
    "maxProperties": "max_items",
    "pattern": "pattern",
    "format": "format",
}
"""Keywords of a schema that a form shows, and what it calls them."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One shape of an object that has several: the ``value`` of its discriminator, and its other fields."""

    value: str
    label: str
    help: str
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form; see the module for ``kind``. ``limits`` hold minimum, pattern, format and the like."""

    name: str
    label: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    default: Any = None
    help: str = ""
    templates: bool = False
    expressions: bool = False
    secrets: bool = False
    integer: bool = False
    multiline: bool = False
    roots: tuple[str, ...] = ()
    options: tuple[Any, ...] = ()
    limits: Mapping[str, Any] | None = None
    item: FormField | None = None
    fields: tuple[FormField, ...] = ()
    variants: tuple[Variant, ...] = ()
    discriminator: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the API gives it: what is empty is left out, but for what every field says."""
        shown = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: _plain(value) for name, value in shown.items() if name in _ALWAYS or value}


@dataclass(frozen=True, slots=True)
class _Place:
    """What holds where a schema stands: the markers around it, and which definitions led here."""

    definitions: Mapping[str, Schema]
    templates: bool = False
    expressions: bool = False
    secrets: bool = False
    roots: tuple[str, ...] = ()
    through: tuple[str, ...] = ()

    def at(self, schema: Schema) -> _Place:
        """The same with the markers of ``schema``."""
        return replace(
            self,
            templates=self.templates or bool(schema.get("x-template")),
            expressions=self.expressions or bool(schema.get("x-expression")),
            secrets=self.secrets or bool(schema.get("x-secrets")),
            roots=tuple(schema.get("x-roots", self.roots)),
        )


def form_of(model: type[BaseModel], *, templates: bool = False) -> tuple[FormField, ...]:
    """The fields of a config in the order they are written.

    ``templates`` marks all of them, for arguments that a marked field passes on. The help of a field is its
    description; without one, the sentences of its model's docstring that name it in double backticks. Raises
    ``PydanticInvalidForJsonSchema`` for a model that JSON cannot express.
    """
    schema = model.model_json_schema()
    place = _Place(schema.get("$defs", {}), templates=templates)
    return tuple(_fields(schema, place, "\n\n".join(_docstrings(model))))


def _docstrings(model: type[BaseModel]) -> Iterator[str]:
    """Of the model and those it derives from, up to the general ones, which speak of no field."""
    for parent in model.__mro__:
        if parent is not BaseModel and issubclass(parent, BaseModel):
            yield inspect.cleandoc(parent.__doc__ or "")


def _fields(schema: Schema, place: _Place, docs: str) -> Iterator[FormField]:
    for name, part in schema.get("properties", {}).items():
        made = _field(name, part, place)
        given = part.get("description") or _about(name, docs) or made.help
        yield replace(
            made, required=name in schema.get("required", ()), default=part.get("default"), help=given
        )


def _field(name: str, schema: Schema, place: _Place) -> FormField:
    """The field for one place of a schema; whether it is required, its parent knows."""
    place = place.at(schema)
    arms = [arm for arm in schema.get("anyOf", (schema,)) if arm.get("type") != "null"]
    for arm in arms:  # a marker on one alternative is the field's
        place = place.at(arm)
    return replace(
        _of_arms(name, arms, place),
        label=_label(name, schema),
        nullable=len(arms) < len(schema.get("anyOf", (schema,))),
        templates=place.templates,
        expressions=place.expressions,
        secrets=place.secrets,
        roots=place.roots,
    )


def _of_arms(name: str, arms: list[Schema], place: _Place) -> FormField:
    """One alternative as itself; several as what one widget can hold, else as JSON."""
    made = [_of_one(name, arm, place) for arm in arms]
    kinds = {field.kind for field in made}
    if len(made) == 1:
        return made[0]
    if [arm.get("type") for arm in arms] == ["number", "string"]:  # a decimal
        return made[0]
    if kinds == {"number"}:
        return FormField(name, "", "number")
    return FormField(name, "", "json")


def _of_one(name: str, schema: Schema, place: _Place) -> FormField:
    if "$ref" in schema:
        return _of_reference(name, str(schema["$ref"]), place)
    if "oneOf" in schema and "discriminator" in schema:
        return _of_variants(name, schema, place)
    options = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if options is not None:
        return FormField(name, "", "select", options=tuple(options))
    maker = _BY_TYPE.get(str(schema.get("type")), _json)
    return replace(maker(name, schema, place), limits=_limits(schema))


def _of_reference(name: str, reference: str, place: _Place) -> FormField:
    """What a definition says; as JSON where it leads back to itself."""
    found = place.definitions[reference.removeprefix(_REFERENCE)]
    if reference in place.through:
        return FormField(name, "", "json")
    made = _field(name, found, replace(place, through=(*place.through, reference)))
    return replace(made, help=made.help or _first_line(found))


def _of_variants(name: str, schema: Schema, place: _Place) -> FormField:
    told_apart = schema["discriminator"]["propertyName"]
    variants = []
    for value, reference in schema["discriminator"]["mapping"].items():
        made = _of_reference(value, reference, place)
        rest = tuple(field for field in made.fields if field.name != told_apart)
        variants.append(Variant(value, _label(value, {}), made.help, rest))
    return FormField(name, "", "object", variants=tuple(variants), discriminator=told_apart)


def _is_long(schema: Schema) -> bool:
    return bool(schema.get("x-long")) or schema.get("maxLength", 0) > LONG_TEXT


def _text(name: str, schema: Schema, place: _Place) -> FormField:
    if place.expressions:
        return FormField(name, "", "expression", multiline=_is_long(schema))
    if place.templates:
        return FormField(name, "", "template", multiline=_is_long(schema))
    return FormField(name, "", "long_text" if _is_long(schema) else "text")


def _number(name: str, schema: Schema, place: _Place) -> FormField:
    return FormField(name, "", "number", integer=schema["type"] == "integer")


def _boolean(name: str, schema: Schema, place: _Place) -> FormField:
    return FormField(name, "", "boolean")


def _list(name: str, schema: Schema, place: _Place) -> FormField:
    if "prefixItems" in schema:  # a tuple: each place has a type of its own
        return FormField(name, "", "json")
    return FormField(name, "", "list", item=_field("item", schema.get("items", {}), place))


def _object(name: str, schema: Schema, place: _Place) -> FormField:
    if "properties" in schema:
        known = tuple(_fields(schema, place, schema.get("description", "")))
        return FormField(name, "", "object", fields=known)
    if (
        schema.get("additionalProperties") is False and "patternProperties" not in schema
    ):  # a model without fields
        return FormField(name, "", "object")
    by_pattern: Mapping[str, Schema] = schema.get("patternProperties", {})
    open_to = next(iter(by_pattern.values()), schema.get("additionalProperties"))
    inner = open_to if isinstance(open_to, Mapping) else {}
    return FormField(name, "", "object", item=_field("value", inner, place))


def _json(name: str, schema: Schema, place: _Place) -> FormField:
    return FormField(name, "", "json")


_BY_TYPE: Final = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": _boolean,
    "array": _list,
    "object": _object,
}


def _limits(schema: Schema) -> dict[str, Any] | None:
    found = {shown: schema[keyword] for keyword, shown in _LIMITS.items() if keyword in schema}
    for pattern in schema.get("patternProperties", {}):
        found["key_pattern"] = pattern
    return found or None


def _label(name: str, schema: Schema) -> str:
    """The title the developer gave; pydantic's own, made of the name, is no better than ours."""
    title = str(schema.get("title", ""))
    if title and title != name.title().replace("_", " ").strip() and "properties" not in schema:
        return title
    words = name.replace("_", " ").split()
    shown = " ".join(word.upper() if word in _ACRONYMS else word for word in words)
    return shown[:1].upper() + shown[1:]


def _about(name: str, docs: str) -> str:
    """The sentences of ``docs`` that name the field; its first one may begin the text after a colon."""
    sentences = (
        sentence for part in docs.split("\n\n") for sentence in _SENTENCE_END.split(" ".join(part.split()))
    )
    return " ".join(dict.fromkeys(sentence for sentence in sentences if f"``{name}``" in sentence))


def _first_line(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).partition("\n\n")[0].split())


def _plain(value: Any) -> Any:
    if isinstance(value, FormField):
        return value.as_json()
    if isinstance(value, Variant):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
