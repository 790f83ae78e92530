"""The transform block: each operation, its bounds, and errors that name operation and item."""

import json
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import context, run
from workflows.blocks import transform
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, ErrorClass
from workflows.engine.validation import check_definition

PEOPLE = [
    {"name": "Ada", "score": 7, "team": "red"},
    {"name": "Lin", "score": None, "team": "blue"},
    {"name": "Grace", "score": 9, "team": "red"},
]


def transformed(value: Any, *operations: dict[str, Any], **roots: Any) -> Any:
    return run("transform", {"value": value, "operations": list(operations)}, context(**roots)).output


def failure(value: Any, *operations: dict[str, Any], **roots: Any) -> BlockError:
    with pytest.raises(BlockFailed) as raised:
        transformed(value, *operations, **roots)
    return raised.value.error


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("value", "operation", "expected"),
    [
        ([1, 2], {"op": "map", "to": "item * 10 + index"}, [10, 21]),
        ([1], {"op": "map", "to": {"n": "item", "fixed": 5, "of": ["index"]}}, [{"n": 1, "fixed": 5, "of": [0]}]),
        ([1, 2, 3], {"op": "filter", "when": "item > 1 and index < 2"}, [2]),
        ([3, 1, 2], {"op": "sort"}, [1, 2, 3]),
        ([3, None, 1], {"op": "sort", "descending": True}, [3, 1, None]),
        (["b", "a"], {"op": "sort"}, ["a", "b"]),
        ([1, 1.0, "1", True, 1], {"op": "dedupe"}, [1, "1", True]),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], {"op": "dedupe"}, [{"a": 1, "b": 2}]),
        ([[1, [2]], 3, []], {"op": "flatten"}, [1, [2], 3]),
        ([[1, [2]], 3, []], {"op": "flatten", "depth": 2}, [1, 2, 3]),
        ([1, 2, 3], {"op": "limit", "count": 1, "offset": 1}, [2]),
        ([1], {"op": "limit", "count": 0}, []),
        ({"a": 1, "b": 2}, {"op": "pick", "fields": ["b", "c"]}, {"b": 2, "c": None}),
        ([{"a": 1}], {"op": "rename", "fields": {"a": "z"}}, [{"z": 1}]),
        ("[1, {}]", {"op": "parse_json"}, [1, {}]),
        ({"a": [1, None]}, {"op": "to_json"}, '{"a":[1,null]}'),
        ([], {"op": "group", "by": "item"}, []),
        ("", {"op": "parse_csv"}, []),
        ("a;b\n1;\n\n2\n", {"op": "parse_csv", "delimiter": ";"}, [{"a": "1", "b": ""}, {"a": "2", "b": None}]),
        ("\ufeff1,\"x\ny\"", {"op": "parse_csv", "header": False}, [["1", "x\ny"]]),
        ("a,\n1,2", {"op": "parse_csv"}, [{"a": "1", "column_2": "2"}]),
        ([{"a": 1}, {"b": "x,y"}], {"op": "to_csv"}, 'a,b\r\n1,\r\n,"x,y"\r\n'),
        ([{"a": True, "b": [1]}], {"op": "to_csv", "columns": ["b", "a"]}, "b,a\r\n[1],true\r\n"),
        ([["x", 1], ["y", None]], {"op": "to_csv", "delimiter": ";"}, "x;1\r\ny;\r\n"),
    ],
)  # fmt: skip
def test_an_operation_does_what_it_says(value: Any, operation: dict[str, Any], expected: Any) -> None:
    found = transformed(value, operation)
    assert found == expected
    assert json.dumps(found) == json.dumps(expected)


@pytest.mark.rule("W3")
def test_objects_are_sorted_nulls_last_and_equals_in_their_order() -> None:
    assert names(transformed(PEOPLE, {"op": "sort", "by": "item.score"})) == ["Ada", "Grace", "Lin"]
    by_team = {"op": "sort", "by": "item.team", "descending": True}
    assert names(transformed(PEOPLE, by_team)) == ["Ada", "Grace", "Lin"]


@pytest.mark.rule("W3")
def test_groups_come_in_the_order_of_their_first_item() -> None:
    groups = transformed(PEOPLE, {"op": "group", "by": "item.team"})
    assert [(group["key"], names(group["items"])) for group in groups] == [
        ("red", ["Ada", "Grace"]),
        ("blue", ["Lin"]),
    ]


@pytest.mark.rule("W3")
def test_operations_follow_each_other_and_read_the_run() -> None:
    kept = {"op": "filter", "when": "item.team == input.team"}
    assert transformed(PEOPLE, kept, {"op": "map", "to": "item.name"}, input={"team": "red"}) == [
        "Ada",
        "Grace",
    ]


@pytest.mark.rule("W6")
def test_what_an_item_contains_is_never_evaluated() -> None:
    words = ["{{ input.x }}", "1 + 1"]
    assert transformed([0, 1], {"op": "map", "to": "input.words[item]"}, input={"words": words}) == words


@pytest.mark.rule("W5")
@pytest.mark.parametrize(
    ("value", "operation", "code", "words"),
    [
        ([{"a": 1}, {}], {"op": "map", "to": "item.a"}, "missing_path", "(map), item 1: item.a does not exist"),
        ("x", {"op": "filter", "when": "item"}, "bad_value", "(filter): this needs a list, not text"),
        ([1, "a"], {"op": "sort"}, "bad_value", "(sort), item 1: text cannot be compared with a number"),
        ([1, True], {"op": "sort"}, "bad_value", "(sort), item 1: true/false cannot be compared with a number"),
        ([[1]], {"op": "sort"}, "bad_value", "(sort), item 0: a list cannot be sorted by"),
        ([{}, 5], {"op": "pick", "fields": ["a"]}, "bad_value", "(pick), item 1: this needs an object"),
        (5, {"op": "rename", "fields": {"a": "b"}}, "bad_value", "(rename): this needs a list"),
        (5, {"op": "parse_csv"}, "bad_value", "(parse_csv): this needs text, not a number"),
        ("a,b\n1,2\n1,2,3", {"op": "parse_csv"}, "bad_csv", "(parse_csv), item 1: 3 cells, but the header names 2"),
        ("a,a\n", {"op": "parse_csv"}, "bad_csv", "two columns are called 'a'"),
        ('a\n"x', {"op": "parse_csv"}, "bad_csv", "line 2: "),
        ("," * 1_000, {"op": "parse_csv"}, "bad_csv", "line 1 has more than 1,000 cells"),
        ("{", {"op": "parse_json"}, "bad_json", "this is not JSON"),
        ("[NaN]", {"op": "parse_json"}, "bad_json", "numbers must be finite"),
        ("[1e400]", {"op": "parse_json"}, "bad_json", "numbers must be finite"),
        ("[" * 70 + "]" * 70, {"op": "parse_json"}, "bad_json", "64 levels"),
        ("[" * 100_000, {"op": "parse_json"}, "bad_json", "nested too deeply"),
        ([{}, 5], {"op": "to_csv", "columns": ["a"]}, "bad_value", "(to_csv), item 1: a number cannot stand"),
        ([{"a": 1}, [1]], {"op": "to_csv"}, "bad_value", "(to_csv), item 1: a list cannot stand beside objects"),
    ],
)  # fmt: skip
def test_an_error_names_the_operation_and_the_item(
    value: Any, operation: dict[str, Any], code: str, words: str
) -> None:
    error = failure(value, operation)
    assert error.code == code
    assert error.message.startswith("operations[0] (")
    assert words in error.message
    assert error.detail["operation"].startswith("operations[0]")
    assert error.detail.get("item") is None or f"item {error.detail['item']}" in error.message


def test_the_second_operation_is_named_by_its_own_index() -> None:
    error = failure([1], {"op": "limit", "count": 1}, {"op": "map", "to": "item.a"})
    assert error.message.startswith("operations[1] (map), item 0: ")
    assert error.error_class is ErrorClass.REFERENCE


@pytest.mark.rule("F21")
@pytest.mark.parametrize(
    ("value", "operation", "code"),
    [
        ([0] * 10_001, {"op": "map", "to": "item"}, "list_too_long"),
        ([[0] * 101] * 100, {"op": "flatten"}, "list_too_long"),
        ("a\n" * 10_002, {"op": "parse_csv"}, "list_too_long"),
        ("x" * (1024 * 1024 + 1), {"op": "parse_json"}, "text_too_long"),
        ([0] * 10_000, {"op": "map", "to": "input.big ~ item"}, "output_too_large"),
        (["x" * 600_000] * 2, {"op": "to_csv"}, "output_too_large"),
        (["x" * 600_000] * 2, {"op": "to_json"}, "output_too_large"),
    ],
)
def test_every_operation_is_bounded(value: Any, operation: dict[str, Any], code: str) -> None:
    value = [[item] for item in value] if operation["op"] == "to_csv" else value
    assert failure(value, operation, input={"big": "x" * 100_000}).code == code


@pytest.mark.rule("W17")
def test_all_operations_together_have_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform, "MOST_SECONDS", -1.0)
    error = failure([1], {"op": "map", "to": "item"})
    assert (error.error_class, error.code) == (ErrorClass.TIMEOUT, "timeout")


@pytest.mark.rule("W1")
@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "map"}, "config.operations.0.map.to"),
        ({"op": "map", "to": "item."}, "config.operations[0].to"),
        ({"op": "map", "to": {"a": ["secrets.X"]}}, "config.operations[0].to.a[0]"),
        ({"op": "sort", "by": "trigger.x"}, "config.operations[0].by"),
        ({"op": "shuffle"}, "config.operations.0"),
        ({"op": "limit", "count": -1}, "config.operations.0.limit.count"),
        ({"op": "parse_csv", "delimiter": "ab"}, "config.operations.0.parse_csv.delimiter"),
    ],
)
def test_a_wrong_operation_is_found_when_it_is_saved(operation: dict[str, Any], field: str) -> None:
    block = {"key": "t", "type": "transform", "config": {"value": "{{ input.x }}", "operations": [operation]}}
    faults = check_definition({"blocks": [block], "edges": []}, block_types()).faults
    assert [fault.field for fault in faults] == [field]


@pytest.mark.rule("W5")
def test_items_may_be_read_in_operations_though_no_loop_is_around() -> None:
    operations = [{"op": "map", "to": {"a": "item.a", "n": "index"}}, {"op": "filter", "when": "item.a"}]
    block = {"key": "t", "type": "transform", "config": {"value": [], "operations": operations}}
    assert check_definition({"blocks": [block], "edges": []}, block_types()).faults == ()
