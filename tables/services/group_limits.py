"""Places under the limits of a workflow group, given to cells about to begin (T23).

PostgreSQL is the truth: cells that run are counted under the group's advisory lock, whose holder alone gives places
away. A cell without a place is ``queued`` and holds no worker; its window stays open, so that at most a window per lane
waits. Whoever frees a place – a cell ended, was parked or stopped – gives it to the next one, in the table's order,
after its own commit: it takes the lock then, so it sees every cell that began to wait before. A rate's next token is
waited for by a message; the reaper looks after what both have missed. Groups without limits cost nothing.

Lock order: window, cells and runs of the commit under way, the groups in the order of their ids, cells that wait.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.cascade import Next
from tables.engine.group_policy import GroupLimits, stored_limits
from tables.engine.types import RowState, TableSpec
from tables.enqueue import limit_send, rows_send
from tables.events import cell_event, emit
from tables.models import limits_sql as sql
from tables.services.cells import Event, cells_returned
from tables.services.rate_tokens import tokens_take, wake_is_mine
from tables.states import CellStatus
from workflows.services.jsonb import to_json
from workspaces.ids import uuid7

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 100
"""Cells given a place in one transaction."""

LOOK_SECONDS: Final = 30.0
"""When a cell that waits for others to end is looked at again at the latest, as it is shown."""

SOONEST_SECONDS: Final = 0.05
"""Between two looks at a group whose rate is high: what is due by then begins together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a group stands: its limits, cells holding a place, how many wait, and who was given a place."""

    limits: GroupLimits
    taken: int
    waiting: int
    admitted: frozenset[UUID] = frozenset()

    @property
    def free(self) -> int:
        """Places left."""
        if self.limits.concurrency is None:
            return MOST_AT_ONCE
        return min(MOST_AT_ONCE, max(0, self.limits.concurrency - self.taken))


@dataclass(slots=True)
class Admission:
    """What an asking came to: steps to claim now, rows whose cell waits, events, and what is to follow the commit.

    ``look`` names groups with places free in which others wait; ``wakes`` says in how many seconds a token is due.
    """

    steps: list[Next] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    look: set[UUID] = field(default_factory=set)
    wakes: dict[UUID, float] = field(default_factory=dict)


@dataclass(slots=True)
class Admitted:
    """Rows whose cell was given a place, by window."""

    rows: dict[UUID, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    events: list[Event] = field(default_factory=list)
    wakes: dict[UUID, float] = field(default_factory=dict)

    def keep(self, window_id: UUID, rows: Sequence[UUID]) -> list[UUID]:
        """Take out those of these rows that go on in that window: the caller sees to them."""
        found = [row for row in self.rows.get(window_id, ()) if row in rows]
        self.rows[window_id] = [row for row in self.rows.get(window_id, ()) if row not in rows]
        return found


# ---- asking for a place ------------------------------------------------------------------------------------------


def places_ask(cursor: CursorWrapper, spec: TableSpec, steps: Sequence[Next]) -> Admission:
    """Which of these cells may be claimed now; the others wait from this transaction on. Free without limits."""
    asking: dict[UUID, list[Next]] = defaultdict(list)
    for step in steps:
        if step.group.limits.bounded:
            asking[step.group.id].append(step)
    if not asking:
        return Admission(list(steps))
    cursor.execute(sql.LOCK_GROUPS, [[group.id for group in spec.groups if group.limits.bounded]])
    cells = [step.cell.id for waiting in asking.values() for step in waiting if step.cell is not None]
    found = Admission([step for step in steps if not step.group.limits.bounded])
    holds: list[tuple[Next, str, datetime]] = []
    for group_id, standing in _look(cursor, list(asking), cells).items():
        holds += _share(found, group_id, standing, asking[group_id])
    _hold(cursor, spec.table_id, holds, found)
    return found


def _look(cursor: CursorWrapper, groups: Sequence[UUID], cells: Sequence[UUID] = ()) -> dict[UUID, Standing]:
    cursor.execute(sql.LOOK, {"groups": list(groups), "cells": list(cells)})
    return {
        group: Standing(stored_limits(_decoded(limits)), taken, waiting, frozenset(admitted))
        for group, limits, taken, waiting, admitted in cursor.fetchall()
    }


def _share(
    found: Admission, group_id: UUID, standing: Standing, asking: Sequence[Next]
) -> list[tuple[Next, str, datetime]]:
    """Give the first of those asking the places there are, behind whoever waits already; the others, and why."""
    given = [step for step in asking if step.cell is not None and step.cell.id in standing.admitted]
    others = [step for step in asking if step not in given]
    room = 0 if standing.waiting else min(standing.free, len(others))
    why, pause, spread = "concurrency", LOOK_SECONDS, 0.0
    rate = standing.limits.rate
    if rate is not None and standing.free:
        tokens = tokens_take(group_id, rate, room, late=False)
        room, why, pause, spread = tokens.given, "rate", tokens.next_seconds, rate.interval_ms / 1000
    found.steps += given + others[:room]
    held = others[room:]
    if held and why == "rate":
        found.wakes[group_id] = pause
    elif held and standing.free > room:
        found.look.add(group_id)
    now = datetime.now(UTC)
    return [
        (step, why, now + timedelta(seconds=pause + place * spread))
        for place, step in enumerate(held, standing.waiting)
    ]


def _hold(
    cursor: CursorWrapper, table_id: UUID, holds: Sequence[tuple[Next, str, datetime]], found: Admission
) -> None:
    """Have these cells wait; those that changed meanwhile are left to whoever changed them."""
    if not holds:
        return
    cursor.execute(
        sql.HOLD_CELLS,
        {
            "ids": [uuid7() for _ in holds],
            "rows": [step.row.id for step, _, _ in holds],
            "groups": [step.group.id for step, _, _ in holds],
            "versions": [step.cell.version if step.cell else None for step, _, _ in holds],
            "dispatches": [step.dispatch_id for step, _, _ in holds],
            "windows": [step.window_id for step, _, _ in holds],
            "wakes": [wake_at for _, _, wake_at in holds],
            "waits": [to_json(_waits(why, wake_at)) for _, why, wake_at in holds],
            "table": table_id,
        },
    )
    for row in cursor.fetchall():
        found.held.append(row[0])
        found.events.append(_event(row))


def _waits(why: str, until: datetime) -> list[dict[str, Any]]:
    """What a cell waits for, in the shape of a parked run's waits."""
    return [{"step_key": "", "kind": "group_limit", "until": until.isoformat(), "reason": why, "pause": None}]


def _event(row: Sequence[Any]) -> Event:
    (shown,) = cells_returned([row], "reason", "wake_at", "waits_for")
    return cell_event({**shown, "waits_for": _decoded(shown["waits_for"])})


def _decoded(value: Any) -> Any:
    """A jsonb value as it came: text, or nothing."""
    return json.loads(value) if isinstance(value, str) else value


def limits_waited_for(spec: TableSpec, row: RowState) -> Iterator[UUID]:
    """Groups with a limit in which a cell of this row waits: nobody works on the row any more, so that it may begin."""
    for group in spec.groups:
        cell = row.cells.get(group.id)
        if group.limits.bounded and cell is not None and cell.status is CellStatus.QUEUED:
            yield group.id


# ---- giving places away ------------------------------------------------------------------------------------------


def places_give(table_id: UUID, groups: Iterable[UUID]) -> Admitted:
    """Give free places to the cells that wait, in a transaction of its own; call it after the commit that freed them.

    Events are sent. Whoever calls sees to the rows: by running them, or by ``rows_wake``. A database that does not
    answer is left to the reaper.
    """
    wanted = sorted(groups)
    found = Admitted()
    if not wanted:
        return found
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.LOCK_GROUPS, [wanted])
            for group_id, standing in _look(cursor, wanted).items():
                if standing.waiting and standing.free:
                    _give(cursor, table_id, group_id, standing, found)
    except (DatabaseError, InterfaceError):
        log.warning("could not give places away; the reaper will", extra={"table": str(table_id)})
        return Admitted()
    emit(table_id, found.events)
    wakes_send(table_id, found.wakes)
    return found


def _give(cursor: CursorWrapper, table_id: UUID, group_id: UUID, standing: Standing, found: Admitted) -> None:
    cursor.execute(sql.NEXT_WAITING, {"table": table_id, "group": group_id, "most": standing.free})
    waiting = [row[0] for row in cursor.fetchall()]
    rate = standing.limits.rate
    if rate is not None and waiting:
        tokens = tokens_take(group_id, rate, len(waiting), late=True)
        waiting = waiting[: tokens.given]
        found.wakes[group_id] = tokens.next_seconds
    if not waiting:
        return
    cursor.execute(sql.ADMIT_CELLS, [waiting])
    for row in cursor.fetchall():
        found.rows[row[-1]].append(row[0])
        found.events.append(_event(row[:-1]))


def rows_wake(admitted: Admitted) -> None:
    """Send the rows whose cell was given a place: few at a time, so they need not stand behind a whole table."""
    for window_id, rows in admitted.rows.items():
        if rows:
            rows_send(window_id, rows, queue="interactive")


def wakes_send(table_id: UUID, wakes: dict[UUID, float]) -> None:
    """Have groups looked at again when their next token is due."""
    for group_id, seconds in wakes.items():
        pause = max(SOONEST_SECONDS, seconds)
        if wake_is_mine(group_id, pause):
            limit_send(table_id, group_id, pause)


def group_look(table_id: UUID, group_id: UUID) -> None:
    """Give the places of one group away, and send the rows. Safe to repeat at any time."""
    rows_wake(places_give(table_id, [group_id]))


def groups_look() -> None:
    """The same for every group in which a cell waits. From the reaper."""
    with connection.cursor() as cursor:
        cursor.execute(sql.GROUPS_WAITING)
        found = cursor.fetchall()
    for table_id, group_id in found:
        group_look(table_id, group_id)
