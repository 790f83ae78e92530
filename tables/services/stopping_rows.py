"""Stopping a selection of rows, of any size: what is in flight there, and what is still to come (T24, T25).

A dispatch that was asked for the very same rows is ended. Others go on without them: few cells get their tombstones
here and now; of many the dispatch notes the selection, and its walk leaves the tombstones as it meets the rows
(``services.stopped_ahead``). So a stop over a million rows costs what is in flight, never a million of anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.stopping import STOPPED, is_same_scope
from tables.engine.types import TableSpec
from tables.enqueue import advance_send
from tables.models import Dispatch, stopping_sql
from tables.services.progress import dispatch_announce
from tables.services.scope import scope_asked, scope_rows_sql
from tables.services.stopped_ahead import rows_to_come
from tables.services.stopping_cells import cells_stop, cells_tell, tombstones_write
from tables.services.stopping_dispatches import StopOutcome, dispatches_hold, dispatches_stop, reached_of
from tables.states import ACTIVE_DISPATCH, IN_FLIGHT
from workflows.engine.types import BlockError

MOST_ROWS: Final = 5_000
"""So many rows ahead of a walk are looked at while the stop is waited for."""

MOST_TOMBSTONES: Final = 2_000
"""So many tombstones are written while the stop is waited for."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that a stop is about, as ``scope_rows_sql`` reads them, and the workflow groups of them; never empty."""

    spec: TableSpec
    scope: Mapping[str, Any]
    groups: frozenset[UUID]
    sequence: int
    error: BlockError
    gone: bool = False
    """The rows are being deleted: nothing of them is to come."""

    @property
    def where(self) -> tuple[str, list[Any]]:
        """The condition over ``tables_row r``."""
        return scope_rows_sql(self.spec, self.scope)

    @property
    def is_one_row(self) -> bool:
        """A single row: no dispatch is ended for its sake."""
        rows = self.scope.get("rows")
        return isinstance(rows, list) and len(rows) == 1


@dataclass(frozen=True, slots=True)
class _HeldWindow:
    """An open window, held; ``rows`` are those of the selection."""

    id: UUID
    dispatch_id: UUID
    token: UUID
    body_fired: bool
    rows: list[UUID]


def rows_stop(cursor: CursorWrapper, selection: Selection) -> StopOutcome:
    """Stop a selection; the caller holds the table. Raises ``FilterInvalid``, ``ScopeInvalid``."""
    table_id, sequence, error = selection.spec.table_id, selection.sequence, selection.error
    held = {dispatch.id: dispatch for dispatch in dispatches_hold(table_id)}
    same = [dispatch.id for dispatch in held.values() if _is_about(dispatch, selection)]
    windows = _windows_lock(cursor, selection, same)
    outcome = dispatches_stop(cursor, table_id, same, sequence, error)
    events = _in_flight_stop(cursor, selection)
    outcome.cancelled += len(events)
    others = {key: dispatch for key, dispatch in held.items() if key not in same}
    _close_later(windows, others)
    if not selection.gone:
        pairs = set(_pairs_in_hand(cursor, selection, windows, others))
        noted = 0
        for dispatch in others.values():
            if dispatch.status in ACTIVE_DISPATCH:
                ahead = _pairs_ahead(cursor, selection, dispatch)
                noted += ahead is None
                pairs |= ahead or set()
        entombed = tombstones_write(cursor, table_id, pairs, sequence)
        outcome.ahead = None if noted else len(entombed)
        events += entombed
    cells_tell(table_id, events)
    return outcome


def _is_about(dispatch: Dispatch, selection: Selection) -> bool:
    """Whether a dispatch was asked for exactly this selection, and for no group beyond it."""
    return (
        dispatch.status in ACTIVE_DISPATCH
        and not selection.is_one_row
        and set(dispatch.groups_left) <= selection.groups
        and is_same_scope(scope_asked(dispatch.scope), scope_asked(selection.scope))
    )


def _windows_lock(
    cursor: CursorWrapper, selection: Selection, dispatch_ids: Sequence[UUID]
) -> list[_HeldWindow]:
    clause, params = selection.where
    cursor.execute(
        stopping_sql.LOCK_WINDOWS_OF_SELECTION.format(rows=clause),
        [*params, selection.spec.table_id, list(dispatch_ids)],
    )
    return [
        _HeldWindow(window, dispatch, token, body_fired, rows or [])
        for window, dispatch, token, body_fired, rows in cursor.fetchall()
    ]


def _in_flight_stop(cursor: CursorWrapper, selection: Selection) -> list[dict[str, Any]]:
    """Cancel what is in flight on the rows, whoever's it is."""
    clause, params = selection.where
    cursor.execute(
        stopping_sql.CELLS_IN_SELECTION.format(rows=clause),
        [*params, selection.spec.table_id, list(selection.groups), [status.value for status in IN_FLIGHT]],
    )
    named = {"cells": [found[0] for found in cursor.fetchall()], "sequence": selection.sequence}
    if not named["cells"]:
        return []
    return cells_stop(cursor, "c.id = ANY(%(cells)s)", named, selection.error)


def _close_later(windows: Sequence[_HeldWindow], dispatches: Mapping[UUID, Dispatch]) -> None:
    """Windows whose body came and went have nobody else who closes them, should this have ended their last cell."""
    for window in windows:
        if window.body_fired and window.dispatch_id in dispatches:
            transaction.on_commit(partial(advance_send, window.dispatch_id, window.id, window.token))


def _pairs_in_hand(
    cursor: CursorWrapper,
    selection: Selection,
    windows: Sequence[_HeldWindow],
    dispatches: Mapping[UUID, Dispatch],
) -> Iterator[tuple[UUID, UUID]]:
    """Cells that a cascade under way, or one that a parked cell is going to take up again, would come to."""
    spec, groups = selection.spec, selection.groups
    for window in windows:
        if window.dispatch_id in dispatches:
            reached = reached_of(spec, dispatches[window.dispatch_id]) & groups
            yield from ((row, group) for row in window.rows for group in reached)
    if groups >= {group.id for group in spec.groups}:
        return  # whatever is parked on these rows is stopped itself
    clause, params = selection.where
    cursor.execute(
        stopping_sql.PARKED_IN_SELECTION.format(rows=clause), [*params, spec.table_id, list(groups)]
    )
    parked = dict(cursor.fetchall())
    for dispatch in Dispatch.objects.filter(id__in=list(parked)).only("groups", "stopped_groups"):
        reached = reached_of(spec, dispatch) & groups
        yield from ((row, group) for row in parked[dispatch.id] for group in reached)


def _pairs_ahead(
    cursor: CursorWrapper, selection: Selection, dispatch: Dispatch
) -> set[tuple[UUID, UUID]] | None:
    """Cells that this dispatch's walk has yet to come to; ``None``: too many to name, the dispatch has noted them."""
    reached = reached_of(selection.spec, dispatch) & selection.groups
    if not reached:
        return set()
    looked_at, rows = rows_to_come(cursor, selection.spec, dispatch, selection.scope, MOST_ROWS + 1)
    if looked_at <= MOST_ROWS and len(rows) * len(reached) <= MOST_TOMBSTONES:
        return {(row, group) for row in rows for group in reached}
    _note(dispatch, selection, reached)
    return None


def _note(dispatch: Dispatch, selection: Selection, groups: Collection[UUID]) -> None:
    """Have the dispatch go on without the selection: its walk leaves the tombstones as it comes by."""
    noted = {
        **selection.scope,
        "groups": [str(group) for group in sorted(groups)],
        "sequence": selection.sequence,
    }
    dispatch.scope = {**dispatch.scope, STOPPED: [*dispatch.scope.get(STOPPED, []), noted]}
    dispatch.save(update_fields=["scope"])
    transaction.on_commit(partial(dispatch_announce, dispatch.id, force=True))
