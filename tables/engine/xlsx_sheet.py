"""The cells of one sheet of an XLSX workbook, straight from expat: a row at a time, whatever the sheet's size.

Every value becomes the text a CSV of the sheet would hold: dates and instants in ISO 8601, numbers in their shortest
form, ``true`` and ``false``, of a formula what was last calculated. A record's line is its row's number.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import IO, Any, Final
from xml.parsers import expat

from openpyxl.utils.datetime import from_excel

from tables.engine.csv_rows import MAX_RECORD_CHARS, Record
from tables.errors import UploadInvalid

MAX_WIDTH: Final = 16_384
_READ_BYTES: Final = 1 << 16
_ESCAPED: Final = re.compile(r"_x((?![Dd][89A-Fa-f])[0-9A-Fa-f]{4})_")
_LONGEST_TOKEN_BYTES: Final = 8 << 20
_TOO_LONG: Final = f"The row is longer than {MAX_RECORD_CHARS:,} characters."


@dataclass(frozen=True, slots=True)
class Styles:
    """What cells refer to: texts by number, the styles that show a number as a moment or a duration, and day 0."""

    strings: Sequence[str]
    moments: Collection[int]
    durations: Collection[int]
    epoch: datetime


def sheet_records(source: IO[bytes], styles: Styles) -> Iterator[Record]:
    """The sheet's rows, blank ones left out. Raises ``UploadInvalid`` for entities, and for what no sheet holds."""
    sheet = _Sheet(styles)
    parser = sheet.parser()
    read = 0
    while chunk := source.read(_READ_BYTES):
        parser.Parse(chunk, False)
        read += len(chunk)
        if read - parser.CurrentByteIndex > _LONGEST_TOKEN_BYTES:
            raise UploadInvalid("The workbook cannot be read: a sheet holds something far too long.")
        yield from sheet.rows
        sheet.rows.clear()
    parser.Parse(b"", True)
    yield from sheet.rows


def shared_texts(source: IO[bytes]) -> list[str]:
    """The texts that cells name by number. Raises ``UploadInvalid`` for entities."""
    texts: list[str] = []
    parts: list[str] = []
    within = {"t": False, "rPh": False}

    def start(name: str, _: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "si":
            parts.clear()
        elif name in within:
            within[name] = True

    def end(name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "si":
            texts.append(unescaped("".join(parts)))
        elif name in within:
            within[name] = False

    def characters(text: str) -> None:
        if within["t"] and not within["rPh"]:
            parts.append(text)

    parser = _safe_parser()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    parser.ParseFile(source)
    return texts


def _safe_parser() -> expat.XMLParserType:
    """A parser that stands no declarations of a document type."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    return parser


@dataclass(slots=True)
class _Sheet:
    """What expat has told so far."""

    styles: Styles
    rows: list[Record] = field(default_factory=list)
    _line: int = 0
    _values: list[str] = field(default_factory=list)
    _chars: int = 0
    _place: int = -1
    _kind: str = "n"
    _style: int = 0
    _text: list[str] = field(default_factory=list)
    _collects: bool = False
    _aside: bool = False
    _places: dict[str, int] = field(default_factory=dict)

    def parser(self) -> expat.XMLParserType:
        """A parser that tells this object."""
        parser = _safe_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        return parser

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            self._kind = attributes.get("t", "n")
            self._style = int(attributes.get("s", 0))
            self._place = self._column(attributes["r"]) if "r" in attributes else self._place + 1
            self._text.clear()
        elif name in {"v", "t"}:
            self._collects = not self._aside
        elif name == "row":
            self._line = int(attributes.get("r", self._line + 1))
            self._values, self._chars, self._place = [], 0, -1
        elif name == "rPh":
            self._aside = True  # how a text is spoken is no part of it

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "c":
            self._cell()
        elif name in {"v", "t"}:
            self._collects = False
        elif name == "row":
            self._row()
        elif name == "rPh":
            self._aside = False

    def _characters(self, text: str) -> None:
        if self._collects and self._chars <= MAX_RECORD_CHARS:
            self._chars += len(text)
            self._text.append(text)

    def _column(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        place = self._places.get(letters)
        if place is None:
            place = -1
            for letter in letters.upper():
                place = (place + 1) * 26 + ord(letter) - ord("A")
            if not 0 <= place < MAX_WIDTH:
                raise UploadInvalid(f"The workbook cannot be read: it has a cell “{reference[:20]}”.")
            self._places[letters] = place
        return place

    def _cell(self) -> None:
        if not self._text:
            return
        if self._place >= MAX_WIDTH:
            raise UploadInvalid("The workbook cannot be read: a row has too many cells.")
        text = "".join(self._text)
        shown = self._shown(text)
        self._chars += len(shown) if self._kind == "s" else 0
        self._values.extend([""] * (self._place + 1 - len(self._values)))
        self._values[self._place] = shown

    def _shown(self, text: str) -> str:
        if self._kind == "s":
            return self.styles.strings[int(text)]
        if self._kind == "b":
            return "true" if text.strip() == "1" else "false"
        if self._kind != "n":
            return unescaped(text)
        if self._style in self.styles.moments:
            is_duration = self._style in self.styles.durations
            return moment_text(from_excel(float(text), self.styles.epoch, timedelta=is_duration))
        return number_text(text)

    def _row(self) -> None:
        while self._values and not self._values[-1]:
            self._values.pop()
        if self._chars > MAX_RECORD_CHARS:
            self.rows.append(Record(self._line, fault=_TOO_LONG))
        elif self._values:
            self.rows.append(Record(self._line, tuple(self._values)))
        self._values = []


def unescaped(text: str) -> str:
    """A text with its control characters, which a workbook spells ``_x0007_``."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def number_text(text: str) -> str:
    """A number as a person would write it: ``0.1`` for what a spreadsheet keeps as ``0.10000000000000001``."""
    if text.isdigit() and len(text) <= 15:
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def moment_text(moment: Any) -> str:
    """ISO 8601; a moment at midnight is its day. Spreadsheets keep fractions of days, exact to the millisecond."""
    if isinstance(moment, timedelta):
        return str(moment)
    if isinstance(moment, datetime):
        moment += timedelta(microseconds=500)
        moment = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
        return str(moment.date().isoformat() if moment.time() == time() else moment.isoformat())
    return str(moment.isoformat()) if isinstance(moment, date | time) else str(moment)


def _refuse(*_: object) -> None:
    raise UploadInvalid("The workbook cannot be read: it declares XML entities. Open and save it again.")
