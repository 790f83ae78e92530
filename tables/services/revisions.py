"""What a newly published version makes of the workflow groups that run it (T29)."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F

from tables.events import emit, schema_event
from tables.models import Table, WorkflowGroup


def groups_outdate(workflow_id: UUID, ref: str) -> None:
    """Raise the revision of the groups that run this ref, which means another version now; nothing is run by that.

    In the caller's transaction: what the groups filled before is outdated from the moment the ref moves. Lock order:
    table, then its groups.
    """
    groups = WorkflowGroup.objects.filter(workflow_id=workflow_id, ref=ref)
    tables = sorted(set(groups.values_list("table_id", flat=True)))
    if not tables:
        return
    found = Table.objects.select_for_update(no_key=True).filter(pk__in=tables).order_by("pk")
    locked = list(found.values_list("pk", flat=True))
    groups.filter(table_id__in=locked).update(revision=F("revision") + 1)
    Table.objects.filter(pk__in=locked).update(schema_version=F("schema_version") + 1)
    for table_id in locked:
        transaction.on_commit(partial(emit, table_id, [schema_event()]), robust=True)
