"""Cells that lost their worker: given back, or given up after the third time (T11).

Everything here is one transaction of the caller, on cells it has locked or names by execution id. The run of a cell
that is given back stays in the ledger; its next owner goes on at the first unfinished step (W14).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tables.enqueue import rows_send
from tables.events import cell_event, emit, resync
from tables.lease import free, owners
from tables.models import sql
from tables.services.cells import Event, cells_hand_back, cells_returned
from workflows.models import Instance
from workflows.services.jsonb import to_json
from workflows.services.ledger import runs_fail, runs_release

MAX_CRASHES = 3
"""A cell that lost its worker this many times fails: it is probably what kills them."""

WORKER_LOST = {
    "code": "worker_lost",
    "message": "The worker was lost three times while this cell was running. It may be what brings workers down.",
}

_HELD = """
SELECT c.id, c.execution_id, c.run_id, c.crashes FROM tables_rowexecution c
  JOIN unnest(%s::uuid[], %s::uuid[]) AS i(id, execution_id) ON c.id = i.id AND c.execution_id = i.execution_id
 WHERE c.status = 'running' ORDER BY c.id FOR UPDATE OF c
"""

_FAIL = """
UPDATE tables_rowexecution c
   SET status = 'failed', error = %s::jsonb, crashes = c.crashes + 1, instance_id = NULL, running_blocks = '[]',
       finished_at = clock_timestamp(), cost = (SELECT r.cost FROM workflows_run r WHERE r.id = c.run_id),
       version = nextval('tables_cell_version')
 WHERE c.id = ANY(%s) AND c.status = 'running'
RETURNING c.row_id, c.group_id, c.status, c.version, c.execution_id, c.dispatch_id, c.run_id, c.attempt, c.started_at,
          c.finished_at
"""


def cells_give_up_or_back(cursor: CursorWrapper, held: Sequence[tuple[UUID, UUID]]) -> list[Event]:
    """Give back these running cells, ``(cell id, execution id)``, counting a crash; the third crash fails them."""
    if not held:
        return []
    cursor.execute(_HELD, [[cell for cell, _ in held], [token for _, token in held]])
    found = cursor.fetchall()
    lost = [row for row in found if row[3] + 1 >= MAX_CRASHES]
    back = [row for row in found if row[3] + 1 < MAX_CRASHES]
    runs_release(cursor, [row[2] for row in back if row[2]])
    events = cells_hand_back(cursor, [(row[0], row[1]) for row in back], crashes=1)
    if lost:
        runs_fail(cursor, [row[2] for row in lost if row[2]], WORKER_LOST)
        cursor.execute(_FAIL, [to_json(WORKER_LOST), [row[0] for row in lost]])
        events += [cell_event({**cell, "error": WORKER_LOST}) for cell in cells_returned(cursor.fetchall())]
    return events


def cells_of_the_dead() -> int:
    """Recover the cells whose owner is dead, and send their rows at once; how many there were.

    Idempotent and shared: several reapers step over each other's rows.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.CELLS_OF_THE_DEAD)
        found = cursor.fetchall()
        events = cells_give_up_or_back(cursor, [(row[0], row[1]) for row in found])
    if not found:
        return 0
    rows_by_window: dict[UUID, set[UUID]] = defaultdict(set)
    for _cell, _execution, row_id, _group, window_id, *_ in found:
        if window_id is not None:
            rows_by_window[window_id].add(row_id)
    dead_locks_free([row[2] for row in found])
    _tell({row[7] for row in found}, events)
    for window_id, rows in rows_by_window.items():
        rows_send(window_id, sorted(rows))
    return len(found)


def dead_locks_free(row_ids: Sequence[UUID]) -> bool:
    """Free the locks that dead instances left on these rows; whether there were any.

    Recovery takes seconds, not the lock's life (T15).
    """
    held = owners(row_ids)
    instances = {instance for instance, _ in held.values()}
    dead = set(
        Instance.objects.filter(id__in=instances, stopped_at__isnull=False).values_list("id", flat=True)
    )
    for row_id, (instance, owner) in held.items():
        if instance in dead:
            free([row_id], owner)
    return bool(dead)


def _tell(tables: set[UUID], events: Sequence[Event]) -> None:
    """What a dead publisher may have left unsaid cannot be known: readers of its tables refetch (T33)."""
    if len(tables) == 1:
        emit(next(iter(tables)), events)
    resync(tables)
