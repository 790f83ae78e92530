"""What is forgotten, and when: old runs by age and number in each workspace, and blobs no step names (W31).

A run goes once it has ended and is older than ``RUNSHEET_RUN_RETENTION_DAYS``, or has more than
``RUNSHEET_RUN_RETENTION_COUNT`` younger ones beside it. Never: one that is under way or waits for a decision, a
sub-run whose parent is there, one that an app above still shows (`on_run_kept`). Deletions are guarded by the status,
so that a resume at the same instant wins; steps, attempts and pauses go with their run, by the database.

One call works for a few seconds at most and goes on where the last one stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from workflows.models import Blob, Run, Step
from workflows.services.owners import PARENT
from workflows.states import TERMINAL
from workspaces.models import Workspace

PAGE_RUNS: Final = 500
"""Runs looked at, and at most deleted, in one short transaction."""
PAGE_BLOBS: Final = 200
BUDGET_SECONDS: Final = 30.0
"""Once an hour, in a process that does nothing urgent beside it."""
BLOB_GRACE: Final = timedelta(days=1)
"""A blob younger than this may be of a step whose commit is on its way."""

_DELETE_RUNS: Final = "DELETE FROM workflows_run WHERE id = ANY(%s::uuid[]) AND status = ANY(%s::text[])"
_DELETE_BLOBS: Final = """
DELETE FROM workflows_blob b
 WHERE b.sha256 = ANY(%s::text[]) AND b.created_at < %s
   AND NOT EXISTS (SELECT 1 FROM workflows_step s WHERE s.blob_id = b.sha256)
"""

_kept: dict[str, Callable[[], Q]] = {}
_places: dict[UUID, UUID] = {}
"""Up to which run each workspace was looked through; kept ones are not looked at again and again."""


def on_run_kept(kind: str, condition: Callable[[], Q]) -> None:
    """Have runs owned by ``kind`` kept while they meet ``condition()``, a condition on ``Run``."""
    _kept[kind] = condition


def runs_prune(now: datetime, *, budget_seconds: float = BUDGET_SECONDS) -> int:
    """Delete runs that may go, workspace by workspace, until the time is up; how many."""
    until = time.monotonic() + budget_seconds
    deleted = 0
    for workspace_id in Workspace.objects.order_by("id").values_list("id", flat=True):
        due = _due(workspace_id, now)
        while due is not None and time.monotonic() < until:
            page = _page(due, workspace_id)
            if not page:
                _places.pop(workspace_id, None)  # looked through: begin anew next time
                break
            deleted += _delete(page)
            _places[workspace_id] = page[-1]
    return deleted


def blobs_prune(now: datetime, *, budget_seconds: float = BUDGET_SECONDS) -> int:
    """Delete blobs older than a day that no step names, until the time is up; how many."""
    until = time.monotonic() + budget_seconds
    deleted = 0
    cutoff = now - BLOB_GRACE
    while time.monotonic() < until:
        unnamed = Blob.objects.filter(
            ~Exists(Step.objects.filter(blob_id=OuterRef("pk"))), created_at__lt=cutoff
        )
        names = list(unnamed.values_list("pk", flat=True)[:PAGE_BLOBS])
        if not names:
            break
        with connection.cursor() as cursor:
            cursor.execute(_DELETE_BLOBS, [names, cutoff])
            deleted += cursor.rowcount
    return deleted


def _due(workspace_id: UUID, now: datetime) -> QuerySet[Run] | None:
    """The ended runs of a workspace that are too old or too many; None when nothing is ever too either."""
    days, count = settings.RUNSHEET_RUN_RETENTION_DAYS, settings.RUNSHEET_RUN_RETENTION_COUNT
    runs = Run.objects.filter(workspace_id=workspace_id)
    limits = []
    if days:
        before = now - timedelta(days=days)
        limits.append(Q(id__lt=_id_at(before), finished_at__lt=before))  # ids are ordered by time
    if count:
        beyond = runs.order_by("-id").values_list("id", flat=True)[count : count + 1]
        limits += [Q(id__lte=last) for last in beyond]
    if not limits:
        return None
    due = limits[0]
    for limit in limits[1:]:
        due |= limit
    return runs.filter(due, status__in=TERMINAL)


def _page(due: QuerySet[Run], workspace_id: UUID) -> list[UUID]:
    place = _places.get(workspace_id)
    after = due if place is None else due.filter(id__gt=place)
    return list(after.order_by("id").values_list("id", flat=True)[:PAGE_RUNS])


def _delete(page: list[UUID]) -> int:
    """Delete those of the page that nothing keeps, in one short transaction; how many."""
    parents = Exists(Run.objects.filter(pk=OuterRef("owner_id")))
    going = Run.objects.filter(pk__in=page).exclude(Q(parents, owner_kind=PARENT))
    for kind, condition in _kept.items():
        going = going.exclude(Q(condition(), owner_kind=kind))
    ids = sorted(going.values_list("pk", flat=True))
    if not ids:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        Run.objects.filter(forked_from__in=ids).update(forked_from=None)
        cursor.execute(_DELETE_RUNS, [ids, [str(status) for status in TERMINAL]])
        return int(cursor.rowcount)


def _id_at(moment: datetime) -> UUID:
    """The smallest id that was made at that moment."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
