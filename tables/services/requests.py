"""A window's request: on whose behalf its rows run. Read by workers before each cascade."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tables.engine.types import Request
from tables.states import Mode
from workspaces.cursors import prepared_cursor


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """A live window with its dispatch's request; ``actor_id`` is who asked. ``resumes``: parked cells go on in it."""

    window_id: UUID
    token: UUID
    lane: int
    table_id: UUID
    actor_id: UUID | None
    interactive: bool
    request: Request
    resumes: bool = False


_WINDOW = """
SELECT w.token, w.lane, w.interactive, d.table_id, d.requested_by_id, d.id, d.groups, d.mode, d.is_manual,
       d.requested_sequence, w.resumes, d.stopped_groups,
       ARRAY(SELECT jsonb_array_elements_text(d.scope -> 'continues'))::uuid[]
  FROM tables_window w JOIN tables_dispatch d ON d.id = w.dispatch_id
  JOIN tables_table t ON t.id = d.table_id AND t.archived_at IS NULL
 WHERE w.id = %s::uuid
"""


def window_request(window_id: UUID) -> WindowRequest | None:
    """The window and its request, or ``None``: closed, replaced, or stopped."""
    with prepared_cursor() as cursor:
        cursor.execute(_WINDOW, [window_id])
        found = cursor.fetchone()
    if found is None:
        return None
    token, lane, interactive, table_id, actor_id, dispatch_id, groups, mode, *rest = found
    is_manual, sequence, resumes, stopped, continued = rest
    left = frozenset(groups).difference(stopped)
    request = Request(
        dispatch_id,
        left,
        Mode(mode),
        is_manual,
        sequence,
        stopped=frozenset(stopped),
        continues=frozenset(continued),
    )
    return WindowRequest(window_id, token, lane, table_id, actor_id, interactive, request, resumes)
