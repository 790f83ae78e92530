"""A job as clients see it, in REST and in events."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tables.events import emit, job_event
from tables.models import Job
from tables.wire import instant

_SHOWN = ("bytes_done", "bytes_total", "rows_done", "rows_rejected")


def job_json(job: Job) -> dict[str, Any]:
    """``{id, table, kind, status, progress, filename, error, has_rejects, created_at, started_at, finished_at}``."""
    return {
        "id": str(job.pk),
        "table": str(job.table_id),
        "kind": job.kind,
        "status": job.status,
        "progress": {name: job.progress.get(name, 0) for name in _SHOWN},
        "filename": job.options.get("filename", ""),
        "encoding": job.options.get("encoding", ""),
        "delimiter": job.options.get("delimiter", ""),
        "error": job.error,
        "has_rejects": bool(job.progress.get("rows_rejected")),
        "created_at": instant(job.created_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
    }


def job_announce(job: Job) -> None:
    """Tell every browser how the job stands, after the commit."""
    shown = job_json(job)
    transaction.on_commit(lambda: emit(job.table_id, [job_event(shown)]))
