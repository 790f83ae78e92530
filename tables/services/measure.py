"""How long a group's cells take: a running mean that sizes packs (`performance.md`). Written only when it moves."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from workspaces.cursors import prepared_cursor

WEIGHT = 0.5
"""Share of the newest pack in the running mean: a cold start is forgotten within a few packs."""

DRIFT = 0.25
"""The mean is written again when a pack differs from it by more than this share (or by a millisecond)."""

_MOVE = """
UPDATE tables_workflowgroup
   SET mean_cell_ms = coalesce(mean_cell_ms * (1 - %(weight)s::float8) + %(mean)s::float8 * %(weight)s::float8,
                               %(mean)s::float8)
 WHERE id = %(group)s::uuid
RETURNING mean_cell_ms
"""

_known: dict[UUID, float] = {}


def cells_measured(measured: Mapping[UUID, tuple[float, int]]) -> None:
    """Take in ``{group id: (milliseconds in blocks, cells)}`` of one pack."""
    for group_id, (milliseconds, cells) in measured.items():
        mean = milliseconds / max(1, cells)
        known = _known.get(group_id)
        if known is not None and abs(mean - known) <= DRIFT * max(known, 1.0):
            continue
        with prepared_cursor() as cursor:
            cursor.execute(_MOVE, {"group": group_id, "mean": mean, "weight": WEIGHT})
            found = cursor.fetchone()
        if found is not None:
            _known[group_id] = found[0]
