"""Who may watch a table: asked before the first frame and again while a socket lives (`trust.md` 10)."""

from __future__ import annotations

from uuid import UUID

from tables.models import Table
from workspaces.live.access import Visitor, may_see


def may_watch(visitor: Visitor, table_id: UUID) -> bool:
    """Tell whether the visitor still is who they were, and a member of the living table's workspace."""
    living = Table.objects.filter(pk=table_id, archived_at=None)
    return may_see(visitor, living.values_list("workspace_id", flat=True).first())
