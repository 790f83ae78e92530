"""What beat sends besides triggers: a fixed list, registered by migration and put back when somebody deletes it.

An entry that exists is left alone: a changed interval or a disabled entry is somebody's decision (the system check
of the scheduler warns about it); a missing one would stop recovery silently.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connections


@dataclass(frozen=True)
class FixedEntry:
    """One periodic message; it expires unread, so that a stalled worker never faces a backlog of them."""

    name: str
    task: str
    every_seconds: int
    expire_seconds: int
    description: str
    queue: str = "control"


FIXED_ENTRIES = (
    FixedEntry("runsheet.tables.reap", "tables.reap", 5, 5, "Returns abandoned work to claimable (T11)."),
    FixedEntry("runsheet.workflows.wake", "workflows.wake", 1, 10, "Wakes parked runs that are due (W21)."),
    FixedEntry("runsheet.workflows.prune", "workflows.prune", 3600, 600, "Deletes old runs and blobs (W31)."),
    FixedEntry("runsheet.scheduler.tick", "scheduler.tick", 1, 5, "Fires due triggers. Runsheet needs it."),
    FixedEntry(
        "runsheet.scheduler.sweep", "scheduler.sweep", 30, 30, "Finds lost invocations. Runsheet needs it."
    ),
    FixedEntry("runsheet.scheduler.prune", "scheduler.prune", 3600, 600, "Deletes old invocations."),
    FixedEntry(
        "runsheet.scheduler.recompute", "scheduler.recompute", 86_400, 3600, "Follows new time zone laws."
    ),
)


def put_back_missing(*, using: str, **_signal: Any) -> None:
    """Create the entries that are not there. A receiver of `post_migrate`; does nothing before beat's own tables."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    for entry in FIXED_ENTRIES:
        if PeriodicTask.objects.using(using).filter(name=entry.name).exists():
            continue
        interval, _ = IntervalSchedule.objects.using(using).get_or_create(
            every=entry.every_seconds, period="seconds"
        )
        PeriodicTask.objects.using(using).create(
            name=entry.name,
            task=entry.task,
            interval=interval,
            queue=entry.queue,
            expire_seconds=entry.expire_seconds,
            description=entry.description,
        )
