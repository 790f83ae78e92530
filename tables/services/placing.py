"""Rows' places: where new ones go, and moves (T4).

A position is found between two neighbours, so that inserting or moving writes the rows concerned and no other. Only
when positions at one place have grown long (some hundred inserts between the same two rows) are the rows around it
given short ones again, in the same order; that is a constant price per insert. Everything here happens under the lock
of the table's row, so that two people placing rows at once never get the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from tables.engine.ordering import keys_after, keys_between
from tables.errors import LimitReached, RowNotFound
from tables.events import emit, rows_event
from tables.models import Table, placing_sql
from tables.services.schema_lock import locks_check, table_lock
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.services.audit import audit_record

MAX_POSITION_BYTES: Final = 100
"""A place whose positions would be longer is spread first; B-tree entries end at 2,700 bytes."""
SHORT_POSITION_BYTES: Final = 40
SPREAD_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows go: before or after one row; neither means at the table's end."""

    before: UUID | None = None
    after: UUID | None = None

    @property
    def neighbour(self) -> UUID | None:
        """The row they go next to."""
        return self.before or self.after


def rows_move(*, table: Table, row_ids: Sequence[UUID], place: Place, actor: Actor) -> int:
    """Put rows, in the order given, next to another row or at the table's end; answers how many.

    Ids that are no rows of this table (any more) are passed over. Raises ``RowNotFound`` (the neighbour),
    ``Invalid`` (the neighbour moves itself), ``LimitReached``, ``TableLocked`` (``update``).
    """
    if len(row_ids) > settings.RUNSHEET_MAX_BATCH_ROWS:
        raise LimitReached(f"One call moves at most {settings.RUNSHEET_MAX_BATCH_ROWS:,} rows.")
    if place.neighbour in row_ids:
        field = "before" if place.before else "after"
        raise Invalid(errors={field: ["This row is one of those that move. Name another."]})
    with transaction.atomic(), connection.cursor() as cursor:
        locks_check(table_lock(table.pk), "update")
        cursor.execute(
            "SELECT id FROM tables_row WHERE table_id = %s AND id = ANY(%s)", [table.pk, list(row_ids)]
        )
        known = {found[0] for found in cursor.fetchall()}
        moved = [row_id for row_id in dict.fromkeys(row_ids) if row_id in known]
        positions = positions_for(table.pk, place, len(moved), but=moved)
        if not moved:
            return 0
        cursor.execute(placing_sql.PLACE_ROWS, {"ids": moved, "positions": positions})
        audit_record(
            workspace_id=table.workspace_id,
            actor=actor,
            action="rows.moved",
            target=table,
            after={"rows": len(moved), "first": str(moved[0])},
        )
        transaction.on_commit(partial(emit, table.pk, [rows_event(deleted=moved, inserted=moved)]))
    return len(moved)


def positions_for(table_id: UUID, place: Place, count: int, *, but: Sequence[UUID] = ()) -> list[str]:
    """Positions for ``count`` rows, under the table's lock (T4). Raises ``RowNotFound`` (the neighbour).

    ``but``: rows that leave their places for these.
    """
    if place.neighbour is None:
        with connection.cursor() as cursor:
            cursor.execute(placing_sql.LAST_POSITION, [table_id, list(but)])
            last = cursor.fetchone()
        return keys_after(last[0] if last else None, count)
    low, high = _gap(table_id, place, but)
    if low is None or high is None or low < high:
        positions = keys_between(low, high, count)
        if max(map(len, positions), default=0) <= MAX_POSITION_BYTES:
            return positions
    _spread(table_id, place.neighbour)
    return keys_between(*_gap(table_id, place, but), count)


def _gap(table_id: UUID, place: Place, but: Sequence[UUID]) -> tuple[str | None, str | None]:
    """The positions between which the place lies; ``None`` for the table's start or end."""
    with connection.cursor() as cursor:
        cursor.execute(placing_sql.NEIGHBOURS, {"table": table_id, "row": place.neighbour, "but": list(but)})
        found = cursor.fetchone()
    if found is None:
        raise RowNotFound("There is no such row to put rows next to.")
    previous, own, following = found
    return (previous, own) if place.before else (own, following)


def _spread(table_id: UUID, row_id: UUID) -> None:
    """Give the rows around this one short positions again, in the same order; ever more of them until they are."""
    reach = SPREAD_ROWS
    while True:
        with connection.cursor() as cursor:
            cursor.execute(placing_sql.STRETCH, {"table": table_id, "row": row_id, "reach": reach + 1})
            found = cursor.fetchall()
        left = [(each, position) for each, position, is_left in found if is_left][::-1]
        right = [(each, position) for each, position, is_left in found if not is_left]
        low = left.pop(0)[1] if len(left) > reach else None
        high = right.pop()[1] if len(right) > reach else None
        ids = [each for each, _ in (*left, *right)]
        if low is None or high is None or low < high:
            positions = keys_between(low, high, len(ids))
            is_whole = low is None and high is None
            if is_whole or max(map(len, positions)) <= SHORT_POSITION_BYTES:
                break
        reach *= 2
    with connection.cursor() as cursor:
        cursor.execute(placing_sql.PLACE_ROWS, {"ids": ids, "positions": positions})
    if len(ids) <= settings.RUNSHEET_MAX_BATCH_ROWS:
        transaction.on_commit(partial(emit, table_id, [rows_event(changed=ids)]))
