"""An XLSX workbook of one sheet, written as a stream: nothing is kept, so a million rows take no memory (T39).

Numbers, truth values, dates and instants (UTC) are typed cells. What a spreadsheet cannot hold as such is text: whole
numbers beyond 2**53, days before March 1900. A text longer than a cell may hold is cut and ends with an ellipsis; CSV
and JSON lines have it whole.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import IO, Any, Final
from xml.sax.saxutils import escape, quoteattr

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.types import ColumnSpec
from tables.errors import ExportTooLarge
from tables.services.export_formats import NO_OPTIONS, ExportRow, Shape

MAX_ROWS: Final = 1_048_576
"""Of a sheet, its header among them."""

MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767
_MAX_EXACT: Final = 2**53
_EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)
_FIRST_DAY: Final = datetime(1900, 3, 1, tzinfo=UTC)
_DAY_SECONDS: Final = 86_400
_BOLD, _DATE, _INSTANT = 1, 2, 3

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEET: Final = "xl/worksheets/sheet1.xml"

# Neither XML nor a cell holds these as they are; and what already looks like their escape is escaped itself.
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

_PARTS: Final = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
        f'<Override PartName="/{_SHEET}" ContentType="{_TYPES}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="4"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/>'
        '<xf xfId="0" numFmtId="164" applyNumberFormat="1"/><xf xfId="0" numFmtId="165" applyNumberFormat="1"/>'
        '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}


class XlsxWriter:
    """Writes the sheet's rows into a zip that is handed on as it grows. ``is_large``: beyond 2 GiB of cells."""

    def __init__(self, shape: Shape, *, is_large: bool = False) -> None:
        self._shape, self._is_large = shape, is_large
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=4)  # type: ignore[call-overload]
        self._written = 0
        self._cells = [(column.key, _cell_writer(column, shape)) for column in shape.columns]
        self._sheet: IO[bytes] | None = None

    def start(self) -> bytes:
        """Everything but the sheet, and its header row, which stays in sight."""
        if len(self._shape.headers) > MAX_COLUMNS:
            raise ExportTooLarge(f"A workbook holds at most {MAX_COLUMNS:,} columns. Export CSV.")
        for name, text in {**_PARTS, "xl/workbook.xml": _workbook(self._shape.title)}.items():
            self._zip.writestr(_entry(name), _HEAD + text)
        self._sheet = self._zip.open(_entry(_SHEET), "w", force_zip64=self._is_large)
        header = "".join(_text(text, _BOLD) for text in self._shape.headers)
        self._write(
            f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f"<sheetData><row>{header}</row>"
        )
        self._written = 1
        return self._sink.taken()

    def rows(self, rows: Sequence[ExportRow]) -> bytes:
        """The next rows. Raises ``ExportTooLarge`` beyond what a sheet holds: rows came while it was written."""
        self._written += len(rows)
        if self._written > MAX_ROWS:
            raise ExportTooLarge(f"A sheet holds at most {MAX_ROWS - 1:,} rows. Export CSV.")
        self._write("".join(f"<row>{self._row(row)}</row>" for row in rows))
        return self._sink.taken()

    def end(self) -> bytes:
        """The end of the sheet, and the zip's directory."""
        assert self._sheet is not None, "it was started"
        self._write("</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()
        return self._sink.taken()

    def _row(self, row: ExportRow) -> str:
        cells = [
            _EMPTY if (value := row.data.get(key)) is None else write(value) for key, write in self._cells
        ]
        cells += [_text(text) if text else _EMPTY for text in self._shape.status_texts(row)]
        return "".join(cells)

    def _write(self, text: str) -> None:
        assert self._sheet is not None, "it was started"
        self._sheet.write(text.encode())


_EMPTY: Final = "<c/>"


class _Sink:
    """What a zip writes to that cannot go back: bytes until they are taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held


def _entry(name: str) -> zipfile.ZipInfo:
    """The same bytes at every export: no time of day."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _workbook(title: str) -> str:
    name = re.sub(r"[\[\]:*?/\\]", " ", spoken(title))[:31].strip("' ") or "Table"
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name={quoteattr(name)} sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _cell_writer(column: ColumnSpec, shape: Shape) -> Callable[[Any], str]:
    """How the values of one column become cells; what does not fit its type is text."""
    show = COLUMN_TYPES[column.type].show
    moment = {"date": _day, "datetime": _instant}.get(column.type)

    def write(value: Any) -> str:
        if isinstance(value, bool):
            return f'<c t="b"><v>{value:d}</v></c>'
        if isinstance(value, int | float):
            if abs(value) <= _MAX_EXACT or isinstance(value, float):
                return f"<c><v>{value!r}</v></c>"
            return _text(str(value))
        if moment is not None and isinstance(value, str) and (cell := moment(value)):
            return cell
        return _text(shape.text(show(value, NO_OPTIONS)))

    return write


def _day(value: str) -> str | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return _serial(datetime(day.year, day.month, day.day, tzinfo=UTC), _DATE)


def _instant(value: str) -> str | None:
    try:
        return _serial(datetime.fromisoformat(value), _INSTANT)
    except (ValueError, TypeError):
        return None


def _serial(moment: datetime, style: int) -> str | None:
    """A moment as days since 1899-12-30; ``None`` where spreadsheets disagree on what day that is."""
    if moment < _FIRST_DAY:
        return None
    since = moment - _EPOCH
    seconds = since.seconds + since.microseconds / 1e6
    return f'<c s="{style}"><v>{since.days + seconds / _DAY_SECONDS if seconds else since.days!r}</v></c>'


def _text(text: str, style: int = 0) -> str:
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    styled = f' s="{style}"' if style else ""
    return (
        f'<c t="inlineStr"{styled}><is><t xml:space="preserve">{escape(spoken(text), _RETURN)}</t></is></c>'
    )


_RETURN: Final[Mapping[str, str]] = {"\r": "&#13;"}


def spoken(text: str) -> str:
    """The text with what XML cannot hold written as ``_x0007_``."""
    return _UNSPEAKABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
