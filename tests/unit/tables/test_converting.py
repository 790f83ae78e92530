"""A column takes another type: what its values become, which choices they make, and when nothing needs a look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.coercion import COLUMN_TYPES, coerce
from tables.engine.column_options import options_renamed
from tables.engine.converting import Conversion, choices_of, needs_conversion, wants_choices
from tables.engine.copying import keys_left_out, renamed
from tables.engine.types import ColumnSpec
from tables.errors import ValueInvalid
from tests.bed.properties import cases
from tests.unit.tables import specs


def column(kind: str, **options: Any) -> ColumnSpec:
    return replace(specs.column("k", kind), options=options)


@pytest.mark.parametrize(
    ("old", "value", "new", "becomes"),
    [
        ("text", "1,234.5", "number", 1234.5),
        ("text", "yes", "boolean", True),
        ("text", "31.12.2024", "date", "2024-12-31"),
        ("text", "example.org", "url", "https://example.org"),
        ("text", '{"a": [1]}', "json", {"a": [1]}),
        ("text", "no json", "json", "no json"),
        ("number", 5, "text", "5"),
        ("number", 2**70, "currency", 2**70),
        ("number", 0.1, "text", "0.1"),
        ("currency", 12.5, "number", 12.5),
        ("boolean", True, "text", "true"),
        ("boolean", False, "boolean", False),
        ("datetime", "2024-12-31T23:30:00.000Z", "date", "2024-12-31"),
        ("date", "2024-12-31", "datetime", "2024-12-31T00:00:00.000Z"),
        ("multi_select", ["a", "b"], "text", "a, b"),
        ("json", {"a": 1}, "text", '{"a": 1}'),
        ("json", "plain", "text", "plain"),
        ("json", 7, "number", 7),
    ],
)
def test_values_go_over_as_people_see_them(old: str, value: Any, new: str, becomes: Any) -> None:
    assert Conversion(column(old), column(new)).convert(value) == becomes


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("text", "ten", "number"),
        ("boolean", True, "number"),
        ("number", 5, "date"),
        ("multi_select", ["a", "b"], "select"),
        ("json", {"a": 1}, "number"),
        ("text", "nobody", "email"),
    ],
)
def test_what_has_no_form_of_the_new_type_does_not_fit(old: str, value: Any, new: str) -> None:
    with pytest.raises(ValueInvalid):
        Conversion(column(old), column(new, **({"choices": ["a"]} if new == "select" else {}))).convert(value)


def test_display_options_do_not_shorten_what_is_converted() -> None:
    assert Conversion(column("number", decimals=0), column("text")).convert(2.75) == "2.75"
    assert (
        Conversion(column("date", date_format="DD.MM.YYYY"), column("text")).convert("2024-12-31")
        == "2024-12-31"
    )


def test_choices_are_renamed_and_merged() -> None:
    old = column("multi_select", choices=["a", "b", "c"], colours={"a": "red"})
    options = options_renamed(old.options, {"a": "A", "b": "c"})
    assert options == {"choices": ["A", "c"], "colours": {"A": "red"}}
    conversion = Conversion(old, replace(old, options=options), {"a": "A", "b": "c"})

    assert [conversion.convert(value) for value in (["a", "b", "c"], ["b"])] == [["A", "c"], ["c"]]


def test_choices_are_made_of_values_as_long_as_they_can_be() -> None:
    text = column("text")

    assert choices_of(text, "select", ["b", "a", " a "]) == ["a", "b"]
    assert choices_of(text, "multi_select", ["b, a", "c,a"]) == ["a", "b", "c"]
    assert choices_of(text, "select", ["b, a"]) is None
    assert choices_of(text, "select", map(str, range(501))) is None
    assert choices_of(column("number"), "select", [2, 1]) == ["1", "2"]
    assert wants_choices(text, column("select"))
    assert not wants_choices(text, column("select", choices=["a"]))
    assert not wants_choices(column("select"), column("multi_select"))


@pytest.mark.parametrize(
    ("old", "new", "needed"),
    [
        (column("number"), column("number", decimals=2), False),
        (column("number"), column("currency"), True),
        (column("select", choices=["a"]), column("select", choices=["b", "a"]), False),
        (column("select", choices=["a", "b"]), column("select", choices=["a"]), True),
    ],
    ids=["decimals", "currency", "choice added", "choice gone"],
)
def test_only_what_can_touch_values_is_looked_at(old: ColumnSpec, new: ColumnSpec, needed: bool) -> None:
    assert needs_conversion(old, new) is needed


@cases(300)
@given(st.sampled_from(sorted(COLUMN_TYPES)), st.sampled_from(sorted(COLUMN_TYPES)), st.text(max_size=30))
def test_whatever_is_converted_is_a_value_of_the_new_type(old: str, new: str, text: str) -> None:
    before = column(old, **({"choices": ["a", "b"]} if "select" in old else {}))
    after = column(new, **({"choices": ["a", "b"]} if "select" in new else {}))
    try:
        value = coerce(before, text)
        converted = Conversion(before, after).convert(value) if value is not None else None
    except ValueInvalid:
        return
    assert coerce(after, converted) == converted


@pytest.mark.rule("T4")
def test_a_copy_leaves_out_what_was_made_of_what_it_lacks() -> None:
    spec = specs.table(specs.group("A", "name"), specs.group("B", "a"), specs.group("C"))

    assert keys_left_out(spec, ["name"]) == {"name", "a", "b"}
    assert keys_left_out(spec, ["b"]) == {"b"}
    assert keys_left_out(spec, []) == frozenset()


def test_ids_are_replaced_wherever_they_stand() -> None:
    before = {"all": [{"column": "1", "value": ["1", 1, None]}], "1": {"x": "12"}}

    assert renamed(before, {"1": "2"}) == {
        "all": [{"column": "2", "value": ["2", 1, None]}],
        "2": {"x": "12"},
    }
