"""What jobs of every kind share: one writer per table, an owner, a guard on each batch, cancel, recovery (F25, F26).

A job's batch is one transaction that ends with ``job_write``: it holds only if the job is still running and still
ours. So a killed worker's job goes on behind the last committed batch, and a cancelled one keeps what it has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from tables.enqueue import bulk_send, import_send
from tables.errors import JobActive, TableNotFound
from tables.models import Job
from tables.services.import_modes import kept_words
from tables.services.job_events import job_announce
from tables.states import ACTIVE_JOB, JobStatus
from workflows.models import Instance
from workflows.services.instances import current_instance
from workspaces.actors import Actor
from workspaces.errors import Conflict
from workspaces.services.audit import audit_record

log = logging.getLogger(__name__)

IMPORT: Final = "import"
UPDATE: Final = "update"
DELETE: Final = "delete"
"""Kinds of jobs."""

UPLOADS_KEPT: Final = timedelta(hours=1)
"""How long the file of an import that has ended is kept; what was refused of it stays with the job."""

FORGOTTEN_AT_ONCE: Final = 20
RESEND_AFTER: Final = timedelta(seconds=30)
MAX_RECOVERIES: Final = 3
PATIENCE_SECONDS: Final = 2.0
DATABASE_TRIES: Final = 30
_SEND: Final[Mapping[str, Callable[[UUID], None]]] = {
    IMPORT: import_send,
    UPDATE: bulk_send,
    DELETE: bulk_send,
}


class JobLost(Exception):
    """The job was cancelled, or belongs to another process by now."""


def job_insert(job: Job) -> None:
    """Store a new job. Raises ``JobActive`` while another one writes to the table."""
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError as fault:
        if "tables_job_one_writer" not in str(fault):
            raise
        raise JobActive from None


def job_run(job_id: UUID, work: Callable[[Job, UUID], None]) -> None:
    """Become the job's owner and do its work: ``work(job, instance)``; again while the database is away.

    After a minute of that the reaper takes over. A job that is lost, or whose table is gone, is left quietly.
    """
    instance = current_instance()
    for _ in range(DATABASE_TRIES):
        try:
            with suppress(JobLost, Job.DoesNotExist, TableNotFound):
                work(job_claim(job_id, instance), instance)
            return
        except (OperationalError, InterfaceError):
            log.warning("the database went away during a job", exc_info=True, extra={"job": str(job_id)})
            connection.close()
            threading.Event().wait(PATIENCE_SECONDS)


def job_claim(job_id: UUID, instance: UUID) -> Job:
    """Become the job's owner; raises ``JobLost`` when somebody else is, or it has ended."""
    mine = Job.objects.filter(pk=job_id, instance_id=instance, status=JobStatus.RUNNING)
    free = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED)
    if (
        not free.update(status=JobStatus.RUNNING, instance_id=instance, started_at=Now())
        and not mine.exists()
    ):
        raise JobLost
    return Job.objects.select_related("table", "requested_by").get(pk=job_id)


def job_write(job: Job, instance: UUID, **changes: Any) -> None:
    """The write that proves the job is still ours, last in its transaction; raises ``JobLost``, and all of it falls."""
    mine = Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING, instance_id=instance)
    if not mine.update(**changes):
        raise JobLost
    for name, value in changes.items():
        if not hasattr(value, "resolve_expression"):
            setattr(job, name, value)
    job_announce(job)


def job_kept(job: Job) -> str:
    """What a job that ended early has done, for people."""
    if job.kind == IMPORT:
        return kept_words(job.progress)
    done = job.progress.get("rows_deleted" if job.kind == DELETE else "rows_updated", 0)
    return f"{done:,} rows were {job.kind}d."


def job_cancel(*, job: Job, actor: Actor) -> Job:
    """End a job; batches already committed stay. Idempotent for a cancelled one, ``Conflict`` for a finished one."""
    with transaction.atomic():
        job = Job.objects.select_for_update(of=("self",)).select_related("table").get(pk=job.pk)
        if job.status not in ACTIVE_JOB:
            if job.status != JobStatus.CANCELLED:
                raise Conflict(f"This job has already ended: it is {job.status}.")
            return job
        job.error = {"code": "cancelled", "message": f"It was cancelled. {job_kept(job)}"}
        Job.objects.filter(pk=job.pk).update(
            status=JobStatus.CANCELLED, finished_at=Now(), instance_id=None, error=job.error
        )
        job.refresh_from_db(fields=["status", "finished_at", "instance_id"])
        audit_record(workspace_id=job.table.workspace_id, actor=actor, action="job.cancelled", target=job)
        job_announce(job)
    return job


def uploads_forget() -> int:
    """Delete files whose imports have ended a while ago; how many. Safe to call often and from several processes."""
    ended = Job.objects.filter(finished_at__lt=Now() - UPLOADS_KEPT).exclude(upload="").exclude(upload=None)
    forgotten = 0
    for job in ended.order_by("pk")[:FORGOTTEN_AT_ONCE]:
        name = job.upload.name or ""
        with transaction.atomic():
            if Job.objects.filter(pk=job.pk, upload=name).update(upload=""):
                transaction.on_commit(partial(job.upload.storage.delete, name), robust=True)
                forgotten += 1
    return forgotten


def jobs_reap() -> int:
    """Return jobs of dead processes to the queue, and send again those whose message got lost; answers how many.

    A job that lost its worker three times fails, saying what was kept. Safe to call often and from several processes.
    """
    alive = Instance.objects.filter(
        stopped_at=None, heartbeat_at__gt=Now() - timedelta(seconds=settings.RUNSHEET_INSTANCE_DEAD_SECONDS)
    )
    count = 0
    for job in Job.objects.filter(kind__in=_SEND, status=JobStatus.RUNNING).exclude(
        instance_id__in=alive.values("pk")
    ):
        count += _recover(job)
    lost = Q(status=JobStatus.QUEUED, kind__in=_SEND, created_at__lt=Now() - RESEND_AFTER)
    for job in Job.objects.filter(lost).filter(Q(sent_at=None) | Q(sent_at__lt=Now() - RESEND_AFTER)):
        count += 1
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(sent_at=Now())
            _SEND[job.kind](job.pk)
    return count


def _recover(job: Job) -> int:
    recoveries = job.progress.get("recoveries", 0) + 1
    given_up = recoveries > MAX_RECOVERIES
    lost = {
        "code": "worker_lost",
        "message": f"Its worker was lost {recoveries} times. {job_kept(job)}",
    }
    with transaction.atomic():
        moved = Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING, instance_id=job.instance_id).update(
            status=JobStatus.FAILED if given_up else JobStatus.QUEUED,
            error=lost if given_up else None,
            finished_at=Now() if given_up else None,
            instance_id=None,
            sent_at=Now(),
            progress={**job.progress, "recoveries": recoveries},
        )
        if moved and not given_up:
            _SEND[job.kind](job.pk)
        if moved:
            job.refresh_from_db()
            job_announce(job)
    return moved
