"""The OpenAPI document of the whole product: valid, without a guess, and with every block in it (W3)."""

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from workflows.api import urls
from workflows.blocks.registry import SHIPPED, block_types
from workspaces.api import urls as urls_below

ADDRESS = "urn:openapi"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    made: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return made


@pytest.fixture(scope="module")
def definition(document: dict[str, Any]) -> Draft202012Validator:
    """Judges a definition by the document alone, as a generated client would."""
    registry: Registry[Any] = Registry().with_resource(ADDRESS, DRAFT202012.create_resource(document))
    return Draft202012Validator({"$ref": f"{ADDRESS}#/components/schemas/Definition"}, registry=registry)


def drawn(**block: Any) -> dict[str, Any]:
    return {"blocks": [{"key": "a", **block}], "edges": [{"from": "start", "to": "a"}]}


def test_it_is_valid_and_nothing_was_guessed(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert not GENERATOR_STATS


@pytest.mark.rule("W3")
def test_every_block_is_a_component_chosen_by_its_type(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    chosen = schemas["DefinitionBlock"]["discriminator"]["mapping"]
    assert set(chosen) == set(block_types()) >= set(SHIPPED)
    for name, reference in chosen.items():
        block = schemas[reference.rpartition("/")[2]]
        assert block["properties"]["type"] == {"const": name}
        assert block["properties"]["config"]["$ref"].endswith(f"/BlockConfig_{name}")
        assert f"BlockConfig_{name}" in schemas


@pytest.mark.rule("W3")
def test_the_bodies_that_take_a_definition_refer_to_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    takers = [name for name, schema in schemas.items() if "/Definition'" in str(schema.get("properties"))]
    assert {"WorkflowWriteRequest", "PatchedWorkflowWriteRequest", "DefinitionRequest"} <= set(takers)


def test_no_reference_leads_nowhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {reference for reference in references(document) if reference not in schemas} == set()


def references(part: Any) -> set[str]:
    if isinstance(part, list):
        return {found for item in part for found in references(item)}
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
    return own | {found for item in part.values() for found in references(item)}


@pytest.mark.rule("W3")
@pytest.mark.parametrize("name", SHIPPED)
def test_the_example_of_a_block_fits_the_document(definition: Draft202012Validator, name: str) -> None:
    config = dict(block_types()[name].example.config)
    definition.validate(drawn(type=name, config=config, retry={"max_attempts": 2}, timeout_seconds=5))


@pytest.mark.rule("W1", "W3")
@pytest.mark.parametrize(
    "block",
    [
        {"type": "nothing"},
        {"type": "http"},
        {"type": "http", "config": {}},
        {"type": "http", "config": {"url": "https://x.org", "method": "BREW"}},
        {"type": "http", "config": {"url": "https://x.org", "uri": 1}},
        {"type": "cache", "config": {"key": "k", "ttl_seconds": "soon"}},
        {"type": "set", "config": {"fields": {}}, "colour": "red"},
        {"type": "set", "config": {"fields": {}}, "retry": {"max_attempts": 11}},
    ],
    ids=str,
)
def test_a_wrong_block_does_not_fit_it(definition: Draft202012Validator, block: dict[str, Any]) -> None:
    assert not definition.is_valid(drawn(**block))


@pytest.mark.rule("W4")
def test_a_template_may_stand_where_a_number_will(definition: Draft202012Validator) -> None:
    definition.validate(drawn(type="cache", config={"key": "k", "ttl_seconds": "{{ input.hours * 3600 }}"}))


def test_documents_without_blocks_are_left_alone() -> None:
    made = SchemaGenerator(patterns=urls_below.urlpatterns).get_schema(public=True)
    assert "Definition" not in made["components"]["schemas"]
    assert (
        "Definition"
        in SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)["components"]["schemas"]
    )
