"""What a person saw of a selection, held against what it is when the request is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection

from tables.engine.types import TableSpec
from tables.errors import RowsMoved
from tables.services.scope import scope_rows_sql


def rows_expect(spec: TableSpec, scope: Mapping[str, Any], expected: int | None) -> None:
    """Raise ``RowsMoved`` when a stored scope has another number of rows than ``expected``; ``None`` expects nothing.

    Call it before anything is locked: a sorted range of a million rows takes a second or two to count.
    """
    if expected is None:
        return
    clause, params = scope_rows_sql(spec, scope)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM tables_row r WHERE r.table_id = %s {clause}",  # noqa: S608 - clause is ours
            [spec.table_id, *params],
        )
        count_expect(cursor.fetchone()[0], expected)


def count_expect(found: int, expected: int | None) -> None:
    """The same once the rows have been counted."""
    if expected is not None and found != expected:
        raise RowsMoved(
            f"{expected:,} rows were selected, and the same selection has {found:,} by now. Nothing was done; look at"
            " it again.",
            expected=expected,
            found=found,
        )
