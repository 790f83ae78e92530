"""A dispatch's scope as a SQL condition over ``tables_row r``: values always travel as parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tables.engine.filters import compile_filter
from tables.engine.types import TableSpec


def scope_rows_sql(spec: TableSpec, scope: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """``("AND … AND …", params)`` for the rows, filter and exclusions of a scope; empty for the whole table."""
    parts: list[str] = []
    params: list[Any] = []
    rows = scope.get("rows")
    if isinstance(rows, Mapping) and "seq_from" in rows:
        parts.append("r.seq BETWEEN %s::bigint AND %s::bigint")
        params += [rows["seq_from"], rows["seq_to"]]
    elif isinstance(rows, Mapping):
        place = "(SELECT position, id FROM tables_row WHERE id = %s::uuid)"
        parts += [f"(r.position, r.id) >= {place}", f"(r.position, r.id) <= {place}"]
        params += [UUID(rows["from"]), UUID(rows["to"])]
    elif rows is not None:
        parts.append("r.id = ANY(%s::uuid[])")
        params.append([UUID(row) for row in rows])
    if scope.get("exclude_rows"):
        parts.append("NOT r.id = ANY(%s::uuid[])")
        params.append([UUID(row) for row in scope["exclude_rows"]])
    if scope.get("filter"):
        clause = compile_filter(scope["filter"], spec.columns)
        parts.append(f"({clause.sql})")
        params += clause.params
    return "".join(f" AND {part}" for part in parts), params
