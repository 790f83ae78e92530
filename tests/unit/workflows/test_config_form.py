"""A config as a form: every field says what an editor has to draw (W3)."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from workflows.blocks.functions import functions
from workflows.blocks.registry import SHIPPED, block_types
from workflows.engine.config_form import FormField, form_of
from workflows.engine.config_schema import written_schema
from workflows.engine.fields import Expression, Template

KINDS = {
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
}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Tree(BaseModel):
    """``name`` is shown. Others hang on it."""

    name: str
    below: list["Tree"] = []


class Cat(BaseModel):
    """A cat."""

    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    """A dog."""

    kind: Literal["dog"] = "dog"
    tricks: Annotated[list[str], Template()] = []


class Everything(BaseModel):
    """``plain`` is a word. ``number_of`` counts; ``plain`` again."""

    plain: str
    number_of: Annotated[int, Field(ge=1, lt=9)] = 3
    price: Decimal = Decimal(1)
    on: bool = False
    colour: Colour = Colour.RED
    letter: Annotated[str, Field(max_length=5_000)] = ""
    words: Annotated[str, Field(json_schema_extra={"x-long": True})] = ""
    greeting: Annotated[str, Template(secrets=True)] = ""
    count: Annotated[int | None, Template()] = None
    maybe: Annotated[str, Template()] | None = None
    when: Annotated[str, Expression(adds=frozenset({"item", "index"}))] = "true"
    shape: Annotated[Any, Expression()] = None
    headers: Annotated[dict[str, str], Template(secrets=True)] = {}
    animal: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    tree: Tree | None = None
    either: int | str = 1
    at: datetime | None = None
    id: UUID | None = None
    pair: tuple[int, str] | None = None
    titled: Annotated[str, Field(title="How it is called", description="What it is for.")] = ""
    other_name: Annotated[str, Field(alias="schema")] = ""


FORM = {field.name: field for field in form_of(Everything)}


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("plain", "text"), ("number_of", "number"), ("price", "number"), ("on", "boolean"), ("colour", "select"),
        ("letter", "long_text"), ("words", "long_text"), ("greeting", "template"), ("count", "number"),
        ("maybe", "template"), ("when", "expression"), ("shape", "json"), ("headers", "object"), ("animal", "object"),
        ("tree", "object"), ("either", "json"), ("at", "text"), ("id", "text"), ("pair", "json"), ("titled", "text"),
        ("schema", "text"),
    ],
)  # fmt: skip
def test_each_annotation_has_its_widget(name: str, kind: str) -> None:
    assert FORM[name].kind == kind


@pytest.mark.rule("W3")
def test_fields_come_in_the_order_they_are_written() -> None:
    written = [info.alias or name for name, info in Everything.model_fields.items()]
    assert [field.name for field in form_of(Everything)] == written


@pytest.mark.rule("W3", "W4")
def test_a_field_says_what_its_texts_are_and_what_they_may_read() -> None:
    assert FORM["greeting"].templates
    assert FORM["greeting"].secrets
    assert FORM["maybe"].templates
    assert not FORM["plain"].templates
    assert FORM["when"].expressions
    assert FORM["when"].roots == ("index", "item")
    assert FORM["headers"].item.kind == "template"
    assert FORM["headers"].item.secrets
    (lives,) = FORM["animal"].variants[0].fields
    (tricks,) = FORM["animal"].variants[1].fields
    assert (lives.templates, tricks.templates) == (False, True)


@pytest.mark.rule("W3")
def test_what_is_needed_optional_bounded_and_preset() -> None:
    assert FORM["plain"].required
    assert not FORM["number_of"].required
    assert FORM["count"].nullable
    assert not FORM["number_of"].nullable
    assert FORM["number_of"].default == 3
    assert FORM["number_of"].integer
    assert FORM["number_of"].limits == {"minimum": 1, "below": 9}
    assert FORM["colour"].options == ("red", "blue")
    assert FORM["at"].limits == {"format": "date-time"}


@pytest.mark.rule("W3")
def test_help_is_the_description_or_what_the_docstring_says_of_the_field() -> None:
    assert FORM["plain"].help == "``plain`` is a word. ``number_of`` counts; ``plain`` again."
    assert FORM["number_of"].help == "``number_of`` counts; ``plain`` again."
    assert FORM["on"].help == ""
    assert FORM["titled"].help == "What it is for."
    assert FORM["titled"].label == "How it is called"
    assert FORM["number_of"].label == "Number of"
    assert FORM["id"].label == "ID"


@pytest.mark.rule("W3")
def test_alternatives_are_told_apart_by_a_field_that_is_not_drawn_again() -> None:
    animal = FORM["animal"]
    assert animal.discriminator == "kind"
    assert [(variant.value, variant.label, variant.help) for variant in animal.variants] == [
        ("cat", "Cat", "A cat."),
        ("dog", "Dog", "A dog."),
    ]
    assert [field.name for variant in animal.variants for field in variant.fields] == ["lives", "tricks"]


@pytest.mark.rule("W3")
def test_a_model_that_holds_itself_is_json_below_its_first_level() -> None:
    name, below = FORM["tree"].fields
    assert name.help == "``name`` is shown."
    assert (below.kind, below.item.kind) == ("list", "json")


@pytest.mark.rule("W3")
def test_json_leaves_out_what_is_empty_but_for_what_every_field_says() -> None:
    every = {
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
    assert set(FORM["on"].as_json()) == every
    assert set(FORM["number_of"].as_json()) == every | {"integer", "limits"}
    assert FORM["animal"].as_json()["variants"][0]["fields"][0]["name"] == "lives"
    assert json.loads(json.dumps([field.as_json() for field in form_of(Everything)]))


def everywhere(field: FormField) -> Iterator[FormField]:
    yield field
    inner = [*([field.item] if field.item else []), *field.fields]
    inner += [part for variant in field.variants for part in variant.fields]
    for part in inner:
        yield from everywhere(part)


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_block_has_a_form_without_guesses(name: str) -> None:
    model = block_types()[name].config_model
    form = form_of(model)
    assert [field.name for field in form] == [info.alias or name for name, info in model.model_fields.items()]
    for field in (part for top in form for part in everywhere(top)):
        assert field.kind in KINDS
        assert field.label
        assert field.kind != "select" or field.options
        assert field.kind != "list" or field.item
        assert field.kind != "template" or field.templates
        assert field.kind != "expression" or field.expressions


JSON_FIELDS = {
    "cache": {"value"}, "http": {"body"}, "loop": {"items"}, "parallel": {"items"}, "respond": {"value"},
    "transform": {"value"}, "validate": {"value"}, "webhook": {"payload"},
}  # fmt: skip


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", sorted(JSON_FIELDS))
def test_json_is_asked_for_only_where_anything_may_stand(name: str) -> None:
    form = form_of(block_types()[name].config_model)
    assert {field.name for field in form if field.kind == "json"} == JSON_FIELDS[name]


@pytest.mark.rule("W3")
def test_arguments_of_functions_take_templates() -> None:
    words, separator = form_of(functions()["join_words"].arguments, templates=True)
    assert (words.kind, words.templates, words.required) == ("list", True, True)
    assert (separator.kind, separator.default) == ("template", " ")


@pytest.mark.rule("W3", "W4")
@pytest.mark.parametrize(
    ("config", "fits"),
    [
        ({"plain": "x"}, True),
        ({}, False),
        ({"plain": "x", "count": "{{ input.n }}"}, True),
        ({"plain": "x", "count": None}, True),
        ({"plain": "x", "count": "many"}, False),
        ({"plain": "x", "number_of": "{{ input.n }}"}, False),
        ({"plain": "x", "headers": "{{ input.headers }}"}, True),
        ({"plain": "x", "headers": {"a": "{{ input.a }}"}}, True),
        ({"plain": "x", "headers": {"a": 1}}, False),
        ({"plain": "x", "animal": {"kind": "dog", "tricks": ["{{ input.a }}"]}}, True),
        ({"plain": "x", "animal": {"kind": "cow"}}, False),
        ({"plain": "x", "maybe": "{{ input.a }}"}, True),
    ],
    ids=str,
)
def test_the_schema_of_what_is_written_lets_templates_in_where_they_may_stand(
    config: Any, fits: bool
) -> None:
    assert Draft202012Validator(written_schema(Everything)).is_valid(config) == fits


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_the_example_of_a_shipped_block_fits_its_schema(name: str) -> None:
    block = block_types()[name]
    schema = written_schema(block.config_model)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(dict(block.example.config))
