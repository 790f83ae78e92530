"""What the people of a workspace are told live: its runs, jobs, dispatches, triggers and open approvals, as they stand
in PostgreSQL, and how the scheduler fares.

Nobody who changes a run tells a workspace of it: a run of cells would pay for that a thousand times a second. Instead,
while somebody watches, one web process at a time looks every two seconds, and appends to the workspace's log what
differs from the last look. So nothing is missed, whoever changed it, and a thousand sockets cost what one does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, cast
from uuid import UUID

from redis import RedisError

from scheduler.models import Trigger
from scheduler.services.health import health, health_event
from tables.events import job_event
from tables.models import Dispatch, Job
from tables.services.job_events import job_json
from workflows.models import Run
from workflows.selectors import approvals_of
from workflows.states import PauseStatus
from workspaces.live.log import Event
from workspaces.live.publishing import MAX_AGE_SECONDS, event_text, publisher

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
NEWEST_RUNS: Final = 200
NEWEST_JOBS: Final = 20
NEWEST_DISPATCHES: Final = 20
NEWEST_TRIGGERS: Final = 200
MOST_APPROVALS: Final = 100
"""Counted no further."""

Shown = dict[str, Event]
"""Events by what they are about."""


def workspace_topic(workspace_id: UUID) -> str:
    """The key of a workspace's live log."""
    return f"runsheet:workspace:{workspace_id}:events"


def workspace_look(workspace_id: UUID) -> None:
    """Append what has changed since anybody looked last; nothing when somebody has just done so. Never raises."""
    key = f"runsheet:workspace:{workspace_id}"
    client = publisher().client
    try:
        if not client.set(f"{key}:look", "1", nx=True, px=int(LOOK_SECONDS * 900)):
            return
        shown = workspace_shown(workspace_id)
        known = json.loads(cast("bytes | None", client.get(f"{key}:shown")) or b"{}")
        texts = [text for event in changes(known, shown) if (text := event_text(event))]
        if texts:
            publisher().append(workspace_topic(workspace_id), f"[{','.join(texts)}]")
        client.set(
            f"{key}:shown", json.dumps(shown), ex=MAX_AGE_SECONDS
        )  # last: told twice is better than never
    except (RedisError, OSError) as error:
        log.warning("a workspace's sockets are not told for now: %s", error)


def workspace_shown(workspace_id: UUID) -> Shown:
    """The newest runs, jobs, dispatches and triggers as `{kind, id, status, …}`, how many questions are open, and how
    the scheduler fares: judged here, because a scheduler that stands still cannot say so. Six bounded queries.
    """
    runs = Run.objects.filter(workspace_id=workspace_id).order_by("-id")
    shown: Shown = {}
    for run, status, workflow in runs.values_list("id", "status", "workflow_id")[:NEWEST_RUNS]:
        shown[f"run:{run}"] = {"kind": "run", "id": str(run), "status": status, "workflow": str(workflow)}
    for job in Job.objects.filter(table__workspace_id=workspace_id).order_by("-id")[:NEWEST_JOBS]:
        shown[f"job:{job.pk}"] = job_event(job_json(job))
    dispatches = Dispatch.objects.filter(table__workspace_id=workspace_id).order_by("-id")
    for dispatch, table, status, seen in dispatches.values_list("id", "table_id", "status", "rows_seen")[
        :NEWEST_DISPATCHES
    ]:
        event = {
            "kind": "dispatch",
            "id": str(dispatch),
            "table": str(table),
            "status": status,
            "rows_seen": seen,
        }
        shown[f"dispatch:{dispatch}"] = event
    shown |= {f"trigger:{event['id']}": event for event in _triggers(workspace_id)}
    shown["approvals"] = _approvals(workspace_id)
    shown["scheduler"] = health_event(health())
    return shown


def changes(known: Mapping[str, Event], shown: Shown) -> list[Event]:
    """Events that the last look did not show like this. What is no longer among the newest is no news."""
    return [event for key, event in shown.items() if known.get(key) != event]


def _triggers(workspace_id: UUID) -> Iterator[Event]:
    newest = Trigger.objects.of_workspace(workspace_id).order_by("-id")
    fields = ("enabled", "next_run_at", "last_run_at", "last_status", "disabled_reason")
    for trigger in newest.only("id", *fields)[:NEWEST_TRIGGERS]:
        instants = {name: _instant(getattr(trigger, name)) for name in ("next_run_at", "last_run_at")}
        yield {
            "kind": "trigger",
            "id": str(trigger.pk),
            "enabled": trigger.enabled,
            "disabled_reason": trigger.disabled_reason,
            "last_status": trigger.last_status,
            **instants,
        }


def _instant(at: datetime | None) -> str | None:
    """As REST writes it."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _approvals(workspace_id: UUID) -> Event:
    """`newest` tells one set of questions from another of the same size."""
    waiting = approvals_of(workspace_id).filter(status=PauseStatus.OPEN).order_by("-id")
    ids = list(waiting.values_list("id", flat=True)[:MOST_APPROVALS])
    return {"kind": "approvals", "open": len(ids), "newest": str(ids[0]) if ids else None}
