"""Auto-run (T29): what starts by itself after a change. The dispatch is born in the transaction of the change, so that
none is lost; its messages leave after the commit. Existing rows never run because rows were added.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from tables.models import Dispatch, Table, WorkflowGroup
from tables.services.dispatches import MAX_NAMED_ROWS, dispatch_start
from tables.states import Mode
from workspaces.actors import Actor
from workspaces.models import User


@transaction.atomic
def rows_inserted(
    table_id: UUID,
    row_ids: Sequence[UUID] | None,
    seq_from: int | None = None,
    seq_to: int | None = None,
    actor: User | None = None,
    *,
    seq_ranges: Sequence[Sequence[int]] = (),
) -> None:
    """Call it in the transaction that inserted rows, once they are there: groups with auto_run on take them.

    ``row_ids`` names up to 1,000 rows; a bulk insert passes ``None`` and its creation sequences, inclusive: its scope
    is never a list of ids. ``seq_ranges`` are the parts of them that are its own, where others inserted meanwhile.
    """
    groups = list(WorkflowGroup.objects.filter(table_id=table_id, auto_run=True).values_list("id", flat=True))
    if not groups:
        return
    table = Table.objects.filter(id=table_id, archived_at__isnull=True).first()
    if table is None:
        return
    rows: Sequence[UUID] | dict[str, Any] | None = row_ids
    if row_ids is None or len(row_ids) > MAX_NAMED_ROWS:
        if seq_from is None or seq_to is None:
            raise ValueError("a bulk insert is scoped by its creation sequences")
        rows = {"seq_from": seq_from, "seq_to": seq_to}
        if len(seq_ranges) > 1:
            rows["seq_ranges"] = [list(each) for each in seq_ranges]
    dispatch_start(table=table, groups=groups, rows=rows, mode=Mode.NEW, is_manual=False, actor=actor)


def rows_auto_run(
    table: Table, row_ids: Sequence[UUID], groups: Collection[UUID], actor: User | None
) -> Dispatch | None:
    """What an edit of these rows starts: one dispatch, or none where nothing is eligible. In the edit's transaction."""
    if not row_ids or not groups:
        return None
    started = dispatch_start(
        table=table, groups=list(groups), rows=row_ids, mode=Mode.NEW, is_manual=False, actor=actor
    )
    return started.dispatch


def group_auto_run(table: Table, group: WorkflowGroup, actor: User | None) -> Dispatch | None:
    """What a change of a group with auto_run on starts: it is run wherever it was never tried. In that transaction."""
    if not table.row_count:
        return None
    started = dispatch_start(table=table, groups=[group.pk], mode=Mode.NEW, is_manual=False, actor=actor)
    return started.dispatch


def person(actor: Actor) -> User | None:
    """Who asked, if it was a person."""
    return User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
