"""A run's events read from the ledger, for whoever asks late (W30)."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import connection

from workflows.engine.feed import Cursor, EdgeRow, Event, feed_of
from workflows.models import Attempt, PausePoint, Run, Step, WorkflowVersion

OPENING_EVENTS: Final = 2_000
"""A socket is sent this many of the latest at most when it opens; the list has them all."""

Mark = tuple[Any, ...]

_MARK: Final = """
SELECT r.status, r.epoch, r.wake_at,
       (SELECT sum(hashtext(s.status)::bigint + s.seq) FROM workflows_step s WHERE s.run_id = r.id),
       (SELECT count(p.answered_at) + count(*) FROM workflows_pausepoint p WHERE p.run_id = r.id)
  FROM workflows_run r WHERE r.id = %s
"""


def run_events(run_id: UUID, after: Cursor | None = None) -> list[Event]:
    """The events of a run after a place, in order; five queries, none of which reads inputs or outputs."""
    run = Run.objects.defer("input", "row", "result", "plan").get(pk=run_id)
    steps = Step.objects.filter(run_id=run_id).defer("output", "input_hash", "fingerprint")
    attempts = Attempt.objects.filter(run_id=run_id).defer("input")
    pauses = PausePoint.objects.filter(run_id=run_id).defer("request", "answer").order_by("id")
    return feed_of(
        run,
        list(steps),
        list(attempts.order_by("id")),
        list(pauses),
        edges=version_edges(run.version_id),
        after=after,
    )


def version_edges(version_id: UUID) -> list[EdgeRow]:
    """The edges of a version as ``(from, handle, to)``."""
    definition = WorkflowVersion.objects.values_list("definition", flat=True).get(pk=version_id)
    return [
        (edge["from"], edge.get("handle") or "source", edge["to"]) for edge in definition.get("edges", ())
    ]


def run_mark(run_id: UUID) -> Mark | None:
    """Something that differs whenever the ledger of a run has changed: one query; None once the run is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [run_id])
        found: Mark | None = cursor.fetchone()
    return found
