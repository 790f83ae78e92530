"""A dispatch's or a stop's scope: its stored form, and the SQL condition over ``tables_row r`` it stands for.

The stored form is what was asked, with one addition: a range keeps the places of its ends (``bounds``) as they were
when it was asked for. So it stays the range a person saw, whatever becomes of the two rows at its ends. Values always
travel as parameters. ``failed_of`` names a dispatch: the rows on which one of its cells failed, as long as that failure
is the cell's last word. ``continues`` names dispatches that were cut off; it tells cells apart, not rows: see
``engine.eligibility``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from tables.engine.filters import EVERYTHING, Clause, compile_filter
from tables.engine.sorting import beyond, compile_sort
from tables.engine.stopping import STOPPED
from tables.engine.types import TableSpec
from tables.errors import ScopeInvalid
from tables.models import walking_sql

MAX_NAMED_ROWS: Final = 1_000
"""More rows than this are named by a range or a filter, never by ids (`api.md`)."""


@dataclass(frozen=True, slots=True)
class ScopeSql:
    """A scope in two halves: ``place`` is what an index finds, ``test`` what only a look at the row can tell."""

    place: Clause = EVERYTHING
    test: Clause = EVERYTHING

    @property
    def tests(self) -> bool:
        """Whether rows have to be looked at."""
        return self.test is not EVERYTHING


def scope_of(
    spec: TableSpec,
    rows: Sequence[UUID] | Mapping[str, Any] | None = None,
    filter_: Mapping[str, Any] | None = None,
    exclude_rows: Sequence[UUID] = (),
    failed_of: UUID | None = None,
    continues: Sequence[UUID] = (),
) -> dict[str, Any]:
    """The stored form of what a request names; a filter is checked now and evaluated when rows are reached.

    ``rows`` is a list of ids, ``{"from", "to", "filter"?, "sort"?}`` (row ids, inclusive, in that list's order, either
    end first), ``{"seq_from", "seq_to"}``, or ``None`` for all. Raises ``ScopeInvalid``, ``FilterInvalid``,
    ``SortInvalid``.
    """
    scope = scope_named(rows, filter_, exclude_rows, failed_of, continues)
    if isinstance(rows, Mapping) and "seq_from" not in rows:
        scope["rows"]["bounds"] = _bounds(spec, scope["rows"])
    elif isinstance(scope.get("rows"), list) and len(scope["rows"]) > MAX_NAMED_ROWS:
        told = f"At most {MAX_NAMED_ROWS:,} rows can be named by id; send a range or a filter instead."
        raise ScopeInvalid(told, errors={"rows": [told]})
    if filter_:
        compile_filter(dict(filter_), spec.columns)
    return scope


def scope_named(
    rows: Sequence[UUID] | Mapping[str, Any] | None,
    filter_: Mapping[str, Any] | None,
    exclude_rows: Sequence[UUID],
    failed_of: UUID | None = None,
    continues: Sequence[UUID] = (),
) -> dict[str, Any]:
    """What a request names, in the form it is compared in; nothing is checked."""
    scope: dict[str, Any] = {}
    if isinstance(rows, Mapping) and "seq_from" in rows:
        scope["rows"] = dict(rows)
    elif isinstance(rows, Mapping):
        asked = {name: rows[name] for name in ("filter", "sort") if rows.get(name)}
        scope["rows"] = {"from": str(rows["from"]), "to": str(rows["to"]), **asked}
    elif rows is not None:
        scope["rows"] = [str(row) for row in dict.fromkeys(rows)]
    if filter_:
        scope["filter"] = dict(filter_)
    if exclude_rows:
        scope["exclude_rows"] = [str(row) for row in exclude_rows]
    if failed_of is not None:
        scope["failed_of"] = str(failed_of)
    if continues:
        scope["continues"] = [str(dispatch) for dispatch in continues]
    return scope


def scope_asked(scope: Mapping[str, Any]) -> dict[str, Any]:
    """A stored scope as it was asked for: two requests are the same when these are."""
    asked = {part: value for part, value in scope.items() if part != STOPPED}
    rows = asked.get("rows")
    if not isinstance(rows, Mapping) or "bounds" not in rows:
        return asked
    return {**asked, "rows": {name: value for name, value in rows.items() if name != "bounds"}}


def scope_sql(spec: TableSpec, scope: Mapping[str, Any]) -> ScopeSql:
    """The condition of a stored scope in its two halves; raises ``FilterInvalid`` when its columns are gone."""
    place, tests = EVERYTHING, []
    rows = scope.get("rows")
    if isinstance(rows, Mapping) and "seq_from" in rows:
        tests.append(Clause("r.seq BETWEEN %s::bigint AND %s::bigint", [rows["seq_from"], rows["seq_to"]]))
        if "seq_ranges" in rows:  # others inserted rows meanwhile
            within = ",".join(f"[{first},{last}]" for first, last in rows["seq_ranges"])
            tests.append(Clause("r.seq <@ %s::int8multirange", [f"{{{within}}}"]))
    elif isinstance(rows, Mapping):
        if rows.get("sort"):
            tests.append(_between_sorted(spec, rows))
        else:
            place = _between(rows)
        if rows.get("filter"):
            tests.append(compile_filter(rows["filter"], spec.columns))
    elif rows is not None:
        place = Clause("r.id = ANY(%s::uuid[])", [[UUID(row) for row in rows]])
    if scope.get("exclude_rows"):
        excluded = [UUID(row) for row in scope["exclude_rows"]]
        tests.append(Clause("NOT r.id = ANY(%s::uuid[])", [excluded]))
    if scope.get("filter"):
        tests.append(compile_filter(scope["filter"], spec.columns))
    if scope.get("failed_of"):
        dispatch_id = UUID(scope["failed_of"])
        tests.append(Clause(walking_sql.FAILED_OF, [spec.table_id, dispatch_id, dispatch_id]))
    return ScopeSql(place, _all(tests))


def scope_rows_sql(spec: TableSpec, scope: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """``(" AND …", params)`` for the rows, filter and exclusions of a scope; empty for the whole table."""
    halves = scope_sql(spec, scope)
    clauses = [clause for clause in (halves.place, halves.test) if clause is not EVERYTHING]
    sql = "".join(f" AND ({clause.sql})" for clause in clauses)
    return sql, [param for clause in clauses for param in clause.params]


def _bounds(spec: TableSpec, rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The places of a range's ends, the first one first. Raises ``ScopeInvalid`` for a row that is not here."""
    ends = [rows["from"], rows["to"]]
    sort = compile_sort(rows.get("sort"), spec.columns)
    compile_filter(rows.get("filter"), spec.columns)
    selected = sort.selected()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id::text, r.position{selected.sql} FROM tables_row r"  # noqa: S608 - values are parameters
            f" WHERE r.table_id = %s AND r.id = ANY(%s::uuid[]) ORDER BY {sort.order_by.sql}",
            [*selected.params, spec.table_id, ends, *sort.order_by.params],
        )
        found = cursor.fetchall()
    known = {row[0] for row in found}
    errors = {
        f"rows.{name}": ["This table has no such row."]
        for name, end in zip(("from", "to"), ends, strict=True)
        if end not in known
    }
    if errors:
        raise ScopeInvalid("The range begins or ends at a row that this table does not have.", errors=errors)
    return [{"id": row[0], "position": row[1], "values": list(row[2:])} for row in (found[0], found[-1])]


def _between(rows: Mapping[str, Any]) -> Clause:
    """The rows from one place of the table to another. Index: ``tables_row_order``."""
    first, last = rows["bounds"]
    return Clause(
        "(r.position, r.id) >= (%s::text, %s::uuid) AND (r.position, r.id) <= (%s::text, %s::uuid)",
        [first["position"], UUID(first["id"]), last["position"], UUID(last["id"])],
    )


def _between_sorted(spec: TableSpec, rows: Mapping[str, Any]) -> Clause:
    """The rows from one place of a sorted list to another, by the values they hold when they are reached."""
    sort = compile_sort(rows["sort"], spec.columns)
    first, last = rows["bounds"]
    after_first = beyond(sort, first["values"], first["position"], UUID(first["id"]))
    after_last = beyond(sort, last["values"], last["position"], UUID(last["id"]))
    return Clause(
        f"(({after_first.sql} OR r.id = %s::uuid) AND NOT {after_last.sql})",
        [*after_first.params, UUID(first["id"]), *after_last.params],
    )


def _all(clauses: Sequence[Clause]) -> Clause:
    """All of them; ``EVERYTHING`` itself when there are none."""
    found = EVERYTHING
    for clause in clauses:
        found = clause if found is EVERYTHING else found & clause
    return found
