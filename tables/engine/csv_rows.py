"""Reading CSV and TSV as people really write them (T38, F24): one logical record at a time, in flat memory.

Encodings are tried strictly in an honest order; quoted line breaks, mixed line ends, ragged rows and unbalanced
quotes cost at most the record they stand in. Nothing here touches a database or the clock.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from tables.errors import UploadInvalid

MAX_RECORD_CHARS: Final = 1_048_576
DELIMITERS: Final = (",", ";", "\t", "|")
MAX_NAME_LENGTH: Final = 200
_SAMPLE_RECORDS: Final = 50
_SAMPLE_LINES: Final = 200
_BLOCK_CHARS: Final = 1 << 18
_CHUNK_BYTES: Final = 1 << 20
_TOO_LONG: Final = f"The row is longer than {MAX_RECORD_CHARS:,} characters."
_NEVER_CLOSED: Final = "A quote is opened and never closed."
_SINGLE_BYTE: Final = ("cp1252", "latin-1")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

csv.field_size_limit(2 * MAX_RECORD_CHARS)  # the record limit below is the one that speaks


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written: ``encoding`` is a Python codec name."""

    encoding: str
    delimiter: str


class Record(NamedTuple):
    """One logical line: the number of its first physical line (from 1), its values, or why it cannot be read."""

    line: int
    values: tuple[str, ...] = ()
    fault: str = ""


class Block(NamedTuple):
    """Records that were read together, and how many characters they took, roughly."""

    records: list[Record]
    chars: int


def sniff_encoding(file: BinaryIO) -> str:
    """The file's encoding: by its byte order mark, else UTF-8 if all of it is, else UTF-16 by its zeros, else
    Windows-1252, else Latin-1. Leaves the file at its start. Raises ``UploadInvalid`` for what is no text.
    """
    head = file.read(4_096)
    file.seek(0)
    if not head:
        raise UploadInvalid("The file is empty.")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UploadInvalid("This is a spreadsheet or an archive, not a CSV file. Save it as CSV first.")
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if (guess := _utf_16_without_mark(head)) is not None:
        return guess
    if _looks_binary(head):
        raise UploadInvalid("This is a binary file, not a CSV file.")
    return next(name for name in ("utf-8", *_SINGLE_BYTE) if _decodes(file, name))


def sniff_delimiter(text: str) -> str:
    """The delimiter under which the sample's records are longest and most alike; a comma when none appears."""
    sample = "".join(islice(io.StringIO(text, newline=""), _SAMPLE_LINES))

    def score(delimiter: str) -> tuple[float, int]:
        widths = Counter(
            len(record.values)
            for block in islice(_blocks_of(io.StringIO(sample, newline=""), delimiter), _SAMPLE_RECORDS)
            for record in block.records[:_SAMPLE_RECORDS]
            if record.values
        )
        if not widths:
            return 0.0, 0
        width, times = max(widths.items(), key=lambda item: (item[1], item[0]))
        return (times / widths.total() if width > 1 else 0.0), width

    return max(DELIMITERS, key=score)


def sniff(file: BinaryIO, *, encoding: str | None = None, delimiter: str | None = None) -> Dialect:
    """How the file is written, as far as the caller does not say. Raises ``UploadInvalid``."""
    encoding = encoding or sniff_encoding(file)
    if delimiter is None:
        with _text(file, encoding) as text:
            try:
                sample = text.read(256 * 1024)
            except UnicodeError as fault:
                raise UploadInvalid(undecodable(encoding, fault)) from None
        delimiter = sniff_delimiter(sample)
    return Dialect(encoding, delimiter)


def records(file: BinaryIO, dialect: Dialect) -> Iterator[Record]:
    """Every record of the file from its start, blank lines left out; ``file.tell()`` shows the progress.

    A record that is too long or whose quotes never close is given with its fault, and reading goes on at the next
    line. Raises ``UploadInvalid`` when the file does not hold the encoding it was said to have.
    """
    for block in blocks(file, dialect):
        yield from block.records


def undecodable(encoding: str, fault: UnicodeError) -> str:
    """Words for a byte that the encoding does not have, or for a file that cannot be written in it at all."""
    if not isinstance(fault, UnicodeDecodeError):  # e.g. UTF-16 of which nothing says which byte comes first
        return f"The file cannot be read as {encoding}: {fault}. Leave the encoding out to have it found."
    return f"The file is not written in {encoding}: byte {fault.object[fault.start]:#04x} is not valid there."


def column_names(header: Sequence[str]) -> list[str]:
    """A distinct name per header cell: empty ones are numbered, repeated ones counted, long ones cut.

    ``["Name", "", "name", "Name"]`` → ``["Name", "Column 2", "name", "Name 2"]``.
    """
    names: dict[str, None] = {}
    written = {" ".join(cell.split()) for cell in header}
    for place, cell in enumerate(header, start=1):
        stem = " ".join(cell.replace("\x00", "").split())[: MAX_NAME_LENGTH - 8] or f"Column {place}"
        name, number = stem, 1
        while name in names or (number > 1 and name in written):
            number += 1
            name = f"{stem} {number}"
        names[name] = None
    return list(names)


def fit(record: Record, width: int) -> tuple[tuple[str, ...], str]:
    """The record's values, ``width`` of them, and why it must be refused (or ``""``).

    Short rows are filled up, surplus empty values dropped; surplus values that hold something are a fault.
    """
    values = record.values
    if record.fault:
        return values, record.fault
    if len(values) > width and any(value.strip() for value in values[width:]):
        return values, f"The row has {len(values)} values, the header {width} columns."
    if any("\x00" in value for value in values):
        return values, "The row holds the character U+0000, which cannot be stored."
    return (*values[:width], *[""] * (width - len(values))), ""


def blocks(file: BinaryIO, dialect: Dialect) -> Iterator[Block]:
    """The same records many at a time, which is several times as quick."""
    with _text(file, dialect.encoding) as text:
        try:
            yield from _blocks_of(text, dialect.delimiter)
        except UnicodeError as fault:
            raise UploadInvalid(undecodable(dialect.encoding, fault)) from None


def _blocks_of(text: io.TextIOBase, delimiter: str) -> Iterator[Block]:
    """Nearly everything goes through the csv module at once; what it cannot end is read line by line."""
    lines = _Lines(text)
    while block := lines.block():
        if len(block) <= MAX_RECORD_CHARS:
            found, rest, count = _parse_block(block, lines.number + 1, delimiter)
            if found:
                yield Block(found, len(block))
            lines.number += count
            lines.give_back(rest)
        else:
            lines.give_back(block)
        while lines.pending:
            record = _careful_record(lines, delimiter)
            if record.values or record.fault:
                yield Block([record], sum(map(len, record.values)))


def _parse_block(block: str, first: int, delimiter: str) -> tuple[list[Record], str, int]:
    """Its records, the text of a last one that does not end in it, and how many lines stand ahead of that."""
    lines = list(io.StringIO(block, newline=""))
    if '"' not in block:
        return (
            [
                Record(line, tuple(plain.split(delimiter)))
                for line, text in enumerate(lines, first)
                if (plain := text.rstrip("\r\n"))
            ],
            "",
            len(lines),
        )
    found: list[Record] = []
    source = iter(lines)
    quoted: list[str] = []
    reader = csv.reader(iter(lambda: quoted.pop() if quoted else next(source), None), delimiter=delimiter)
    place = 0
    for text in source:
        taken = 1
        if '"' not in text:
            if plain := text.rstrip("\r\n"):
                found.append(Record(first + place, tuple(plain.split(delimiter))))
        else:
            quoted.append(text)
            before = reader.line_num
            found.append(Record(first + place, tuple(next(reader))))
            taken = reader.line_num - before
            if place + taken == len(lines):  # only the block's end can have cut a record off
                last = "".join(lines[place:])
                if _inside_quotes(last, delimiter, inside=False):
                    return found[:-1], last, place
        place += taken
    return found, "", place


def _careful_record(lines: _Lines, delimiter: str) -> Record:
    """The next record, line by line; an empty one for a blank line."""
    line = lines.take()
    first = lines.number
    if len(line) > MAX_RECORD_CHARS:
        lines.skip_rest_of_line()
        return Record(first, fault=_TOO_LONG)
    if not _inside_quotes(line, delimiter, inside=False):
        return _parse(line, first, delimiter)
    more, fault = lines.take_quoted(delimiter, MAX_RECORD_CHARS - len(line))
    return Record(first, fault=fault) if fault else _parse(line + more, first, delimiter)


def _parse(text: str, line: int, delimiter: str) -> Record:
    try:
        # One line break belongs to the record; the reader would take the one inside quotes for text as it should.
        values = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as fault:
        return Record(line, fault=f"The row cannot be read: {fault}.")
    return Record(line, tuple(values))


class _Lines:
    """Physical lines with their ends, bounded in length, with room to look ahead and to give some back.

    ``number`` is the last line taken. Of the lines that wait, the first ``_open`` are known to leave a quoted value
    open when one is open ahead of them: however many records begin there, each line is looked at once for it.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._waiting: list[str] = []
        self._head = 0
        self._cut = False
        self._open = self._open_chars = 0
        self.number = 0

    @property
    def pending(self) -> bool:
        """Whether lines were given back."""
        return self._head < len(self._waiting)

    def block(self) -> str:
        """Many whole lines; "" at the end. A last line beyond the limit comes cut off. Call it with none pending."""
        block = self._text.read(_BLOCK_CHARS)
        if len(block) == _BLOCK_CHARS:
            block += self._readline()
        return block

    def give_back(self, text: str) -> None:
        """Lines to be taken again, when none are pending."""
        self._waiting, self._head = list(io.StringIO(text, newline="")), 0
        self._open = self._open_chars = 0

    def take(self) -> str:
        """The next pending line; one beyond the limit comes cut off."""
        line = self._waiting[self._head]
        self._head += 1
        self.number += 1
        if self._open:
            self._open -= 1
            self._open_chars -= len(line)
        if self._head > _BLOCK_CHARS:
            del self._waiting[: self._head]
            self._head = 0
        return line

    def take_quoted(self, delimiter: str, room: int) -> tuple[str, str]:
        """The lines up to the end of an open quoted value, or why there is none in so many characters."""
        while self._open_chars <= room:
            place = self._head + self._open
            if place == len(self._waiting) and not self._fetch():
                return "", _NEVER_CLOSED
            line = self._waiting[place]
            if not _inside_quotes(line, delimiter, inside=True):
                if self._open_chars + len(line) > room:
                    return "", _TOO_LONG
                return "".join([self.take() for _ in range(place + 1 - self._head)]), ""
            self._open += 1
            self._open_chars += len(line)
        return "", _NEVER_CLOSED

    def skip_rest_of_line(self) -> None:
        """After a cut-off line: read on to its end, holding little of it."""
        while self._cut and not self.pending:
            rest = self._text.readline(MAX_RECORD_CHARS)
            self._cut = bool(rest) and not rest.endswith(("\n", "\r"))

    def _fetch(self) -> bool:
        line = self._readline()
        if line:
            self._waiting.append(line)
        return bool(line)

    def _readline(self) -> str:
        line = self._text.readline(MAX_RECORD_CHARS + 1)
        self._cut = len(line) > MAX_RECORD_CHARS and not line.endswith(("\n", "\r"))
        return line


def _inside_quotes(line: str, delimiter: str, *, inside: bool) -> bool:
    """Whether a quoted value is still open after this line. Quotes in the middle of a plain value are text."""
    if '"' not in line:
        return inside
    position, end = 0, len(line)
    while position < end:
        if not inside and line[position] == '"':
            inside, position = True, position + 1
        if inside:
            position = _closing_quote(line, position)
            if position < 0:
                return True
            inside = False
        following = line.find(delimiter, position)
        if following < 0:
            return False
        position = following + 1
    return inside


def _closing_quote(line: str, position: int) -> int:
    """The place after the quote that ends a quoted value begun before ``position``; -1 when it stays open."""
    while (position := line.find('"', position)) >= 0:
        if line[position + 1 : position + 2] != '"':
            return position + 1
        position += 2
    return -1


def _text(file: BinaryIO, encoding: str) -> _Text:
    file.seek(0)
    return _Text(file, encoding)


class _Text(io.TextIOWrapper):
    """A decoding view of a file that leaves the file open when it is left."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__(file, encoding=encoding, errors="strict", newline="")

    def __exit__(self, *exception: object) -> None:
        self.detach()


def _looks_binary(head: bytes) -> bool:
    """Text holds hardly any control characters; single zeros are left to the rows they stand in."""
    strange = sum(byte < 32 and byte not in b"\x00\t\n\v\f\r\x1b" for byte in head)
    return (strange > 3 and strange > len(head) // 20) or head.count(0) > len(head) // 5


def _utf_16_without_mark(head: bytes) -> str | None:
    """Text in Latin letters written in UTF-16 has a zero in every other byte."""
    half = len(head) // 2
    if half < 2:
        return None
    if head[1::2].count(0) > half * 0.6 and head[::2].count(0) < half * 0.1:
        return "utf-16-le"
    if head[::2].count(0) > half * 0.6 and head[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(_CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True
