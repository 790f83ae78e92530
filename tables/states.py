"""The statuses of cells, dispatches and jobs: one enum each, with the sets everything else derives from."""

from enum import StrEnum


class CellStatus(StrEnum):
    """Status of one row x workflow group (`tables.md` section 1). No record means: nothing is known of a run."""

    PENDING = "pending"  # handed over, nobody has it
    QUEUED = "queued"  # its row's lock is held, or it waits out a back-off
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


IN_FLIGHT = frozenset({CellStatus.PENDING, CellStatus.QUEUED, CellStatus.RUNNING, CellStatus.PAUSED})
"""Another actor may still write the cell."""

HOLDS_WINDOW = frozenset({CellStatus.PENDING, CellStatus.QUEUED, CellStatus.RUNNING})
"""Keeps its window open: a paused cell does not (`tables.md` section 3)."""

FINISHED = frozenset({CellStatus.COMPLETED, CellStatus.FAILED, CellStatus.CANCELLED})


class DispatchStatus(StrEnum):
    """`pending -> dispatching -> complete | cancelled | failed`; every move names the status it expects."""

    PENDING = "pending"
    DISPATCHING = "dispatching"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    FAILED = "failed"


ACTIVE_DISPATCH = frozenset({DispatchStatus.PENDING, DispatchStatus.DISPATCHING})


class Mode(StrEnum):
    """Which cells in scope a dispatch runs (`glossary.md`)."""

    ALL = "all"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    NEW = "new"


class JobStatus(StrEnum):
    """Status of an import, export or bulk job."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_JOB = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})
