"""Telling an XLSX workbook by what it holds, without what it takes to read one (T38)."""

from __future__ import annotations

import zipfile
from typing import BinaryIO


def is_workbook(file: BinaryIO) -> bool:
    """Whether this is an XLSX workbook, by its content. Leaves the file at its start."""
    try:
        file.seek(0)
        if file.read(4) != b"PK\x03\x04":
            return False
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        file.seek(0)
