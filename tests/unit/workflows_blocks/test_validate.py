"""The validate block: what a schema finds, what a schema may be, and that neither takes for ever."""

from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import run
from workflows.blocks import validate
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, ErrorClass
from workflows.engine.validation import check_definition


def errors(schema: dict[str, Any], value: Any) -> list[dict[str, str]]:
    result = run("validate", {"value": value, "schema": schema})
    assert result.handle == ("invalid" if result.output["errors"] else "valid")
    assert result.output["valid"] is not bool(result.output["errors"])
    assert result.output["value"] == value
    return result.output["errors"]


def paths(schema: dict[str, Any], value: Any) -> list[str]:
    return [error["path"] for error in errors(schema, value)]


TREE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[a-z]+$"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}


@pytest.mark.rule("W3")
def test_each_error_has_its_path() -> None:
    assert errors(TREE, {"name": "a", "children": [{"name": "b"}]}) == []
    value = {"name": "a", "children": [{"name": "B"}, {"nam": "c"}, 5]}
    assert paths(TREE, value) == [
        "$.children[0].name", "$.children[1]", "$.children[1]", "$.children[2]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": {"type": "null"}},
         {"n_a": 1, "x": None}, {"n_a": "1", "x": 5}),
        ({"uniqueItems": True}, [1, "1", True, [1]], [{"a": 1.0}, {"a": 1}]),
        ({"multipleOf": 0.1}, 0.3, 0.35),
        ({"multipleOf": 3}, 9.0, 10),
        ({"multipleOf": 1e-300}, 1e308, 1.5e-300),
        ({"format": "email"}, "a@b.org", "nobody"),
        ({"format": "date"}, "2026-11-21", "20261121"),
        ({"format": "time"}, "09:00:00Z", "09:00"),
        ({"format": "date-time"}, "2026-11-21T09:00:00Z", "2026-11-21T09:00:00"),
        ({"format": "uri"}, "https://example.org", "example"),
        ({"format": "uuid"}, "0198b2a4-7c00-7000-8000-000000000000", "x"),
        ({"enum": ["a", None]}, None, "b"),
        ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 5}}, "ab", 4),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 1, 3),
        ({"dependentRequired": {"pattern": ["b"]}}, {"pattern": 1, "b": 2}, {"pattern": 1}),
        ({"properties": {"pattern": {"type": "string"}, "$ref": {}}}, {"pattern": "("}, {"pattern": 5}),
    ],
)  # fmt: skip
def test_keywords_mean_what_the_standard_says(schema: dict[str, Any], good: Any, bad: Any) -> None:
    assert errors(schema, good) == []
    assert errors(schema, bad) != []


@pytest.mark.rule("F21")
def test_errors_are_bounded_in_number_and_length() -> None:
    found = errors({"items": {"type": "string"}}, [["x" * 1_000]] * 100)
    assert len(found) == 50
    assert max(len(error["message"]) for error in found) == 300


@pytest.mark.rule("W1")
@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "$.type"),
        ({"properties": []}, "$.properties"),
        ({"minimum": "1"}, "$.minimum"),
        ({"pattern": "(?=a)"}, "looking ahead"),
        ({"properties": {"a": {"patternProperties": {"(": {}}}}}, "$.properties.a.patternProperties"),
        ({"$ref": "https://example.org/schema.json"}, "nothing else is followed"),
        ({"$ref": "other.json"}, "nothing else is followed"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"$ref": "#/const", "const": {"pattern": "("}}, "nothing else is followed"),
        ({"$id": "https://example.org/", "type": "object"}, "$id is not supported"),
        ({"allOf": [{"unevaluatedProperties": False}]}, "unevaluatedProperties is not supported"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "only draft 2020-12"),
        ({"$defs": {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}}, "for the whole schema"),
        ({"description": "x" * 100_001}, "at most 100,000 characters"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_found_when_it_is_saved(schema: dict[str, Any], words: str) -> None:
    block = {"key": "v", "type": "validate", "config": {"value": "{{ input.x }}", "schema": schema}}
    (fault,) = check_definition({"blocks": [block], "edges": []}, block_types()).faults
    assert (fault.code, fault.field) == ("bad_config", "config.schema")
    assert words in fault.message


def failure(schema: dict[str, Any], value: Any) -> BlockError:
    with pytest.raises(BlockFailed) as raised:
        run("validate", {"value": value, "schema": schema})
    return raised.value.error


@pytest.mark.rule("S7")
def test_references_in_a_circle_end_with_an_error() -> None:
    assert failure({"$ref": "#"}, 1).code == "schema_invalid"


@pytest.mark.rule("S7")
def test_a_small_schema_that_means_a_huge_one_runs_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "MOST_SECONDS", 0.2)
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**doubling, "d60": {"type": "integer"}}}
    error = failure(schema, 1)
    assert (error.error_class, error.code) == (ErrorClass.TIMEOUT, "timeout")


@pytest.mark.rule("S7")
def test_a_hostile_pattern_keeps_nobody_waiting() -> None:
    assert paths({"pattern": "^(a+)+$"}, "a" * 30_000 + "!") == ["$"]


@pytest.mark.rule("W6")
def test_a_schema_is_taken_as_it_is_written() -> None:
    assert errors({"const": "{{ input.x }}"}, 5) == [{"path": "$", "message": "'{{ input.x }}' was expected"}]
