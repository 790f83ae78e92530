"""Reading HTML with the standard library's parser: no network, no scripts, linear in the length of the text.

The parser is fed piecewise and never told that the text has ended: only then, and only for broken markup, would it
take quadratic time.
"""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any, Final

PIECE: Final = 64 * 1024

_UNREAD: Final = frozenset({"script", "style", "template", "title"})
_LINES: Final = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main nav ol option p pre section summary table tr ul".split()
)
_SPACES: Final = frozenset({"td", "th"})

Attributes = list[tuple[str, str | None]]
CheckTime = Callable[[], None]


def html_text(source: str, check_time: CheckTime) -> str:
    """What a reader sees: one line per block of text, spaces as single ones."""
    reader = _TextReader()
    reader.read(source, check_time)
    return _lines("".join(reader.pieces))


def html_links(source: str, check_time: CheckTime) -> list[dict[str, str]]:
    """Every ``<a href>`` in order: its text, and its address as it is written."""
    reader = _LinkReader()
    reader.read(source, check_time)
    return [{"text": _line(pieces), "url": url} for url, pieces in reader.links]


def html_tables(source: str, check_time: CheckTime) -> list[list[list[str]]]:
    """Every table in order, as rows of cells' texts; a table inside a cell is a table of its own."""
    reader = _TableReader()
    reader.read(source, check_time)
    return [[[_line(cell) for cell in row] for row in table if row] for table in reader.tables]


class _Reader(HTMLParser):
    """Passes on tags and texts, but nothing inside scripts and the like."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.unread = 0

    def read(self, source: str, check_time: CheckTime) -> None:
        """Walk the whole text."""
        for start in range(0, len(source), PIECE):
            self.feed(source[start : start + PIECE])
            check_time()
        if self.rawdata and not self.rawdata.startswith("<"):  # a text whose end looked like half an entity
            self.handle_data(unescape(self.rawdata))

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002
        """``<![…]>`` is a comment in HTML; the parser would raise for words that it does not know."""
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag in _UNREAD:
            self.unread += 1
        elif not self.unread:
            self.opened(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self.unread = max(0, self.unread - 1)
        elif not self.unread:
            self.closed(tag)

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.said(data)

    def opened(self, tag: str, attrs: Attributes) -> None:
        """A tag begins."""

    def closed(self, tag: str) -> None:
        """A tag ends."""

    def said(self, data: str) -> None:
        """Text between tags."""


class _TextReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def opened(self, tag: str, attrs: Attributes) -> None:
        self.closed(tag)

    def closed(self, tag: str) -> None:
        if tag in _LINES:
            self.pieces.append("\n")
        elif tag in _SPACES:
            self.pieces.append(" ")

    def said(self, data: str) -> None:
        self.pieces.append(data.replace("\n", " "))


class _LinkReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, list[str]]] = []
        self.inside = False

    def opened(self, tag: str, attrs: Attributes) -> None:
        if tag == "a":
            url = dict(attrs).get("href")
            self.inside = url is not None
            if url is not None:
                self.links.append((url.strip(), []))
        elif tag == "img" and self.inside:
            self.said(dict(attrs).get("alt") or "")

    def closed(self, tag: str) -> None:
        self.inside = self.inside and tag != "a"

    def said(self, data: str) -> None:
        if self.inside:
            self.links[-1][1].append(data)


class _TableReader(_Reader):
    """``open`` are the tables around the place that is read, innermost last, each with the cell it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[list[str]]]] = []
        self.open: list[tuple[list[list[list[str]]], list[Any]]] = []

    def opened(self, tag: str, attrs: Attributes) -> None:
        if tag == "table":
            self.tables.append([])
            self.open.append((self.tables[-1], []))
        elif self.open:
            table, cell = self.open[-1]
            if tag == "tr":
                table.append([])
                cell.clear()
            elif tag in _SPACES:
                if not table:
                    table.append([])
                table[-1].append([])
                cell[:] = [table[-1][-1]]
            elif tag in _LINES:
                self.said(" ")

    def closed(self, tag: str) -> None:
        if tag == "table" and self.open:
            self.open.pop()
        elif tag in {"td", "th", "tr"} and self.open:
            self.open[-1][1].clear()

    def said(self, data: str) -> None:
        if self.open and self.open[-1][1]:
            self.open[-1][1][0].append(data)


def _line(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


def _lines(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
