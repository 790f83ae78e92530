"""Outputs above 256 KiB: kept once, deflated, named by their content (workflows.md section 4).

A blob's name says nothing of who may read it; it is reached through a step only.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

from workflows.models import Blob
from workflows.models.ledger_sql import WRITE_BLOBS

MAX_INLINE_BYTES: Final = 256 * 1024
"""Outputs up to this stand in their step's row."""


def blob_name(text: str) -> str:
    """The name of a blob that holds this JSON text."""
    return hashlib.sha256(text.encode()).hexdigest()


def blobs_write(cursor: CursorWrapper, texts: Mapping[str, str]) -> None:
    """Store JSON texts by name, in the caller's transaction; one that is there already is kept a while longer."""
    names = sorted(texts)
    data = [zlib.compress(texts[name].encode(), 6) for name in names]
    cursor.execute(WRITE_BLOBS, [names, data, [len(texts[name].encode()) for name in names]])


def blob_values(names: Iterable[str]) -> dict[str, Any]:
    """The values of blobs by name, in one query; one that is gone is simply not there."""
    wanted = set(names)
    if not wanted:
        return {}
    found = Blob.objects.filter(sha256__in=wanted).values_list("sha256", "data")
    return {name: json.loads(zlib.decompress(bytes(data))) for name, data in found}


def blob_value(name: str) -> Any:
    """The value of one blob. Raises ``Blob.DoesNotExist``."""
    return json.loads(zlib.decompress(bytes(Blob.objects.get(sha256=name).data)))
