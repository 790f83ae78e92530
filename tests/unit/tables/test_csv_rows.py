"""Reading files as people write them (T38, F24)."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.csv_rows import (
    MAX_RECORD_CHARS,
    Dialect,
    column_names,
    fit,
    records,
    sniff,
    sniff_delimiter,
)
from tables.engine.inference import infer_type, suggest_mapping
from tests.unit.tables.test_dependencies import column

pytestmark = pytest.mark.rule("T38")
UTF8 = Dialect("utf-8", ",")


def lines(content: str, dialect: Dialect = UTF8) -> list[tuple[int, tuple[str, ...], str]]:
    return [
        (record[0], record[1], record[2])
        for record in records(io.BytesIO(content.encode(dialect.encoding)), dialect)
    ]


def test_records_carry_the_number_of_their_first_line() -> None:
    content = 'a,b\r\n1,"x\ny"\n\n3,5" pipe\r4,""""\n5,'

    assert [(line, values) for line, values, _ in lines(content)] == [
        (1, ("a", "b")),
        (2, ("1", "x\ny")),
        (5, ("3", '5" pipe')),
        (6, ("4", '"')),
        (7, ("5", "")),
    ]


@pytest.mark.rule("F24")
def test_a_quote_that_never_closes_costs_its_own_line_only() -> None:
    assert lines('a,"b\n1,2\n3,4\n') == [
        (1, (), "A quote is opened and never closed."),
        (2, ("1", "2"), ""),
        (3, ("3", "4"), ""),
    ]


class Endless(io.RawIOBase):
    """Megabytes of one line."""

    left = 64 * 1024 * 1024

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = b"x" * size
        self.left -= size
        return size


def test_an_endless_line_is_refused_without_being_held() -> None:
    tracemalloc.start()
    found = list(records(io.BufferedReader(Endless()), UTF8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(record.line, record.values) for record in found] == [(1, ())]
    assert "longer than" in found[0].fault
    assert peak < 16 * 1024 * 1024


def test_a_long_quoted_record_is_refused_and_the_next_one_read() -> None:
    content = 'a,"' + ("x" * 1_000 + "\n") * 1_200 + 'y",z\n1,2\n'

    found = lines(content)

    assert found[0][0] == 1
    assert "never closed" in found[0][2] or "longer" in found[0][2]
    assert found[-1][1] == ("1", "2")


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
            min_size=2,
            max_size=4,
        ),
        min_size=1,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]], delimiter: str, end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)

    found = lines(text.getvalue(), Dialect("utf-8", delimiter))

    assert [list(values) for _, values, _ in found] == rows


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a\tb\n1, 2\tx\n", "\t"),
        ("a|b|c\n1|2|3", "|"),
        ("one\ntwo\n", ","),
        ('"a;b",c\n"d;e",f\n', ","),
    ],
)
def test_the_delimiter_is_the_one_under_which_rows_agree(sample: str, delimiter: str) -> None:
    assert sniff_delimiter(sample) == delimiter


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("é,b".encode(), "utf-8"),
        ("é,b".encode("utf-8-sig"), "utf-8-sig"),
        ("é,b".encode("utf-16"), "utf-16"),
        ("name,b\n".encode("utf-16-be"), "utf-16-be"),
        (b"a,b\n" * 30_000 + "é".encode("cp1252"), "cp1252"),
        (b"a,\x81\n", "latin-1"),
    ],
)
def test_the_encoding_is_found_even_when_only_the_end_shows_it(content: bytes, encoding: str) -> None:
    assert sniff(io.BytesIO(content)).encoding == encoding


@pytest.mark.rule("F24")
def test_headers_become_distinct_names() -> None:
    assert column_names(["Name", "", " name ", "Name", "Name 2", "a\nb"]) == [
        "Name",
        "Column 2",
        "name",
        "Name 3",
        "Name 2",
        "a b",
    ]


@pytest.mark.rule("F24")
def test_ragged_rows_are_filled_up_or_refused() -> None:
    short, long, blank, nul = lines("a\na,b,c\na,b,,\na,\x00\n")
    from tables.engine.csv_rows import Record

    assert fit(Record(*short), 2) == (("a", ""), "")
    assert fit(Record(*long), 2)[1] == "The row has 3 values, the header 2 columns."
    assert fit(Record(*blank), 2) == (("a", "b"), "")
    assert "U+0000" in fit(Record(*nul), 2)[1]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", ""], "number"),
        (["007", "12"], "text"),
        (["12345678901234567"], "text"),
        (["yes", "No"], "boolean"),
        (["1", "0"], "number"),
        (["2024-01-02", "2024-12-31"], "date"),
        (["2024-01-02T10:00:00Z"], "datetime"),
        (["https://x.org", "http://y.org/a"], "url"),
        (["x.org"], "text"),
        (["a@x.org"], "email"),
        (["1", "x"], "text"),
        (["", ""], "text"),
    ],
)
def test_types_are_the_narrowest_that_all_values_fit(values: list[str], kind: str) -> None:
    assert infer_type(values) == kind


def test_headers_find_plain_columns_whatever_the_case_and_only_once() -> None:
    columns = [column("name"), column("filled", "A")]

    mapping = suggest_mapping(["NAME", "name", "Filled"], ["text", "text", "number"], columns)

    assert mapping == {
        "NAME": str(columns[0].id),
        "name": {"name": "name", "type": "text"},
        "Filled": {"name": "Filled", "type": "number"},
    }


def test_the_record_limit_is_a_mebibyte() -> None:
    assert MAX_RECORD_CHARS == 1_048_576
