"""The overlay of a page of rows (T36): what active dispatches are to do about its cells, told by the server.

One query for the dispatches; one more when any of them has a scope or a limit, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from tables import selectors
from tables.engine.mapping import judge_condition
from tables.engine.overlay import Ahead, PlacedRow, foretell
from tables.engine.types import TableSpec
from tables.errors import FilterInvalid
from tables.models import Dispatch
from tables.row_list import RowPage, page_named
from tables.services.dispatcher import request_of
from tables.services.scope import scope_rows_sql
from tables.services.stopped_ahead import unstopped_sql
from tables.states import ACTIVE_DISPATCH
from tables.wire import foretold_json

MOST_DISPATCHES: Final = 50
"""The oldest active ones are asked; a page must not cost what hundreds of one-row runs at once would."""

LIMIT_LOOKS: Final = 1_000
"""Under a limit, rows are foretold that stand within so many of the cursor: further on nobody can tell cheaply."""

# A limit counts rows with work. With fewer rows of any kind between cursor and row than the limit leaves, the row is
# surely reached. Index: tables_row_order alone.
_WITHIN_LIMIT: Final = """(SELECT count(*) FROM (
    SELECT 1 FROM tables_row b WHERE b.table_id = r.table_id AND {after} (b.position, b.id) < (r.position, r.id)
     LIMIT %s) AS between_them) < %s"""


def rows_show(table_id: UUID, row_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """These rows as REST shows them, in the table's order; unknown and foreign ids are left out."""
    spec = selectors.table_spec(table_id)
    return page_foretell(spec, page_named(spec, row_ids)).rows


def page_foretell(spec: TableSpec, page: RowPage) -> RowPage:
    """The same page, its cells told ahead: in place. Records keep their version and say it as ``ahead``."""
    if not spec.groups or not page.rows:
        return page
    active = _active(spec.table_id)
    if not active and not any(group.auto_run for group in spec.groups):
        return page
    rows = page.placed()
    dispatches = _ahead(spec, active, rows)
    for shown, placed in zip(page.rows, rows, strict=True):
        cells = shown["cells"]
        for group_id, told in foretell(spec, placed.state, dispatches, judge_condition).items():
            if (cell := cells.get(str(group_id))) is None:
                cells[str(group_id)] = foretold_json(told)
            else:
                cell["ahead"] = foretold_json(told, beside_record=True)
    return page


def _active(table_id: UUID) -> list[Dispatch]:
    """Active dispatches of the table, in the order they were requested."""
    found = Dispatch.objects.filter(table_id=table_id, status__in=ACTIVE_DISPATCH)
    return list(found.order_by("requested_sequence")[:MOST_DISPATCHES])


def _ahead(spec: TableSpec, active: Sequence[Dispatch], placed: Sequence[PlacedRow]) -> list[Ahead]:
    """The same with the rows they are still to reach."""
    scoped = [each for each in active if (each.scope or each.row_limit is not None) and not each.exhausted]
    in_scope = _in_scope(spec, scoped, [row.state.id for row in placed])
    ahead = []
    for dispatch in active:
        reached = frozenset(row.state.id for row in placed if _is_before(dispatch, row))
        ahead.append(Ahead(request_of(dispatch), reached & in_scope.get(dispatch.id, reached)))
    return ahead


def _is_before(dispatch: Dispatch, row: PlacedRow) -> bool:
    """Whether the walk has yet to come by. Positions are of ASCII: Python compares them as the table does."""
    if dispatch.exhausted or row.seq > dispatch.upper_seq:
        return False
    cursor = (dispatch.cursor_position, dispatch.cursor_id)
    return None in cursor or (row.position, row.state.id) > cursor


def _in_scope(
    spec: TableSpec, dispatches: Sequence[Dispatch], row_ids: list[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Which of the rows each dispatch's scope and limit reach: judged by the very conditions of its walk."""
    conditions, params = [], []
    for dispatch in dispatches:
        condition, given = _reaches(spec, dispatch)
        conditions.append(condition)
        params += given
    if not conditions:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id, ARRAY[{', '.join(conditions)}] FROM tables_row r"  # noqa: S608 - conditions are ours
            " WHERE r.table_id = %s AND r.id = ANY(%s)",
            [*params, spec.table_id, row_ids],
        )
        found = cursor.fetchall()
    return {
        dispatch.id: frozenset(row_id for row_id, reached in found if reached[place])
        for place, dispatch in enumerate(dispatches)
    }


def _reaches(spec: TableSpec, dispatch: Dispatch) -> tuple[str, list[Any]]:
    """One dispatch's condition over ``tables_row r``, never NULL."""
    try:
        scope, params = scope_rows_sql(spec, dispatch.scope)
        unstopped, more = unstopped_sql(spec, dispatch)
    except FilterInvalid:  # a column of its filter is gone: it will fail when it gets here
        return "FALSE", []
    within, given = _within_limit(dispatch)
    return f"coalesce((TRUE {scope} {unstopped} {within}), FALSE)", [*params, *more, *given]


def _within_limit(dispatch: Dispatch) -> tuple[str, list[Any]]:
    if dispatch.row_limit is None:
        return "", []
    left = min(dispatch.row_limit - dispatch.rows_handed_over, LIMIT_LOOKS)
    if left <= 0:
        return "AND FALSE", []
    if dispatch.cursor_id is None:
        return f"AND {_WITHIN_LIMIT.format(after='')}", [left, left]
    after = "(b.position, b.id) > (%s::text, %s::uuid) AND"
    return f"AND {_WITHIN_LIMIT.format(after=after)}", [
        dispatch.cursor_position,
        dispatch.cursor_id,
        left,
        left,
    ]
