"""Where the work of a run comes from, so that what it writes starts no circle (T20, T29).

Rows that a run writes start automatic runs in their table, whose runs may write rows in turn. The dispatch of such a
start names the run in its idempotency key; so a chain of work can be walked up: a run to the cell or the run it works
for, a cell to its dispatch, a dispatch to the run that wrote its rows. A table that the chain has come through, its
own first of all, is not started again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from tables.engine.types import TableSpec
from tables.models import Table
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from workflows.models import Run
from workspaces.models import User

_KEY: Final = "upsert:{run}:{step}"

# Cells that a run works for, directly or through sub-runs and the automatic starts before. Indexes: primary keys. UNION
# ends a circle, which only a forged key could make.
_CELLS_ABOVE = """
WITH RECURSIVE chain AS (
    SELECT r.id, r.owner_kind, r.owner_id FROM workflows_run r WHERE r.id = %(run)s::uuid
     UNION
    SELECT r.id, r.owner_kind, r.owner_id
      FROM chain c
      JOIN workflows_run r ON r.id = CASE c.owner_kind
           WHEN 'run' THEN c.owner_id
           WHEN 'cell' THEN (
               SELECT CASE WHEN d.idempotency_key ~ '^upsert:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:'
                           THEN substr(d.idempotency_key, 8, 36)::uuid END
                 FROM tables_rowexecution e JOIN tables_dispatch d ON d.id = e.dispatch_id
                WHERE e.id = c.owner_id)
           END
)
SELECT e.table_id, e.id, e.window_id
  FROM chain c JOIN tables_rowexecution e ON e.id = c.owner_id WHERE c.owner_kind = 'cell'
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which step of which run writes."""

    run_id: UUID
    step_key: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The cells a run works for, nearest and farthest, with their tables and the windows they are in."""

    tables: frozenset[UUID]
    cells: frozenset[UUID]
    windows: frozenset[UUID]


def lineage_of(origin: Origin) -> Lineage:
    """Where the work of this run comes from. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CELLS_ABOVE, {"run": origin.run_id})
        found = cursor.fetchall()
    return Lineage(
        frozenset(table for table, _, _ in found),
        frozenset(cell for _, cell, _ in found),
        frozenset(window for _, _, window in found if window is not None),
    )


def auto_run_start(table: Table, spec: TableSpec, row_ids: Sequence[UUID], origin: Origin) -> None:
    """Start what runs by itself on these rows: the dispatch is born with them, in the caller's transaction."""
    step = hashlib.sha256(origin.step_key.encode()).hexdigest()[:16]
    actors = Run.objects.filter(pk=origin.run_id).values("actor")
    dispatch_start(
        table=table,
        groups=[group.id for group in spec.groups if group.auto_run],
        rows=row_ids,
        mode=Mode.NEW,
        is_manual=False,
        actor=User.objects.filter(pk__in=actors).first(),
        idempotency_key=_KEY.format(run=origin.run_id, step=step),
    )
