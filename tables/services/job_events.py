"""A job as clients see it, in REST and in events."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tables.events import emit, job_event
from tables.models import Job
from tables.wire import instant

_SHOWN = ("bytes_done", "bytes_total", "rows_done", "rows_rejected")
_SHOWN_OF_SOME = ("rows_total", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted")


def job_json(job: Job) -> dict[str, Any]:
    """``{id, table, kind, status, mode, progress, filename, encoding, delimiter, error, has_rejects, …}``."""
    return {
        "id": str(job.pk),
        "table": str(job.table_id),
        "kind": job.kind,
        "status": job.status,
        "mode": job.options.get("mode", ""),
        "progress": {
            **{name: job.progress.get(name, 0) for name in _SHOWN},
            **{name: job.progress[name] for name in _SHOWN_OF_SOME if name in job.progress},
        },
        "filename": job.options.get("filename", ""),
        "encoding": job.options.get("encoding", ""),
        "delimiter": job.options.get("delimiter", ""),
        "error": job.error,
        "has_rejects": bool(job.rejects),
        "created_at": instant(job.created_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
    }


def job_announce(job: Job) -> None:
    """Tell every browser how the job stands, after the commit."""
    shown = job_json(job)
    transaction.on_commit(lambda: emit(job.table_id, [job_event(shown)]))
