"""Reading XLSX workbooks in bounded memory, with nothing inflated that was not weighed first (T38).

openpyxl reads what surrounds the cells (names, styles, shared texts); ``xlsx_sheet`` streams the cells themselves.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS

from tables.engine.csv_rows import Block, Record
from tables.engine.xlsx_sheet import Styles, shared_texts, sheet_records
from tables.errors import UploadInvalid

MAX_ENTRIES: Final = 2_000
MAX_INFLATED_BYTES: Final = 2 << 30
MAX_SHARED_BYTES: Final = 32 << 20
"""Texts that sheets share, and styles, are held in memory; sheets are streamed."""

MAX_RATIO: Final = 200
_SMALL_BYTES: Final = 1 << 20
_BLOCK_ROWS: Final = 500
_BLOCK_CHARS: Final = 1 << 18
_STREAMED: Final = "xl/worksheets/"
_BROKEN: Final = (
    zipfile.BadZipFile,
    InvalidFileException,
    DefusedXmlException,
    ParseError,
    ExpatError,
    zlib.error,
    EOFError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
    OSError,
)
"""How zipfile, expat and openpyxl say that a workbook is not what it should be."""


def sheet_names(file: BinaryIO) -> list[str]:
    """The names of the workbook's sheets of cells, in order. Raises ``UploadInvalid``."""
    with _workbook(file) as reader:
        return list(reader.paths)


def blocks(file: BinaryIO, sheet: str) -> Iterator[Block]:
    """Every record of one sheet, blank rows left out. Raises ``UploadInvalid``."""
    with _workbook(file) as reader:
        path = reader.paths.get(sheet)
        if path is None:
            known = ", ".join(list(reader.paths)[:20])
            raise UploadInvalid(f"The workbook has no sheet “{sheet}”. It has: {known}.")
        book = reader.wb
        styles = Styles(reader.shared_strings, book._date_formats, book._timedelta_formats, book.epoch)
        with zipfile.ZipFile(file) as archive, archive.open(path) as source:
            yield from _grouped(sheet_records(source, styles))


def _grouped(records: Iterator[Record]) -> Iterator[Block]:
    found: list[Record] = []
    chars = 0
    for record in records:
        found.append(record)
        chars += sum(map(len, record.values))
        if len(found) >= _BLOCK_ROWS or chars >= _BLOCK_CHARS:
            yield Block(found, chars)
            found, chars = [], 0
    if found:
        yield Block(found, chars)


def check_archive(file: BinaryIO) -> None:
    """Raise ``UploadInvalid`` for an archive that would unpack into more than it may; inflates nothing.

    ``zipfile`` never gives more of an entry than its directory says, so what is declared is what is weighed.
    """
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise UploadInvalid(f"The workbook holds {len(entries):,} files; at most {MAX_ENTRIES:,} are read.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise UploadInvalid("The workbook is protected by a password. Save it without one.")
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if total > MAX_INFLATED_BYTES or any(_is_bomb(entry) for entry in entries):
        raise UploadInvalid(
            f"The workbook would unpack from {packed:,} to {total:,} bytes, which is refused. Save it as CSV."
        )
    held = sum(entry.file_size for entry in entries if not entry.filename.startswith(_STREAMED))
    if held > MAX_SHARED_BYTES + sum(entry.file_size for entry in entries if _is_picture(entry)):
        raise UploadInvalid(
            f"The workbook shares {held:,} bytes of text among its sheets, more than are held. Save it as CSV."
        )


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > _SMALL_BYTES and entry.file_size > MAX_RATIO * max(1, entry.compress_size)


def _is_picture(entry: zipfile.ZipInfo) -> bool:
    """Media, drawings and pivots of a workbook: never opened."""
    return not entry.filename.endswith((".xml", ".rels")) or "/pivotCache/" in entry.filename


class _Reader(ExcelReader):  # type: ignore[misc]  # openpyxl is not typed
    """openpyxl's reader, but for texts and sheets, which it takes twenty times as long to read."""

    def read_strings(self) -> None:
        """Load the texts that cells name by number."""
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = shared_texts(source)

    def read_worksheets(self) -> None:
        """Note where each sheet of cells is; openpyxl would read all of them to know their size."""
        found = ((sheet.name, relation) for sheet, relation in self.parser.find_sheets())
        self.paths = {
            name: relation.target
            for name, relation in found
            if relation.target in self.valid_files and relation.Type.endswith("/worksheet")
        }


@contextmanager
def _workbook(file: BinaryIO) -> Iterator[Any]:
    try:
        check_archive(file)
        file.seek(0)
        reader = _Reader(file, read_only=True, data_only=True, keep_links=False)
        reader.read()
        try:
            yield reader
        finally:
            reader.archive.close()
    except UploadInvalid:
        raise
    except _BROKEN as fault:
        declares = any(isinstance(each, DefusedXmlException) for each in (fault, fault.__cause__))
        words = "it declares XML entities" if declares else "it is damaged"
        raise UploadInvalid(f"The workbook cannot be read: {words}. Open and save it again.") from None
