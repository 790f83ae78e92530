"""An uploaded file as a stream of records, whatever it is: told apart by what it holds, never by its name (T38)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from tables.engine import csv_rows
from tables.engine.csv_rows import Block, Dialect, Record, column_names, sniff
from tables.engine.xlsx_sign import is_workbook
from tables.errors import LimitReached, UploadInvalid, UploadTooLarge
from workspaces.errors import Invalid


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read. ``None``: find out; ``sheet``: the first one."""

    encoding: str | None = None
    delimiter: str | None = None
    has_header: bool = True
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The first look into a file. ``options`` is how to read it again; a CSV has no ``sheets``."""

    options: dict[str, Any]
    headers: list[str]
    sample: list[Record]
    sheets: list[str] = field(default_factory=list)


def look(upload: UploadedFile[Any], reading: Reading, count: int) -> Look:
    """Read the header and up to ``count`` records. Raises ``UploadInvalid``, ``UploadTooLarge``, ``LimitReached``."""
    limit: int = settings.RUNSHEET_MAX_UPLOAD_BYTES
    if (upload.size or 0) > limit:
        raise UploadTooLarge(
            f"The file has {upload.size:,} bytes; an import takes at most {limit:,}.", limit=limit
        )
    file: BinaryIO = upload.file  # type: ignore[assignment]  # a temporary or in-memory binary file
    file.seek(0)
    try:
        options, sheets = _options(file, reading)
        found = list(islice(_records(file, options), count + 1))
    except LookupError:
        raise Invalid(errors={"encoding": ["This encoding is not known, e.g. utf-8 or cp1252."]}) from None
    finally:
        file.seek(0)
    if not found:
        raise UploadInvalid("The file holds no rows.")
    if found[0].fault:
        raise UploadInvalid(f"Line {found[0].line}: {found[0].fault}")
    return Look(options, _headers(found, reading), found[1:] if reading.has_header else found[:count], sheets)


def blocks_of(file: BinaryIO, options: Mapping[str, Any]) -> Iterator[Block]:
    """Every record of a file, read as ``look`` found it is written."""
    if options.get("format") == "xlsx":
        found: Iterator[Block] = _xlsx().blocks(file, options["sheet"])
        return found
    return csv_rows.blocks(file, Dialect(options["encoding"], options["delimiter"]))


def _xlsx() -> Any:
    """What reads workbooks, loaded with the first of them: it would take six megabytes of every process (P13)."""
    from tables.engine import xlsx_rows

    return xlsx_rows


def _options(file: BinaryIO, reading: Reading) -> tuple[dict[str, Any], list[str]]:
    options: dict[str, Any] = {"has_header": reading.has_header, "encoding": "", "delimiter": "", "sheet": ""}
    if is_workbook(file):
        sheets = _xlsx().sheet_names(file)
        if not sheets:
            raise UploadInvalid("The workbook has no sheet of cells.")
        if reading.sheet is not None and reading.sheet not in sheets:
            known = ", ".join(sheets[:20])
            raise Invalid(errors={"sheet": [f"The workbook has no such sheet. It has: {known}."]})
        return {**options, "format": "xlsx", "sheet": reading.sheet or sheets[0]}, sheets
    if reading.sheet is not None:
        raise Invalid(errors={"sheet": ["The file is no workbook, so it has no sheets."]})
    dialect = sniff(file, encoding=reading.encoding, delimiter=reading.delimiter)
    return {**options, "format": "csv", "encoding": dialect.encoding, "delimiter": dialect.delimiter}, []


def _records(file: BinaryIO, options: Mapping[str, Any]) -> Iterator[Record]:
    for block in blocks_of(file, options):
        yield from block.records


def _headers(found: list[Record], reading: Reading) -> list[str]:
    width = len(found[0].values)
    if not reading.has_header:
        width = max(len(record.values) for record in found)
    if width > settings.RUNSHEET_MAX_COLUMNS:
        raise LimitReached(
            f"The file has {width:,} columns; a table has at most {settings.RUNSHEET_MAX_COLUMNS:,}."
        )
    return column_names(found[0].values if reading.has_header else [""] * width)
