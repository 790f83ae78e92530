"""Selections that were stopped ahead of a dispatch's walk, too large to name their cells at the time (T25).

A dispatch keeps them in its scope, beside what it was asked for:
``{"stopped": [{"rows"?, "filter"?, "exclude_rows"?, "groups": [ids], "sequence"}]}``. When its walk is about to hand
over rows of one, it leaves the tombstones there first, numbered as the stop was; from then on everybody sees them. A
filter is thereby evaluated as the walk comes by, like the dispatch's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tables.engine.stopping import STOPPED
from tables.engine.types import TableSpec
from tables.models import Dispatch, stopping_sql
from tables.services.cells import Event
from tables.services.scope import scope_rows_sql, scope_sql
from tables.services.stopping_cells import tombstones_leave

ROWS_AT_ONCE: Final = 2_000
"""Where a walk meets a stopped selection, so many of the rows that come next are looked at together."""

_FIRST: Final = ("", UUID(int=0))
"""A place before every row."""


def stopped_rows_meet(
    cursor: CursorWrapper, dispatch: Dispatch, spec: TableSpec, row_ids: Sequence[UUID]
) -> list[Event] | None:
    """Leave tombstones on rows that are about to be handed over, and on what comes next; ``None``: there is no need.

    Otherwise the rows are to be judged again. Every call that is not ``None`` has left at least one. The caller holds
    the dispatch. Raises ``FilterInvalid`` when the schema no longer knows what was named.
    """
    events: list[Event] = []
    left = 0
    for stopped in dispatch.scope.get(STOPPED, []) if row_ids else []:
        met = _rows_of(spec, stopped, row_ids)
        count, shown = _leave(cursor, dispatch, stopped, met)
        if count:
            with connection.cursor() as bound_by_client:
                _, ahead = rows_to_come(bound_by_client, spec, dispatch, stopped, ROWS_AT_ONCE)
            shown += _leave(cursor, dispatch, stopped, ahead)[1]
        events += shown
        left += count
    return events if left else None


def rows_to_come(
    cursor: CursorWrapper, spec: TableSpec, dispatch: Dispatch, scope: Mapping[str, Any], most: int
) -> tuple[int, list[UUID]]:
    """Rows of this scope, and of the dispatch's, that its walk has not passed; and how many had to be looked at.

    Looks at ``most`` rows in the order of the walk, and at as many that were moved behind it.
    """
    halves = [scope_sql(spec, each) for each in (scope, dispatch.scope)]
    place = halves[0].place & halves[1].place
    test = halves[0].test & halves[1].test
    walked = _FIRST if dispatch.cursor_id is None else (dispatch.cursor_position, dispatch.cursor_id)
    looked = [spec.table_id, dispatch.upper_seq, *walked, *place.params, most]
    cursor.execute(
        stopping_sql.ROWS_AHEAD.format(near=f"AND {place.sql}", far=f"AND {test.sql}"),
        [*looked, *looked, *test.params],
    )
    looked_at, rows = cursor.fetchone()
    return looked_at, rows


def unstopped_sql(spec: TableSpec, dispatch: Dispatch) -> tuple[str, list[Any]]:
    """``(" AND …", params)`` over ``tables_row r``: rows that the dispatch was not stopped on in all its groups.

    Raises ``FilterInvalid``.
    """
    clauses: list[str] = []
    values: list[Any] = []
    left = {str(group) for group in dispatch.groups_left}
    for stopped in dispatch.scope.get(STOPPED, []):
        if left <= set(stopped["groups"]):
            clause, params = scope_rows_sql(spec, stopped)
            clauses.append(f" AND NOT coalesce((TRUE {clause}), FALSE)")
            values += params
    return "".join(clauses), values


def _rows_of(spec: TableSpec, stopped: Mapping[str, Any], row_ids: Sequence[UUID]) -> list[UUID]:
    clause, params = scope_rows_sql(spec, stopped)
    with connection.cursor() as cursor:  # bound by the client: every filter is another statement
        cursor.execute(stopping_sql.ROWS_STOPPED.format(rows=clause), [list(row_ids), *params])
        return [found[0] for found in cursor.fetchall()]


def _leave(
    cursor: CursorWrapper, dispatch: Dispatch, stopped: Mapping[str, Any], rows: Sequence[UUID]
) -> tuple[int, list[Event]]:
    """How many cells have learned of the stop by this, and the events of those that show it."""
    pairs = ((row, UUID(group)) for row in rows for group in stopped["groups"])
    return tombstones_leave(cursor, dispatch.table_id, pairs, stopped["sequence"])
