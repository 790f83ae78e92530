"""How people and programs name a column: by id, by key, or by its exact name (`api.md`)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from tables.engine.types import ColumnSpec


class ColumnIndex:
    """Finds columns by any of their names. An id wins over a key, a key over a name."""

    def __init__(self, columns: Iterable[ColumnSpec]) -> None:
        self.columns = tuple(columns)
        self._found: dict[str, ColumnSpec] = {}
        for attribute in ("name", "key", "id"):
            self._found.update({str(getattr(column, attribute)): column for column in self.columns})

    def find(self, reference: Any) -> ColumnSpec | None:
        """The column meant, or ``None``; ``reference`` may be any JSON value."""
        return self._found.get(str(reference)) if isinstance(reference, str) or _is_id(reference) else None

    def unknown(self, reference: Any) -> str:
        """Words for a reference that finds nothing, with the nearest name as a hint."""
        names = [column.name for column in self.columns]
        near = difflib.get_close_matches(str(reference)[:200], names, n=1)
        return f"There is no column “{str(reference)[:100]}”." + (
            f" Did you mean “{near[0]}”?" if near else ""
        )


def _is_id(reference: Any) -> bool:
    return hasattr(reference, "hex") and not isinstance(reference, float)
