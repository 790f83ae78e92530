"""Column types: what is accepted, how it is stored, what counts as empty (T7, F23)."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.coercion import COLUMN_TYPES, coerce, format_value, is_empty, text_reader
from tables.engine.column_options import check_options, options_kept
from tables.engine.types import ColumnSpec
from tables.errors import ValueInvalid

NIL = UUID(int=0)


def column(kind: str, **options: Any) -> ColumnSpec:
    return ColumnSpec(NIL, "key", "Name", kind, options, False, False, 0, None, "")


@pytest.mark.parametrize(
    ("kind", "given_value", "stored"),
    [
        ("text", "Ada", "Ada"),
        ("text", " two  blanks ", " two  blanks "),
        ("text", "", None),
        ("text", 5, "5"),
        ("text", {"a": [1]}, '{"a": [1]}'),
        ("number", "1,234.50", 1234.5),
        ("number", " -7 ", -7),
        ("number", "1e3", 1000.0),
        ("number", 2**70, 2**70),
        ("currency", "€ 1,200", 1200.0),
        ("currency", "EUR 12", 12),
        ("boolean", "Yes", True),
        ("boolean", 0, False),
        ("boolean", "", None),
        ("date", "2024/12/31", "2024-12-31"),
        ("date", "31.12.2024", "2024-12-31"),
        ("date", "2024-12-31T23:30:00-05:00", "2025-01-01"),
        ("datetime", "2024-12-31", "2024-12-31T00:00:00.000Z"),
        ("datetime", "2024-12-31 10:00:00.5+02:00", "2024-12-31T08:00:00.500Z"),
        ("url", "example.org/a?b=c", "https://example.org/a?b=c"),
        ("url", "HTTP://x.org", "HTTP://x.org"),
        ("email", " a.b+c@x.co.uk ", "a.b+c@x.co.uk"),
        ("json", {"a": None}, {"a": None}),
        ("json", [], []),
    ],
)
def test_values_are_stored_in_one_form(kind: str, given_value: Any, stored: Any) -> None:
    assert coerce(column(kind), given_value) == stored
    assert type(coerce(column(kind), given_value)) is type(stored)


def test_choices_are_held_to_their_list() -> None:
    assert coerce(column("select", choices=["a", "b"]), " a ") == "a"
    assert coerce(column("multi_select", choices=["a", "b"]), "b, a, b") == ["b", "a"]
    assert coerce(column("multi_select", choices=["a"]), []) is None
    with pytest.raises(ValueInvalid, match="Its choices: a, b"):
        coerce(column("select", choices=["a", "b"]), "c")


@pytest.mark.parametrize(
    ("kind", "bad", "words"),
    [
        ("number", "ten", "is not a number"),
        ("number", True, "A truth value does not fit"),
        ("number", "١٢", "is not a number"),
        ("number", math.nan, "finite"),
        ("number", "1e999", "finite"),
        ("number", 10**400, "digits"),
        ("boolean", "perhaps", "true or false"),
        ("date", "2024-02-30", "2024-12-31"),
        ("datetime", "noon", "2024-12-31T08:30:00Z"),
        ("url", "javascript:alert(1)", "web address"),
        ("url", "https://a b.org", "web address"),
        ("url", "http://[", "web address"),
        ("email", "Ada <a@x.org>", "e-mail"),
        ("multi_select", [1], "list of choices"),
        ("text", "a\x00b", "U\\+0000"),
        ("text", "\ud800", "surrogate"),
        ("json", {"a": ["\x00"]}, "U\\+0000"),
        ("json", {"\ud800": 1}, "surrogate"),
        ("json", [math.inf], "finite"),
        ("json", {1: 2}, "must be text"),
        ("json", {"a": object()}, "cannot be stored"),
        ("text", "x" * 262_145, "at most 262,144"),
        ("json", ["x" * 262_144], "at most 262,144"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(kind: str, bad: Any, words: str) -> None:
    with pytest.raises(ValueInvalid, match=words):
        coerce(column(kind), bad)


@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_deep_nesting_is_refused_without_recursion(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    with pytest.raises(ValueInvalid, match="deeper than 64"):
        coerce(column("json"), value)


@pytest.mark.rule("T7")
@pytest.mark.parametrize(
    ("kind", "value", "empty"),
    [
        ("text", None, True),
        ("text", "", True),
        ("text", " ", False),
        ("number", 0, False),
        ("boolean", False, True),
        ("boolean", True, False),
        ("boolean", None, True),
        ("json", [], True),
        ("json", {}, False),
        ("json", False, False),
        ("multi_select", [], True),
    ],
)
def test_emptiness_is_null_empty_text_empty_list_and_an_unchecked_box(
    kind: str, value: Any, empty: bool
) -> None:
    assert is_empty(kind, value) is empty


@given(st.text(), st.sampled_from(sorted(COLUMN_TYPES)))
def test_no_text_breaks_a_type_and_what_is_stored_is_stored_again_the_same(text: str, kind: str) -> None:
    spec = column(kind, **({"choices": ["a"]} if "select" in kind else {}))
    try:
        stored = coerce(spec, text)
    except ValueInvalid:
        return
    assert coerce(spec, stored) == stored
    shown = format_value(spec, stored)
    assert text_reader(spec)(shown) == stored  # a file that was exported is imported as the same values


def test_a_file_reader_parses_json_and_leaves_empty_cells_out() -> None:
    read = text_reader(column("json"))

    assert read('{"a": 1}') == {"a": 1}
    assert read("  ") is None
    for bad in ("{", "NaN", "[" * 100_000):
        with pytest.raises(ValueInvalid):
            read(bad)
    assert text_reader(column("number"))("") is None


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("text", {"choices": []}),
        ("select", {"choices": ["a", ""]}),
        ("select", {"choices": ["a,b"]}),
        ("select", {"choices": "ab"}),
        ("currency", {"currency": "euro"}),
        ("number", {"decimals": 11}),
        ("number", {"decimals": True}),
        ("select", {"choices": ["a"], "colours": {"b": "red"}}),
        ("select", {"choices": ["a"], "colours": {"a": "#f00"}}),
        ("date", {"date_format": "%d"}),
        ("date", {"date_format": ["YYYY-MM-DD"]}),
        ("email", {"long": True}),
    ],
)
def test_faulty_options_are_refused(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueInvalid):
        check_options(kind, options)


@pytest.mark.parametrize(
    ("kind", "options", "value", "shown"),
    [
        ("text", {}, "Ada", "Ada"),
        ("text", {}, None, ""),
        ("number", {}, 0.1, "0.1"),
        ("number", {"decimals": 2}, 5, "5.00"),
        ("number", {"decimals": 0}, 2**70, str(2**70)),
        ("currency", {"currency": "EUR", "decimals": 2}, 1234.5, "1234.50"),
        ("boolean", {}, False, "false"),
        ("date", {}, "2024-12-31", "2024-12-31"),
        ("date", {"date_format": "DD.MM.YYYY"}, "2024-12-31", "31.12.2024"),
        ("date", {"date_format": "MM/DD/YYYY"}, "0099-01-02", "01/02/0099"),
        ("datetime", {"date_format": "D MMM YYYY"}, "2024-12-31T08:30:00.000Z", "31 Dec 2024 08:30:00"),
        ("multi_select", {"choices": ["a", "b"]}, ["a", "b"], "a, b"),
        ("json", {}, "a", '"a"'),
        ("json", {}, {"ä": 1}, '{"ä": 1}'),
    ],
)
def test_a_value_reads_as_its_column_says_and_is_read_back(
    kind: str, options: dict[str, Any], value: Any, shown: str
) -> None:
    spec = column(kind, **check_options(kind, options))

    assert format_value(spec, value) == shown
    assert text_reader(spec)(shown) == value


@pytest.mark.parametrize("kind", sorted(COLUMN_TYPES))
def test_what_another_type_left_behind_is_shown_and_never_raises(kind: str) -> None:
    left: list[Any] = ["ten", 7, 2.5, True, ["a", 1], {"a": []}, "2024-99-99"]
    for value in left:
        assert format_value(column(kind, **({"date_format": "DD.MM.YYYY"} if "date" in kind else {})), value)


def test_a_change_of_type_keeps_the_options_that_still_mean_something() -> None:
    assert options_kept("multi_select", {"choices": ["a"], "colours": {"a": "red"}}) == {
        "choices": ["a"],
        "colours": {"a": "red"},
    }
    assert options_kept("number", {"currency": "EUR", "decimals": 2}) == {"decimals": 2}


def test_every_type_has_a_label_operators_and_checked_options() -> None:
    from tables.engine import column_options

    assert len(COLUMN_TYPES) == 11
    for kind in COLUMN_TYPES.values():
        assert kind.label
        assert kind.label[0].isupper()
        assert {"is_empty", "not_empty"} <= set(kind.operators)
        assert set(kind.option_names) <= set(column_options._CHECKS)
