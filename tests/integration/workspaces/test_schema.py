"""The OpenAPI document of this app is complete and makes no complaint."""

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from workspaces.api import urls


@pytest.fixture
def document() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    made: dict[str, Any] = SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)
    return made


def test_it_is_valid_and_nothing_was_guessed(document: dict[str, Any]) -> None:
    validate_schema(document)
    assert not GENERATOR_STATS
    assert len(document["paths"]) == 10


def test_every_operation_names_its_problems_and_ways_in(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "404", "429"} <= set(operation["responses"]), (method, path)
            assert {name for way in operation["security"] for name in way} == {"token", "session"}


def test_secret_values_are_written_and_never_read(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "value" in schemas["SecretRequest"]["properties"]
    assert "value" not in schemas["Secret"]["properties"]
