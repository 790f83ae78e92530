"""What exports write is what imports read, and nothing that a spreadsheet runs (T39, S13)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine import csv_rows, xlsx_rows
from tables.engine.csv_rows import Dialect
from tables.engine.import_rows import RowReader
from tables.engine.xlsx_sign import is_workbook
from tables.errors import ExportTooLarge
from tables.services import export_xlsx
from tables.services.export_formats import Cell, CsvWriter, ExportRow, JsonLinesWriter, Shape, Writer
from tables.services.export_xlsx import XlsxWriter
from tests.bed.properties import cases
from tests.unit.tables.specs import column, group

pytestmark = [pytest.mark.rule("T39"), pytest.mark.rule("S13")]

CHOICES = ["red", "light blue", "=green", "-"]
COLUMNS = (
    column("id", "number"),
    column("text"),
    column("number", "number"),
    column("done", "boolean"),
    column("day", "date"),
    column("moment", "datetime"),
    replace(column("one", "select"), options={"choices": CHOICES}),
    replace(column("some", "multi_select"), options={"choices": CHOICES}),
    replace(column("price", "currency"), options={"decimals": 2}),
    column("any", "json"),
)
LETTERS = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
TEXTS = st.one_of(
    st.text(LETTERS, min_size=1, max_size=12),
    st.builds(str.__add__, st.sampled_from("=+-@\t\r'"), st.text(LETTERS, max_size=6)),
    st.sampled_from(
        ['say "x", y', "a\r\nb\rc\nd", "_x0041_", "\x07", " padded ", "<&>", "😀", "00123", "1e5"]
    ),
)
NUMBERS = st.one_of(
    st.integers(-(10**22), 10**22), st.floats(allow_nan=False, allow_infinity=False, width=64), st.just(-5)
)
DAYS = st.dates().map(lambda day: day.isoformat())
INSTANTS = st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z")
JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(-100, 100), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
ROW = st.fixed_dictionaries(
    {"id": st.integers(0, 9)},
    optional={
        "text": TEXTS,
        "number": NUMBERS,
        "done": st.booleans(),
        "day": DAYS,
        "moment": INSTANTS,
        "one": st.sampled_from(CHOICES),
        "some": st.lists(st.sampled_from(CHOICES), min_size=1, max_size=3, unique=True),
        "price": NUMBERS,
        "any": JSON,
    },
)


def written(writer: Writer, *rows: dict[str, Any], cells: Any = None) -> bytes:
    """A whole file, its rows in two pieces."""
    exported = [ExportRow(UUID(int=n), row, cells or {}) for n, row in enumerate(rows)]
    parts = [writer.start(), writer.rows(exported[:1])]
    return b"".join([*parts, *([writer.rows(exported[1:])] if exported[1:] else []), writer.end()])


def imported(blocks: Any) -> list[dict[str, Any]]:
    """The values of a file's rows, read by the importer."""
    records = [record for block in blocks for record in block.records]
    assert records[0].values == tuple(each.name for each in COLUMNS)
    rows = RowReader(COLUMNS, COLUMNS, max_cell_bytes=262_144, max_row_bytes=409_600).read(records[1:])
    assert rows.refused == []
    return [json.loads(text) for text in rows.texts]


@given(st.lists(ROW, min_size=1, max_size=5))
@cases(60)
def test_a_csv_that_keeps_formulas_is_imported_as_the_same_values(rows: list[dict[str, Any]]) -> None:
    file = written(CsvWriter(Shape("t", COLUMNS, is_safe=False)), *rows)

    assert imported(csv_rows.blocks(io.BytesIO(file), Dialect("utf-8", ","))) == rows


@given(st.lists(ROW, min_size=1, max_size=5))
@cases(40)
def test_a_workbook_that_keeps_formulas_is_imported_as_the_same_values(rows: list[dict[str, Any]]) -> None:
    file = io.BytesIO(written(XlsxWriter(Shape("t", COLUMNS, is_safe=False)), *rows))

    assert is_workbook(file)
    assert imported(xlsx_rows.blocks(file, "t")) == rows


@given(st.lists(ROW, min_size=1, max_size=5))
@cases(20)
def test_json_lines_hold_every_value_as_it_is(rows: list[dict[str, Any]]) -> None:
    lines = written(JsonLinesWriter(Shape("t", COLUMNS)), *rows).decode().split("\n")[:-1]

    assert [json.loads(line) for line in lines] == [
        {"id": str(UUID(int=n)), "data": row} for n, row in enumerate(rows)
    ]


@given(st.lists(ROW, min_size=1, max_size=5))
@cases(30)
def test_no_text_begins_like_a_formula_unless_it_is_asked_for(rows: list[dict[str, Any]]) -> None:
    shape = Shape("t", (*COLUMNS[:2], *COLUMNS[6:8], replace(column("x"), name="=HEADER()")))
    text = written(CsvWriter(shape), *rows).decode()
    sheet = openpyxl.load_workbook(io.BytesIO(written(XlsxWriter(shape), *rows))).active

    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0][-1] == sheet.cell(1, 5).value == "'=HEADER()"
    for line, values in zip(read[1:], rows, strict=True):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
        wanted = values.get("text", "")
        assert line[1] == (f"'{wanted}" if wanted.startswith(("=", "+", "-", "@", "\t", "\r")) else wanted)
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def test_a_typed_negative_number_stays_a_number() -> None:
    row = {"text": "-5", "number": -5, "price": -1.25, "any": -3}

    assert written(CsvWriter(Shape("t", COLUMNS)), row).splitlines()[1] == b",'-5,-5,,,,,,-1.25,-3"
    sheet = openpyxl.load_workbook(io.BytesIO(written(XlsxWriter(Shape("t", COLUMNS)), row))).active
    assert [sheet.cell(2, place).value for place in (2, 3, 9, 10)] == ["'-5", -5, -1.25, -3]


def test_a_workbooks_cells_have_their_types() -> None:
    row = {
        "text": "007",
        "number": 1.5,
        "done": True,
        "day": "2024-12-31",
        "moment": "2024-12-31T08:30:00.500Z",
        "some": ["red", "=green"],
        "price": 2**60,
        "any": {"a": [1]},
    }
    book = openpyxl.load_workbook(io.BytesIO(written(XlsxWriter(Shape("Leads: [2024]", COLUMNS)), row)))
    cells = {head.value: cell for head, cell in zip(book.active[1], book.active[2], strict=True)}

    assert book.sheetnames == ["Leads   2024"]
    assert (cells["text"].value, cells["text"].data_type) == ("007", "s")
    assert (cells["number"].value, cells["done"].value) == (1.5, True)
    assert cells["day"].value.isoformat() == "2024-12-31T00:00:00"
    assert cells["moment"].value.isoformat() == "2024-12-31T08:30:00.500000"
    assert cells["day"].is_date
    assert cells["some"].value == "red, =green"
    assert cells["price"].value == str(2**60)  # a spreadsheet would round it
    assert cells["any"].value == '{"a": [1]}'


def test_status_columns_tell_what_came_of_each_cell() -> None:
    shape = Shape("t", [column("name")], [group("Score")])
    failed = Cell("failed", {"code": "=x", "message": "It broke.", "block": "b"})
    cells = {shape.groups[0].id: failed}

    file = written(CsvWriter(shape), {"name": "Ada"}, cells=cells).decode()
    assert file == "name,Score: status,Score: error\r\nAda,failed,'=x: It broke.\r\n"
    line = json.loads(written(JsonLinesWriter(shape), {"name": "Ada"}, cells=cells))
    assert line["cells"] == {"Score": {"status": "failed", "error": failed.error}}
    sheet = openpyxl.load_workbook(
        io.BytesIO(written(XlsxWriter(shape), {"name": "Ada"}, cells=cells))
    ).active
    assert [cell.value for cell in sheet[2]] == ["Ada", "failed", "'=x: It broke."]


def test_a_byte_order_mark_stands_before_the_header() -> None:
    file = written(CsvWriter(Shape("t", [column("name")], has_bom=True)), {"name": "Zoë"})

    assert file == "\ufeffname\r\nZoë\r\n".encode()


def test_a_text_too_long_for_a_cell_is_cut_in_a_workbook_alone() -> None:
    row = {"text": "x" * 40_000}

    assert b"x" * 40_000 in written(CsvWriter(Shape("t", COLUMNS)), row)
    sheet = openpyxl.load_workbook(io.BytesIO(written(XlsxWriter(Shape("t", COLUMNS)), row))).active
    assert (len(sheet["B2"].value), sheet["B2"].value[-2:]) == (32_767, "x…")


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_xlsx, "MAX_ROWS", 3)

    with pytest.raises(ExportTooLarge, match="at most 2 rows"):
        written(XlsxWriter(Shape("t", COLUMNS)), {"id": 1}, {"id": 2}, {"id": 3})


@pytest.mark.parametrize("is_large", [False, True])
def test_a_workbook_of_any_size_can_be_read(is_large: bool) -> None:
    writer = XlsxWriter(Shape("t", COLUMNS), is_large=is_large)

    sheet = openpyxl.load_workbook(io.BytesIO(written(writer, {"id": 1}, {"id": 2})), read_only=True).active
    assert [next(cell.value for cell in row) for row in sheet.iter_rows()] == ["id", 1, 2]
