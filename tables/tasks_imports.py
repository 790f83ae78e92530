"""The tasks of jobs: each loads nothing, calls one service, answers nothing."""

from uuid import UUID

from celery import shared_task

from tables.services.bulk_jobs import bulk_run
from tables.services.import_run import import_run


@shared_task(name="tables.change_rows", ignore_result=True)
def change_rows(job_id: str) -> None:
    """Carry out a bulk update or delete; sent again by the reaper like an import."""
    bulk_run(UUID(job_id))


@shared_task(name="tables.import_rows", ignore_result=True)
def import_rows(job_id: str) -> None:
    """Carry out an import; sent again by the reaper when its message or its worker is lost."""
    import_run(UUID(job_id))
