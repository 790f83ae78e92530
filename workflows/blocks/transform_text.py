"""The operations of `transform` that read and write texts: CSV, JSON, HTML."""

from __future__ import annotations

import csv
import io
import json
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from workflows.blocks.transform_html import html_links, html_tables, html_text
from workflows.blocks.transform_work import MOST_CHARACTERS, MOST_ITEMS, Operation, Work
from workflows.engine.canonical import json_fault
from workflows.engine.expressions.text import kind

MOST_COLUMNS = 1_000

Delimiter = Annotated[str, StringConstraints(pattern=r"^[^\r\n\"\x00]$")]


class ParseCsv(Operation):
    """A CSV text becomes a list: of objects by the names of the first line, or of lists without ``header``.

    A cell that a short line lacks is null; a line with more cells than the header is an error.
    """

    op: Literal["parse_csv"] = "parse_csv"
    delimiter: Delimiter = ","
    header: bool = True

    def apply(self, value: Any, work: Work) -> Any:
        """All cells are texts; lines with nothing in them are left out."""
        rows = self._rows(work.text(value).removeprefix("\ufeff"), work)
        if not self.header or not rows:
            return rows
        names = _column_names(rows[0], work)
        for index, row in enumerate(rows[1:]):
            if len(row) > len(names):
                work.refuse("bad_csv", f"{len(row)} cells, but the header names {len(names)}", index)
        return [dict(zip(names, [*row, *[None] * (len(names) - len(row))], strict=True)) for row in rows[1:]]

    def _rows(self, text: str, work: Work) -> list[list[str]]:
        rows: list[list[str]] = []
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    rows.append(row)
                if len(row) > MOST_COLUMNS:
                    work.refuse("bad_csv", f"line {reader.line_num} has more than {MOST_COLUMNS:,} cells")
                if len(rows) > MOST_ITEMS + self.header:
                    work.refuse("list_too_long", f"more than {MOST_ITEMS:,} lines")
        except csv.Error as error:
            work.refuse("bad_csv", f"line {reader.line_num}: {error}")
        return rows


class ParseJson(Operation):
    """A JSON text becomes its value."""

    op: Literal["parse_json"] = "parse_json"

    def apply(self, value: Any, work: Work) -> Any:
        """Numbers must be finite, and nothing is nested deeper than 64 levels."""
        text = work.text(value)
        try:
            parsed = json.loads(text)
        except RecursionError:
            work.refuse("bad_json", "this is nested too deeply")
        except ValueError as error:
            work.refuse("bad_json", f"this is not JSON: {str(error)[:200]}")
        if fault := json_fault(parsed):
            work.refuse("bad_json", fault[1])
        return parsed


class ParseHtml(Operation):
    """An HTML text becomes ``what`` is asked for.

    ``text``: what a reader sees. ``links``: ``[{text, url}]``. ``tables``: per table its rows, as lists of cells.
    """

    op: Literal["parse_html"] = "parse_html"
    what: Literal["text", "links", "tables"] = "text"

    def apply(self, value: Any, work: Work) -> Any:
        """Nothing is fetched, and scripts are left out."""
        read = {"text": html_text, "links": html_links, "tables": html_tables}[self.what]
        try:
            found = read(work.text(value), work.check_time)
        except (ValueError, AssertionError):  # the parser's own words for markup that it cannot read
            work.refuse("bad_html", "this HTML cannot be read")
        if isinstance(found, list):
            work.listed(found)
        return found


class ToCsv(Operation):
    """A list of objects, or of lists, becomes a CSV text. ``columns`` names the fields; else all, as they appear."""

    op: Literal["to_csv"] = "to_csv"
    columns: Annotated[list[str], Field(min_length=1, max_length=MOST_COLUMNS)] | None = None
    delimiter: Delimiter = ","
    header: bool = True

    def apply(self, value: Any, work: Work) -> Any:
        """Null is written as nothing, lists and objects as JSON."""
        items = work.listed(value)
        columns = self.columns or list(
            dict.fromkeys(name for item in items if isinstance(item, dict) for name in item)
        )
        written = io.StringIO()
        writer = csv.writer(written, delimiter=self.delimiter, lineterminator="\r\n")
        if self.header and columns:
            writer.writerow(columns)
        for index, item in enumerate(items):
            writer.writerow([_cell(cell) for cell in _cells(item, columns, index, work)])
            if written.tell() > MOST_CHARACTERS:
                work.refuse("output_too_large", f"the text has more than {MOST_CHARACTERS:,} characters")
            work.check_time()
        return written.getvalue()


class ToJson(Operation):
    """Any value becomes a JSON text."""

    op: Literal["to_json"] = "to_json"
    indent: Annotated[int, Field(ge=0, le=8)] = 0

    def apply(self, value: Any, work: Work) -> Any:
        """On one line unless ``indent`` asks for more."""
        separators = (",", ": ") if self.indent else (",", ":")
        text = json.dumps(value, ensure_ascii=False, indent=self.indent or None, separators=separators)
        if len(text) > MOST_CHARACTERS:
            work.refuse("output_too_large", f"the text has more than {MOST_CHARACTERS:,} characters")
        return text


def _column_names(cells: list[str], work: Work) -> list[str]:
    names = [cell.strip() or f"column_{position}" for position, cell in enumerate(cells, start=1)]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            work.refuse("bad_csv", f"two columns are called {name[:100]!r}")
        seen.add(name)
    return names


def _cells(item: Any, columns: list[str], index: int, work: Work) -> list[Any]:
    if isinstance(item, dict):
        return [item.get(name) for name in columns]
    if not isinstance(item, list) or columns:
        work.refuse("bad_value", f"{kind(item)} cannot stand beside objects", index)
    return item


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
