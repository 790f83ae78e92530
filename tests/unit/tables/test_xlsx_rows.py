"""Reading workbooks: values as text, and hostile archives refused before anything is unpacked (T38, S14)."""

from __future__ import annotations

import io
import random
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from tables.engine import xlsx_rows
from tables.engine.csv_rows import Record
from tables.engine.xlsx_sign import is_workbook
from tables.errors import UploadInvalid

pytestmark = pytest.mark.rule("T38", "S14")
TEXTS = "xl/sharedStrings.xml"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows: list[Any], title: str = "People", more: tuple[str, ...] = ()) -> io.BytesIO:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for name in more:
        book.create_sheet(name).append([name])
    file = io.BytesIO()
    book.save(file)
    return file


def rewritten(file: io.BytesIO, name: str, content: bytes) -> io.BytesIO:
    """The same archive with other bytes in one entry."""
    found = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry.filename, old.read(entry))
        new.writestr(name, content)
    return found


def with_shared_texts(content: str, cells: str) -> io.BytesIO:
    """A workbook whose cells name texts by number."""
    file = rewritten(workbook(["a"]), SHEET, sheet_xml(cells))
    with zipfile.ZipFile(file) as archive:
        types = archive.read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/{TEXTS}" ContentType="{kind}"/></Types>'
    types = types.replace("</Types>", "" if TEXTS in types else part)
    return rewritten(rewritten(file, "[Content_Types].xml", types.encode()), TEXTS, content.encode())


def sheet_xml(rows: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def records(file: io.BytesIO, sheet: str = "People") -> list[Record]:
    return [record for block in xlsx_rows.blocks(file, sheet) for record in block.records]


def test_values_become_the_text_a_csv_would_hold() -> None:
    moment = datetime(2024, 1, 2, 8, 30, 15, 250_000, tzinfo=UTC).replace(tzinfo=None)
    file = workbook(
        ["a", "b", "c"], ["x", 1, 2.5], [], [True, date(2024, 5, 6), moment], [None, 0.125, 10**14]
    )

    assert [(record.line, record.values) for record in records(file)] == [
        (1, ("a", "b", "c")),
        (2, ("x", "1", "2.5")),
        (4, ("true", "2024-05-06", "2024-01-02T08:30:15.250000")),
        (5, ("", "0.125", "100000000000000")),
    ]


def test_a_formula_gives_what_was_calculated_last_and_nothing_if_it_never_was() -> None:
    cells = (
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>A1&amp;"x"</f><v>2x</v></c></row>'
    )
    file = rewritten(workbook(["x"]), SHEET, sheet_xml(cells))

    assert records(file)[0].values == ("2", "2x")
    assert records(workbook(["a", "=1+1"]))[0].values == ("a",)


def test_inline_text_prefixes_and_missing_references_are_understood() -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    content = (
        f'<x:worksheet xmlns:x="{space}"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>a</x:t></x:r>'
        "<x:r><x:t>b</x:t></x:r><x:rPh><x:t>spoken</x:t></x:rPh></x:is></x:c><x:c><x:v>7</x:v></x:c></x:row>"
        "</x:sheetData></x:worksheet>"
    )

    assert records(rewritten(workbook(["x"]), SHEET, content.encode())) == [Record(1, ("ab", "7"))]


def test_texts_are_shared_by_number_without_how_they_are_spoken() -> None:
    texts = "<sst><si><t>one</t></si><si><r><t>t</t></r><r><t>wo</t></r><rPh><t>x</t></rPh></si><si/></sst>"
    cells = '<row r="1"><c t="s"><v>1</v></c><c t="s"><v>0</v></c><c t="s"><v>2</v></c><c><v>3</v></c></row>'

    assert records(with_shared_texts(texts, cells))[0].values == ("two", "one", "", "3")


def test_a_sheet_is_chosen_by_name() -> None:
    file = workbook(["a"], more=("Two", "Three"))

    assert is_workbook(file)
    assert xlsx_rows.sheet_names(file) == ["People", "Two", "Three"]
    assert records(file, "Two")[0].values == ("Two",)
    with pytest.raises(UploadInvalid, match=r"no sheet “Four”.*People, Two, Three"):
        records(file, "Four")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    file = rewritten(workbook(["a"]), SHEET, b"<a>" + bytes(64 << 20))
    assert len(file.getvalue()) < 100_000
    tracemalloc.start()

    with pytest.raises(UploadInvalid, match="would unpack from"):
        records(file)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_an_entry_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    whole = rewritten(workbook(["a"]), SHEET, b"<a>" + bytes(8 << 20)).getvalue()
    size = (3 + (8 << 20)).to_bytes(4, "little")
    file = io.BytesIO(whole.replace(size, (1_000).to_bytes(4, "little")))

    with pytest.raises(UploadInvalid, match="damaged"):
        records(file)


@pytest.mark.parametrize("entry", [SHEET, TEXTS, "xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused(entry: str) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    content = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{laughs}]><x>&l9;</x>'

    file = (
        with_shared_texts(content, "")
        if entry == TEXTS
        else rewritten(workbook(["a"]), entry, content.encode())
    )
    with pytest.raises(UploadInvalid, match="entities"):
        records(file)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('<row r="1"><c r="ZZZZ1"><v>1</v></c></row>', "it has a cell “ZZZZ1”"),
        ('<row r="1"><c r="A1" t="s"><v>99</v></c></row>', "damaged"),
        ('<row r="1"><c r="A1"><v>x</v></c></row>', "damaged"),
        ("<row><c></row>", "damaged"),
    ],
    ids=["column", "text", "number", "syntax"],
)
def test_a_damaged_sheet_is_refused_with_words(rows: str, words: str) -> None:
    with pytest.raises(UploadInvalid, match=words):
        records(rewritten(workbook(["a"]), SHEET, sheet_xml(rows)))


def test_a_row_that_is_too_long_is_given_with_its_fault() -> None:
    long = "".join(f'<c t="str"><v>{random.randbytes(15_000).hex()}</v></c>' for _ in range(40))
    file = rewritten(
        workbook(["a"]), SHEET, sheet_xml(f"<row r='1'>{long}</row><row r='2'><c><v>1</v></c></row>")
    )

    assert [(record.line, record.values, bool(record.fault)) for record in records(file)] == [
        (1, (), True),
        (2, ("1",), False),
    ]


def test_a_sheet_of_any_size_is_read_in_flat_memory() -> None:
    rows = "".join(
        f'<row r="{n}"><c><v>{n}.25</v></c><c t="str"><v>some text {n * 7}</v></c></row>'
        for n in range(1, 60_000)
    )
    file = rewritten(workbook(["a"]), SHEET, sheet_xml(rows))
    del rows
    tracemalloc.start()

    assert sum(len(block.records) for block in xlsx_rows.blocks(file, "People")) == 59_999

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
