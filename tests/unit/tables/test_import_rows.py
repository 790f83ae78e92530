"""Records read a column at a time into rows (T38)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.coercion import text_reader
from tables.engine.csv_rows import Record
from tables.engine.import_rows import RowReader, Rows
from tables.engine.seen_keys import SeenKeys
from tables.errors import ValueInvalid
from tests.unit.tables.test_dependencies import column

pytestmark = pytest.mark.rule("T38")

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.sampled_from(
    ["", "0", "-0", "007", "1.50", "2.5", "1e3", "1,234", "9" * 16, "x", "-1", ".5", " 1"]
)


def reader(*columns: Any, key: str | None = None, **limits: int) -> RowReader:
    known = [each for each in columns if each is not None]
    limits = {"max_cell_bytes": 262_144, "max_row_bytes": 409_600, **limits}
    return RowReader(columns, known, key=key, **limits)


def read(rows: RowReader, *values: tuple[str, ...]) -> Rows:
    return rows.read([Record(line, each) for line, each in enumerate(values, 2)])


def data(rows: Rows) -> list[dict[str, Any]]:
    return [json.loads(text) for text in rows.texts]


@given(st.lists(st.tuples(TEXTS, NUMBERS), min_size=1, max_size=20))
def test_a_column_at_a_time_gives_what_value_by_value_gives(values: list[tuple[str, str]]) -> None:
    columns = [replace(column("a")), replace(column("b"), type="number")]
    expected: list[dict[str, Any]] = []
    for record in values:
        try:
            pairs = [(c.key, text_reader(c)(text)) for c, text in zip(columns, record, strict=True)]
        except ValueInvalid:
            continue
        expected.append({key: value for key, value in pairs if value is not None})

    rows = read(reader(*columns), *values)

    assert data(rows) == expected
    assert len(rows) + len(rows.refused) == len(values)


def test_refused_records_tell_line_column_and_reason_and_the_others_stay_in_order() -> None:
    columns = [column("a"), replace(column("b"), type="number"), None]

    rows = read(
        reader(*columns), ("x", "1", "?"), ("y", "no", ""), ("z", "3", "", "!"), ("\x00", "4", ""), ("w", "5")
    )

    assert data(rows) == [{"a": "x", "b": 1}, {"a": "w", "b": 5}]
    assert rows.lines == [2, 6]
    assert {each.line: each.reason.split(".")[0] for each in rows.refused} == {
        3: "B: “no” is not a number",
        4: "The row has 4 values, the header 3 columns",
        5: "The row holds the character U+0000, which cannot be stored",
    }


def test_rows_and_cells_over_the_limit_are_refused() -> None:
    rows = read(
        reader(column("a"), column("b"), max_cell_bytes=40, max_row_bytes=60),
        ("é" * 21, ""),
        ("x" * 30, "y" * 30),
        ("é" * 20, ""),
    )

    assert data(rows) == [{"a": "é" * 20}]
    assert [
        (each.line, "a cell holds" in each.reason, "a row holds" in each.reason) for each in rows.refused
    ] == [
        (2, True, False),
        (3, False, True),
    ]


@pytest.mark.rule("T30")
def test_values_of_workflow_columns_are_marked_as_typed_by_a_person() -> None:
    rows = read(reader(column("a"), column("b", "G")), ("x", "1"), ("y", ""))

    assert rows.edited == [("b",), ()]


def test_a_key_must_be_filled_and_what_new_rows_lack_is_only_noted() -> None:
    needed = replace(column("b"), required=True)

    rows = read(reader(column("a"), needed, key="a"), ("x", ""), ("", "1"), ("y", "2"))

    assert (data(rows), rows.lacking) == ([{"a": "x"}, {"a": "y", "b": "2"}], {0: "B: a value is required."})
    assert [(each.line, each.reason) for each in rows.refused] == [
        (3, "The row has no value in the key column.")
    ]
    assert rows.value("a", 1) == "y"


def test_seen_keys_knows_each_of_many_texts_once() -> None:
    seen = SeenKeys()

    assert all(seen.add(str(n)) for n in range(5_000))
    assert not any(seen.add(str(n)) for n in range(5_000))
